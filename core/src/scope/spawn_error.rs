//! Why a task could not be spawned, and what the caller gets back then.

use std::error::Error;
use std::fmt;

use super::WrongThread;
use crate::registry::{Barred, TaskRef};
use crate::task::Name;

/// What is left of a builder when its task was refused.
pub(super) enum Rejected {
    NameTaken { name: Name, holder: TaskRef },
    EmptyName,
    Closed,
}

impl From<Barred> for Rejected {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::EmptyName => Self::EmptyName,
            Barred::Closed => Self::Closed,
        }
    }
}

impl Rejected {
    pub(super) fn with<F>(self, body: F) -> SpawnError<F> {
        match self {
            Self::NameTaken { name, holder } => SpawnError::NameTaken { name, holder, body },
            Self::EmptyName => SpawnError::EmptyName { body },
            Self::Closed => SpawnError::Closed { body },
        }
    }
}

/// A task could not be spawned; its body comes back as it was.
#[non_exhaustive]
pub enum SpawnError<F> {
    /// A live task of the scope has this name.
    #[non_exhaustive]
    NameTaken {
        /// The name.
        name: Name,
        /// Who has it, for a caller that keeps that one.
        holder: TaskRef,
        /// The body, unpolled.
        body: F,
    },
    /// The name is empty.
    #[non_exhaustive]
    EmptyName {
        /// The body, unpolled.
        body: F,
    },
    /// A local task was to be started on another thread than its loop's.
    #[non_exhaustive]
    WrongThread {
        /// The body, unpolled.
        body: F,
    },
    /// The scope has ended.
    #[non_exhaustive]
    Closed {
        /// The body, unpolled.
        body: F,
    },
}

impl<F> SpawnError<F> {
    /// Gives the body back.
    pub fn into_body(self) -> F {
        match self {
            Self::NameTaken { body, .. }
            | Self::EmptyName { body }
            | Self::WrongThread { body }
            | Self::Closed { body } => body,
        }
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, holder, .. } => write!(
                f,
                "a live task is named {name:?}, spawned at {}: stop or cancel it first, or choose \
                 another name",
                holder.spawned_at()
            ),
            Self::EmptyName { .. } => {
                f.write_str("a task's name is empty: give it one, or spawn it without")
            }
            Self::WrongThread { .. } => WrongThread.fmt(f),
            Self::Closed { .. } => {
                f.write_str("the scope has ended, so nothing new can start in it")
            }
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, .. } => {
                f.debug_struct("NameTaken").field("name", name).finish()
            }
            Self::EmptyName { .. } => f.write_str("EmptyName"),
            Self::WrongThread { .. } => f.write_str("WrongThread"),
            Self::Closed { .. } => f.write_str("Closed"),
        }
    }
}

impl<F> Error for SpawnError<F> {}
