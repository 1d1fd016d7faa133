//! What HTTP needs of a runtime besides timers: a listening socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use hyper::rt::{Read, Write};
use lifespan::Timer;

/// A loop that has sockets.
pub(crate) trait Net: Timer {
    type Sockets: Sockets;
}

/// The sockets of one or more runtimes.
pub(crate) trait Sockets {
    type Listener: Send + Sync + 'static;
    type Stream: Read + Write + Unpin + Send + 'static;

    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// Waits for the next connection.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

pub(crate) type Listener<L> = <<L as Net>::Sockets as Sockets>::Listener;
pub(crate) type Stream<L> = <<L as Net>::Sockets as Sockets>::Stream;
