//! How long tasks have from the stop of their scope to their cancel, and how one asks for more.

use std::time::Duration;

use super::Cx;

/// What became of a task's wish for a longer grace; see [`Cx::extend_grace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it may be less than was asked for"]
#[non_exhaustive]
pub enum GraceExtension {
    /// The grace is longer by this: what was asked for, or what the overall deadline leaves.
    Granted(Duration),
    /// The stop of its scope has not begun: no time runs that could be extended.
    NotStopping,
    /// Its grace is over, or the stop waits for no grace any more.
    Cancelled,
    /// A handler or the foreground asked, which have no grace of their own.
    NoTask,
}

impl GraceExtension {
    /// Returns by how much the grace is longer than before.
    #[must_use]
    pub fn granted(self) -> Duration {
        match self {
            Self::Granted(more) => more,
            _ => Duration::ZERO,
        }
    }
}

impl<L> Cx<'_, L> {
    /// Asks for a longer grace, while the task is being stopped.
    ///
    /// For a task that has seen its event and knows that its clean-up will take longer than most.
    /// Its own grace is longer by `more` then, from where it would have ended, as far as the
    /// lifespan's overall deadline leaves time; any number of times. It holds off no further demand: a
    /// cancel by name, or a second signal, takes effect at once.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use lifespan_core::{Cx, Timer};
    ///
    /// async fn writer<L: Timer>(cx: Cx<'_, L>) {
    ///     cx.shutdown().wait().await;
    ///     let granted = cx.extend_grace(Duration::from_secs(60)).granted();
    ///     if granted < Duration::from_secs(60) {
    ///         // write only what matters most
    ///     }
    /// }
    /// ```
    pub fn extend_grace(&self, more: Duration) -> GraceExtension {
        let Some(record) = self.record() else { return GraceExtension::NoTask };
        let Some(times) = self.node().registry().stop_times() else {
            return GraceExtension::NotStopping;
        };
        if self.node().shared().cancel.is_set() {
            return GraceExtension::Cancelled;
        }
        let granted = record.extend_grace(|own| times.extend(own, more));
        granted.map_or(GraceExtension::Cancelled, GraceExtension::Granted)
    }
}
