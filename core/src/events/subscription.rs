//! A subscription to a named event, and the future of what comes next.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Events;
use super::channel::{Channel, Found, Keep};
use crate::inside::{self, InsideLoop};
use crate::park;
use crate::roll_call::Waiting;
use crate::sync::Arc;
use crate::task::Name;
use crate::waiters::WakerId;

/// Hears everything that is dispatched under one name from the moment it was made.
///
/// Made by [`Events::subscribe`]. It belongs to no loop: it may be sent anywhere, and awaited on any
/// loop or on a plain thread. What it has not taken is queued, up to its bound; then the oldest goes,
/// and [`recv`](Self::recv) says how many did. Dropping it leaves nothing behind.
#[must_use = "it hears only while it lives"]
pub struct Subscription<T> {
    events: Events,
    channel: Arc<Channel>,
    key: usize,
    me: WakerId,
    carries: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    /// Adds itself to the channel; the caller sees to it that the channel is the name's.
    pub(super) fn new(events: Events, channel: Arc<Channel>, capacity: usize, keep: Keep) -> Self {
        let key = channel.add(capacity.max(1), keep);
        Self { events, channel, key, me: WakerId::NONE, carries: PhantomData }
    }

    /// Waits for the next value; every subscriber gets the same one.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: what comes meanwhile is queued.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] once when values were dropped, after which it goes on with the oldest
    /// that is left; [`RecvError::Closed`] when the lifespan has ended and nothing is left.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{Cx, EventLoop, RecvError, Subscription};
    ///
    /// async fn print<L: EventLoop>(cx: Cx<'_, L>, mut prices: Subscription<u64>) {
    ///     // Ends with the task's own stop, at once.
    ///     while let Some(next) = cx.shutdown().run_until_set(prices.recv()).await {
    ///         match next {
    ///             Ok(price) => println!("{price}"),
    ///             Err(RecvError::Lagged(missed)) => println!("{missed} more, meanwhile"),
    ///             Err(_) => break,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv(self)
    }

    /// Takes the next value if there is one; `None`: not now.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<Arc<T>>, RecvError> {
        let Some(found) = self.channel.take(self.key) else { return Ok(None) };
        self.channel.forget(self.key, &mut self.me);
        read(found).map(Some)
    }

    /// Waits on a plain thread for the next value, without a loop.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvError::InsideLoop`] at once if this thread is running an
    /// event loop, which would stand still.
    pub fn recv_blocking(&mut self) -> Result<Arc<T>, RecvError> {
        inside::refuse("Subscription::recv_blocking")?;
        park::block_on(self.recv(), None).unwrap_or(Err(RecvError::Closed))
    }

    /// As [`recv_blocking`](Self::recv_blocking), for `limit` at the most; `None`: nothing by then.
    ///
    /// # Errors
    /// As [`recv_blocking`](Self::recv_blocking).
    pub fn recv_blocking_timeout(&mut self, limit: Duration) -> Result<Option<Arc<T>>, RecvError> {
        inside::refuse("Subscription::recv_blocking_timeout")?;
        park::block_on(self.recv(), Some(limit)).transpose()
    }
}

impl<T> Subscription<T> {
    /// Returns the name of the event.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.channel.name
    }
}

/// The type was compared when the subscription and the value met; so what is found has it.
fn read<T: Send + Sync + 'static>(found: Found) -> Result<Arc<T>, RecvError> {
    match found {
        Found::Value(value) => value.downcast().map_err(|_| RecvError::Closed),
        Found::Missed(missed) => Err(RecvError::Lagged(missed)),
        Found::Closed => Err(RecvError::Closed),
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        if self.channel.remove(self.key) {
            self.events.remove_if_empty(&self.channel);
        }
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("name", self.name()).finish_non_exhaustive()
    }
}

/// Completes with the next value; made by [`Subscription::recv`].
#[must_use = "futures do nothing unless polled"]
pub struct Recv<'a, T>(&'a mut Subscription<T>);

impl<T: Send + Sync + 'static> Future for Recv<'_, T> {
    type Output = Result<Arc<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Subscription { channel, key, me, .. } = &mut *self.0;
        let polled = channel.poll(*key, me, context.waker());
        if polled.is_pending() {
            Waiting::answer(|| format!("event {:?}", channel.name));
        }
        polled.map(read)
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        let Subscription { channel, key, me, .. } = &mut *self.0;
        channel.forget(*key, me);
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&*self.0).finish()
    }
}

/// Why a subscription has no next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// So many values were dropped, because the bound was reached. It goes on after this.
    Lagged(u64),
    /// The lifespan has ended: no more will come.
    Closed,
    /// A blocking form was called inside a running event loop.
    InsideLoop(InsideLoop),
}

impl From<InsideLoop> for RecvError {
    fn from(inside: InsideLoop) -> Self {
        Self::InsideLoop(inside)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged(missed) => write!(
                f,
                "the subscriber was too slow, and {missed} values were dropped: go on, or subscribe \
                 with more room"
            ),
            Self::Closed => f.write_str("the lifespan has ended, so no event will come any more"),
            Self::InsideLoop(inside) => inside.fmt(f),
        }
    }
}

impl Error for RecvError {}
