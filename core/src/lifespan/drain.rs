//! The drain: all goes on as before, and whoever asks hears that it is not ready.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::drive::Run;
use super::serve::Serve;
use crate::event_loop::Timer;
use crate::monitor::{AwaitedKind, Phase};
use crate::task::Name;

impl<L: Timer> Run<L> {
    /// Serves on for the time of the drain, while there is something that serves and nobody asks
    /// twice.
    pub(super) async fn drain(&mut self, serve: &mut Serve<'_>) {
        let drain = self.budgets.drain;
        self.board().enter_stop(drain, self.budgets.deadline);
        if self.board().phase() != Phase::Draining || serve.has_ended() {
            return;
        }
        self.draft.enter(Phase::Draining);
        self.serve_on(drain, serve).await;
        self.stop_began = Some(self.handle.now());
        if let Some(finish) = &self.finish {
            finish.drained();
        }
    }

    async fn serve_on(&self, drain: Duration, serve: &mut Serve<'_>) {
        let _awaited = self.board().await_one(AwaitedKind::Drain, Name::from(""), drain);
        let mut sleep = pin!(self.handle.sleep(drain));
        let mut cancelled = self.cancel_event().wait();
        let mut idle = pin!(self.wait_idle());
        poll_fn(|context| {
            if Pin::new(&mut cancelled).poll(context).is_ready() {
                return Poll::Ready(());
            }
            let over = if serve.is_live() {
                serve.poll(context).is_ready()
            } else {
                idle.as_mut().poll(context).is_ready()
            };
            // The loop of an attached lifespan that has ended meanwhile wakes the sleep, too.
            if over || sleep.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }
}
