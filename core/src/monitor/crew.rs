//! What several workers show together.

use super::board::Board;
use super::health::Health;
use super::phase::{Phase, PhaseCell};
use super::snapshot::{Node, Snapshot};
use crate::sync::{Arc, Mutex, lock};
use crate::worker::Worker;

/// The boards of the workers of one run, each from when its thread describes it.
pub(crate) struct Crew {
    /// How many there will be.
    count: usize,
    boards: Mutex<Vec<(Worker, Arc<Board>)>>,
    /// `Stopped` at the end of the run; until then the workers tell.
    phase: PhaseCell,
}

impl Crew {
    pub(crate) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { count, boards: Mutex::default(), phase: PhaseCell::new() })
    }

    pub(crate) fn add(&self, worker: Worker, board: Arc<Board>) {
        let mut boards = lock(&self.boards);
        boards.push((worker, board));
        boards.sort_by_key(|(worker, _)| worker.index());
    }

    /// The run has ended, whether or not a worker was ever there.
    pub(crate) fn end(&self) {
        self.phase.advance(|_| Phase::Stopped);
    }

    fn boards(&self) -> Vec<(Worker, Arc<Board>)> {
        lock(&self.boards).clone()
    }

    /// The latest phase that any is in, of those that have not stopped; but as long as none stops,
    /// the earliest: all serve when the last one does.
    pub(super) fn phase(&self) -> Phase {
        if self.phase.get() == Phase::Stopped {
            return Phase::Stopped;
        }
        let boards = self.boards();
        let phases = boards.iter().map(|(_, board)| board.phase()).collect::<Vec<_>>();
        let stops = |phase: &Phase| (Phase::Draining..=Phase::Stopping).contains(phase);
        if let Some(latest) = phases.iter().copied().filter(stops).max() {
            return latest;
        }
        if phases.contains(&Phase::Stopped) {
            return Phase::Stopping; // the others are about to
        }
        let serve = phases.len() == self.count && phases.iter().all(|it| *it == Phase::Serving);
        if serve { Phase::Serving } else { Phase::Starting }
    }

    pub(super) fn health(&self) -> Health {
        let (phase, boards) = (self.phase(), self.boards());
        let mut awaits = Vec::new();
        for (worker, board) in &boards {
            let name = name_of(*worker);
            awaits.extend(board.awaited().into_iter().map(|mut awaited| {
                awaited.path = match &*awaited.path {
                    "" => name.clone(),
                    path => format!("{name}/{path}"),
                };
                awaited
            }));
        }
        let ready = phase == Phase::Serving && boards.iter().all(|(_, board)| board.is_ready());
        Health { live: phase != Phase::Stopped, ready, phase, awaits }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut whole = Snapshot::empty(self.phase());
        for (worker, board) in self.boards() {
            let Snapshot { phase, reason, age, nodes } = Snapshot::of(&board);
            whole.reason = whole.reason.or(reason);
            whole.age = whole.age.max(age);
            whole.nodes.push(Node::of_worker(name_of(worker), phase, age));
            let nodes = nodes.into_iter();
            whole.nodes.extend(nodes.map(|node| Node { depth: node.depth + 1, ..node }));
        }
        whole
    }
}

fn name_of(worker: Worker) -> String {
    format!("worker {}", worker.index())
}
