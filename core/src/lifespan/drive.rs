//! Drives a lifespan from its first handler to its report.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::draft::Draft;
use super::handler::{Caught, Handler};
use super::hard_end::{Finish, Watch, WatchPlan};
use super::order::Order;
use super::planned::PlannedTasks;
use super::report::{ComponentReport, HandlerOutcome, Report, Straggler};
use super::serve::Serve;
use super::start::Started;
use super::start_error::StartError;
use super::stop::Stop;
use super::{Budgets, Plan};
use crate::clock::Clock;
use crate::event::{Link, Reason, ShutdownEvent};
use crate::event_loop::Timer;
use crate::events::Events;
use crate::monitor::{Board, NodeState, Phase};
use crate::observers::Observers;
use crate::registry::{Failures, TaskRef};
use crate::scope::{Scope, Seat, Shared, State, cx};
use crate::sync::Arc;
use crate::task::Name;
use crate::wake::{call_caught, drop_caught};
use crate::yield_now::yield_now;

/// The report comes with the watch over the run, which goes on until the loop has let go whole.
pub(super) async fn drive<L: Timer>(
    handle: &L,
    plan: Plan<L>,
    cancel: ShutdownEvent,
) -> (Report, Option<Watch>) {
    let Plan { components, tasks, starts_at_once, serve, event, budgets, .. } = plan;
    let Plan { until_idle, together, keep_finished, refused, observers, .. } = plan;
    let Plan { seat, board, watch, .. } = plan;
    let event = event.unwrap_or_default();
    let order = match refused.map_or_else(|| Order::of(&components), Err) {
        Ok(order) => order,
        Err(error) => {
            let _ = drop_caught(serve);
            return (Report::not_started(error, &event), None);
        }
    };
    let mut run = Run::new(handle.clone(), event, cancel, budgets, observers, seat, board);
    let watch = run.watch(watch);
    run.root.registry().keep_finished(keep_finished);
    run.root.set_together(together);
    if run.start(components.into_list(), order, starts_at_once).await && run.start_root(tasks).await
    {
        let mut serve = serve.map_or_else(Serve::none, |(body, spawned_at)| {
            Serve::new(run.caught(body, Arc::clone(&run.root)), spawned_at)
        });
        serve.show(run.board(), Duration::MAX);
        run.draft.enter(Phase::Serving);
        run.board().enter_serving();
        run.serve(&mut serve, until_idle).await;
        run.drain(&mut serve).await;
        run.stop(&mut serve).await;
    } else {
        run.stop(&mut Serve::none()).await;
        let _ = drop_caught(serve);
    }
    (run.finish(), watch)
}

pub(super) struct Run<L> {
    pub(super) handle: L,
    pub(super) budgets: Budgets,
    shared: Arc<Shared>,
    pub(super) root: Arc<Scope>,
    /// What was started, and is to be stopped in reverse.
    pub(super) started: Vec<Started<L>>,
    pub(super) draft: Arc<Draft>,
    /// Of the thread that watches it, if there is one.
    pub(super) finish: Option<Arc<Finish>>,
    /// When the stop began, if not when it was asked for: its drain was over.
    pub(super) stop_began: Option<Instant>,
    /// The phase moves on in the moment in which a stop is asked for, though the loop is blocked.
    stop_seen: Option<Link>,
}

impl<L> Run<L> {
    /// The scopes that are not stopped yet, in the order in which they are.
    fn scopes(&self) -> impl Iterator<Item = &Arc<Scope>> {
        let components = self.started.iter().rev().map(|started| &started.scope);
        [&self.root].into_iter().chain(components)
    }
}

impl<L: Timer> Run<L> {
    pub(super) fn new(
        handle: L,
        stop: ShutdownEvent,
        cancel: ShutdownEvent,
        budgets: Budgets,
        observers: Observers,
        seat: Seat,
        board: Arc<Board>,
    ) -> Self {
        let clock = Clock::of(&handle);
        board.begin(clock.clone(), stop.clone());
        let shared = Arc::new(Shared {
            stop,
            cancel,
            state: State::default(),
            events: Events::new(),
            failures: Arc::new(Failures::default()),
            clock,
            observers,
            seat,
            board,
            polls: Arc::default(),
        });
        let root = Scope::root(Arc::clone(&shared));
        root.set_grace(budgets.grace);
        shared.board.list_root(root.registry());
        let Shared { board, failures, stop, clock, .. } = &*shared;
        let draft = Draft::new(board, failures, stop, clock);
        Self {
            handle,
            budgets,
            shared,
            root,
            started: Vec::new(),
            draft,
            finish: None,
            stop_began: None,
            stop_seen: None,
        }
    }

    /// From now on a request to stop is one: it is shown at once, and a thread watches what becomes of
    /// it, unless only the loop can tell the time.
    pub(super) fn watch(&mut self, plan: WatchPlan) -> Option<Watch> {
        let (board, Budgets { drain, deadline, .. }) = (Arc::clone(self.board()), self.budgets);
        let seen = Link::new(&self.shared.stop, move |_reason| board.enter_stop(drain, deadline));
        self.stop_seen = Some(seen);
        if self.handle.has_virtual_time() {
            return None;
        }
        let Shared { stop, cancel, .. } = &*self.shared;
        let handle = self.handle.clone();
        let tend = move || handle.tend_timers();
        let watch = Watch::begin(plan, self.budgets, stop, cancel, &self.draft, tend)?;
        self.finish = Some(Arc::clone(watch.finish()));
        Some(watch)
    }

    pub(super) fn stop_event(&self) -> &ShutdownEvent {
        &self.shared.stop
    }

    pub(super) fn cancel_event(&self) -> &ShutdownEvent {
        &self.shared.cancel
    }

    pub(super) fn board(&self) -> &Arc<Board> {
        &self.shared.board
    }

    pub(super) fn caught(&self, handler: Handler<L>, scope: Arc<Scope>) -> Caught<'static> {
        let cx = cx::make(self.handle.clone(), scope);
        Caught::new(move || handler(cx))
    }

    /// Ends the start; the first error counts.
    pub(super) fn fail_start(&mut self, error: StartError) {
        self.draft.fail_start(error);
        self.ask_to_stop(Reason::StartFailed);
    }

    /// Sets the lifespan's event; who set it before has given the reason.
    pub(super) fn ask_to_stop(&self, reason: Reason) {
        let _ = call_caught(|| self.shared.stop.trigger().set(reason));
    }

    /// Spawns the tasks that were described, unless a stop came. Returns those that are to be ready
    /// first; `None` if they do not run.
    pub(super) fn spawn_planned(
        &mut self,
        tasks: PlannedTasks<L>,
        scope: Arc<Scope>,
    ) -> Option<Vec<TaskRef>> {
        if self.shared.stop.is_set() {
            return None;
        }
        let cx = cx::make(self.handle.clone(), scope);
        let spawned = tasks.spawn(&cx, self.draft.listed());
        spawned.map_err(|error| self.fail_start(error)).ok()
    }

    /// Serves until the event is set, the foreground ends, or nothing is left to do.
    async fn serve(&self, serve: &mut Serve<'_>, until_idle: bool) {
        let mut stopped = self.shared.stop.wait();
        let mut idle = pin!(self.wait_idle());
        let reason = poll_fn(|context| {
            if Pin::new(&mut stopped).poll(context).is_ready() {
                return Poll::Ready(None);
            }
            if serve.is_live() && serve.poll(context).is_ready() {
                return Poll::Ready(Some(Reason::ServeEnded));
            }
            if until_idle && idle.as_mut().poll(context).is_ready() {
                return Poll::Ready(Some(Reason::AllTasksEnded));
            }
            Poll::Pending
        });
        if let Some(reason) = reason.await {
            self.ask_to_stop(reason);
        }
    }

    /// Completes when no scope has a task.
    pub(super) async fn wait_idle(&self) {
        while let Some(emptied) = self.scopes().find_map(|scope| scope.registry().watch_if_busy()) {
            emptied.await;
        }
    }

    /// Stops the root's tasks and the foreground, then the components in reverse.
    pub(super) async fn stop(&mut self, serve: &mut Serve<'_>) {
        let (handle, shared) = (self.handle.clone(), Arc::clone(&self.shared));
        let draft = Arc::clone(&self.draft);
        draft.enter(Phase::Stopping);
        let reason = draft.reason();
        draft.write(|report| report.reason = reason.clone());
        self.list_named();
        // From the request, not from when a loop that was blocked meanwhile has heard of it.
        let began = self.stop_began.or_else(|| self.board().asked());
        let began = began.unwrap_or_else(|| handle.now());
        let stop = Stop::new(&handle, began, self.budgets.deadline, reason, &shared);
        self.board().enter_stopping(began, stop.deadline());
        let (root, budgets) = (Arc::clone(&self.root), self.budgets);
        stop.tasks(&root, budgets.grace, serve, draft.listed()).await;
        draft.write(|report| report.serve = serve.outcome());
        let (late, _) = self.run_shutdowns(&stop, &root, budgets, &Name::from(""), None).await;
        self.note_root_shutdowns(late);
        while let Some(Started { scope, index, part, budgets, shutdown }) = self.started.last_mut()
        {
            let began = handle.now();
            let (scope, index, shutdown) = (Arc::clone(scope), *index, shutdown.take());
            let (budgets, part) = (*budgets, *part);
            self.board().set_state(part, NodeState::Stopping);
            stop.tasks(&scope, budgets.grace, &mut Serve::none(), draft.listed()).await;
            let name = draft.write(|report| report.components[index].name.clone());
            let (late, own) = self.run_shutdowns(&stop, &scope, budgets, &name, shutdown).await;
            let stop_took = handle.now().saturating_duration_since(began);
            draft.write(|report| {
                let component = &mut report.components[index];
                component.late_shutdowns = late;
                component.shutdown = own;
                component.stop_took = stop_took;
            });
            self.board().set_state(part, NodeState::Stopped);
            // Now, and no sooner: if this drive is dropped meanwhile, the scope is cancelled too.
            self.started.pop();
        }
        draft.enter(Phase::Stopped);
    }

    /// Runs the handlers of a scope whose tasks are gone, waits for what they spawned, closes it.
    async fn run_shutdowns(
        &mut self,
        stop: &Stop<'_, L>,
        scope: &Arc<Scope>,
        budgets: Budgets,
        name: &Name,
        shutdown: Option<Handler<L>>,
    ) -> (Vec<HandlerOutcome>, HandlerOutcome) {
        let late = run_late(stop, scope, budgets.shutdown, name).await;
        let own = match shutdown {
            Some(shutdown) => {
                let shutdown = self.caught(shutdown, Arc::clone(scope));
                stop.handler(shutdown, budgets.shutdown, name).await
            }
            None => HandlerOutcome::NotRun,
        };
        // Whoever holds a spawner may start a task in the moment before the scope is closed.
        while !scope.registry().close_if_empty() && !stop.is_over() {
            stop.tasks(scope, budgets.grace, &mut Serve::none(), self.draft.listed()).await;
        }
        scope.registry().close();
        stop.rest(scope, self.draft.listed()).await;
        self.note_stragglers(scope);
        (late, own)
    }

    /// The root has no component of its own; handlers added to it are reported where they failed.
    fn note_root_shutdowns(&mut self, late: Vec<HandlerOutcome>) {
        if !late.is_empty() {
            let mut root = ComponentReport::new(Name::from("(root)"));
            root.late_shutdowns = late;
            self.draft.write(|report| report.components.push(root));
        }
    }

    /// What still lives in a scope that is closed is a straggler.
    fn note_stragglers(&mut self, scope: &Scope) {
        let left = scope.registry().all_tasks().into_iter().map(TaskRef::new);
        let left = left.map(|task| Straggler::of(&task)).collect::<Vec<_>>();
        self.draft.write(|report| report.stragglers.extend(left));
    }

    /// Named tasks that live when the stop begins are listed with how they end.
    fn list_named(&mut self) {
        let records = self.scopes().flat_map(|scope| scope.registry().all_tasks());
        let named = records.map(TaskRef::new).filter(|task| task.name().is_some());
        for task in named.collect::<Vec<_>>() {
            self.draft.listed().add(task);
        }
    }

    pub(super) fn finish(self) -> Report {
        self.shared.events.close();
        // Handles that were kept here may hold failures that nobody heard.
        self.shared.state.clear();
        self.draft.report()
    }
}

/// Runs the handlers that were added while the program ran, the last one first.
async fn run_late<L: Timer>(
    stop: &Stop<'_, L>,
    scope: &Arc<Scope>,
    budget: Duration,
    name: &Name,
) -> Vec<HandlerOutcome> {
    let mut outcomes = Vec::new();
    while let Some(late) = scope.late().next() {
        let handler_scope = Arc::clone(scope);
        let handler = Caught::new(move || late.start(handler_scope));
        outcomes.push(stop.handler(handler, budget, name).await);
        if stop.is_over() {
            scope.late().refuse_more(); // each may add another, without end
        }
        yield_now().await;
    }
    outcomes
}

/// A drive that is dropped before its end, because the future of an attached lifespan is, cancels
/// what it started. After the end there is nothing left to cancel.
impl<L> Drop for Run<L> {
    fn drop(&mut self) {
        let _ = call_caught(|| self.shared.stop.trigger().set(Reason::LoopClosed));
        for scope in self.scopes() {
            scope.registry().close();
            let _ = call_caught(|| scope.event().trigger().set(Reason::LoopClosed));
            for record in scope.registry().snapshot() {
                let _ = call_caught(|| record.force());
            }
        }
        // What was opened and is not closed, the last one first.
        while let Some(started) = self.started.pop() {
            let _ = drop_caught(started.shutdown);
        }
        self.shared.events.close();
        self.shared.state.clear();
        self.shared.board.enter(Phase::Stopped);
    }
}
