//! How a task waits for its turn, before its body begins.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::registry::{FirstPoll, RecordAt, TaskRef};
use crate::roll_call::Waiting;
use crate::waiters::WakerId;
use crate::wake::{Payload, call_caught};

/// Completes when the task may begin, or is to end unpolled. An error: its waker cannot be cloned.
pub(super) struct Turn<'a> {
    record: RecordAt<'a>,
    /// The waker that the record holds.
    waker: WakerId,
}

impl<'a> Turn<'a> {
    pub(super) fn of(record: RecordAt<'a>) -> Self {
        Self { record, waker: WakerId::NONE }
    }

    fn has_come(&self) -> bool {
        let flags = self.record.flags();
        !flags.is_queued() || flags.must_end()
    }
}

impl Future for Turn<'_> {
    type Output = Result<(), Payload>;

    /// No wake-up is lost: whoever ends the wait changes the flags and takes the waker in one locked
    /// section, and this stores the waker in one and looks at the flags then.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.has_come() {
            return Poll::Ready(Ok(()));
        }
        let id = WakerId::of(context.waker());
        if self.waker != id {
            let first = if self.waker == WakerId::NONE { FirstPoll::Yes } else { FirstPoll::No };
            match call_caught(|| context.waker().clone()) {
                Ok(waker) => self.record.store_waker(waker, first),
                Err(payload) => return Poll::Ready(Err(payload)),
            }
            self.waker = id;
        }
        if self.has_come() {
            return Poll::Ready(Ok(()));
        }
        Waiting::answer_task(|| TaskRef::new(self.record.refer()).path());
        Waiting::answer(|| String::from("its turn"));
        Poll::Pending
    }
}
