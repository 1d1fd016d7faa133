//! The tasks of a description: their names, and how each is spawned when its time has come.

use std::panic::Location;

use super::listed::Listed;
use super::report::HandlerOutcome;
use super::start_error::StartError;
use crate::event_loop::EventLoop;
use crate::registry::TaskRef;
use crate::scope::{Cx, Factory, SpawnError, TaskFn};
use crate::task::{Name, Output, Panic};
use crate::wake::call_caught;

type Spawn<L> = Box<dyn FnOnce(&Cx<'_, L>, Name) -> Result<TaskRef, StartError>>;

/// Tasks that are to be spawned in one scope, in the order in which they were added.
pub(super) struct PlannedTasks<L> {
    /// The scope's; empty for the root.
    path: Name,
    tasks: Vec<(Name, Spawn<L>)>,
}

impl<L> PlannedTasks<L> {
    pub(super) fn of(path: Name) -> Self {
        Self { path, tasks: Vec::new() }
    }

    pub(super) fn add<R, F>(
        &mut self,
        name: Name,
        body: F,
        spawned_at: &'static Location<'static>,
    ) -> Result<(), StartError>
    where
        L: EventLoop,
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
    {
        if name.is_empty() {
            return Err(StartError::EmptyName);
        }
        if self.tasks.iter().any(|(other, _)| *other == name) {
            return Err(StartError::NameTaken { name: path(&self.path, &name) });
        }
        self.tasks.push((name, spawn(body, spawned_at)));
        Ok(())
    }

    /// Spawns them, up to the first that cannot be.
    pub(super) fn spawn(self, cx: &Cx<'_, L>, listed: &Listed) -> Result<(), StartError> {
        for (name, spawn) in self.tasks {
            // Cloning a body is foreign code.
            let spawned = call_caught(|| spawn(cx, name.clone()));
            let task = spawned.unwrap_or_else(|payload| {
                let outcome = HandlerOutcome::Panicked(Panic::new(payload));
                Err(StartError::Startup { component: path(&self.path, &name), outcome })
            })?;
            listed.add(task);
        }
        Ok(())
    }
}

fn spawn<L, R, F>(body: F, spawned_at: &'static Location<'static>) -> Spawn<L>
where
    L: EventLoop,
    R: Output<Value: Send + 'static> + 'static,
    F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R> + Factory,
{
    Box::new(move |cx, name| match cx.task(name).spawn_from(body.clone(), spawned_at) {
        Ok(task) => Ok(task.task_ref().clone()),
        Err(SpawnError::NameTaken { name, .. }) => Err(StartError::NameTaken { name }),
        Err(_) => Err(StartError::EmptyName),
    })
}

fn path(scope: &Name, name: &Name) -> Name {
    if scope.is_empty() { name.clone() } else { Name::from(format!("{scope}/{name}")) }
}
