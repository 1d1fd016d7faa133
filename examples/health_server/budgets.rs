//! How long each part of the start and of the stop may take.
//!
//! Whoever ends this program from outside must wait for longer: `docs/deploy.md` adds it up, the
//! manifests in `docs/deploy` hold the sums, and a test compares them.

use std::time::Duration;

/// The start: the port is opened.
pub(crate) const START: Duration = Duration::from_secs(20);

/// After the request to stop all is served, and `/readyz` says no: so long may it take until nobody
/// sends any more.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// An open request may take so long after the drain.
pub(crate) const LAST_REQUEST: Duration = Duration::from_secs(8);

/// Then its connection is cut: it is to have ended by itself before.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// The whole stop after the drain: it caps everything above.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);
