//! What `docs/coming-from.md` shows of tokio-graceful-shutdown, so that it is compiled. A test of
//! `tests/it/guide.rs` sees to it that both are the same.

use std::error::Error;
use std::time::Duration;

use tokio_graceful_shutdown::errors::GracefulShutdownError;
use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};

type BoxedError = Box<dyn Error + Send + Sync>;

async fn database(subsystem: &mut SubsystemHandle) -> Result<(), BoxedError> {
    subsystem.on_shutdown_requested().await;
    Ok(())
}

async fn web(subsystem: &mut SubsystemHandle) -> Result<(), BoxedError> {
    subsystem.on_shutdown_requested().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), GracefulShutdownError<BoxedError>> {
    Toplevel::new(async |s: &mut SubsystemHandle| {
        s.start(SubsystemBuilder::new("db", database));
        s.start(SubsystemBuilder::new("web", web));
    })
    .catch_signals()
    .handle_shutdown_requests(Duration::from_secs(30))
    .await
}
