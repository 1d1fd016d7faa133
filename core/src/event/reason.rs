//! Why an event was set.

use std::borrow::Cow;
use std::fmt;

/// Why a stop was asked for.
///
/// The first reason given to an event stays; see [`ShutdownTrigger::set`](crate::ShutdownTrigger::set).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Somebody asked, without saying more.
    Requested,
    /// The operating system's signal of this name, such as `SIGTERM`.
    Signal(&'static str),
    /// A [`DropGuard`](crate::DropGuard) was dropped.
    GuardDropped,
    /// A start-up handler failed.
    StartFailed,
    /// The `serve` future of the lifespan has ended.
    ServeEnded,
    /// Every task has ended.
    AllTasksEnded,
    /// The lifespan's own future was dropped, or its loop ended under it.
    LoopClosed,
    /// The task of this path failed.
    ///
    /// One with [`OnFailure::Shutdown`](crate::OnFailure::Shutdown), a service past its limit, or the
    /// first failure of a fail-fast scope.
    TaskFailed(String),
    /// The service of this path ended, and its policy made that a reason to stop.
    TaskEnded(String),
    /// A reason in the caller's words.
    Other(Cow<'static, str>),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("a stop was requested"),
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::GuardDropped => f.write_str("a drop guard was dropped"),
            Self::StartFailed => f.write_str("the start failed"),
            Self::ServeEnded => f.write_str("the serve future ended"),
            Self::AllTasksEnded => f.write_str("every task has ended"),
            Self::LoopClosed => f.write_str("the loop was closed"),
            Self::TaskFailed(path) => write!(f, "task {path} failed"),
            Self::TaskEnded(path) => write!(f, "task {path} ended"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self::Other(Cow::Borrowed(text))
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::Other(Cow::Owned(text))
    }
}

/// An event that was set before: the reason that stays, and the one that came too late.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlreadySet {
    /// The reason that was given first, and stays.
    pub first: Reason,
    /// The reason that the caller gave.
    pub yours: Reason,
}

impl fmt::Display for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the event was set before (first: {}; yours: {})", self.first, self.yours)
    }
}

impl std::error::Error for AlreadySet {}
