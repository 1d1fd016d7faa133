//! Time, inside a task only: sleep, timeout, interval, waiting for the event with a limit.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::Cx;
use crate::event::Flag;
use crate::event_loop::{Closed, Timer};
use crate::yield_now::yield_now;

impl<'t, L> Cx<'t, L> {
    /// Completes after `duration` of the loop's time; `ZERO` and `MAX` are valid.
    ///
    /// It lets the loop turn once at the least, so that a loop of sleeps starves nobody.
    ///
    /// # Cancel safety
    /// Dropping the future forgets the time that has passed.
    pub async fn sleep(&self, duration: Duration)
    where
        L: Timer,
    {
        let sleep = pin!(self.handle().sleep(duration));
        let mut sleep = Elapse::new(sleep);
        let mut polls = 0_u32;
        poll_fn(|context| {
            polls = polls.saturating_add(1);
            Pin::new(&mut sleep).poll(context)
        })
        .await;
        // Some runtimes have a sleep of no time end at its first poll.
        if polls == 1 {
            yield_now().await;
        }
    }

    /// Returns the loop's time, which is virtual on a simulator.
    #[must_use]
    pub fn now(&self) -> Instant
    where
        L: Timer,
    {
        self.handle().now()
    }

    /// Runs a future for `limit` at the most; the future wins a tie.
    ///
    /// # Cancel safety
    /// As that of the given future, which is dropped when the time is over.
    ///
    /// # Errors
    /// [`Elapsed`] if the future had not ended by then.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed>
    where
        L: Timer,
    {
        within(self.handle(), limit, future).await
    }

    /// Waits for the event as this task sees it, for `limit` at the most.
    ///
    /// The turn of a ticker: it returns at once when the event is set, not at the next tick. The
    /// event wins a tie. Nothing is allocated.
    ///
    /// # Cancel safety
    /// Dropping the future forgets the time that has passed; the event is a level.
    pub async fn wait_timeout(&self, limit: Duration) -> Waited
    where
        L: Timer,
    {
        let sleep = pin!(self.handle().sleep(limit));
        let mut sleep = Elapse::new(sleep);
        // What waits lies in the closures, and not beside them: the smaller a ticker, the faster.
        if let Some(held) = self.held() {
            let (flag, mut wait) = (held.event().flag(), held.wait());
            return poll_fn(move |context| wait_or_elapse(flag, &mut wait, &mut sleep, context))
                .await;
        }
        let event = self.shutdown();
        let (flag, mut wait) = (event.flag(), event.wait());
        poll_fn(move |context| wait_or_elapse(flag, &mut wait, &mut sleep, context)).await
    }

    /// Makes a ticker: its first tick is at once, then one each `period`.
    ///
    /// Ticks that were missed are skipped, not made up for. A period of zero ticks whenever asked.
    #[must_use]
    pub fn interval(&self, period: Duration) -> Interval<'t, L>
    where
        L: Timer,
    {
        Interval { handle: self.handle().clone(), period, next: None, task: PhantomData }
    }
}

/// How a wait with a limit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waited {
    /// The event is set.
    Set,
    /// The time is over, and the event was not set.
    Elapsed,
}

impl Waited {
    /// Tells whether the event was set.
    #[must_use]
    pub fn is_set(self) -> bool {
        self == Self::Set
    }
}

/// Ticks at a fixed period; made by [`Cx::interval`].
#[derive(Debug)]
pub struct Interval<'t, L> {
    handle: L,
    period: Duration,
    /// When the next tick is due; `None` before the first.
    next: Option<Instant>,
    task: PhantomData<&'t ()>,
}

impl<L: Timer> Interval<'_, L> {
    /// Waits for the next tick.
    ///
    /// # Cancel safety
    /// A tick that was waited for in vain is still due.
    pub async fn tick(&mut self) {
        let now = self.handle.now();
        let due = self.next.unwrap_or(now);
        if due > now {
            Elapse::new(pin!(self.handle.sleep(due.duration_since(now)))).await;
        }
        self.next = Some(self.after(due));
    }

    /// The first due time after `due` that has not passed.
    fn after(&self, due: Instant) -> Instant {
        let Some(next) = due.checked_add(self.period) else {
            // Beyond the clock: as far away as it can tell.
            return far_future(due);
        };
        let late = self.handle.now().saturating_duration_since(next);
        let period = self.period.as_nanos();
        if late.is_zero() || period == 0 {
            return next;
        }
        let missed = late.as_nanos() / period + 1;
        let skip = u64::try_from(missed * period).map(Duration::from_nanos);
        skip.ok().and_then(|skip| next.checked_add(skip)).unwrap_or(next)
    }
}

/// Runs a future for `limit` at the most; it wins a tie.
pub(super) async fn within<F: Future>(
    timer: &impl Timer,
    limit: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let sleep = pin!(timer.sleep(limit));
    let mut sleep = Elapse::new(sleep);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed { limit }))
    })
    .await
}

/// Polls both; the event wins a tie. When the time is over, a look at its flag is all that the event takes.
///
/// They are made by who awaits this: an `async fn` that takes them stores each twice.
#[inline]
fn wait_or_elapse<S: Future<Output = Result<(), Closed>>>(
    flag: Flag<'_>,
    wait: &mut (impl Future<Output = ()> + Unpin),
    sleep: &mut Elapse<'_, S>,
    context: &mut Context<'_>,
) -> Poll<Waited> {
    if flag.is_set() {
        return Poll::Ready(Waited::Set);
    }
    if Pin::new(sleep).poll(context).is_ready() {
        return Poll::Ready(Waited::Elapsed);
    }
    Pin::new(wait).poll(context).map(|()| Waited::Set)
}

/// Completes when the time has come; never if the loop has ended, for who is polled all the same is
/// the root of an attached lifespan, which hears of that itself and is dropped.
///
/// No `async fn`, which would keep the handle and the duration beside the sleep.
struct Elapse<'a, S> {
    /// `None` when the loop has ended.
    sleep: Option<Pin<&'a mut S>>,
}

impl<'a, S> Elapse<'a, S> {
    fn new(sleep: Pin<&'a mut S>) -> Self {
        Self { sleep: Some(sleep) }
    }
}

impl<S: Future<Output = Result<(), Closed>>> Future for Elapse<'_, S> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        if ready!(sleep.as_mut().poll(context)).is_ok() {
            return Poll::Ready(());
        }
        self.sleep = None;
        Poll::Pending
    }
}

fn far_future(from: Instant) -> Instant {
    let mut step = Duration::from_secs(u64::from(u32::MAX));
    loop {
        match from.checked_add(step) {
            Some(far) => return far,
            None => step /= 2,
        }
    }
}

/// A future had not ended when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    limit: Duration,
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not done within {:?}", self.limit)
    }
}

impl Error for Elapsed {}
