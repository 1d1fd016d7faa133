//! The watchdog is fed while the loop turns, and only then.

use std::sync::mpsc::channel;
use std::thread;

use lifespan_core::{Lifespan, LoopOwner, ShutdownEvent, Timer};

use crate::manager::Manager;
use crate::{LONG, MOMENT};

fn the_watchdog_is_not_fed_while_the_loop_is_blocked<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (manager, block) = (Manager::new(), ShutdownEvent::new());
    let (say_blocked, blocked) = channel();
    let (release, released) = channel::<()>();
    let lifespan = manager.systemd().watchdog(MOMENT).install(Lifespan::on(owner));
    let wait = block.clone();
    let lifespan = lifespan.startup("blocks", async move |cx| {
        cx.spawn(async move |_cx| {
            wait.wait().await;
            say_blocked.send(()).unwrap();
            // Until the other side has seen enough, and is dropped.
            let _ = released.recv();
        })
        .detach();
    });
    let report = manager.run(lifespan, move |manager, stop| {
        for _ in 0..3 {
            manager.hear_until("WATCHDOG=1");
        }
        block.trigger().set("now").unwrap();
        blocked.recv().unwrap();
        manager.rest();
        // Time for ten times that, which must not be used.
        thread::sleep(MOMENT * 5);
        assert_eq!(manager.rest(), [""; 0]);
        drop(release);
        manager.hear_until("WATCHDOG=1");
        stop.set("enough").unwrap();
    });
    assert!(report.is_clean(), "{report}");
}

fn the_watchdog_is_fed_in_a_long_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (manager, last) = (Manager::new(), ShutdownEvent::new());
    let wait = last.clone();
    let lifespan = manager.systemd().watchdog(MOMENT).install(Lifespan::on(owner));
    let lifespan = lifespan.stop_timeout(LONG).shutdown("db", async move |_cx| {
        wait.wait().await;
    });
    let report = manager.run(lifespan, |manager, stop| {
        manager.hear_until("READY=1");
        stop.set("enough").unwrap();
        manager.hear_until("STOPPING=1");
        for _ in 0..3 {
            manager.hear_until("WATCHDOG=1");
        }
        last.trigger().set("flushed").unwrap();
    });
    assert!(report.is_clean(), "{report}");
}

fn without_a_watchdog_none_is_fed<O: LoopOwner<Handle: Timer>>(owner: O) {
    let manager = Manager::new();
    let lifespan = manager.systemd().install(Lifespan::on(owner));
    let lifespan = lifespan.serve(async |cx| cx.sleep(MOMENT).await);
    assert!(lifespan.run().is_clean());
    assert!(!manager.rest().contains(&String::from("WATCHDOG=1")));
}

on_loops!(
    the_watchdog_is_not_fed_while_the_loop_is_blocked,
    the_watchdog_is_fed_in_a_long_stop,
    without_a_watchdog_none_is_fed,
);
