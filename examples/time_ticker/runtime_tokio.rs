//! The sockets of tokio, and hyper's glue for them.

use std::io;
use std::net::SocketAddr;

use hyper_util::rt::TokioIo;
use lifespan::tokio::{Tokio, TokioLocal};
use tokio::net::{TcpListener, TcpStream};

use crate::net::{Net, Sockets};

impl Net for Tokio {
    type Sockets = TokioSockets;
}

impl Net for TokioLocal {
    type Sockets = TokioSockets;
}

pub(crate) struct TokioSockets;

impl Sockets for TokioSockets {
    type Listener = TcpListener;
    type Stream = TokioIo<TcpStream>;

    fn local_addr(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(listener: &TcpListener) -> io::Result<Self::Stream> {
        let (stream, _from) = listener.accept().await?;
        Ok(TokioIo::new(stream))
    }
}
