//! A stop that takes long asks for more time, while the loop turns.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use lifespan_core::{Lifespan, LoopOwner, ShutdownEvent, Timer};

use crate::manager::Manager;
use crate::{LONG, MOMENT};

/// `MOMENT`, as it is said.
const EXTEND: &str = "EXTEND_TIMEOUT_USEC=100000";

fn a_long_stop_extends_again_and_again_and_says_what_it_waits_for<O>(owner: O)
where
    O: LoopOwner<Handle: Timer>,
{
    let (manager, last) = (Manager::new(), ShutdownEvent::new());
    let wait = last.clone();
    let lifespan = manager.systemd().extension(MOMENT).install(Lifespan::on(owner));
    let lifespan = lifespan.grace(LONG).deadline(LONG).task("flush\nnow", async move |_cx| {
        wait.wait().await;
    });
    let report = manager.run(lifespan, |manager, stop| {
        let before = manager.hear_until("READY=1");
        assert!(!before.contains(&String::from(EXTEND)), "{before:?}");
        stop.set("enough").unwrap();
        manager.hear_until("STOPPING=1");
        manager.hear_until("STATUS=stopping: waits for task flush now");
        for _ in 0..3 {
            manager.hear_until(EXTEND);
        }
        last.trigger().set("flushed").unwrap();
    });
    assert!(report.is_clean(), "{report}");
}

fn a_loop_that_is_blocked_in_the_stop_asks_for_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    let manager = Manager::new();
    let (say_blocked, blocked) = channel();
    let (release, released) = channel::<()>();
    let lifespan = manager.systemd().extension(MOMENT).install(Lifespan::on(owner));
    let lifespan = lifespan.shutdown("blocks", async move |_cx| {
        say_blocked.send(()).unwrap();
        let _ = released.recv();
    });
    let report = manager.run(lifespan, move |manager, stop| {
        manager.hear_until("READY=1");
        stop.set("enough").unwrap();
        blocked.recv().unwrap();
        manager.hear_until("STOPPING=1");
        manager.rest();
        thread::sleep(MOMENT * 5);
        let said = manager.rest();
        assert!(!said.contains(&String::from(EXTEND)), "{said:?}");
        drop(release);
    });
    assert!(report.is_clean(), "{report}");
}

fn without_an_extension_none_is_asked_for<O: LoopOwner<Handle: Timer>>(owner: O) {
    let manager = Manager::new();
    let lifespan = manager.systemd().extension(Duration::ZERO).install(Lifespan::on(owner));
    let lifespan = lifespan.serve(async |_cx| {}).shutdown("db", async |cx| cx.sleep(MOMENT).await);
    assert!(lifespan.run().is_clean());
    let said = manager.rest();
    assert!(!said.iter().any(|said| said.starts_with("EXTEND")), "{said:?}");
}

on_loops!(
    a_long_stop_extends_again_and_again_and_says_what_it_waits_for,
    a_loop_that_is_blocked_in_the_stop_asks_for_nothing,
    without_an_extension_none_is_asked_for,
);
