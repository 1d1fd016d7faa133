//! Tags: two loops of one runtime, told apart by type.

use std::error::Error;
use std::fmt;

use crate::event_loop::LoopId;
use crate::sync::{Ids, Ordering};

/// Tells loops of one runtime apart by type; made by [`tag!`](crate::tag).
///
/// `Tokio<Jobs>` and `Tokio<Api>` are two types, so what belongs to one does not compile for the
/// other. One running loop at a time has a tag.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tag",
    label = "a tag is declared with `tag!`",
    note = "write `lifespan::tag!(pub struct Jobs;);`: the macro also keeps which loop has the tag"
)]
pub trait Tag: Copy + fmt::Debug + Send + Sync + 'static {
    /// The tag's name, for messages.
    const NAME: &'static str;

    /// Where it is kept which loop has the tag; `None` for a tag that any number may have.
    #[doc(hidden)]
    fn holder() -> Option<&'static TagHolder>;
}

/// The tag of loops that need none.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Untagged;

impl Tag for Untagged {
    const NAME: &'static str = "untagged";

    fn holder() -> Option<&'static TagHolder> {
        None
    }
}

/// Declares tags for loops: `tag!(pub struct Jobs;)`.
///
/// # Examples
/// ```
/// lifespan_core::tag! {
///     /// Where the jobs run.
///     pub struct Jobs;
///     struct Api;
/// }
/// # let _ = (Jobs, Api);
/// ```
#[macro_export]
macro_rules! tag {
    ($($(#[$attribute:meta])* $visibility:vis struct $name:ident;)+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name;

        impl $crate::Tag for $name {
            const NAME: &'static str = stringify!($name);

            fn holder() -> Option<&'static $crate::TagHolder> {
                static HOLDER: $crate::TagHolder = $crate::TagHolder::new();
                Some(&HOLDER)
            }
        }
    )+};
}

/// Which loop has a tag. For [`tag!`](crate::tag).
#[doc(hidden)]
#[derive(Debug)]
pub struct TagHolder(Ids);

/// No loop has this id.
const NOBODY: u64 = 0;

impl TagHolder {
    #[expect(clippy::new_without_default, reason = "a static needs a constant")]
    #[must_use]
    pub const fn new() -> Self {
        Self(Ids::new(NOBODY))
    }
}

/// A loop has its tag while this lives.
///
/// For adapters: [`LoopOwner::run`](crate::LoopOwner::run) holds one while it drives.
#[derive(Debug)]
#[must_use = "the tag is free again when this is dropped"]
pub struct TagClaim(Option<&'static TagHolder>);

impl TagClaim {
    /// Claims the tag `G` for a loop.
    ///
    /// # Errors
    /// [`TagTaken`] if another loop that runs now has it.
    pub fn new<G: Tag>(id: LoopId) -> Result<Self, TagTaken> {
        let Some(TagHolder(holder)) = G::holder() else { return Ok(Self(None)) };
        // Only who has the tag counts, and no other data hangs on it: Relaxed.
        match holder.compare_exchange(NOBODY, id.get(), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ok(Self(G::holder())),
            Err(by) => Err(TagTaken { tag: G::NAME, by: LoopId::from_number(by), of: id }),
        }
    }
}

impl Drop for TagClaim {
    fn drop(&mut self) {
        if let Some(TagHolder(holder)) = self.0 {
            holder.store(NOBODY, Ordering::Relaxed);
        }
    }
}

/// Two loops that run at once were given one tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagTaken {
    /// The name of the tag.
    pub tag: &'static str,
    /// The loop that has it.
    pub by: LoopId,
    /// The loop that wanted it.
    pub of: LoopId,
}

impl fmt::Display for TagTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, by, of } = self;
        write!(
            f,
            "the tag `{tag}` belongs to {by}, which is running, so {of} cannot have it: \
             give each loop a tag of its own, or run them one after the other"
        )
    }
}

impl Error for TagTaken {}
