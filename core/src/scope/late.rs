//! Shutdown handlers that were added while the program ran.

use std::future::Future;
use std::pin::Pin;

use super::Scope;
use crate::event_loop::Closed;
use crate::sync::{Arc, Mutex, lock};
use crate::task::BoxError;
use crate::wake::drop_each_caught;

/// A future that stays on its thread.
pub(crate) type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

type Start = Box<dyn FnOnce(Arc<Scope>) -> LocalBoxFuture<'static, Result<(), BoxError>> + Send>;

/// A handler that knows its loop, and is given its scope when it runs.
pub(crate) struct LateHandler(Start);

impl LateHandler {
    pub(super) fn new(
        start: impl FnOnce(Arc<Scope>) -> LocalBoxFuture<'static, Result<(), BoxError>> + Send + 'static,
    ) -> Self {
        Self(Box::new(start))
    }

    pub(crate) fn start(self, scope: Arc<Scope>) -> LocalBoxFuture<'static, Result<(), BoxError>> {
        (self.0)(scope)
    }
}

/// The handlers of one scope, until they have run.
#[derive(Default)]
pub(crate) struct LateHandlers(Mutex<List>);

#[derive(Default)]
struct List {
    handlers: Vec<LateHandler>,
    closed: bool,
}

impl LateHandlers {
    pub(super) fn add<F>(
        &self,
        handler: F,
        make: impl FnOnce(F) -> LateHandler,
    ) -> Result<(), Closed<F>> {
        let mut list = lock(&self.0);
        if list.closed {
            return Err(Closed::new(handler));
        }
        list.handlers.push(make(handler));
        Ok(())
    }

    /// Takes the handler that was added last; with none left, no more can be added.
    pub(crate) fn next(&self) -> Option<LateHandler> {
        let mut list = lock(&self.0);
        let handler = list.handlers.pop();
        list.closed |= handler.is_none();
        handler
    }

    /// From now on none can be added.
    pub(crate) fn refuse_more(&self) {
        lock(&self.0).closed = true;
    }
}

/// Those that have not run are dropped where nobody is to blame for a panic of their destructors.
impl Drop for LateHandlers {
    fn drop(&mut self) {
        drop_each_caught(std::mem::take(&mut lock(&self.0).handlers));
    }
}
