//! Two hundred seeds of a small lifespan with random faults: it always ends, and leaves nothing.

use std::time::Duration;

use futures_lite::future::yield_now;
use lifespan_core::{Cx, Lifespan, Spawner};
use lifespan_sim::{Sim, SimLoop};

const SECOND: Duration = Duration::from_secs(1);

/// What a task does, decided by a number: the xorshift of Marsaglia.
#[derive(Clone, Copy)]
struct Fate(u64);

impl Fate {
    fn of(seed: u64, task: u64) -> Self {
        let mut fate = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ (task + 1));
        (0..8).for_each(|_| assert!(fate.below(2) < 2));
        fate
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct PanicsOnDrop(bool);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        assert!(!self.0 || std::thread::panicking(), "in a destructor");
    }
}

async fn faulty(cx: Cx<'_, Sim>, mut fate: Fate) -> Result<(), &'static str> {
    let _panics = PanicsOnDrop(fate.below(10) == 0);
    for _ in 0..fate.below(8) {
        match fate.below(14) {
            0 => panic!("a fault"),
            1 => return Err("a fault"),
            2 => cx.sleep(Duration::MAX).await,
            3 => std::future::pending().await,
            4 => cx.protect(cx.sleep(SECOND * fate.below(50) as u32)).await,
            5 => cx.protect(std::future::pending::<()>()).await,
            6 => cx.spawn(async move |cx| faulty_child(cx, fate).await).detach(),
            7 => drop(cx.spawn(async move |cx| faulty_child(cx, fate).await).await),
            8 => drop(cx.this_task().map(|task| task.cancel())),
            9 => drop(cx.trigger().set(lifespan_core::Reason::Requested)),
            10 => cx.tasks().iter().skip(1).for_each(|task| drop(task.cancel())),
            11 => cx.spawn_local(async |cx| cx.shutdown().wait().await).detach(),
            12 => drop(cx.wait_timeout(SECOND * fate.below(20) as u32).await),
            _ => yield_now().await,
        }
    }
    Ok(())
}

/// Boxed, because it is its own child's child.
fn faulty_child<'t>(
    cx: Cx<'t, Sim>,
    mut fate: Fate,
) -> std::pin::Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send + 't>> {
    fate.below(2);
    Box::pin(faulty(cx, fate))
}

fn run(seed: u64) -> (String, String) {
    let mut owner = SimLoop::new(seed).traced();
    let (tell, told) = std::sync::mpsc::channel::<Spawner<Sim>>();
    let tells = tell.clone();
    let report = Lifespan::on(&mut owner)
        .startup("component", async move |cx| {
            tells.send(cx.spawner()).unwrap();
            let fate = Fate::of(seed, 0);
            cx.task("member").spawn(async move |cx| faulty(cx, fate).await).unwrap().detach();
            if Fate::of(seed, 1).below(10) == 0 { Err("did not start") } else { Ok(()) }
        })
        .shutdown("component", async move |cx| {
            cx.sleep(SECOND * Fate::of(seed, 2).below(30) as u32).await;
        })
        .task("one", async move |cx| faulty(cx, Fate::of(seed, 3)).await)
        .task("two", async move |cx| faulty(cx, Fate::of(seed, 4)).await)
        .task("three", async move |cx| faulty(cx, Fate::of(seed, 5)).await)
        .serve(async move |cx| {
            tell.send(cx.root()).unwrap();
            cx.sleep(SECOND * Fate::of(seed, 6).below(60) as u32).await;
        })
        .run();
    for scope in told {
        assert!(scope.tasks().is_empty(), "seed {seed}: {:?} lives\n{report}", scope.tasks());
        assert!(scope.spawn(async |_cx| {}).is_err(), "seed {seed}: open\n{report}");
    }
    assert!(report.stalled.is_none(), "seed {seed}\n{report}");
    assert!(report.stragglers.is_empty(), "seed {seed}\n{report}");
    assert!(report.phases.stopping <= SECOND * 31, "seed {seed}\n{report}");
    (owner.trace().to_string(), format!("{:?}", report.phases))
}

#[test]
fn a_lifespan_with_random_faults_always_ends_and_leaves_nothing() {
    (0..200).for_each(|seed| drop(run(seed)));
    (0..20).for_each(|seed| assert_eq!(run(seed), run(seed)));
}
