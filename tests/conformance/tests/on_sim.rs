//! The contract on the simulator, in the order of arrival and in two at random.

use lifespan_conformance::suite;
use lifespan_sim::SimLoop;

suite!(sim_fifo: SimLoop::fifo(), threads on SimLoop::fifo().wait_for_threads(), blocking, local, stands_still);
suite!(sim: SimLoop::new(1), threads on SimLoop::new(1).wait_for_threads(), blocking, local, stands_still);
suite!(sim_again: SimLoop::new(2), threads on SimLoop::new(2).wait_for_threads(), blocking, local, stands_still);
