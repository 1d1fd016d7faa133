//! The foreground of a lifespan.

use std::task::{Context, Poll};

use super::handler::Caught;
use crate::task::Outcome;

/// The foreground, if there is one, until it has ended.
pub(super) struct Serve<'a> {
    body: Option<Caught<'a>>,
    outcome: Option<Outcome>,
}

impl<'a> Serve<'a> {
    pub(super) fn new(body: Option<Caught<'a>>) -> Self {
        Self { body, outcome: None }
    }

    pub(super) fn none() -> Self {
        Self::new(None)
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome.clone()
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(body) = &mut self.body else { return Poll::Ready(()) };
        let Poll::Ready(outcome) = body.poll(context) else { return Poll::Pending };
        self.settle(outcome);
        Poll::Ready(())
    }

    /// Tells whether there was one.
    pub(super) fn has_ended(&self) -> bool {
        self.outcome.is_some()
    }

    pub(super) fn is_live(&self) -> bool {
        self.body.is_some()
    }

    pub(super) fn cancel(&mut self) {
        if let Some(body) = &mut self.body {
            let outcome = body.end(Outcome::Cancelled);
            self.settle(outcome);
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.body = None;
        self.outcome = Some(outcome);
    }
}
