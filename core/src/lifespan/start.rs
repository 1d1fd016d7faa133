//! The start of the components: each when its turn comes, all ended by the first failure.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Budgets;
use super::component::Component;
use super::drive::Run;
use super::handler::{self, Handler};
use super::order::Order;
use super::readiness::Unready;
use super::report::{ComponentReport, HandlerOutcome};
use super::start_error::StartError;
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::Timer;
use crate::monitor::{AwaitedKind, NodeState};
use crate::registry::TaskRef;
use crate::scope::{LocalBoxFuture, Scope};
use crate::sync::Arc;

/// A component whose start has begun.
pub(super) struct Started<L> {
    pub(super) scope: Arc<Scope>,
    /// Its place in the report.
    pub(super) index: usize,
    /// Its place on the board.
    pub(super) part: usize,
    pub(super) budgets: Budgets,
    /// `None` if it has none, or its start-up failed: what was not opened is not closed.
    pub(super) shutdown: Option<Handler<L>>,
}

/// A component whose start goes on.
struct Starting<'a> {
    index: usize,
    began: Instant,
    step: LocalBoxFuture<'a, Step>,
}

/// What has ended of the start of a component.
enum Step {
    /// Its start-up handler.
    Handler(HandlerOutcome),
    /// The wait for its services.
    Ready(Result<(), Unready>),
}

/// What follows a step.
enum Next {
    /// The component has started: who comes after it may begin.
    Started,
    /// The wait until these services are ready, within the budget of the whole start.
    Awaits(Vec<TaskRef>, Duration),
    /// Nothing: the start ends, or a stop has come.
    Nothing,
}

impl<L: Timer> Run<L> {
    /// Runs the start-up handlers, `at_once` of them at the most, and spawns the tasks of those that
    /// have started. Tells whether all succeeded and no stop came.
    pub(super) async fn start(
        &mut self,
        mut components: Vec<Component<L>>,
        mut order: Order,
        at_once: usize,
    ) -> bool {
        let names = components.iter().map(|component| ComponentReport::new(component.name.clone()));
        let reports = names.collect();
        self.draft.write(|report| report.components = reports);
        self.board().list_components(components.iter().map(|component| &component.name));
        let (handle, stop) = (self.handle.clone(), self.stop_event().clone());
        let mut starting = Vec::new();
        // Those before this one have started, in this order.
        let mut completed = 0;
        loop {
            while starting.len() < at_once && !stop.is_set() {
                let Some(index) = order.next() else { break };
                starting.push(self.begin(index, &mut components[index], &handle, &stop));
            }
            if starting.is_empty() {
                break;
            }
            let (index, began, step) = next_ended(&mut starting).await;
            let start_took = handle.now().saturating_duration_since(began);
            self.draft.write(|report| report.components[index].start_took = start_took);
            let component = &mut components[index];
            match self.take_step(index, step, component, &mut completed) {
                Next::Started => order.started(index),
                Next::Awaits(tasks, budget) => {
                    let wait = self.wait_ready(tasks, budget, began, &handle, &stop);
                    let step = Box::pin(async move { Step::Ready(wait.await) });
                    starting.push(Starting { index, began, step });
                }
                Next::Nothing => {}
            }
        }
        self.list_in_order_of_start();
        let all = completed == components.len();
        drop(components);
        all && !stop.is_set()
    }

    /// Notes how a step of a component's start has ended, and tells what follows. Where it was the
    /// handler, and that has succeeded, one more has `completed`, and its tasks are spawned.
    fn take_step(
        &mut self,
        index: usize,
        step: Step,
        component: &mut Component<L>,
        completed: &mut usize,
    ) -> Next {
        let outcome = match step {
            Step::Handler(outcome) => outcome,
            Step::Ready(Ok(())) => return Next::Started,
            Step::Ready(Err(unready)) => {
                self.end_wait(unready);
                return Next::Nothing;
            }
        };
        let startup = outcome.clone();
        self.draft.write(|report| report.components[index].startup = startup);
        if !matches!(outcome, HandlerOutcome::Completed | HandlerOutcome::NotRun) {
            self.end_start(component, outcome);
            return Next::Nothing;
        }
        let place = *completed;
        *completed += 1;
        self.move_up(index, place);
        match self.complete(place, component) {
            Some(awaited) if awaited.is_empty() => Next::Started,
            Some(awaited) => Next::Awaits(awaited, self.started[place].budgets.start),
            None => Next::Nothing,
        }
    }

    fn begin<'a>(
        &mut self,
        index: usize,
        component: &mut Component<L>,
        handle: &'a L,
        stop: &'a ShutdownEvent,
    ) -> Starting<'a> {
        let scope = Scope::component(&self.root, component.name.clone());
        scope.registry().keep_finished(component.keep_finished);
        let budgets = component.budgets.over(self.budgets);
        scope.set_grace(budgets.grace);
        scope.set_together(component.together);
        let startup = component.startup.take();
        let startup = startup.map(|startup| self.caught(startup, Arc::clone(&scope)));
        // Before its handler runs: if this drive is dropped there, the scope is cancelled too.
        self.board().begin_component(index, scope.registry());
        self.started.push(Started { scope, index, part: index, budgets, shutdown: None });
        let (board, finish, name) =
            (Arc::clone(self.board()), self.finish.clone(), component.name.clone());
        let step = Box::pin(async move {
            let Some(startup) = startup else { return Step::Handler(HandlerOutcome::NotRun) };
            let _awaited = board.await_one(AwaitedKind::Startup, name.clone(), budgets.start);
            let _watched = finish.as_ref().map(|finish| finish.starting(name, budgets.start));
            Step::Handler(handler::run(handle, startup, budgets.start, Some(stop)).await)
        });
        Starting { index, began: handle.now(), step }
    }

    /// The first failure ends the start: the stop that it asks for interrupts the other handlers.
    fn end_start(&mut self, component: &Component<L>, outcome: HandlerOutcome) {
        if outcome.is_failure() {
            let component = component.name.clone();
            self.fail_start(StartError::Startup { component, outcome });
        } else {
            // It was interrupted: the event is set, or the loop has ended.
            self.ask_to_stop(Reason::LoopClosed);
        }
    }

    /// Moves a component that has started before those that have not, which nobody comes after.
    fn move_up(&mut self, index: usize, to: usize) {
        let others = &mut self.started[to..];
        if let Some(place) = others.iter().position(|started| started.index == index) {
            others[..=place].rotate_right(1);
        }
    }

    /// Keeps how to stop a component that has started, and spawns its tasks. Returns those that are to
    /// be ready first; `None` if they do not run.
    fn complete(&mut self, place: usize, component: &mut Component<L>) -> Option<Vec<TaskRef>> {
        let started = &mut self.started[place];
        started.shutdown = component.shutdown.take();
        let (scope, part) = (Arc::clone(&started.scope), started.part);
        self.board().set_state(part, NodeState::Running);
        self.spawn_planned(component.take_tasks(), scope)
    }

    /// The report lists those that have started as they have, then the others.
    fn list_in_order_of_start(&mut self) {
        let draft = Arc::clone(&self.draft);
        draft.write(|report| {
            let reports = std::mem::take(&mut report.components).into_iter();
            let mut reports = reports.map(Some).collect::<Vec<_>>();
            let listed = &mut report.components;
            for (place, started) in self.started.iter_mut().enumerate() {
                listed.extend(reports[started.index].take());
                started.index = place;
            }
            listed.extend(reports.into_iter().flatten());
        });
    }
}

/// Takes out the first whose step has ended, with when it began and how that ended.
async fn next_ended(starting: &mut Vec<Starting<'_>>) -> (usize, Instant, Step) {
    poll_fn(|context| {
        for place in 0..starting.len() {
            if let Poll::Ready(ended) = starting[place].step.as_mut().poll(context) {
                let Starting { index, began, .. } = starting.remove(place);
                return Poll::Ready((index, began, ended));
            }
        }
        Poll::Pending
    })
    .await
}
