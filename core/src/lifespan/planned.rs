//! The tasks of a description: their names, and how each is spawned when its time has come.

use std::collections::VecDeque;
use std::panic::Location;

use super::listed::Listed;
use super::report::HandlerOutcome;
use super::start_error::StartError;
use crate::event_loop::{EventLoop, Timer};
use crate::registry::TaskRef;
use crate::scope::{Cx, Factory, ServiceBuilder, SpawnError, Task, TaskFn};
use crate::service::Service;
use crate::task::{Name, Output, Panic};
use crate::wake::{call_caught, drop_caught, drop_each_caught};

type Spawn<L> = Box<
    dyn FnOnce(&Cx<'_, L>, Option<Name>, &'static Location<'static>) -> Result<TaskRef, StartError>,
>;

struct Planned<L> {
    name: Option<Name>,
    spawned_at: &'static Location<'static>,
    spawn: Spawn<L>,
    must_be_ready: bool,
}

/// Tasks that are to be spawned in one scope, in the order in which they were added.
pub(super) struct PlannedTasks<L> {
    /// The scope's; empty for the root.
    path: Name,
    tasks: VecDeque<Planned<L>>,
}

impl<L> PlannedTasks<L> {
    pub(super) fn of(path: Name) -> Self {
        Self { path, tasks: VecDeque::new() }
    }

    pub(super) fn add<R, F>(
        &mut self,
        name: Option<Name>,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Result<(), StartError>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        self.plan(Planned { name, spawned_at, spawn: spawn(body), must_be_ready: false })
    }

    pub(super) fn add_service<R, F>(
        &mut self,
        name: Name,
        service: Service,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Result<(), StartError>
    where
        L: Timer,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        let (spawn, must_be_ready) = (spawn_service(service, body), service.must_be_ready);
        self.plan(Planned { name: Some(name), spawned_at, spawn, must_be_ready })
    }

    fn plan(&mut self, planned: Planned<L>) -> Result<(), StartError> {
        if let Some(name) = &planned.name {
            if name.is_empty() {
                return Err(StartError::EmptyName);
            }
            if self.tasks.iter().any(|other| other.name == planned.name) {
                return Err(StartError::NameTaken { name: path(&self.path, name) });
            }
        }
        self.tasks.push_back(planned);
        Ok(())
    }

    /// Spawns them, up to the first that cannot be. Returns those that are to be ready first.
    pub(super) fn spawn(
        mut self,
        cx: &Cx<'_, L>,
        listed: &Listed,
    ) -> Result<Vec<TaskRef>, StartError> {
        let mut awaited = Vec::new();
        while let Some(planned) = self.tasks.pop_front() {
            let Planned { name, spawned_at, spawn, must_be_ready } = planned;
            // Cloning a body is foreign code.
            let spawned = call_caught(|| spawn(cx, name.clone(), spawned_at));
            let task = spawned.unwrap_or_else(|payload| {
                let outcome = HandlerOutcome::Panicked(Panic::new(payload));
                let name = name.unwrap_or_else(|| Name::from(format_args!("task of {spawned_at}")));
                Err(StartError::Startup { component: path(&self.path, &name), outcome })
            })?;
            if must_be_ready {
                awaited.push(task.clone());
            }
            listed.add(task);
        }
        Ok(awaited)
    }
}

/// Bodies that are never spawned are dropped where nobody is to blame for a panic of their
/// destructors.
impl<L> Drop for PlannedTasks<L> {
    fn drop(&mut self) {
        drop_each_caught(std::mem::take(&mut self.tasks));
    }
}

fn spawn<L, R, F>(body: F) -> Spawn<L>
where
    L: EventLoop,
    R: Output<Value: Send + 'static> + 'static,
    F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
{
    Box::new(move |cx, name, spawned_at| {
        spawned(cx.task_or_unnamed(name).spawn_from(clone_of(body), spawned_at))
    })
}

fn spawn_service<L, R, F>(service: Service, body: F) -> Spawn<L>
where
    L: Timer,
    R: Output<Value: Send + 'static> + 'static,
    F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
{
    Box::new(move |cx, name, spawned_at| {
        let builder = ServiceBuilder::described(cx.task_or_unnamed(name), service);
        spawned(builder.spawn_from(clone_of(body), spawned_at))
    })
}

/// A clone to call. The body itself is dropped before anything is spawned, and nobody is to blame for
/// a panic of its destructor: after the spawn that would lose the task.
fn clone_of<F: Factory>(body: F) -> F {
    let clone = body.clone();
    let _ = drop_caught(body);
    clone
}

fn spawned<T, F>(task: Result<Task<T>, SpawnError<F>>) -> Result<TaskRef, StartError> {
    match task {
        Ok(task) => Ok(task.task_ref().clone()),
        Err(SpawnError::NameTaken { name, .. }) => Err(StartError::NameTaken { name }),
        Err(_) => Err(StartError::EmptyName),
    }
}

fn path(scope: &Name, name: &Name) -> Name {
    if scope.is_empty() { name.clone() } else { Name::from(format!("{scope}/{name}")) }
}
