//! What a service does of which nothing was said.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lifespan_core::{Cx, Lifespan, Reason};
use lifespan_sim::{Sim, SimLoop};

/// When each attempt has begun.
#[derive(Clone, Default)]
struct Begins(Arc<Mutex<Vec<Instant>>>);

impl Begins {
    fn note(&self, cx: &Cx<'_, Sim>) {
        self.0.lock().unwrap().push(cx.now());
    }

    /// How long it was from each to the next.
    fn delays(&self) -> Vec<Duration> {
        let begins = self.0.lock().unwrap();
        begins.windows(2).map(|two| two[1].duration_since(two[0])).collect()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[test]
fn it_begins_again_five_times_after_delays_of_100_ms_and_more_and_then_all_stops() {
    let begins = Begins::default();
    let noted = begins.clone();
    let fails = async move |cx: Cx<'_, Sim>| {
        noted.note(&cx);
        Err::<(), _>("no such host")
    };
    let report = Lifespan::on(SimLoop::new(1))
        .service("feed", fails)
        .serve(async |cx| {
            cx.wait_timeout(Duration::from_secs(3600)).await;
        })
        .run();
    assert_eq!(report.reason, Reason::TaskFailed(String::from("feed")));
    assert_eq!(begins.count(), 6);
    let mut longest = Duration::from_millis(100);
    for delay in begins.delays() {
        assert!(delay >= longest / 2 && delay <= longest, "{delay:?} of {longest:?}");
        longest *= 2;
    }
}

#[test]
fn within_a_minute_it_counts_and_no_longer() {
    let begins = Begins::default();
    let noted = begins.clone();
    let fails = async move |cx: Cx<'_, Sim>| {
        noted.note(&cx);
        if noted.count() == 20 {
            let _ = cx.trigger().set("enough");
        }
        cx.sleep(Duration::from_secs(15)).await;
        Err::<(), _>("once in a while")
    };
    let report = Lifespan::on(SimLoop::new(1)).service("feed", fails).run();
    assert_eq!((report.reason, begins.count()), (Reason::from("enough"), 20));
}

#[test]
fn it_has_ended_when_its_body_returns() {
    let begins = Begins::default();
    let noted = begins.clone();
    let returns = async move |cx: Cx<'_, Sim>| noted.note(&cx);
    let report = Lifespan::on(SimLoop::new(1)).service("job", returns).until_idle().run();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.reason, begins.count()), (Reason::AllTasksEnded, 1));
}
