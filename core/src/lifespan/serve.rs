//! The foreground of a lifespan.

use std::panic::Location;
use std::task::{Context, Poll};
use std::time::Duration;

use super::handler::Caught;
use crate::monitor::{Board, StepGuard};
use crate::sync::Arc;
use crate::task::Outcome;

/// The foreground, if there is one, until it has ended.
pub(super) struct Serve<'a> {
    body: Option<Caught<'a>>,
    outcome: Option<Outcome>,
    /// Shows that it is waited for.
    step: Option<StepGuard>,
    spawned_at: Option<&'static Location<'static>>,
}

impl<'a> Serve<'a> {
    pub(super) fn new(body: Caught<'a>, spawned_at: &'static Location<'static>) -> Self {
        Self { body: Some(body), outcome: None, step: None, spawned_at: Some(spawned_at) }
    }

    pub(super) fn none() -> Self {
        Self { body: None, outcome: None, step: None, spawned_at: None }
    }

    /// Shows that it is waited for, from now on for this long.
    pub(super) fn show(&mut self, board: &Arc<Board>, budget: Duration) {
        if let (true, Some(spawned_at)) = (self.is_live(), self.spawned_at) {
            self.step = Some(board.await_serve(budget, spawned_at));
        }
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

    /// Tells whether there was one, and it has ended.
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
        self.step = None;
        self.outcome = Some(outcome);
    }
}
