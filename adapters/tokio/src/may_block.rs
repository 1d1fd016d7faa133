//! Whether this thread runs a blocking closure of ours: there it is inside a runtime and may block.

use std::cell::Cell;

thread_local! {
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Runs a closure on a thread of tokio's blocking pool.
pub(crate) fn run(work: impl FnOnce()) {
    let marked = Marked(MAY_BLOCK.replace(true));
    work();
    drop(marked);
}

/// Whether a runtime is entered here that must not be blocked.
///
/// tokio itself does not tell its blocking threads from its others.
pub(crate) fn is_forbidden() -> bool {
    tokio::runtime::Handle::try_current().is_ok() && !MAY_BLOCK.get()
}

/// Puts back what was, also when the closure panics: the pool uses its threads again.
struct Marked(bool);

impl Drop for Marked {
    fn drop(&mut self) {
        MAY_BLOCK.set(self.0);
    }
}
