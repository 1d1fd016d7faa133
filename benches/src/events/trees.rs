//! Trees: a child that comes and goes, and a middle node that goes with many children below it.

use lifespan::ShutdownEvent;
use tokio_util::sync::CancellationToken;

use super::row::{OURS, Plan};

const CHILDREN: u32 = 10_000;
const BELOW: u32 = 100_000;

pub(super) fn rows(plan: &Plan) {
    come_and_go(plan);
    middle_goes(plan);
}

fn come_and_go(plan: &Plan) {
    let Some(mut row) = plan.row("child: new, drop", CHILDREN, 301) else { return };
    let (event, token) = (ShutdownEvent::new(), CancellationToken::new());
    for _ in row.rounds() {
        row.measure("CancellationToken", || {
            for _ in 0..CHILDREN {
                drop(std::hint::black_box(token.child_token()));
            }
        });
        row.measure(OURS, || {
            for _ in 0..CHILDREN {
                drop(std::hint::black_box(event.child()));
            }
        });
    }
    row.print(&[(0.75, "CancellationToken")]);
}

/// The cost of each child below is what is printed: that it is nothing is what is wanted.
fn middle_goes(plan: &Plan) {
    let name = format!("a middle node dropped, for each of its {BELOW} children");
    let Some(mut row) = plan.row(name, BELOW, 31) else { return };
    let (event, token) = (ShutdownEvent::new(), CancellationToken::new());
    for _ in row.rounds() {
        let tokens = || {
            let middle = token.child_token();
            let below = (0..BELOW).map(|_| middle.child_token()).collect::<Vec<_>>();
            (middle, below)
        };
        row.measure_made("CancellationToken", tokens, |(middle, below)| {
            drop(middle);
            below
        });
        let events = || {
            let middle = event.child();
            let below = (0..BELOW).map(|_| middle.child()).collect::<Vec<_>>();
            (middle, below)
        };
        row.measure_made(OURS, events, |(middle, below)| {
            drop(middle);
            below
        });
    }
    row.print(&[(0.01, "CancellationToken")]);
}
