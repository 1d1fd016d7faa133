//! A lifespan inside a loop that somebody else drives, and code that names no loop.

use std::time::Duration;

use lifespan_core::{Cx, Lifespan, LoopOwner, Timer};
use lifespan_sim::SimLoop;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_lifespan_attaches_to_a_running_loop() {
    let mut owner = SimLoop::new(0);
    let report = owner.run(async |sim| {
        sim.sleep(SECOND).await.unwrap();
        let serve = async |cx: Cx<'_, lifespan_sim::Sim>| cx.sleep(SECOND).await;
        let ticks = async |cx: Cx<'_, lifespan_sim::Sim>| {
            while !cx.wait_timeout(SECOND / 10).await.is_set() {}
        };
        Lifespan::attach(sim.clone()).task("ticks", ticks).serve(serve).run().await
    });
    let report = report.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(owner.elapsed(), SECOND * 2);
}

#[test]
fn erased_code_runs_in_virtual_time() {
    async fn work(cx: &Cx<'_>) {
        cx.sleep(SECOND * 60).await;
        cx.spawn(async |cx| cx.sleep(SECOND * 60).await).await.unwrap();
    }
    let report = Lifespan::on(SimLoop::new(0)).serve(async |cx| work(&cx.erased()).await).run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.phases.serving, SECOND * 120);
}

#[test]
fn a_handle_may_go_anywhere() {
    fn anywhere<T: Send + Sync + Clone + 'static>(_: &T) {}
    anywhere(&SimLoop::new(0).handle());
}
