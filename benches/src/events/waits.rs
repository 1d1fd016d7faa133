//! `wait()`: made, polled and dropped; and polled again by the same task.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use lifespan::ShutdownEvent;
use tokio_util::sync::CancellationToken;

use super::rivals::{Drained, Listened, Notified, Rival};
use super::row::{OURS, Plan};

const WAITS: u32 = 10_000;

/// Counted references, as the wakers of runtimes are.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

pub(super) fn rows(plan: &Plan) {
    come_and_go(plan);
    polled_again(plan);
}

fn come_and_go(plan: &Plan) {
    let Some(mut row) = plan.row("wait: create, poll, drop", WAITS, 301) else { return };
    let waker = Waker::from(Arc::new(Counted));
    let (event, token) = (ShutdownEvent::new(), CancellationToken::new());
    let child = event.child();
    let (listened, notified) = (Listened::new(), tokio::sync::Notify::new());
    for _ in row.rounds() {
        row.measure("CancellationToken", || each(&waker, || token.cancelled()));
        row.measure("Notify", || each(&waker, || notified.notified()));
        row.measure("event-listener", || each(&waker, || listened.wait_owned()));
        row.measure(OURS, || each(&waker, || event.wait()));
        row.measure("lifespan, of a child", || each(&waker, || child.wait()));
    }
    row.print(&[(0.6, "CancellationToken")]);
}

fn each<F: Future>(waker: &Waker, wait: impl Fn() -> F) {
    let mut context = Context::from_waker(waker);
    for _ in 0..WAITS {
        let wait = pin!(wait());
        assert!(wait.poll(&mut context).is_pending());
    }
}

fn polled_again(plan: &Plan) {
    let Some(mut row) = plan.row("wait: poll again", WAITS, 301) else { return };
    let waker = Waker::from(Arc::new(Counted));
    let (event, token) = (ShutdownEvent::new(), CancellationToken::new());
    let (drained, notified) = (Drained::new(), Notified::new());
    for _ in row.rounds() {
        row.measure("CancellationToken", || again(&waker, token.cancelled()));
        row.measure(Drained::NAME, || again(&waker, drained.wait_owned()));
        row.measure(Notified::NAME, || again(&waker, notified.wait_owned()));
        row.measure(OURS, || again(&waker, event.wait()));
    }
    row.print(&[(0.3, "CancellationToken")]);
}

fn again(waker: &Waker, wait: impl Future) {
    let mut context = Context::from_waker(waker);
    let mut wait = pin!(wait);
    for _ in 0..WAITS {
        assert!(wait.as_mut().poll(&mut context).is_pending());
    }
}
