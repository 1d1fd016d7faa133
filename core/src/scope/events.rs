//! The named events as a task sees them: with a clock, and so with time limits.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use super::time::within;
use super::{Cx, Elapsed, Spawner};
use crate::event_loop::Timer;
use crate::events::{Events, WrongType};
use crate::sync::Arc;
use crate::task::Name;

impl<L> Cx<'_, L> {
    /// Returns the named events of this lifespan: dispatch, subscribe, wait for the next one.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_core::{BoxError, Cx, Timer};
    ///
    /// async fn work<L: Timer>(cx: Cx<'_, L>) -> Result<(), BoxError> {
    ///     let order = cx.events().wait::<u64>("order.placed", Duration::from_secs(60)).await?;
    ///     println!("order {order}");
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn events(&self) -> CxEvents<'_, L> {
        CxEvents { events: &self.node().shared().events, handle: self.handle() }
    }
}

impl<L> Spawner<L> {
    /// Returns the named events of this lifespan; they may leave the spawner by a clone.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.node().shared().events
    }
}

/// The named [`Events`], inside a task: with a wait that has a limit.
///
/// Made by [`Cx::events`]; its `clone()` is an [`Events`], which may leave the task.
pub struct CxEvents<'a, L> {
    events: &'a Events,
    handle: &'a L,
}

impl<'a, L: Timer> CxEvents<'a, L> {
    /// Waits for the first value that is dispatched under this name from this call on.
    ///
    /// It listens already before the future is polled, so that nothing is lost in between. What is
    /// dispatched between two such waits is lost: for a loop, [`subscribe`](Events::subscribe).
    ///
    /// # Cancel safety
    /// Dropping the future ends the listening.
    ///
    /// # Errors
    /// [`WaitError`]: the time is over, others listen for another type, or the lifespan has ended.
    pub fn wait<T>(
        self,
        name: impl Into<Name>,
        limit: Duration,
    ) -> impl Future<Output = Result<Arc<T>, WaitError>>
    where
        T: Send + Sync + 'static,
    {
        let (subscription, handle) = (self.events.subscribe_once::<T>(name.into()), self.handle);
        async move {
            let mut subscription = subscription?;
            match within(handle, limit, subscription.recv()).await {
                Ok(Ok(value)) => Ok(value),
                // It keeps the first, and so never lags.
                Ok(Err(_closed)) => Err(WaitError::Closed),
                Err(elapsed) => Err(WaitError::Elapsed(elapsed)),
            }
        }
    }
}

impl<L> Deref for CxEvents<'_, L> {
    type Target = Events;

    fn deref(&self) -> &Events {
        self.events
    }
}

impl<L> fmt::Debug for CxEvents<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.fmt(f)
    }
}

/// Why a wait for a named event has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// Nothing was dispatched within the limit.
    Elapsed(Elapsed),
    /// Others listen to this name and expect another type.
    WrongType(WrongType),
    /// The lifespan has ended.
    Closed,
}

impl From<WrongType> for WaitError {
    fn from(wrong: WrongType) -> Self {
        Self::WrongType(wrong)
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed(elapsed) => write!(f, "no event came: {elapsed}"),
            Self::WrongType(wrong) => wrong.fmt(f),
            Self::Closed => f.write_str("the lifespan has ended, so no event will come any more"),
        }
    }
}

impl Error for WaitError {}
