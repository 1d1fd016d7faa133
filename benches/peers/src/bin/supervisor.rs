//! The program with task-supervisor, and signals and the close by hand.

use std::io;
use std::process::ExitCode;

use lifespan_peers::{Scenario, close, log_warnings, poll};
use task_supervisor::{CancellationToken, SupervisedTask, SupervisorBuilder, TaskResult};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

#[derive(Clone)]
struct Poller(Scenario);

impl SupervisedTask for Poller {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        poll(self.0, cancel.cancelled()).await;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    log_warnings();
    let scenario = Scenario::of_this_process();
    let mut sigterm = signal(SignalKind::terminate())?;
    let supervisor = SupervisorBuilder::new()
        .with_stop_timeout(scenario.grace())
        .with_task("poller", Poller(scenario))
        .spawn();

    tokio::select! {
        _ = sigterm.recv() => {}
        _ = supervisor.wait() => {}
    }
    let mut status = ExitCode::SUCCESS;
    if let Err(error) = supervisor.shutdown().await {
        eprintln!("{error}");
        status = ExitCode::FAILURE;
    }
    if timeout(scenario.grace(), close(scenario)).await.is_err() {
        eprintln!("closing db timed out");
        status = ExitCode::FAILURE;
    }
    Ok(status)
}
