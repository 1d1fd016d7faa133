//! The place of a lifespan among the workers.

use crate::registry::WorkerTasks;
use crate::worker::Worker;

/// The place of a lifespan: which worker it is, and who lists its tasks.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) worker: Worker,
    pub(crate) tasks: WorkerTasks,
}

/// The place of a lifespan that runs by itself.
impl Default for Seat {
    fn default() -> Self {
        Self { worker: Worker::new(0, 1), tasks: WorkerTasks::default() }
    }
}
