//! Lets the loop turn once.

use std::future::poll_fn;
use std::task::Poll;

/// Completes when the loop comes round to this future again; it wakes itself, so that is at once.
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
