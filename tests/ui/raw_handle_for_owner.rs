//! A lifespan takes the owner of a loop, not a runtime that somebody else drives.

use lifespan::Lifespan;
use tokio::runtime::Handle;

fn main() {
    let _ = Lifespan::on(Handle::current());
}
