//! The thread that watches a run: start budgets, who is waited for, the hard end.

use std::process;
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use super::finish::{Due, Finish, FinishedBy, Times};
use super::speaker::Speaker;
use super::{HardEnd, MARGIN, StillStopping, Voice, WatchPlan};
use crate::event::{Link, Reason, ShutdownEvent};
use crate::lifespan::Budgets;
use crate::lifespan::draft::Draft;
use crate::lifespan::report::{HandlerOutcome, Report};
use crate::lifespan::start_error::StartError;
use crate::sync::{Arc, Weak};
use crate::task::Name;
use crate::wake::call_caught;

/// Enough for what it does; what others say runs on a thread of its own.
const STACK: usize = 256 * 1024;
/// How long the first line is put off that nobody asked for.
const QUIET: Duration = Duration::from_secs(1);
/// How long after the request to stop all that lives is listed, if it has not ended by then.
const LOOK: Duration = Duration::from_millis(100);
/// How often a loop is asked to see to its timers.
const TEND: Duration = Duration::from_millis(100);
/// The longest time between two lines.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long what runs at exit may take, before the process aborts.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Watches a run until it is dropped: the run has ended then, however.
pub(crate) struct Watch {
    finish: Arc<Finish>,
    _told: [Link; 2],
}

impl Watch {
    /// Starts the thread. If there is none to be had there is no watch, and all else is as it was.
    pub(in crate::lifespan) fn begin(
        plan: WatchPlan,
        budgets: Budgets,
        stop: &ShutdownEvent,
        cancel: &ShutdownEvent,
        draft: &Arc<Draft>,
        tend: impl Fn() -> bool + Send + 'static,
    ) -> Option<Self> {
        let finish = Arc::new(Finish::default());
        let WatchPlan { hard_end, callbacks } = plan;
        let quiet = if callbacks.on_waiting.is_some() { Duration::ZERO } else { QUIET };
        let voice = Voice { callbacks, finish: Arc::clone(&finish) };
        let thread = WatchThread {
            finish: Arc::clone(&finish),
            budgets,
            hard_end,
            stop: stop.clone(),
            draft: Arc::downgrade(draft),
            speaker: Speaker::new(voice),
            look: Some(LOOK),
            quiet,
            said: 0,
            tend: Some(Box::new(tend)),
            tend_at: Instant::now(),
        };
        let builder = Builder::new().name("lifespan-watch".into()).stack_size(STACK);
        builder.spawn(move || thread.run()).ok()?;
        let [asked, cancelled] = [(); 2].map(|()| Arc::clone(&finish));
        let asked = Link::new(stop, move |_reason| asked.asked());
        let cancelled = Link::new(cancel, move |_reason| cancelled.drained());
        Some(Self { finish, _told: [asked, cancelled] })
    }

    pub(in crate::lifespan) fn finish(&self) -> &Arc<Finish> {
        &self.finish
    }

    /// Ends the watch, if there is one, and notes in the report whether the hard end was first.
    pub(crate) fn end(watch: Option<Self>, mut report: Report) -> Report {
        let hard_ended = watch.is_some_and(|watch| watch.finish.let_go() == FinishedBy::HardEnd);
        report.hard_ended |= hard_ended;
        report
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.finish.let_go();
    }
}

struct WatchThread {
    finish: Arc<Finish>,
    budgets: Budgets,
    hard_end: HardEnd,
    stop: ShutdownEvent,
    /// Keeps nothing of the run alive.
    draft: Weak<Draft>,
    speaker: Speaker,
    /// When all that lives is to be listed; `None` when that is done.
    look: Option<Duration>,
    /// When the first line is due.
    quiet: Duration,
    /// How many lines were said.
    said: u32,
    /// Has the loop see to its timers; `None` when that has no need.
    tend: Option<Tend>,
    /// When that is due, while there is something whose time may come.
    tend_at: Instant,
}

type Tend = Box<dyn Fn() -> bool + Send>;

impl WatchThread {
    fn run(mut self) {
        while let Some(due) = self.finish.next(|times| self.due(times)) {
            match due {
                Due::StartOverdue(component, budget) => self.fail_start(component, budget),
                Due::Look => self.look(),
                Due::Line => self.say(),
                Due::Tend => self.tend(),
                Due::HardEnd => {
                    self.end_hard();
                    self.finish.hard_end_done();
                    return;
                }
                Due::At(_) => {}
            }
        }
    }

    fn due(&self, times: &Times) -> Due {
        let now = Instant::now();
        let tend = self.tend.is_some().then_some(self.tend_at);
        let Some(asked) = times.asked else { return due_in_start(times, tend, now) };
        // A blocked loop does not end its drain.
        let drained = times.drained.map(|drained| drained.max(asked));
        let stopping = drained.or_else(|| asked.checked_add(self.budgets.drain));
        let after = |wait: Duration| stopping.and_then(|began| began.checked_add(wait));
        let end = after(self.budgets.deadline.saturating_add(MARGIN));
        let look = self.look.and_then(|wait| asked.checked_add(wait));
        let line = after(self.quiet.saturating_add(pauses(self.said)));
        let is_due = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if is_due(end) {
            Due::HardEnd
        } else if is_due(look) {
            Due::Look
        } else if is_due(line) {
            Due::Line
        } else if is_due(tend) {
            Due::Tend
        } else {
            Due::At([end, look, line, tend].into_iter().flatten().min())
        }
    }

    /// Ends a start that the loop cannot end, because a handler blocks it.
    fn fail_start(&self, component: Name, budget: Duration) {
        self.finish.forget_start(&component);
        if let Some(draft) = self.draft.upgrade() {
            let outcome = HandlerOutcome::TimedOut(budget);
            draft.fail_start(StartError::Startup { component, outcome });
        }
        let _ = call_caught(|| self.stop.trigger().set(Reason::StartFailed));
    }

    /// A timer of a stop or of a start may be due, and the thread that would see it blocked.
    fn tend(&mut self) {
        let is_needed = self.tend.as_ref().is_some_and(|tend| call_caught(tend).unwrap_or(false));
        if !is_needed {
            self.tend = None;
        }
        self.tend_at = Instant::now() + TEND;
    }

    /// Ages count from here at the latest: a blocked loop lists nobody, and notes no first wait.
    fn look(&mut self) {
        self.look = None;
        if let Some(draft) = self.draft.upgrade() {
            // It reads the clock of the loop: the code of an adapter.
            let _ = call_caught(|| draft.board().live());
        }
    }

    fn say(&mut self) {
        self.said += 1;
        let Some(draft) = self.draft.upgrade() else { return };
        // It reads the clock of the loop: the code of an adapter.
        if let Ok(line) = call_caught(|| StillStopping::of(&draft)) {
            self.speaker.say(line);
        }
    }

    fn end_hard(&mut self) {
        let draft = self.draft.upgrade();
        let report = draft.and_then(|draft| call_caught(|| draft.report_so_far()).ok());
        if let Some(mut report) = report {
            report.hard_ended = true;
            self.speaker.report(report);
        }
        match self.hard_end {
            HardEnd::Return => {}
            HardEnd::Exit(code) => exit(code),
            HardEnd::Abort => process::abort(),
        }
    }
}

fn due_in_start(times: &Times, tend: Option<Instant>, now: Instant) -> Due {
    let dues = times.starting.iter().filter_map(|starting| Some((starting.due?, starting)));
    match dues.min_by_key(|(due, _)| *due) {
        Some((due, starting)) if due <= now => {
            Due::StartOverdue(starting.component.clone(), starting.budget)
        }
        Some(_) if tend.is_some_and(|tend| tend <= now) => Due::Tend,
        Some((due, _)) => Due::At(tend.into_iter().chain([due]).min()),
        None => Due::At(None),
    }
}

/// How long after the first line the next one is: 1, 3, 7, .. seconds, at last once a minute.
fn pauses(said: u32) -> Duration {
    let doubled = |number: u32| Duration::from_secs(1 << number.min(6)).min(LONGEST_PAUSE);
    (0..said.min(7)).map(doubled).sum::<Duration>() + LONGEST_PAUSE * said.saturating_sub(7)
}

/// Exits, whatever hangs: what the C library calls at exit may wait for a thread that never ends.
fn exit(code: i32) -> ! {
    let last = || {
        thread::sleep(LAST_WORDS);
        process::abort();
    };
    let _ = Builder::new().name("lifespan-exit".into()).spawn(last);
    process::exit(code)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_between_lines_grow_to_a_minute() {
        let seconds = (0..10).map(|said| pauses(said).as_secs()).collect::<Vec<_>>();
        assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
        assert!(pauses(u32::MAX) > Duration::from_secs(1 << 32));
    }
}
