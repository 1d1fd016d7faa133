//! The program with tokio, a `CancellationToken` and a `TaskTracker`, and a time limit on each wait.

use std::io;
use std::process::ExitCode;

use lifespan_peers::{Scenario, close, poll};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let scenario = Scenario::of_this_process();
    let mut sigterm = signal(SignalKind::terminate())?;
    let (token, tracker) = (CancellationToken::new(), TaskTracker::new());
    let told = token.clone();
    tracker.spawn(async move { poll(scenario, told.cancelled()).await });

    sigterm.recv().await;
    token.cancel();
    tracker.close();
    let mut status = ExitCode::SUCCESS;
    if timeout(scenario.grace(), tracker.wait()).await.is_err() {
        eprintln!("{} tasks have not ended", tracker.len());
        status = ExitCode::FAILURE;
    }
    if timeout(scenario.grace(), close(scenario)).await.is_err() {
        eprintln!("closing db timed out");
        status = ExitCode::FAILURE;
    }
    Ok(status)
}
