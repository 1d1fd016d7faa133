//! The contract on smol.

use lifespan_conformance::suite;
use lifespan_smol::{SmolLocalLoop, SmolLoop};

suite!(smol: SmolLoop::new(), blocking, no local, stands_still);
suite!(smol_threads: SmolLoop::with_threads(3), blocking, no local, stands_still);
suite!(smol_local: SmolLocalLoop::new(), blocking, local, stands_still);
