//! A multi-thread runtime has no thread of its own for what is not `Send`.

use std::rc::Rc;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn body(cx: Cx<'_, Tokio>) {
    let shared = Rc::new(1);
    cx.spawn_local(async move |_cx| println!("{shared}")).detach();
}

fn main() {}
