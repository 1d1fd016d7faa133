//! The order of the messages.

use lifespan_core::{Lifespan, LoopOwner, ShutdownEvent, Timer};

use crate::LONG;
use crate::manager::Manager;

fn ready_is_said_when_all_has_started_and_stopping_when_it_stops<O>(owner: O)
where
    O: LoopOwner<Handle: Timer>,
{
    let (manager, go) = (Manager::new(), ShutdownEvent::new());
    let gate = go.clone();
    let lifespan = manager.systemd().install(Lifespan::on(owner));
    let lifespan = lifespan.startup("db", async move |_cx| gate.wait().await);
    let report = manager.run(lifespan, |manager, stop| {
        let before = manager.hear_until("STATUS=starting: waits for startup db");
        assert!(before.iter().all(|said| said.starts_with("STATUS=starting")), "{before:?}");
        go.trigger().set("go on").unwrap();
        assert_eq!(manager.hear_until("READY=1"), [""; 0]);
        assert_eq!(manager.hear_until("STATUS=serving"), [""; 0]);
        stop.set("enough").unwrap();
        assert_eq!(manager.hear_until("STOPPING=1"), [""; 0]);
    });
    assert!(report.is_clean(), "{report}");
    let rest = manager.rest();
    assert!(!rest.iter().any(|said| said == "READY=1" || said == "STOPPING=1"), "{rest:?}");
    assert_eq!(rest.last().unwrap(), "STATUS=stopped");
}

fn a_lifespan_that_serves_for_no_time_was_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    let manager = Manager::new();
    let lifespan = manager.systemd().install(Lifespan::on(owner)).serve(async |_cx| {});
    assert!(lifespan.run().is_clean());
    let said = manager.rest();
    let place = |wanted: &str| said.iter().position(|said| said == wanted).unwrap();
    assert!(place("READY=1") < place("STOPPING=1"), "{said:?}");
}

fn a_start_that_fails_is_never_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    let manager = Manager::new();
    let lifespan = manager.systemd().install(Lifespan::on(owner));
    let report = lifespan.startup("db", async |_cx| Err::<(), _>("no such host")).run();
    assert_eq!(report.exit_code(), 3);
    let said = manager.rest();
    assert!(!said.contains(&String::from("READY=1")), "{said:?}");
}

fn a_drain_is_a_stop_for_systemd<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (manager, served) = (Manager::new(), ShutdownEvent::new());
    let last = served.clone();
    let lifespan = manager.systemd().install(Lifespan::on(owner)).drain(LONG);
    let lifespan = lifespan.serve(async move |_cx| last.wait().await);
    let report = manager.run(lifespan, |manager, stop| {
        manager.hear_until("READY=1");
        stop.set("enough").unwrap();
        manager.hear_until("STOPPING=1");
        manager.hear_until("STATUS=draining: waits for serve, drain");
        served.trigger().set("the last request").unwrap();
    });
    assert!(report.is_clean(), "{report}");
    assert!(!manager.rest().contains(&String::from("STOPPING=1")));
}

fn what_is_told_keeps_no_idle_lifespan_alive<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (manager, idle) = (Manager::new(), ShutdownEvent::new());
    let wait = idle.clone();
    let systemd = manager.systemd().watchdog(super::MOMENT);
    let lifespan = systemd.install(Lifespan::on(owner)).until_idle();
    let lifespan = lifespan.startup("job", async move |cx| {
        let wait = wait.clone();
        cx.spawn(async move |_cx| wait.wait().await).detach();
    });
    let report = manager.run(lifespan, |manager, _stop| {
        manager.hear_until("WATCHDOG=1");
        idle.trigger().set("the job is done").unwrap();
    });
    assert_eq!(report.reason, lifespan_core::Reason::AllTasksEnded);
}

on_loops!(
    ready_is_said_when_all_has_started_and_stopping_when_it_stops,
    a_lifespan_that_serves_for_no_time_was_ready,
    a_start_that_fails_is_never_ready,
    a_drain_is_a_stop_for_systemd,
    what_is_told_keeps_no_idle_lifespan_alive,
);
