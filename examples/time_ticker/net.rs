//! What HTTP needs of a runtime besides timers: a listening socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use hyper::rt::{Read, Write};
use lifespan::{Cx, Timer};

/// A loop that has sockets.
pub(crate) trait Net: Timer {
    type Sockets: Sockets;
}

/// The sockets of one or more runtimes.
pub(crate) trait Sockets {
    type Listener: Send + Sync + 'static;
    type Stream: Read + Write + Unpin + Send + 'static;

    /// Opens a listening socket on `HOST:PORT`.
    ///
    /// A socket belongs to the loop that it is made in, so this asks for the proof of being inside.
    fn bind<L: Net<Sockets = Self>>(
        cx: &Cx<'_, L>,
        addr: &str,
    ) -> impl Future<Output = io::Result<Self::Listener>>;

    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// Waits for the next connection.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

pub(crate) type Listener<L> = <<L as Net>::Sockets as Sockets>::Listener;
pub(crate) type Stream<L> = <<L as Net>::Sockets as Sockets>::Stream;
