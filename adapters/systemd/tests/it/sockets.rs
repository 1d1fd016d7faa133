//! The sockets that there are, and those that there are not.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use lifespan_core::{Lifespan, LoopOwner, StartError, Timer};
use lifespan_systemd::Systemd;

use crate::manager::{self, Manager};

#[cfg(target_os = "linux")]
fn an_abstract_name_is_told<O: LoopOwner<Handle: Timer>>(owner: O) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("lifespan-systemd-{}-{:?}", std::process::id(), std::thread::current().id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let systemd = Systemd::to(format!("@{name}"));
    assert!(systemd.install(Lifespan::on(owner)).serve(async |_cx| {}).run().is_clean());
    let mut said = Vec::new();
    while !said.contains(&String::from("READY=1")) {
        said.extend(manager::receive(&socket));
    }
}

fn a_name_of_no_known_form_fails_the_start<O: LoopOwner<Handle: Timer>>(owner: O) {
    let lifespan = Systemd::to("vsock:2:1234").install(Lifespan::on(owner));
    let report = lifespan.serve(async |_cx| {}).run();
    let Some(StartError::StopSource(error)) = report.start_error else { panic!("{report}") };
    assert!(error.to_string().contains("no socket of a known form: \"vsock:2:1234\""), "{error}");
}

fn a_manager_that_is_not_there_hinders_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    let systemd = Systemd::to("/nonexistent/notify").watchdog(Duration::from_millis(2));
    let lifespan = systemd.install(Lifespan::on(owner));
    let report = lifespan.serve(async |cx| cx.sleep(Duration::from_millis(20)).await).run();
    assert!(report.is_clean(), "{report}");
}

/// Its queue is full after some messages: the loop must not wait for room.
fn a_manager_that_reads_nothing_holds_up_no_loop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let manager = Manager::new();
    let systemd = manager.systemd().watchdog(Duration::from_millis(2));
    let lifespan = systemd.install(Lifespan::on(owner)).serve(async |cx| {
        for _ in 0..300 {
            cx.sleep(Duration::from_millis(1)).await;
        }
    });
    let report = lifespan.run();
    assert!(report.is_clean(), "{report}");
    assert!(manager.rest().len() > 5);
}

/// The tests are not run by a service manager.
fn without_the_variable_nothing_is_told_and_nothing_added<O: LoopOwner<Handle: Timer>>(owner: O) {
    assert_eq!(std::env::var_os("NOTIFY_SOCKET"), None);
    let lifespan = Systemd::from_env().install(Lifespan::on(owner));
    let report = lifespan.serve(async |_cx| {}).run();
    assert!(report.is_clean() && report.components.is_empty(), "{report}");
}

#[cfg(target_os = "linux")]
on_loops!(an_abstract_name_is_told);
on_loops!(
    a_name_of_no_known_form_fails_the_start,
    a_manager_that_is_not_there_hinders_nothing,
    a_manager_that_reads_nothing_holds_up_no_loop,
    without_the_variable_nothing_is_told_and_nothing_added,
);
