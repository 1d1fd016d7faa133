//! Where a request to stop comes from, besides the program itself.

use std::any::Any;

use super::StartError;
use crate::event::{ShutdownEvent, ShutdownTrigger};
use crate::task::BoxError;
use crate::wake::drop_each_caught;

/// Something that can ask a lifespan to stop: signals, a watchdog, a service manager.
///
/// Bound when the lifespan runs, before anything starts, and released when it has ended.
///
/// # Examples
/// ```
/// use lifespan_core::{BoxError, ShutdownTrigger, StopSource};
///
/// /// Stops when its file appears.
/// struct StopFile(std::path::PathBuf);
///
/// impl StopSource for StopFile {
///     type Bound = ();
///
///     fn bind(self, stop: ShutdownTrigger, _cancel: ShutdownTrigger) -> Result<(), BoxError> {
///         std::thread::Builder::new().spawn(move || {
///             while !stop.is_set() && !self.0.exists() {
///                 std::thread::sleep(std::time::Duration::from_millis(200));
///             }
///             let _ = stop.set("the stop file appeared");
///         })?;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stop a lifespan",
    label = "this is no `StopSource`",
    note = "use `Signals::default()` of lifespan-signals, or implement `StopSource`",
    note = "an event of your own belongs in `Lifespan::event`"
)]
pub trait StopSource {
    /// What keeps the source working; dropped when the lifespan has ended, and its monitor says so.
    type Bound: 'static;

    /// Starts listening.
    ///
    /// `stop` asks for the ordinary stop; `cancel` asks a stop that is under way to wait no longer:
    /// what is left is cancelled at once. Setting `cancel` alone does not stop.
    ///
    /// # Errors
    /// Whatever hinders the source; nothing is started then.
    fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<Self::Bound, BoxError>;
}

type Bind = Box<dyn FnOnce(&ShutdownEvent, &ShutdownEvent) -> Result<Box<dyn Any>, BoxError>>;

/// The sources of a description, until it runs.
#[derive(Default)]
pub(crate) struct Sources(Vec<Bind>);

impl Sources {
    pub(crate) fn add<S: StopSource + 'static>(&mut self, source: S) {
        self.0.push(Box::new(move |stop, cancel| {
            let bound = source.bind(stop.trigger(), cancel.trigger())?;
            Ok(Box::new(bound))
        }));
    }

    /// Binds them, up to the first that cannot be; they work while `bound` lives.
    pub(crate) fn bind(
        self,
        stop: &ShutdownEvent,
        cancel: &ShutdownEvent,
        bound: &mut BoundSources,
    ) -> Result<(), StartError> {
        let mut sources = self.0.into_iter();
        let all = sources.by_ref().try_for_each(|bind| {
            bound.0.push(bind(stop, cancel).map_err(StartError::StopSource)?);
            Ok(())
        });
        drop_each_caught(sources);
        all
    }
}

/// What keeps sources working. A release that panics harms neither the others nor the report.
#[derive(Default)]
pub(crate) struct BoundSources(Vec<Box<dyn Any>>);

impl Drop for BoundSources {
    fn drop(&mut self) {
        drop_each_caught(std::mem::take(&mut self.0));
    }
}
