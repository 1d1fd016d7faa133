//! The program with tokio-graceful-shutdown: a subsystem within another ends before it.

use std::error::Error;
use std::process::ExitCode;

use lifespan_peers::{Scenario, close, log_warnings, poll};
use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};

type BoxedError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    log_warnings();
    let scenario = Scenario::of_this_process();
    let ended = Toplevel::<BoxedError>::new(async move |all: &mut SubsystemHandle| {
        all.start(SubsystemBuilder::new("db", async move |db: &mut SubsystemHandle| {
            db.start(SubsystemBuilder::new("poller", async move |poller: &mut SubsystemHandle| {
                poll(scenario, poller.on_shutdown_requested()).await;
                Ok::<_, BoxedError>(())
            }));
            db.on_shutdown_requested().await;
            db.wait_for_children().await;
            close(scenario).await;
            Ok::<_, BoxedError>(())
        }));
    })
    .catch_signals()
    .handle_shutdown_requests(scenario.grace())
    .await;
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            for error in error.get_subsystem_errors() {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}
