//! The background task: notes the time, at once and then each second.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lifespan::{BoxError, Cx, Timer};

use crate::options::OnStop;
use crate::output::say;

const PERIOD: Duration = Duration::from_secs(1);

/// When the ticker last ticked; found by its type in the state that all tasks share.
#[derive(Default)]
pub(crate) struct LastTick(Mutex<Option<SystemTime>>);

impl LastTick {
    fn set(&self, time: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(time);
    }
}

/// What the calendar said at a moment of the loop's time, which may be virtual.
struct Began(Instant, SystemTime);

impl fmt::Display for LastTick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last {
            Some(time) => write!(f, "Last time tick: {}", humantime::format_rfc3339_seconds(time)),
            None => f.write_str("Last time tick: none yet"),
        }
    }
}

/// The start-up handler: what it spawns ends before the component is stopped.
pub(crate) fn start<L: Timer>(cx: &Cx<'_, L>, on_stop: OnStop) -> Result<(), BoxError> {
    cx.state().insert(LastTick::default());
    cx.state().insert(Began(cx.now(), SystemTime::now()));
    match on_stop {
        OnStop::Event => cx.task("ticks").spawn(tick_until_stopped)?.detach(),
        OnStop::Cancel => cx.task("ticks").cancel_on_stop().spawn(tick_until_cut)?.detach(),
    }
    Ok(())
}

/// What a request is answered with.
pub(crate) fn last_tick<L>(cx: &Cx<'_, L>) -> String {
    cx.state().get::<LastTick>().unwrap_or_default().to_string()
}

/// Ends by itself, and at once: it waits for the next tick and for the event, whichever is first.
async fn tick_until_stopped<L: Timer>(cx: Cx<'_, L>) {
    let mut interval = cx.interval(PERIOD);
    while cx.shutdown().run_until_set(interval.tick()).await.is_some() {
        tick(&cx);
    }
    say("The time ticker has stopped");
}

/// Never looks at the event: `cancel_on_stop` drops it at the `.await`.
async fn tick_until_cut<L: Timer>(cx: Cx<'_, L>) {
    let mut interval = cx.interval(PERIOD);
    loop {
        interval.tick().await;
        tick(&cx);
    }
}

fn tick<L: Timer>(cx: &Cx<'_, L>) {
    let state = cx.state();
    if let (Some(last), Some(began)) = (state.get::<LastTick>(), state.get::<Began>()) {
        last.set(began.1 + cx.now().saturating_duration_since(began.0));
        say(&*last);
    }
}
