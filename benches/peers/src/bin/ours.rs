//! The program with lifespan.

use std::time::Duration;

use lifespan::signals::Signals;
use lifespan::tokio::TokioLoop;
use lifespan::{HardEnd, Lifespan, OnEnd, Report};
use lifespan_peers::{Scenario, close, poll};

fn main() -> Report {
    let scenario = Scenario::of_this_process();
    Lifespan::on(TokioLoop::multi_thread())
        .stop_on(Signals::default())
        .grace(scenario.grace())
        .stop_timeout(scenario.grace())
        .deadline(scenario.grace() + Duration::from_secs(2))
        .hard_end(HardEnd::Exit(70))
        .startup("db", async |_cx| {})
        .shutdown("db", async move |_cx| close(scenario).await)
        .service_with(
            "poller",
            |it| it.on_failure(OnEnd::Shutdown),
            async move |cx| poll(scenario, cx.shutdown().wait()).await,
        )
        .run()
}
