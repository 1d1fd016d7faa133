//! Random spawns, stops, cancels and look-ups on a registry, against a list that forgets nothing.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex};

use lifespan_core::{Cx, Lifespan, Outcome, Task, TaskId, TaskRef};
use proptest::prelude::*;

use crate::by_hand::{ByHand, Hand, next_round, run};
use crate::woken::poll;

const NAMES: [&str; 4] = ["a", "b", "a name that is too long to be kept inline", "d"];

/// What a body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Waits for its stop.
    Polite,
    /// Waits for ever.
    Deaf,
    /// Returns when it is polled.
    Quick,
    /// Fails when it is polled.
    Fails,
}

#[derive(Clone, Debug)]
enum Step {
    Spawn(Kind, Option<usize>),
    Stop(usize),
    Cancel(usize),
    CancelName(usize),
    Await(usize),
    DropHandle(usize),
    Round,
}

fn step() -> impl Strategy<Value = Step> {
    let on = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    let kind =
        prop_oneof![Just(Kind::Polite), Just(Kind::Deaf), Just(Kind::Quick), Just(Kind::Fails)];
    let name = prop::option::of(0..NAMES.len());
    prop_oneof![
        5 => (kind, name).prop_map(|(kind, name)| Step::Spawn(kind, name)),
        2 => on.clone().prop_map(Step::Stop),
        1 => on.clone().prop_map(Step::Cancel),
        1 => (0..NAMES.len()).prop_map(Step::CancelName),
        2 => on.clone().prop_map(Step::Await),
        2 => on.prop_map(Step::DropHandle),
        4 => Just(Step::Round),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Completed,
    Failed,
    Cancelled,
}

struct Entry {
    task: TaskRef,
    handle: Option<Task<()>>,
    kind: Kind,
    name: Option<usize>,
    is_stopped: bool,
    is_cancelled: bool,
    is_heard: bool,
    end: Option<End>,
}

#[derive(Default)]
struct Model(Vec<Entry>);

impl Model {
    async fn apply(&mut self, cx: &Cx<'_, Hand>, step: &Step) {
        match *step {
            Step::Spawn(kind, name) => self.spawn(cx, kind, name),
            Step::Stop(at) => self.on(at, |entry| {
                assert_eq!(entry.task.stop(), entry.end.is_none());
                entry.is_stopped = true;
            }),
            Step::Cancel(at) => self.on(at, Entry::cancel),
            Step::CancelName(name) => match self.live_named(name) {
                Some(entry) => entry.cancel(),
                None => assert!(cx.tasks().cancel(NAMES[name]).await.is_err()),
            },
            Step::Await(at) => self.on(at, Entry::poll),
            Step::DropHandle(at) => self.on(at, |entry| drop(entry.handle.take())),
            Step::Round => {
                next_round().await;
                self.0.iter_mut().for_each(Entry::take_turn);
            }
        }
    }

    fn spawn(&mut self, cx: &Cx<'_, Hand>, kind: Kind, name: Option<usize>) {
        let body = async move |cx: Cx<'_, Hand>| {
            match kind {
                Kind::Polite => cx.shutdown().wait().await,
                Kind::Deaf => pending().await,
                Kind::Quick | Kind::Fails => (),
            }
            if kind == Kind::Fails { Err("as it should") } else { Ok(()) }
        };
        let handle = match name {
            None => cx.spawn(body),
            Some(at) => {
                let is_taken = self.live_named(at).is_some();
                let spawned = cx.task(NAMES[at]).spawn(body);
                assert_eq!(spawned.is_err(), is_taken);
                let Ok(handle) = spawned else { return };
                handle
            }
        };
        self.0.push(Entry {
            task: handle.task_ref().clone(),
            handle: Some(handle),
            kind,
            name,
            is_stopped: false,
            is_cancelled: false,
            is_heard: false,
            end: None,
        });
    }

    fn on(&mut self, at: usize, act: impl FnOnce(&mut Entry)) {
        if !self.0.is_empty() {
            let at = at % self.0.len();
            act(&mut self.0[at]);
        }
    }

    fn live_named(&mut self, name: usize) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.name == Some(name) && entry.end.is_none())
    }

    fn check(&mut self, cx: &Cx<'_, Hand>) {
        let live = self.0.iter().filter(|entry| entry.end.is_none());
        let live = live.map(|entry| entry.task.id()).collect::<Vec<_>>();
        assert_eq!(cx.tasks().iter().map(|task| task.id()).collect::<Vec<_>>(), live);
        assert_eq!((cx.tasks().len(), cx.tasks().is_empty()), (live.len(), live.is_empty()));
        for (at, name) in NAMES.iter().enumerate() {
            let expected = self.live_named(at).map(|entry| entry.task.id());
            assert_eq!(cx.tasks().get(name).map(|task| task.id()), expected);
            assert_eq!(cx.tasks().contains(name), expected.is_some());
        }
        for entry in &self.0 {
            assert_eq!(entry.task.outcome().map(|outcome| end(&outcome)), entry.end);
            assert_eq!(entry.task.is_finished(), entry.end.is_some());
            assert_eq!(entry.task.name().map(|name| name.to_string()), entry.name());
        }
    }

    /// The failures that the report must hold.
    fn unheard(&self) -> BTreeSet<TaskId> {
        let unheard = |entry: &&Entry| entry.end == Some(End::Failed) && !entry.is_heard;
        self.0.iter().filter(unheard).map(|entry| entry.task.id()).collect()
    }
}

impl Entry {
    fn name(&self) -> Option<String> {
        self.name.map(|at| NAMES[at].into())
    }

    fn cancel(&mut self) {
        drop(self.task.cancel());
        self.is_cancelled |= self.end.is_none();
    }

    fn poll(&mut self) {
        let Some(handle) = &mut self.handle else { return };
        let heard = poll(handle, std::task::Waker::noop());
        assert_eq!(heard.is_ready(), self.end.is_some());
        self.is_heard |= heard.is_ready();
    }

    fn take_turn(&mut self) {
        let end = match self.kind {
            _ if self.is_cancelled => Some(End::Cancelled),
            Kind::Polite if self.is_stopped => Some(End::Completed),
            Kind::Polite | Kind::Deaf => None,
            Kind::Quick => Some(End::Completed),
            Kind::Fails => Some(End::Failed),
        };
        self.end = self.end.or(end);
    }
}

fn end(outcome: &Outcome) -> End {
    match outcome {
        Outcome::Completed => End::Completed,
        Outcome::Failed(_) => End::Failed,
        Outcome::Cancelled => End::Cancelled,
        other => panic!("no body ends so: {other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_registry_does_what_a_list_that_forgets_nothing_does(
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let unheard = Arc::new(Mutex::new(BTreeSet::new()));
        let inner = Arc::clone(&unheard);
        let report = run(Lifespan::on(ByHand::new()).serve(async move |cx| {
            let mut model = Model::default();
            for step in steps.iter().chain([&Step::Round]) {
                model.apply(&cx, step).await;
                model.check(&cx);
            }
            *inner.lock().unwrap() = model.unheard();
        }));
        let is_failure = |task: &&lifespan_core::TaskReport| {
            task.outcome.as_ref().is_some_and(Outcome::is_failure)
        };
        let failures = report.tasks.iter().filter(is_failure).map(|task| task.id);
        assert_eq!(failures.clone().count(), unheard.lock().unwrap().len(), "each once");
        assert_eq!(failures.collect::<BTreeSet<_>>(), *unheard.lock().unwrap());
        assert!(report.stragglers.is_empty());
    }
}
