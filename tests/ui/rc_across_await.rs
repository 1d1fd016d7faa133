//! What is not `Send` is held across an `.await` in a task that may move to another thread.

use std::rc::Rc;
use std::time::Duration;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn hold_across(cx: &Cx<'_, Tokio>) {
    let task = cx.spawn(async |cx| {
        let one = Rc::new(1);
        cx.sleep(Duration::from_secs(1)).await;
        drop(one);
    });
    task.detach();
}

fn main() {}
