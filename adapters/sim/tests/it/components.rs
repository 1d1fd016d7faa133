//! Components in virtual time: budgets of their own, concurrent starts, starts that are cut short.

use std::future::pending;
use std::time::Duration;

use lifespan_core::{
    BoxError, Component, Cx, GraceExtension, HandlerOutcome, Lifespan, Outcome, Reason, Report,
    ShutdownTrigger, StartError, StopSource,
};
use lifespan_sim::{Sim, SimLoop};

use crate::log::Log;

const SECOND: Duration = Duration::from_secs(1);

/// Takes its time to start and to stop, and says so.
fn slow(it: Component<Sim>, log: &Log, start: u32, stop: u32) -> Component<Sim> {
    let (name, up, down) = (it.name().clone(), log.clone(), log.clone());
    let stopped = format!("-{name}");
    it.resource(
        async move |cx| {
            cx.sleep(SECOND * start).await;
            up.add(name.to_string());
        },
        async move |cx, ()| {
            cx.sleep(SECOND * stop).await;
            down.add(stopped);
        },
    )
}

async fn deaf(_cx: Cx<'_, Sim>) {
    pending::<()>().await;
}

fn ages(report: &Report) -> Vec<(&str, u64)> {
    let mut ages = report.tasks.iter().map(|task| (&*task.path, task.age.as_secs()));
    let mut ages = ages.by_ref().collect::<Vec<_>>();
    ages.sort_unstable();
    ages
}

#[test]
fn a_component_has_budgets_of_its_own() {
    let report = Lifespan::on(SimLoop::new(0))
        .component("own", |it| it.task("deaf", deaf).grace(SECOND * 3))
        .component("default", |it| it.task("deaf", deaf))
        .component("down", |it| {
            it.shutdown(async |cx| cx.sleep(Duration::MAX).await).stop_timeout(SECOND * 4)
        })
        .component("up", |it| {
            it.startup(async |_cx| pending::<()>().await).start_timeout(SECOND * 90)
        })
        .grace(SECOND * 5)
        .deadline(SECOND * 600)
        .run();
    assert_eq!(ages(&report), [("default/deaf", 99), ("own/deaf", 102)]);
    let of = |name| {
        let component = report.component(name).unwrap();
        (component.start_took.as_secs(), component.stop_took.as_secs())
    };
    assert_eq!((of("own"), of("default"), of("down"), of("up")), ((0, 3), (0, 5), (0, 4), (90, 0)));
    let outcomes = [&report.components[2].shutdown, &report.components[3].startup];
    let [HandlerOutcome::TimedOut(down), HandlerOutcome::TimedOut(up)] = outcomes else {
        panic!("{report}")
    };
    assert_eq!((*down, *up), (SECOND * 4, SECOND * 90));
}

#[test]
fn what_is_left_of_the_deadline_caps_every_budget_of_a_component() {
    let report = Lifespan::on(SimLoop::new(0))
        .component("first", |it| {
            it.task("deaf", deaf)
                .shutdown(async |cx| cx.sleep(Duration::MAX).await)
                .grace(Duration::MAX)
                .stop_timeout(Duration::MAX)
        })
        .component("second", |it| {
            it.shutdown(async |cx| cx.sleep(Duration::MAX).await).stop_timeout(SECOND * 6)
        })
        .component("third", |it| it.task("deaf", deaf).grace(SECOND * 3))
        .deadline(SECOND * 10)
        .serve(async |_cx| {})
        .run();
    assert_eq!(ages(&report), [("first/deaf", 10), ("third/deaf", 3)]);
    assert!(report.phases.stopping < SECOND * 11 && report.stragglers.is_empty(), "{report}");
}

fn with_every_budget(budget: Duration) -> Lifespan<SimLoop> {
    let log = Log::default();
    let all = |it: Component<Sim>| {
        slow(it, &log, 1, 1).start_timeout(budget).grace(budget).stop_timeout(budget)
    };
    Lifespan::on(SimLoop::new(3))
        .component("a", all)
        .component("b", |it| {
            all(it).after(["a"]).task("polite", async |cx| cx.shutdown().wait().await)
        })
        .deadline(budget)
        .serve(async |_cx| {})
}

#[test]
fn every_budget_of_a_component_takes_max() {
    let report = with_every_budget(Duration::MAX).concurrent_start().run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_component_without_any_time_is_undone() {
    for lifespan in
        [with_every_budget(Duration::ZERO), with_every_budget(Duration::ZERO).concurrent_start()]
    {
        let report = lifespan.run();
        let a = &report.component("a").unwrap().startup;
        assert!(matches!(a, HandlerOutcome::TimedOut(Duration::ZERO)), "{report}");
        assert!(matches!(report.component("b").unwrap().startup, HandlerOutcome::NotRun));
        assert_eq!(report.exit_code(), 3);
    }
}

#[test]
fn independent_components_start_concurrently() {
    let log = Log::default();
    let report = Lifespan::on(SimLoop::new(0))
        .concurrent_start()
        .component("slow", |it| slow(it, &log, 8, 1))
        .component("web", |it| slow(it.after(["db", "quick"]), &log, 2, 1))
        .component("db", |it| slow(it, &log, 3, 1))
        .component("quick", |it| slow(it, &log, 1, 1))
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log.take(), ["quick", "db", "web", "slow", "-slow", "-web", "-db", "-quick"]);
    assert_eq!((report.phases.starting, report.phases.stopping), (SECOND * 8, SECOND * 4));
    let names = report.components.iter().map(|it| (it.name.as_str(), it.start_took.as_secs()));
    let names = names.collect::<Vec<_>>();
    assert_eq!(names, [("quick", 1), ("db", 3), ("web", 2), ("slow", 8)]);
}

#[test]
fn without_it_they_start_one_after_the_other() {
    let log = Log::default();
    let report = Lifespan::on(SimLoop::new(0))
        .component("a", |it| slow(it, &log, 3, 0))
        .component("b", |it| slow(it, &log, 1, 0))
        .serve(async |_cx| {})
        .run();
    assert_eq!(log.take(), ["a", "b", "-b", "-a"]);
    assert_eq!(report.phases.starting, SECOND * 4);
}

/// Three that start at once, and one that comes after them; one of them ends the start after 2 s.
fn cut_short(log: &Log, cut: impl FnOnce(Component<Sim>) -> Component<Sim>) -> Report {
    let (poller, held) = (log.clone(), log.clone());
    let report = Lifespan::on(SimLoop::new(0))
        .concurrent_start()
        .component("hangs", |it| {
            it.resource(
                async move |_cx| {
                    let _held = Gone("hangs is dropped", held);
                    pending::<()>().await;
                },
                async |_cx, ()| unreachable!("what was not opened is not closed"),
            )
        })
        .component("cut", cut)
        .component("quick", |it| {
            slow(it, log, 1, 1).task("poller", async move |cx| {
                cx.shutdown().wait().await;
                poller.add("-quick/poller");
            })
        })
        .component("late", |it| it.after(["hangs"]).startup(async |_cx| unreachable!()))
        .start_timeout(SECOND * 1000)
        .run();
    assert_eq!(log.take(), ["quick", "hangs is dropped", "-quick/poller", "-quick"]);
    assert_eq!(report.phases.starting, SECOND * 2, "the others end at once");
    let names = report.components.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["quick", "hangs", "cut", "late"]);
    let startup = |name| report.component(name).unwrap().startup.clone();
    assert!(matches!(startup("hangs"), HandlerOutcome::Interrupted));
    assert!(matches!(startup("late"), HandlerOutcome::NotRun));
    report
}

struct Gone(&'static str, Log);

impl Drop for Gone {
    fn drop(&mut self) {
        self.1.add(self.0);
    }
}

#[test]
fn a_failure_ends_the_start_of_the_others_at_once() {
    let report = cut_short(&Log::default(), |it| {
        it.startup(async |cx| {
            cx.sleep(SECOND * 2).await;
            Err::<(), _>("no disk")
        })
    });
    let error = report.start_error.as_ref().unwrap();
    assert_eq!(error.to_string(), "the start of \"cut\" failed: no disk");
    assert_eq!((report.reason, report.start_error.is_some()), (Reason::StartFailed, true));
}

#[test]
fn a_panic_and_a_budget_that_is_over_end_it_as_well() {
    let report = cut_short(&Log::default(), |it| {
        it.startup(async |cx| {
            cx.sleep(SECOND * 2).await;
            panic!("oh")
        })
    });
    assert_eq!(report.exit_code(), 3);
    let report = cut_short(&Log::default(), |it| {
        it.startup(async |_cx| pending::<()>().await).start_timeout(SECOND * 2)
    });
    assert_eq!(report.exit_code(), 3);
}

#[test]
fn a_request_to_stop_ends_the_start_of_all_at_once() {
    let report = cut_short(&Log::default(), |it| {
        it.startup(async |cx| {
            cx.sleep(SECOND * 2).await;
            cx.trigger().set(Reason::Requested).unwrap();
            pending::<()>().await;
        })
    });
    assert!(report.is_clean(), "{report}");
    assert!(matches!(report.component("cut").unwrap().startup, HandlerOutcome::Interrupted));
}

#[test]
fn a_destructor_that_panics_when_it_is_interrupted_does_not_hide_the_first_failure() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let report = Lifespan::on(SimLoop::new(0))
        .concurrent_start()
        .component("bomb", |it| {
            it.startup(async |_cx| {
                let _bomb = Bomb;
                pending::<()>().await;
            })
        })
        .component("fails", |it| it.startup(async |_cx| Err::<(), _>("no disk")))
        .run();
    let Some(StartError::Startup { component, .. }) = &report.start_error else {
        panic!("{report}")
    };
    assert_eq!(component.as_str(), "fails");
    assert!(matches!(report.component("bomb").unwrap().startup, HandlerOutcome::Panicked(_)));
}

/// Hands what sets the second signal out through a channel.
struct Second(std::sync::mpsc::Sender<ShutdownTrigger>);

impl StopSource for Second {
    type Bound = ();

    fn bind(self, _stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
        Ok(self.0.send(cancel)?)
    }
}

/// Three components whose tasks take 2 s to end; the second signal comes at some time of the stop.
fn stopped(second: Duration) -> (Vec<String>, Report) {
    let log = Log::default();
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut lifespan = Lifespan::on(SimLoop::new(0)).stop_on(Second(sender));
    lifespan = lifespan.startup("signals", async move |cx| {
        let cancel = receiver.recv().unwrap();
        let signals = async move |cx: Cx<'_, Sim>| {
            cx.lifespan_event().wait().await;
            if cx.shutdown().run_until_set(cx.sleep(second)).await.is_some() {
                cancel.set(Reason::Signal("second")).unwrap();
            }
        };
        cx.spawn(signals).detach();
    });
    for (name, told, ends) in [("a", "a?", "a ends"), ("b", "b?", "b ends"), ("c", "c?", "c ends")]
    {
        let task = log.clone();
        lifespan = lifespan.component(name, |it| {
            slow(it, &log, 0, 0).task("task", async move |cx| {
                let _ends = Gone(ends, task.clone());
                cx.shutdown().wait().await;
                task.add(told);
                cx.sleep(SECOND * 2).await;
            })
        });
    }
    let serve = async |cx: Cx<'_, Sim>| cx.sleep(SECOND).await;
    let report = lifespan.grace(SECOND * 10).serve(serve).run();
    (log.take().split_off(3), report)
}

#[test]
fn the_order_of_a_stop_is_that_of_a_cancel() {
    let (log, report) = stopped(Duration::MAX);
    assert_eq!(log, ["c?", "c ends", "-c", "b?", "b ends", "-b", "a?", "a ends", "-a"]);
    assert!(report.is_clean() && report.phases.stopping == SECOND * 6, "{report}");
    let (log, report) = stopped(SECOND * 3);
    // The one that is left is not even polled.
    assert_eq!(log, ["c?", "c ends", "-c", "b?", "b ends", "-b", "a ends", "-a"]);
    let overran = report.tasks.iter().filter(|task| task.overran).map(|task| &*task.path);
    assert_eq!(overran.collect::<Vec<_>>(), ["a/task", "b/task"]);
    assert_eq!(report.phases.stopping, SECOND * 3);
}

#[test]
fn a_second_signal_counts_though_the_grace_was_extended() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let report = Lifespan::on(SimLoop::new(0))
        .stop_on(Second(sender))
        .startup("signals", async move |cx| {
            cx.state().insert(receiver.recv().unwrap());
        })
        .component("db", |it| {
            it.task("slow", async |cx| {
                cx.shutdown().wait().await;
                let asked = cx.extend_grace(SECOND * 20);
                assert_eq!(asked, GraceExtension::Granted(SECOND * 20));
                cx.sleep(SECOND * 12).await;
                let cancel = cx.state().get::<ShutdownTrigger>().unwrap();
                cancel.set(Reason::Signal("second")).unwrap();
                assert_eq!(cx.extend_grace(SECOND), GraceExtension::Cancelled);
                pending::<()>().await;
            })
        })
        .serve(async |_cx| {})
        .run();
    assert_eq!(report.phases.stopping, SECOND * 12, "{report}");
    assert!(matches!(report.task("db/slow").unwrap().outcome, Some(Outcome::Cancelled)));
}

/// What a lifespan of random components is made of.
struct Case {
    /// Of each component, those it comes after.
    after: Vec<Vec<usize>>,
    times: Vec<[u32; 3]>,
    /// Who does not start, if somebody does not.
    bad: Option<usize>,
}

/// A sequence of numbers from a seed: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 33) as usize % limit
    }
}

impl Case {
    fn of(random: &mut Random) -> Self {
        let count = 1 + random.below(8);
        // One comes only after those before it in some order: so there is no circle.
        let mut order = (0..count).collect::<Vec<_>>();
        for place in (1..count).rev() {
            order.swap(place, random.below(place + 1));
        }
        let mut after = vec![Vec::new(); count];
        for (place, &index) in order.iter().enumerate() {
            after[index] =
                order[..place].iter().copied().filter(|_| random.below(3) == 0).collect();
        }
        let times = (0..count).map(|_| [(); 3].map(|()| random.below(4) as u32)).collect();
        let bad = (random.below(2) == 0).then(|| random.below(count));
        Self { after, times, bad }
    }

    fn describe(&self, lifespan: Lifespan<SimLoop>, log: &Log) -> Lifespan<SimLoop> {
        (0..self.after.len()).fold(lifespan, |lifespan, index| {
            lifespan.component(index.to_string(), |it| self.component(it, index, log))
        })
    }

    fn component(&self, it: Component<Sim>, index: usize, log: &Log) -> Component<Sim> {
        let [start, task, stop] = self.times[index].map(|time| SECOND * time);
        let is_bad = self.bad == Some(index);
        let [up, works, down] = [(); 3].map(|()| log.clone());
        it.after(self.after[index].iter().map(usize::to_string))
            .resource(
                async move |cx| {
                    up.add(format!("starts {index}"));
                    cx.sleep(start).await;
                    if is_bad {
                        return Err("bad");
                    }
                    up.add(format!("up {index}"));
                    Ok(())
                },
                async move |cx, ()| {
                    cx.sleep(stop).await;
                    down.add(format!("down {index}"));
                },
            )
            .task("task", async move |cx| {
                cx.shutdown().wait().await;
                works.add(format!("stops {index}"));
                cx.sleep(task).await;
                works.add(format!("ends {index}"));
            })
    }

    /// The simplest program that starts them one after the other.
    fn expected(&self) -> Vec<usize> {
        let mut started = Vec::new();
        while started.len() < self.after.len() {
            let may = |index: &usize| {
                let after = &self.after[*index];
                !started.contains(index) && after.iter().all(|before| started.contains(before))
            };
            let Some(next) = (0..self.after.len()).find(may) else { unreachable!("no circle") };
            if self.bad == Some(next) {
                return started;
            }
            started.push(next);
        }
        started
    }

    fn check(&self, lines: &[String], is_concurrent: bool) {
        let of = |what: &str| {
            let lines = lines.iter().filter_map(|line| line.strip_prefix(what));
            lines.map(|index| index.trim().parse::<usize>().unwrap()).collect::<Vec<_>>()
        };
        let at = |line: String| lines.iter().position(|other| *other == line);
        let up = of("up");
        for what in ["stops", "ends", "down"] {
            let mut told = of(what);
            told.reverse();
            assert_eq!(up, told, "who has started is stopped, in reverse");
        }
        if !is_concurrent {
            assert_eq!(up, self.expected());
        } else if self.bad.is_none() {
            assert_eq!(up.len(), self.after.len());
        }
        for (index, after) in self.after.iter().enumerate() {
            for before in after {
                let Some(starts) = at(format!("starts {index}")) else { continue };
                assert!(at(format!("up {before}")).unwrap() < starts);
                let Some(down) = at(format!("down {index}")) else { continue };
                let touched = at(format!("stops {before}")).unwrap();
                assert!(down < touched, "{before} was touched before {index} had ended");
            }
        }
    }
}

#[test]
fn whatever_comes_after_whatever_the_order_holds() {
    for seed in 0..400 {
        let case = Case::of(&mut Random(seed));
        for is_concurrent in [false, true] {
            let log = Log::default();
            let lifespan = case.describe(Lifespan::on(SimLoop::new(seed)), &log);
            let lifespan =
                lifespan.serve(async |cx| cx.sleep(SECOND).await).deadline(SECOND * 1000);
            let report = if is_concurrent { lifespan.concurrent_start() } else { lifespan }.run();
            assert_eq!(report.exit_code(), if case.bad.is_some() { 3 } else { 0 }, "{report}");
            case.check(&log.take(), is_concurrent);
        }
    }
}
