//! How a task ended.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::sync::{Arc, Mutex, lock};
use crate::task::BoxError;
use crate::wake::Payload;

/// How a task ended, the same on every runtime.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The body returned.
    Completed,
    /// The body returned an error.
    Failed(Failure),
    /// The body panicked, or its destructor did.
    Panicked(Panic),
    /// The body was dropped because somebody asked for that.
    Cancelled,
    /// The loop ended and dropped the body.
    LoopClosed,
}

impl Outcome {
    /// Tells whether this is `Failed` or `Panicked`.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Panicked(_))
    }

    /// What it is when the body has been dropped: a panic in its destructor, unless it had failed before.
    #[inline]
    pub(crate) fn after_drop(self, dropped: Result<(), Payload>) -> Self {
        match dropped {
            Err(payload) if !self.is_failure() => Self::Panicked(Panic::new(payload)),
            _ => self,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::Panicked(panic) => write!(f, "panicked: {panic}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::LoopClosed => f.write_str("dropped by its loop, which ended"),
        }
    }
}

/// Why awaiting a [`Task`](crate::Task) gives no value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// The body returned this error.
    Failed(Failure),
    /// The body panicked, or its destructor did.
    Panicked(Panic),
    /// The body was dropped because somebody asked for that.
    Cancelled,
    /// The loop ended and dropped the body.
    LoopClosed,
    /// The task was awaited before, and gave its value then.
    Taken,
}

impl TaskError {
    /// What an outcome is to who awaits a value that there is not, or not any more.
    pub(crate) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Taken,
            Outcome::Failed(failure) => Self::Failed(failure),
            Outcome::Panicked(panic) => Self::Panicked(panic),
            Outcome::Cancelled => Self::Cancelled,
            Outcome::LoopClosed => Self::LoopClosed,
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "the task failed: {failure}"),
            Self::Panicked(panic) => write!(f, "the task panicked: {panic}"),
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::LoopClosed => f.write_str("the task was dropped because its loop ended"),
            Self::Taken => f.write_str("the task was awaited before, and gave its value then"),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => failure.source(),
            _ => None,
        }
    }
}

/// The error that a body returned, shared by all who ask for it.
#[derive(Clone)]
pub struct Failure(Arc<dyn Error + Send + Sync>);

impl Failure {
    pub(crate) fn new(error: BoxError) -> Self {
        // One that is passed on is the same, not one inside another.
        match error.downcast::<Self>() {
            Ok(failure) => *failure,
            Err(error) => Self(Arc::from(error)),
        }
    }

    /// Returns the error itself, to be shown or downcast.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A panic that was caught: its text, and its payload for one taker.
#[derive(Clone)]
pub struct Panic(Arc<Caught>);

struct Caught {
    text: Box<str>,
    payload: Mutex<Option<Payload>>,
}

impl Panic {
    pub(crate) fn new(payload: Payload) -> Self {
        let text = text_of(payload.as_any()).into();
        Self(Arc::new(Caught { text, payload: Mutex::new(Some(payload)) }))
    }

    /// Returns the panic's message, or a stand-in where the payload is no text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Takes the payload, for [`resume_unwind`](std::panic::resume_unwind); `None` if it was taken.
    #[must_use]
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        let payload = lock(&self.0.payload).take();
        payload.map(Payload::into_inner)
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a payload that is no text"
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.0.text).finish()
    }
}
