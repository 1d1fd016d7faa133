//! All that lives in a lifespan at one moment, as a tree.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::board::{Board, Part};
use super::phase::Phase;
use crate::event::Reason;
use crate::json;
use crate::registry::{RecordRef, Registry, TaskRef};
use crate::sync::Arc;

/// How far the tree is indented at the most.
const DEEPEST_INDENT: usize = 20;

/// All that lives in a lifespan at one moment; see [`Monitor::snapshot`](crate::Monitor::snapshot).
///
/// `Display` shows it as a tree, one line for each node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// In which phase it is.
    pub phase: Phase,
    /// Why it stops, once that was asked for.
    pub reason: Option<Reason>,
    /// How long it has run, in the loop's time.
    pub age: Duration,
    /// The tree: each node before what lies in it. Tasks of the root first, then the components.
    pub nodes: Vec<Node>,
}

/// A component, scope or task of a [`Snapshot`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// How many nodes it lies in.
    pub depth: usize,
    /// What it is.
    pub kind: NodeKind,
    /// Its name, or the id of a task that has none.
    pub name: String,
    /// What it does.
    pub state: NodeState,
    /// Its age at that moment; see [`TaskRef::age`](crate::TaskRef::age). Of a component, since its start
    /// began; of a worker, since it did.
    pub age: Duration,
    /// Whether a thread is in the middle of polling the task at this moment. One that blocks its thread
    /// is, whenever it is looked at.
    pub is_polled: bool,
    /// The line that spawned the task.
    pub spawned_at: Option<&'static Location<'static>>,
    /// How many times the body of the task was begun: more than once only of a service.
    pub attempts: Option<u64>,
}

/// What a [`Node`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeKind {
    /// One of several workers.
    Worker,
    /// A component.
    Component,
    /// A scope that was opened inside another.
    Scope,
    /// A task.
    Task,
    /// A closure on a thread that may block.
    Blocking,
}

impl NodeKind {
    /// Returns its name in a few small words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Component => "component",
            Self::Scope => "scope",
            Self::Task => "task",
            Self::Blocking => "blocking task",
        }
    }
}

/// What a [`Node`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NodeState {
    /// Its turn has not come: the component has yet to start, or the body of the task to begin.
    Waiting,
    /// Its start-up handler runs.
    Starting,
    /// It has started, and nobody has asked it to stop.
    Running,
    /// It was asked to stop.
    Stopping,
    /// Its body is to be dropped, and is not gone yet.
    Cancelling,
    /// It has stopped.
    Stopped,
}

impl NodeState {
    /// Returns its name in one small word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Cancelling => "cancelling",
            Self::Stopped => "stopped",
        }
    }
}

impl Snapshot {
    pub(super) fn empty(phase: Phase) -> Self {
        Self { phase, reason: None, age: Duration::ZERO, nodes: Vec::new() }
    }

    pub(super) fn of(board: &Board) -> Self {
        let mut snapshot = Self::empty(board.phase());
        let Some(running) = board.running() else { return snapshot };
        let now = running.clock.now();
        snapshot.reason = running.stop.reason();
        snapshot.age = now.saturating_duration_since(running.began);
        if let Some(root) = board.root() {
            let is_stopping = snapshot.phase >= Phase::Stopping;
            snapshot.add_tasks(&root, 0, is_stopping, now);
        }
        for part in board.parts() {
            snapshot.add_component(&part, now);
        }
        snapshot
    }

    fn add_component(&mut self, part: &Part, now: Instant) {
        self.nodes.push(Node {
            depth: 0,
            kind: NodeKind::Component,
            name: String::from(part.name.as_str()),
            state: part.state,
            age: part.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
            is_polled: false,
            spawned_at: None,
            attempts: None,
        });
        if let Some(registry) = part.registry.upgrade() {
            self.add_tasks(&registry, 1, part.state >= NodeState::Stopping, now);
        }
    }

    fn add_tasks(&mut self, registry: &Arc<Registry>, depth: usize, stops: bool, now: Instant) {
        // No recursion: a scope may lie very deep. Those of one scope are pushed from the last to the
        // first, so that they are taken in their order, each with what lies in it.
        let listed = |registry: &Arc<Registry>, depth, stops| {
            registry.snapshot().into_iter().rev().map(move |record| (record, depth, stops))
        };
        let mut todo = listed(registry, depth, stops).collect::<Vec<_>>();
        while let Some((record, depth, stops)) = todo.pop() {
            let inner = record.below();
            let node = Node { depth, ..Node::of(record, stops, now) };
            let stops = node.state >= NodeState::Stopping;
            self.nodes.push(node);
            if let Some(inner) = inner {
                todo.extend(listed(&inner, depth + 1, stops));
            }
        }
    }

    /// Returns it as a JSON object, in one line: a list of nodes, each before what lies in it.
    ///
    /// `{"phase":"serving","reason":null,"age_seconds":61.5,"nodes":[{"depth":0,"kind":"component",
    /// "name":"db","state":"running","age_seconds":61.2,"is_polled":false,"spawned_at":null,
    /// "attempts":null}]}`. Keys may be added.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|snapshot| {
            snapshot.text("phase", self.phase);
            snapshot.text_or_null("reason", self.reason.as_ref());
            snapshot.seconds("age_seconds", self.age);
            snapshot.list("nodes", &self.nodes, |item, node| node.write(item));
        })
    }
}

impl Node {
    pub(super) fn of_worker(name: String, phase: Phase, age: Duration) -> Self {
        let state = match phase {
            Phase::Starting => NodeState::Starting,
            Phase::Serving | Phase::Draining => NodeState::Running,
            Phase::Stopping => NodeState::Stopping,
            Phase::Stopped => NodeState::Stopped,
        };
        let (kind, is_polled, spawned_at, attempts) = (NodeKind::Worker, false, None, None);
        Self { depth: 0, kind, name, state, age, is_polled, spawned_at, attempts }
    }

    fn of(record: RecordRef, is_stopping: bool, now: Instant) -> Self {
        let (flags, age, is_polled) = (record.flags(), record.age(now), record.at().is_polled());
        let task = TaskRef::new(record);
        let state = if flags.is_cancelled() {
            NodeState::Cancelling
        } else if flags.is_queued() {
            NodeState::Waiting
        } else if flags.is_stopped() || is_stopping {
            NodeState::Stopping
        } else {
            NodeState::Running
        };
        Self {
            depth: 0,
            kind: if flags.is_scope() {
                NodeKind::Scope
            } else if flags.is_blocking() {
                NodeKind::Blocking
            } else {
                NodeKind::Task
            },
            name: task.name().map_or_else(|| task.id().to_string(), |name| name.to_string()),
            state,
            age,
            is_polled,
            spawned_at: Some(task.spawned_at()),
            attempts: (!flags.is_scope()).then(|| task.attempts()),
        }
    }

    fn write(&self, item: &mut json::Object<'_>) {
        item.number("depth", self.depth as u64);
        item.text("kind", self.kind.as_str());
        item.text("name", &self.name);
        item.text("state", self.state.as_str());
        item.seconds("age_seconds", self.age);
        item.flag("is_polled", self.is_polled);
        item.text_or_null("spawned_at", self.spawned_at);
        match self.attempts {
            Some(attempts) => item.number("attempts", attempts),
            None => item.null("attempts"),
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:.1?} old", self.phase, self.age)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        for node in &self.nodes {
            let indent = 2 * node.depth.min(DEEPEST_INDENT) + 2;
            write!(f, "\n{:indent$}{node}", "")?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, state, age, is_polled, spawned_at, attempts, .. } = self;
        match kind {
            NodeKind::Worker => write!(f, "{name}: {}", state.as_str())?,
            _ => write!(f, "{} {name}: {}", kind.as_str(), state.as_str())?,
        }
        // A component whose turn has not come has no age; a task that waits for its turn has one.
        if *kind != NodeKind::Component || *state != NodeState::Waiting {
            write!(f, ", {age:.1?} old")?;
        }
        if *is_polled {
            write!(f, ", being polled")?;
        }
        if let Some(attempts) = attempts.filter(|attempts| *attempts > 1) {
            write!(f, ", attempt {attempts}")?;
        }
        if let Some(spawned_at) = spawned_at {
            write!(f, " (spawned at {spawned_at})")?;
        }
        Ok(())
    }
}
