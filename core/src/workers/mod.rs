//! Workers: threads with a loop each, and one description that is made anew on every one of them.

mod hub;
#[cfg(feature = "json")]
mod json;
mod report;

pub use report::WorkersReport;

use std::fmt;

use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::{LoopOwner, Timer};
use crate::inside::InsideLoop;
use crate::lifespan::{
    BoundSources, HandlerOutcome, Lifespan, Report, Sources, StartError, StopSource,
};
use crate::monitor::Monitor;
use crate::observer::Observer;
use crate::registry::WorkerTasks;
use crate::sync::Arc;
use crate::task::{BoxError, Failure, Name, Output, Panic};
use crate::wake::{call_caught, drop_caught, drop_each_caught};
use crate::worker::Worker;
use hub::Hub;

/// One worker from its description to its report, on its own thread.
type Work<'a> = Box<dyn Fn(Worker, &Hub) -> Report + Send + Sync + 'a>;
type MainHandler<'a> = Box<dyn FnOnce() -> Result<(), BoxError> + 'a>;

/// Runs one description on several threads, each with a loop of its own.
///
/// The description is a closure that is called anew on each worker's thread: what belongs to a loop
/// is made in that loop, owners need not be `Send`, and whatever a [`Lifespan`] can do, works on a
/// worker. A handler or task finds out which worker it is on by [`Cx::worker`](crate::Cx::worker).
/// State, names and components are each worker's own; what all share, capture by the closure.
///
/// The workers stop together: what stops one, stops all, each through its own orderly stop within
/// its own budgets. That is a stop that somebody asks for, a failed start, the end of its `serve`, a
/// description that panics; not the failure of a task, unless its policy is to stop the lifespan.
///
/// Compared with a runtime of several threads (`TokioLoop::multi_thread`), a task stays on its
/// worker, may be one that is not `Send`, and never waits for another worker's tasks. Compared with
/// worker *processes*, memory is shared, and a thread cannot be killed: a task that blocks its
/// thread for ever holds up the end of all, unless its [`HardEnd`](crate::HardEnd) is an exit.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use lifespan_core::{Cx, Lifespan, LoopOwner, Timer, Workers, WorkersReport};
///
/// async fn ticker<L: Timer>(cx: Cx<'_, L>) {
///     while !cx.wait_timeout(Duration::from_secs(1)).await.is_set() {
///         println!("{} ticks", cx.worker());
///     }
/// }
///
/// /// `make` is `TokioLoop::current_thread`, for example.
/// fn four_tickers<O: LoopOwner<Handle: Timer>>(make: fn() -> O) -> WorkersReport {
///     Workers::new(4, |_worker| Lifespan::on(make()).task("ticker", ticker))
///         .on_main_start(|| println!("before the first worker starts"))
///         .on_main_stop(|| println!("when the last one has ended"))
///         .run()
/// }
/// ```
#[doc(alias = "threads")]
#[must_use = "nothing starts before `.run()`"]
pub struct Workers<'a> {
    count: usize,
    work: Work<'a>,
    may_block: fn(&'static str) -> Result<(), InsideLoop>,
    hub: Hub,
    sources: Sources,
    main_start: Option<MainHandler<'a>>,
    main_stop: Option<MainHandler<'a>>,
    /// The first handler that was given twice.
    refused: Option<StartError>,
}

impl<'a> Workers<'a> {
    /// Begins with so many workers, and what each of them is; 0 counts as 1.
    ///
    /// One worker runs as many do: on a thread of its own, between the handlers of the main thread.
    pub fn new<O, F>(count: usize, describe: F) -> Self
    where
        O: LoopOwner<Handle: Timer>,
        F: Fn(Worker) -> Lifespan<O> + Send + Sync + 'a,
    {
        Self {
            count: count.max(1),
            work: Box::new(move |worker, hub| hub::work(&describe, worker, hub)),
            may_block: O::may_block,
            hub: Hub::new(count.max(1)),
            sources: Sources::default(),
            main_start: None,
            main_stop: None,
            refused: None,
        }
    }

    /// Uses an event of the caller's: setting it stops all workers, and their stop sets it.
    ///
    /// It may be made before any loop exists, and shared with whatever else should hear of it; the
    /// description may give it, or any other, to its lifespans too. Default: an event of its own.
    pub fn event(mut self, event: ShutdownEvent) -> Self {
        self.hub.event = event;
        self
    }

    /// Adds something that can ask for a stop, such as the operating system's signals.
    ///
    /// Its first request stops all workers, its second cancels what is left on all of them. It is
    /// bound before `on_main_start` is called and released after `on_main_stop`. Default: nothing.
    pub fn stop_on<S: StopSource + 'static>(mut self, source: S) -> Self {
        self.sources.add(source);
        self
    }

    /// Adds an observer, which hears of the tasks of all workers, from their threads.
    ///
    /// For one of each worker, the description adds it to the lifespan that it makes.
    pub fn observer<B: Observer>(self, observer: B) -> Self {
        self.hub.observers.add(Arc::new(observer));
        self
    }

    /// Sets what runs on the calling thread before the first worker starts.
    ///
    /// If it fails or panics, no worker starts. It cannot be interrupted: a stop that comes meanwhile
    /// is heard when it has returned, and no worker starts then either. Giving two is refused by
    /// [`run`](Self::run).
    pub fn on_main_start<R, F>(mut self, handler: F) -> Self
    where
        R: Output<Value = ()>,
        F: FnOnce() -> R + 'a,
    {
        let before = self.main_start.replace(Box::new(|| handler().into_result()));
        self.refuse_second("on_main_start", before.is_some());
        self
    }

    /// Sets what runs on the calling thread when the last worker has ended, however they ended.
    ///
    /// Not if `on_main_start` failed or was not called: what was not opened whole is not closed.
    /// Giving two is refused by [`run`](Self::run).
    pub fn on_main_stop<R, F>(mut self, handler: F) -> Self
    where
        R: Output<Value = ()>,
        F: FnOnce() -> R + 'a,
    {
        let before = self.main_stop.replace(Box::new(|| handler().into_result()));
        self.refuse_second("on_main_stop", before.is_some());
        self
    }

    /// Returns the view over all tasks of all workers, for any thread; empty until they run.
    #[must_use]
    pub fn tasks(&self) -> WorkerTasks {
        self.hub.tasks.clone()
    }

    /// Returns what shows all workers to any thread: their health, and all that lives in them.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::of_workers(Arc::clone(&self.hub.crew))
    }

    /// Runs the workers, and blocks this thread until the last one has ended.
    ///
    /// The stop of each is bounded by its own [`deadline`](Lifespan::deadline); what becomes of the
    /// process if one does not let go by then, its [`hard_end`](Lifespan::hard_end) says. The report
    /// says what failed, also if nothing could start: inside a running loop, for example, it holds
    /// [`RunError::InsideLoop`](crate::RunError::InsideLoop).
    pub fn run(mut self) -> WorkersReport {
        let report = self.run_all();
        // What was not called goes here, too, and does not cost the report.
        drop_each_caught([self.main_start.take(), self.main_stop.take()]);
        let _ = drop_caught(self.work);
        report
    }

    fn run_all(&mut self) -> WorkersReport {
        let bound = match self.bind() {
            Ok(bound) => bound,
            Err(error) => {
                self.hub.crew.end();
                return WorkersReport::not_started(error, &self.hub.event);
            }
        };
        let mut report = WorkersReport::new();
        if self.start_main(&mut report) {
            report.workers = self.run_workers();
            report.main_stop = call_main(self.main_stop.take());
        }
        self.hub.crew.end();
        drop(bound);
        (report.reason, report.stopped_by) = self.hub.why();
        report
    }

    /// Refuses what cannot run, and binds the sources; nothing has run then.
    fn bind(&mut self) -> Result<BoundSources, StartError> {
        (self.may_block)("Workers::run").map_err(|inside| StartError::Run(inside.into()))?;
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        let mut bound = BoundSources::default();
        let sources = std::mem::take(&mut self.sources);
        sources.bind(&self.hub.event, &self.hub.cancel, &mut bound)?;
        Ok(bound)
    }

    /// Calls `on_main_start`, unless a stop came. Tells whether it succeeded, or there is none.
    fn start_main(&mut self, report: &mut WorkersReport) -> bool {
        if self.main_start.is_some() && self.hub.event.is_set() {
            return false;
        }
        report.main_start = call_main(self.main_start.take());
        let failed = report.main_start.is_failure();
        if failed {
            let (component, outcome) = (Name::from("main"), report.main_start.clone());
            report.start_error = Some(StartError::Startup { component, outcome });
            self.hub.ask_to_stop(Reason::StartFailed);
        }
        !failed
    }

    /// Starts every worker, unless a stop came, and waits for the end of all.
    ///
    /// Nothing has to be passed on meanwhile: who sets the event of one sets all of them.
    fn run_workers(&self) -> Vec<Report> {
        if self.hub.event.is_set() {
            return Vec::new();
        }
        let workers = (0..self.count).map(|index| Worker::new(index, self.count));
        std::thread::scope(|scope| {
            let started = workers.map(|worker| self.hub.start(scope, worker, &self.work));
            // All of them, before the first is waited for.
            let started = started.collect::<Vec<_>>();
            started.into_iter().map(hub::Started::report).collect()
        })
    }

    fn refuse_second(&mut self, name: &'static str, is_second: bool) {
        if is_second {
            self.refused.get_or_insert(StartError::NameTaken { name: Name::from(name) });
        }
    }
}

/// Calls a handler of the main thread, if there is one.
fn call_main(handler: Option<MainHandler<'_>>) -> HandlerOutcome {
    let Some(handler) = handler else { return HandlerOutcome::NotRun };
    match call_caught(handler) {
        Ok(Ok(())) => HandlerOutcome::Completed,
        Ok(Err(error)) => HandlerOutcome::Failed(Failure::new(error)),
        Err(payload) => HandlerOutcome::Panicked(Panic::new(payload)),
    }
}

impl fmt::Debug for Workers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("count", &self.count).finish_non_exhaustive()
    }
}
