//! The sockets of async-io, which smol, async-std and async-executor share, and hyper's glue for them.

use std::io;
use std::net::SocketAddr;

use async_net::{TcpListener, TcpStream};
use smol_hyper::rt::FuturesIo;

use crate::net::{Net, Sockets};

#[cfg(feature = "smol")]
impl Net for lifespan::smol::Smol {
    type Sockets = AsyncIoSockets;
}

#[cfg(feature = "async-std")]
impl Net for lifespan::async_std::AsyncStd {
    type Sockets = AsyncIoSockets;
}

#[cfg(feature = "async-executor")]
impl Net for lifespan::async_executor::AsyncExecutor {
    type Sockets = AsyncIoSockets;
}

pub(crate) struct AsyncIoSockets;

impl Sockets for AsyncIoSockets {
    type Listener = TcpListener;
    type Stream = FuturesIo<TcpStream>;

    fn local_addr(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(listener: &TcpListener) -> io::Result<Self::Stream> {
        let (stream, _from) = listener.accept().await?;
        Ok(FuturesIo::new(stream))
    }
}
