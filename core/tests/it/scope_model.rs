//! Random trees of scopes against the simplest model of them.

use std::future::pending;

use lifespan_core::{Cx, OpenScope, Outcome, ScopeError, TaskRef};
use proptest::prelude::*;

use crate::by_hand::{Hand, next_round, serve};

/// What is done; scopes are numbered in the order in which they were opened, 0 is the root.
#[derive(Clone, Copy, Debug)]
enum Step {
    Open { outer: usize, name: u8 },
    Spawn { scope: usize, is_polite: bool },
    Stop { scope: usize },
    Cancel { scope: usize },
    Drop { scope: usize },
    Detach { scope: usize },
    CancelTask { task: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let scope = 0..12_usize;
    prop_oneof![
        4 => (scope.clone(), 0..4_u8).prop_map(|(outer, name)| Step::Open { outer, name }),
        4 => (scope.clone(), any::<bool>())
            .prop_map(|(scope, is_polite)| Step::Spawn { scope, is_polite }),
        1 => scope.clone().prop_map(|scope| Step::Stop { scope }),
        1 => scope.clone().prop_map(|scope| Step::Cancel { scope }),
        1 => scope.clone().prop_map(|scope| Step::Drop { scope }),
        1 => scope.prop_map(|scope| Step::Detach { scope }),
        2 => (0..12_usize).prop_map(|task| Step::CancelTask { task }),
    ]
}

/// A scope as the model sees it.
#[derive(Debug)]
struct Scope {
    outer: Option<usize>,
    name: String,
    is_stopped: bool,
    /// It ends when nothing lives in it.
    is_closing: bool,
    is_cancelled: bool,
    has_ended: bool,
}

#[derive(Debug)]
struct Task {
    scope: usize,
    /// It ends when it sees its event set.
    is_polite: bool,
    /// How it ended.
    ended: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Model {
    scopes: Vec<Scope>,
    tasks: Vec<Task>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self::default();
        model.open(None, String::new());
        model
    }

    fn open(&mut self, outer: Option<usize>, name: String) {
        let is_stopped = outer.is_some_and(|outer| self.scopes[outer].is_stopped);
        let (is_closing, is_cancelled, has_ended) = (false, false, false);
        self.scopes.push(Scope { outer, name, is_stopped, is_closing, is_cancelled, has_ended });
        if let Some(outer) = outer {
            self.note_member(outer);
        }
    }

    /// One that was opened in a stopped scope waits for its first member, and ends with the last.
    fn note_member(&mut self, scope: usize) {
        self.scopes[scope].is_closing |= self.scopes[scope].is_stopped;
    }

    fn path(&self, scope: usize) -> String {
        match self.scopes[scope].outer {
            None => String::new(),
            Some(0) => self.scopes[scope].name.clone(),
            Some(outer) => format!("{}/{}", self.path(outer), self.scopes[scope].name),
        }
    }

    fn lies_in(&self, inner: usize, outer: usize) -> bool {
        inner == outer || self.scopes[inner].outer.is_some_and(|around| self.lies_in(around, outer))
    }

    fn live_members(&self, scope: usize) -> usize {
        let scopes = self.scopes.iter().filter(|it| it.outer == Some(scope) && !it.has_ended);
        let tasks = self.tasks.iter().filter(|it| it.scope == scope && it.ended.is_none());
        scopes.count() + tasks.count()
    }

    fn names_in(&self, scope: usize, name: &str) -> bool {
        let mut inner = self.scopes.iter().filter(|it| it.outer == Some(scope));
        inner.any(|it| it.name == name && !it.has_ended)
    }

    fn stop(&mut self, scope: usize) {
        if self.scopes[scope].has_ended {
            return;
        }
        for inner in 0..self.scopes.len() {
            if self.lies_in(inner, scope) {
                self.scopes[inner].is_stopped = true;
                self.scopes[inner].is_closing = true;
            }
        }
    }

    fn cancel(&mut self, scope: usize) {
        for inner in 0..self.scopes.len() {
            if self.lies_in(inner, scope) && !self.scopes[inner].has_ended {
                self.scopes[inner].is_cancelled = true;
                self.scopes[inner].is_closing = true;
                for task in self.tasks.iter_mut().filter(|task| task.scope == inner) {
                    task.ended.get_or_insert("cancelled");
                }
            }
        }
    }

    /// The handle is gone.
    fn drop(&mut self, scope: usize) {
        self.scopes[scope].is_closing = true;
        self.settle();
        if !self.scopes[scope].has_ended {
            self.cancel(scope);
        }
    }

    /// What ends by itself: polite tasks that were stopped, and scopes that are empty.
    fn settle(&mut self) {
        for task in &mut self.tasks {
            if task.is_polite && self.scopes[task.scope].is_stopped {
                task.ended.get_or_insert("completed");
            }
        }
        // Later ones lie in earlier ones.
        for scope in (1..self.scopes.len()).rev() {
            let is_empty = self.live_members(scope) == 0;
            self.scopes[scope].has_ended |= self.scopes[scope].is_closing && is_empty;
        }
    }
}

/// What is compared with the model.
#[derive(Default)]
struct Real {
    /// `None` when the handle is gone; the root has none.
    handles: Vec<Option<OpenScope<Hand>>>,
    scopes: Vec<TaskRef>,
    tasks: Vec<TaskRef>,
}

async fn check(cx: &Cx<'_, Hand>, model: &Model, real: &Real) {
    for _ in 0..4 {
        next_round().await;
    }
    assert_eq!(cx.tasks().len(), model.live_members(0), "{model:#?}");
    for (index, scope) in model.scopes.iter().enumerate().skip(1) {
        let task = &real.scopes[index - 1];
        assert_eq!(task.is_finished(), scope.has_ended, "scope {index} of {model:#?}");
        assert_eq!(task.path(), model.path(index));
        if scope.has_ended {
            let is_cancelled = matches!(task.outcome(), Some(Outcome::Cancelled));
            assert_eq!(is_cancelled, scope.is_cancelled, "scope {index} of {model:#?}");
        }
        if let Some(handle) = &real.handles[index - 1] {
            assert_eq!(handle.tasks().len(), model.live_members(index), "{index} of {model:#?}");
            assert_eq!(handle.shutdown().is_set(), scope.is_stopped, "{index} of {model:#?}");
        }
    }
    for (task, expected) in real.tasks.iter().zip(&model.tasks) {
        let outcome = task.outcome().map(|outcome| outcome.to_string());
        assert_eq!(outcome.as_deref(), expected.ended, "{task:?} of {model:#?}");
    }
}

fn run(steps: Vec<Step>) {
    let report = serve(async move |cx| {
        let (mut model, mut real) = (Model::new(), Real::default());
        for step in steps.clone() {
            act(&cx, &mut model, &mut real, step);
            model.settle();
            check(&cx, &model, &real).await;
        }
        for scope in 1..model.scopes.len() {
            act(&cx, &mut model, &mut real, Step::Drop { scope });
            model.settle();
        }
        check(&cx, &model, &real).await;
    });
    assert!(report.stragglers.is_empty(), "{report}");
}

fn act(cx: &Cx<'_, Hand>, model: &mut Model, real: &mut Real, step: Step) {
    let scopes = model.scopes.len();
    // The root has no handle: what is done to it, is done to nobody.
    let held = |real: &Real, scope: usize| {
        (scope < scopes && scope > 0 && real.handles[scope - 1].is_some()).then_some(scope)
    };
    match step {
        Step::Open { outer, name } => {
            let name = name.to_string();
            let opened = match outer {
                0 => cx.scope(name.clone()).open(),
                _ => match held(real, outer) {
                    Some(_) => {
                        let handle = real.handles[outer - 1].as_ref();
                        let Some(handle) = handle else { return };
                        handle.scope(name.clone()).open()
                    }
                    None => return,
                },
            };
            match opened {
                Ok(scope) => {
                    assert!(!model.scopes[outer].has_ended && !model.names_in(outer, &name));
                    model.open(Some(outer), name);
                    real.scopes.push(scope.task_ref().clone());
                    real.handles.push(Some(scope));
                }
                Err(ScopeError::NameTaken { .. }) => assert!(model.names_in(outer, &name)),
                Err(_) => assert!(model.scopes[outer].has_ended),
            }
        }
        Step::Spawn { scope, is_polite } => {
            let Some(scope) = held(real, scope) else { return };
            let Some(handle) = &real.handles[scope - 1] else { return };
            let spawned = handle.spawn(async move |cx| match is_polite {
                true => cx.shutdown().wait().await,
                false => pending().await,
            });
            assert_eq!(spawned.is_err(), model.scopes[scope].has_ended);
            if let Ok(task) = spawned {
                real.tasks.push(task.task_ref().clone());
                model.tasks.push(Task { scope, is_polite, ended: None });
                model.note_member(scope);
            }
        }
        Step::Stop { scope } => {
            let Some(scope) = held(real, scope) else { return };
            assert_eq!(real.scopes[scope - 1].stop(), !model.scopes[scope].has_ended);
            model.stop(scope);
        }
        Step::Cancel { scope } => {
            let Some(scope) = held(real, scope) else { return };
            drop(real.scopes[scope - 1].cancel());
            model.cancel(scope);
        }
        Step::Drop { scope } => {
            let Some(scope) = held(real, scope) else { return };
            real.handles[scope - 1] = None;
            model.drop(scope);
        }
        Step::Detach { scope } => {
            let Some(scope) = held(real, scope) else { return };
            if let Some(handle) = real.handles[scope - 1].take() {
                handle.detach();
            }
            model.scopes[scope].is_closing = true;
        }
        Step::CancelTask { task } => {
            if let Some(found) = real.tasks.get(task) {
                drop(found.cancel());
                model.tasks[task].ended.get_or_insert("cancelled");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_tree_of_scopes_is_as_the_model_says(steps in proptest::collection::vec(step(), 0..60)) {
        run(steps);
    }
}
