//! The adapter of the example keeps the whole contract.

#[expect(dead_code, reason = "its `main` is not for here")]
#[path = "../your_own_adapter.rs"]
mod your_own_adapter;

use your_own_adapter::LittleLoop;

lifespan_conformance::suite!(little: LittleLoop::new(), blocking, no local, stands_still);
