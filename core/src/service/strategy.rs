//! What is said of the services of a scope together: who begins again with one, and how often all may.

use super::limit::Limit;

/// Which services of a scope begin again when one of them does, as in OTP.
///
/// The order is that of their registration. Whoever has to begin again though it has not failed is
/// stopped first: its event is set, it has its grace, then it is cancelled. When all of them are down
/// and the delay of the one that failed is over, they begin one after the other; so does one of them that
/// had failed before and waits for a delay of its own, however long that is. What a body protects is not
/// cut. Who has ended for good stays so; the restart counts once, as that of the one that had failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Only the one that has ended.
    #[default]
    OneForOne,
    /// All of them.
    OneForAll,
    /// It, and those that were registered after it.
    RestForOne,
}

/// What is said of the services of a scope together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Together {
    pub(crate) strategy: Strategy,
    /// How often one of them may begin again, whichever it is; `None`: each has its own limit alone.
    pub(crate) limit: Option<Limit>,
}
