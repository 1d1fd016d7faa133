//! A function of one loop, called with the proof of being in the other.

use lifespan::tokio::Tokio;
use lifespan::{Cx, tag};

tag! {
    struct Jobs;
    struct Api;
}

async fn work(_cx: &Cx<'_, Tokio<Jobs>>) {}

async fn answer(cx: Cx<'_, Tokio<Api>>) {
    work(&cx).await;
}

fn main() {}
