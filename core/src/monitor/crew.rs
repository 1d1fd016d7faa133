//! What several workers show together.

use super::board::Board;
use super::health::Health;
use super::phase::{Phase, PhaseCell};
use super::reached::Reached;
use super::snapshot::{Node, Snapshot};
use crate::event::ShutdownEvent;
use crate::sync::{Arc, Mutex, lock};
use crate::worker::Worker;

/// The boards of the workers of one run, each from when its thread describes it.
pub(crate) struct Crew {
    /// How many there will be.
    count: usize,
    boards: Mutex<Vec<(Worker, Arc<Board>)>>,
    phase: PhaseCell,
    reached: Reached,
}

impl Crew {
    pub(crate) fn new(count: usize) -> Arc<Self> {
        let (phase, reached) = (PhaseCell::new(), Reached::new());
        Arc::new(Self { count, boards: Mutex::default(), phase, reached })
    }

    pub(crate) fn add(self: &Arc<Self>, worker: Worker, board: Arc<Board>) {
        board.join(Arc::downgrade(self));
        let mut boards = lock(&self.boards);
        boards.push((worker, board));
        boards.sort_by_key(|(worker, _)| worker.index());
    }

    /// The run has ended, whether or not a worker was ever there.
    pub(crate) fn end(&self) {
        self.advance(Phase::Stopped);
    }

    /// The phase of a worker has changed.
    pub(super) fn refresh(&self) {
        self.advance(self.computed());
    }

    fn advance(&self, phase: Phase) {
        if let Some(phase) = self.phase.advance(|_| phase) {
            self.reached.tell(phase);
        }
    }

    /// All serve when the last one does, and stop when the first one does. That all have stopped is
    /// said at the end of the run.
    fn computed(&self) -> Phase {
        let boards = self.boards();
        let phases = boards.iter().map(|(_, board)| board.phase()).collect::<Vec<_>>();
        match phases.iter().max() {
            Some(Phase::Stopping | Phase::Stopped) => Phase::Stopping,
            Some(Phase::Draining) => Phase::Draining,
            Some(_) if phases.len() == self.count => {
                phases.into_iter().min().unwrap_or(Phase::Starting)
            }
            _ => Phase::Starting,
        }
    }

    fn boards(&self) -> Vec<(Worker, Arc<Board>)> {
        lock(&self.boards).clone()
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(super) fn has_started(&self) -> bool {
        self.phase.has_started()
    }

    pub(super) fn reached(&self, phase: Phase) -> Option<&ShutdownEvent> {
        self.reached.event(phase)
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
