//! One port for a listener on each worker.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use lifespan::{BoxError, Cx};
use socket2::{Domain, Socket, Type};

use crate::net::{Net, Sockets};
use crate::output::say;
use crate::{http, ticker};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A port that is this program's from before the first worker starts until the last has ended.
pub(crate) struct Port {
    addr: SocketAddr,
    /// Bound, and does not listen: so no connection goes to it.
    _reserved: Socket,
}

impl Port {
    /// Takes the port; 0 is a free one, which is then the same for all workers.
    pub(crate) fn reserve(addr: &str) -> Result<Self, BoxError> {
        let reserve = || {
            let addr = addr.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
            let socket = bind(addr)?;
            let addr = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
            Ok(Self { addr, _reserved: socket })
        };
        reserve().map_err(|error: io::Error| format!("cannot listen on {addr}: {error}").into())
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// Sockets that are made from one of the system's that listens already.
pub(crate) trait Adopt: Sockets {
    /// A socket belongs to the loop that it is made in, so this asks for the proof of being inside.
    fn adopt<L: Net<Sockets = Self>>(
        cx: &Cx<'_, L>,
        listener: TcpListener,
    ) -> io::Result<Self::Listener>;
}

/// The start-up handler of each worker: when it has ended, connections come to this one too.
pub(crate) fn start<L: Net<Sockets: Adopt>>(
    cx: &Cx<'_, L>,
    addr: Option<SocketAddr>,
) -> Result<(), BoxError> {
    let socket = bind(addr.ok_or("no port was reserved")?)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = L::Sockets::adopt(cx, socket.into())?;
    let addr = L::Sockets::local_addr(&listener)?;
    say(format_args!("{} listens on http://{addr}", cx.worker()));
    http::start(cx, listener, ticker::answer)
}

/// Binds a socket beside others of this program on the same port.
fn bind(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    share_port(&socket)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

#[cfg(unix)]
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(unix))]
fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no SO_REUSEPORT"))
}

#[cfg(feature = "tokio")]
impl Adopt for crate::runtime_tokio::TokioSockets {
    fn adopt<L: Net>(_cx: &Cx<'_, L>, listener: TcpListener) -> io::Result<Self::Listener> {
        Self::Listener::from_std(listener)
    }
}

#[cfg(any(feature = "smol", feature = "async-executor"))]
impl Adopt for crate::runtime_async_io::AsyncIoSockets {
    fn adopt<L: Net>(_cx: &Cx<'_, L>, listener: TcpListener) -> io::Result<Self::Listener> {
        Self::Listener::try_from(listener)
    }
}
