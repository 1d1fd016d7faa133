//! A task of the description owns what is not `Clone`: it is a body that may be started again.

use lifespan::Lifespan;
use lifespan::tokio::TokioLoop;

struct Orders;

impl Orders {
    async fn handle(self) {}
}

fn main() {
    let orders = Orders;
    let lifespan = Lifespan::on(TokioLoop::multi_thread());
    let _ = lifespan.task("consumer", async move |_cx| orders.handle().await).run();
}
