//! What a spawn does about a name that is taken: it tells who has it, or takes a number behind it.

use super::builder::{Registered, TaskBuilder};
use super::spawn_error::Rejected;
use crate::registry::{Refused, Registry, TaskRef};
use crate::sync::Arc;
use crate::task::Name;

/// What becomes of a task whose name is taken.
#[derive(Clone, Copy)]
pub(super) enum IfTaken {
    Refuse,
    Number,
}

impl<'p, L> TaskBuilder<'p, L> {
    /// Has the task take a number behind its name if that is taken: `feed-2`, `feed-3`.
    ///
    /// As long as those before it live, each gets the next one; where they have ended, numbers come
    /// again, and not always the lowest that is free. Which name it got, the task's
    /// [`TaskRef`](crate::TaskRef) tells. A [`replace`](Self::replace) takes no number.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{BoxError, Cx};
    ///
    /// async fn feeds(cx: &Cx<'_>) -> Result<(), BoxError> {
    ///     for expected in ["feed", "feed-2", "feed-3"] {
    ///         let feed = cx.task("feed").numbered().spawn(async |cx| cx.shutdown().wait().await)?;
    ///         assert_eq!(feed.task_ref().path(), expected);
    ///         feed.detach();
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn numbered(mut self) -> Self {
        self.if_taken = IfTaken::Number;
        self
    }

    /// Goes on where a registry has refused: a name that was taken may be free by now, or the task is to
    /// have another one then.
    #[cold]
    pub(super) fn register_again(
        mut self,
        mut why: Refused,
        flags: u32,
    ) -> Result<Registered<'p, L>, Rejected> {
        let place = self.place;
        let registry = place.scope.counted_registry();
        let name = self.entry.name.clone().unwrap_or_else(|| Name::from(""));
        loop {
            match (why, self.if_taken) {
                (Refused::Barred(barred), _) => return Err(barred.into()),
                (Refused::NameTaken, IfTaken::Refuse) => {
                    if let Some(record) = registry.find(name.as_str()) {
                        return Err(Rejected::NameTaken { name, holder: TaskRef::new(record) });
                    }
                }
                (Refused::NameTaken, IfTaken::Number) => {
                    self.entry.name = Some(next_free(registry, &name));
                }
            }
            match registry.register(&mut self.entry, self.flags | flags) {
                Ok(slot) => return Ok(Registered { place, registry, slot }),
                Err(again) => why = again,
            }
        }
    }
}

/// A name with a number that is free at this moment, and the one before it is not: found in so many
/// look-ups as the number has bits, and twice that.
fn next_free(registry: &Arc<Registry>, name: &Name) -> Name {
    let numbered = |number: u64| Name::from(format_args!("{name}-{number}"));
    let is_taken = |number| registry.find(numbered(number).as_str()).is_some();
    let (mut taken, mut free) = (1, 2);
    while is_taken(free) {
        (taken, free) = (free, free * 2);
    }
    while free - taken > 1 {
        let middle = taken.midpoint(free);
        if is_taken(middle) { taken = middle } else { free = middle }
    }
    numbered(free)
}
