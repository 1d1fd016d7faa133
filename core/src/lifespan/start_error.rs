//! Why a lifespan did not start.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::report::HandlerOutcome;
use crate::event_loop::{LoopId, RunError};
use crate::task::{BoxError, Name, Outcome, Panic};

/// Why a lifespan did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The loop could not be run.
    Run(RunError),
    /// A stop source could not be bound.
    StopSource(BoxError),
    /// Two components, two handlers of a kind, or two tasks have this name.
    #[non_exhaustive]
    NameTaken {
        /// The name.
        name: Name,
    },
    /// A component comes after one that there is not.
    #[non_exhaustive]
    UnknownComponent {
        /// The component.
        component: Name,
        /// What it says that it comes after.
        after: Name,
    },
    /// Components come after each other in a circle, so that none of them can be the first.
    #[non_exhaustive]
    Cycle {
        /// Their names: each comes after the next one, and the last after the first.
        members: Vec<Name>,
    },
    /// A component or task has an empty name.
    EmptyName,
    /// A start-up handler failed, panicked, or took longer than it may; or a task could not be made.
    #[non_exhaustive]
    Startup {
        /// The name of the component, or of the task.
        component: Name,
        /// How the handler ended.
        outcome: HandlerOutcome,
    },
    /// A service that must be ready was not, within what is left of the start budget.
    #[non_exhaustive]
    NotReady {
        /// The service's scope and name.
        service: String,
        /// How it ended, if it has.
        outcome: Option<Outcome>,
        /// The budget.
        budget: Duration,
    },
    /// The loop that it was attached to took a task and never polled it.
    #[non_exhaustive]
    NotDriven {
        /// Which loop.
        loop_id: LoopId,
        /// What its adapter is called.
        adapter: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The loop that it was attached to had ended before.
    #[non_exhaustive]
    LoopEnded {
        /// Which loop.
        loop_id: LoopId,
        /// What its adapter is called.
        adapter: &'static str,
    },
    /// A worker's thread could not be made.
    Thread(io::Error),
    /// The description of a worker panicked.
    DescriptionPanicked(Panic),
    /// The loop of a worker panicked; not a task or handler of it, whose panics are caught.
    LoopPanicked(Panic),
}

impl StartError {
    /// Another one of the same, for what can happen in a run; `None` for what happens before.
    pub(super) fn copy(&self) -> Option<Self> {
        match self {
            Self::NameTaken { name } => Some(Self::NameTaken { name: name.clone() }),
            Self::EmptyName => Some(Self::EmptyName),
            Self::Startup { component, outcome } => {
                Some(Self::Startup { component: component.clone(), outcome: outcome.clone() })
            }
            Self::NotReady { service, outcome, budget } => {
                let (service, outcome) = (service.clone(), outcome.clone());
                Some(Self::NotReady { service, outcome, budget: *budget })
            }
            _ => None,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(RunError::InsideLoop(inside)) => {
                write!(f, "{inside}: of a lifespan that is `Lifespan::attach(..).run().await`")
            }
            Self::Run(error) => error.fmt(f),
            Self::StopSource(error) => write!(f, "a stop source could not be bound: {error}"),
            Self::NameTaken { name } => write!(
                f,
                "the name {name:?} was given twice: two components, two handlers of a kind, or two \
                 tasks have it"
            ),
            Self::UnknownComponent { component, after } => write!(
                f,
                "component {component:?} comes after {after:?}, which there is not: register a \
                 component of this name, or leave it out of `after`"
            ),
            Self::Cycle { members } => {
                let circle = members.iter().chain(members.first()).map(Name::as_str);
                let circle = circle.collect::<Vec<_>>().join(" after ");
                write!(f, "no order of start: {circle}; leave one of them out of an `after`")
            }
            Self::EmptyName => f.write_str("a component or task has an empty name"),
            Self::Startup { component, outcome } => {
                write!(f, "the start of {component:?} {outcome}")
            }
            Self::NotReady { service, outcome: Some(outcome), .. } => {
                write!(f, "service {service:?} ended before it was ready: {outcome}")
            }
            Self::NotReady { service, budget, .. } => write!(
                f,
                "service {service:?} was not ready within the start budget of {budget:?}: has it \
                 called `cx.ready()`?"
            ),
            Self::NotDriven { loop_id, adapter, waited } => write!(
                f,
                "{loop_id} ({adapter}) took a task and has not polled it in {waited:?}: nobody \
                 drives it; run its executor, or let the lifespan own its loop"
            ),
            Self::LoopEnded { loop_id, adapter } => write!(
                f,
                "{loop_id} ({adapter}) had ended before: attach to a loop that runs, or let the \
                 lifespan own its loop"
            ),
            Self::Thread(error) => write!(f, "the worker's thread could not be made: {error}"),
            Self::DescriptionPanicked(panic) => {
                write!(f, "the worker's description panicked: {panic}")
            }
            Self::LoopPanicked(panic) => write!(f, "the worker's loop panicked: {panic}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Run(error) => Some(error),
            Self::StopSource(error) => Some(error.as_ref()),
            Self::Startup { outcome: HandlerOutcome::Failed(failure), .. } => Some(failure),
            Self::NotReady { outcome: Some(Outcome::Failed(failure)), .. } => Some(failure),
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}
