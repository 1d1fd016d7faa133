//! One turn of a ticker: so many tick at once that the loop hardly rests.

use std::fmt::Debug;
use std::time::Duration;

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Cx, Lifespan, ShutdownEvent};
use tokio_util::sync::CancellationToken;

use super::row::{OURS, Plan, Row};

/// A turn takes a quarter of a microsecond, and tokio wakes all that are due each second millisecond.
const TICKERS: u32 = 5_000;
/// So many that the first, which allocates and registers, does not count.
const TURNS: u32 = 200;
const PERIOD: Duration = Duration::from_millis(1);
const TOKEN: &str = "timeout(token.cancelled())";

pub(super) fn rows(plan: &Plan) {
    let name = "one turn of a ticker, on tokio, current-thread";
    let Some(row) = plan.row(name, TICKERS * TURNS, 21) else { return };
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(TokioLoop::current_thread())
        .serve(async move |cx| drop(send.send(run(&cx, row).await)))
        .run();
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the foreground has sent it").print(&[(0.9, TOKEN)]);
}

async fn run(cx: &Cx<'_, Tokio>, mut row: Row) -> Row {
    let (token, event) = (CancellationToken::new(), ShutdownEvent::new());
    for _ in row.rounds() {
        row.measure_in(TOKEN, by_token(&token)).await;
        row.measure_in("a bare sleep", bare()).await;
        row.measure_in("timeout(event.wait())", by_event(&event)).await;
        row.measure_in(OURS, ours(cx)).await;
        row.measure_in("lifespan, sleep", ours_asleep(cx)).await;
        row.measure_in("lifespan, tokio's own sleep", ours_bare(cx)).await;
    }
    row
}

/// Spawns all tickers, and waits until each has made its turns.
async fn all<T: Future<Output = Result<(), E>>, E: Debug>(spawn: impl Fn() -> T) {
    for task in (0..TICKERS).map(|_| spawn()).collect::<Vec<_>>() {
        task.await.expect("it ends");
    }
}

async fn by_token(token: &CancellationToken) {
    let spawn = || {
        let token = token.clone();
        tokio::spawn(async move {
            for _ in 0..TURNS {
                let turn = tokio::time::timeout(PERIOD, token.cancelled()).await;
                assert!(turn.is_err(), "it is not cancelled");
            }
        })
    };
    all(spawn).await;
}

/// The event alone, without a task of ours around it.
async fn by_event(event: &ShutdownEvent) {
    let spawn = || {
        let event = event.clone();
        tokio::spawn(async move {
            for _ in 0..TURNS {
                let turn = tokio::time::timeout(PERIOD, event.wait()).await;
                assert!(turn.is_err(), "it is not set");
            }
        })
    };
    all(spawn).await;
}

async fn bare() {
    let spawn = || {
        tokio::spawn(async {
            for _ in 0..TURNS {
                tokio::time::sleep(PERIOD).await;
            }
        })
    };
    all(spawn).await;
}

async fn ours(cx: &Cx<'_, Tokio>) {
    let spawn = || {
        cx.spawn(async |cx| {
            for _ in 0..TURNS {
                assert!(!cx.wait_timeout(PERIOD).await.is_set(), "nobody stops it");
            }
        })
    };
    all(spawn).await;
}

async fn ours_asleep(cx: &Cx<'_, Tokio>) {
    let spawn = || {
        cx.spawn(async |cx| {
            for _ in 0..TURNS {
                cx.sleep(PERIOD).await;
            }
        })
    };
    all(spawn).await;
}

/// The task alone: neither the event nor the timer is ours.
async fn ours_bare(cx: &Cx<'_, Tokio>) {
    let spawn = || {
        cx.spawn(async |_cx| {
            for _ in 0..TURNS {
                tokio::time::sleep(PERIOD).await;
            }
        })
    };
    all(spawn).await;
}
