//! For the models: a loop that runs nothing, and whose time stands.

use std::future::{Future, Ready, ready};
use std::time::{Duration, Instant};

use crate::event_loop::{Closed, EventLoop, LoopId, Timer};

/// A loop whose time stands.
#[derive(Clone)]
pub(crate) struct Still(pub(crate) Instant);

impl EventLoop for Still {
    const NAME: &'static str = "still";

    fn id(&self) -> LoopId {
        LoopId::unique()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, _: F) -> Result<(), Closed> {
        Ok(())
    }
}

impl Timer for Still {
    type Sleep = Ready<Result<(), Closed>>;

    fn sleep(&self, _: Duration) -> Self::Sleep {
        ready(Ok(()))
    }

    fn now(&self) -> Instant {
        self.0
    }
}
