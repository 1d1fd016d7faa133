//! The WebSockets of each runtime: what an upgraded HTTP connection becomes.

use std::io;

use futures_util::{Sink, Stream};
use hyper::upgrade::Upgraded;
use lifespan::Cx;
use tungstenite::{Error, Message};

use crate::net::{Net, Sockets};

/// Sockets whose HTTP connections can become WebSockets.
pub(crate) trait WebSockets: Sockets {
    type WebSocket: Stream<Item = Result<Message, Error>>
        + Sink<Message, Error = Error>
        + Unpin
        + Send
        + 'static;

    /// Opens a listening socket on `HOST:PORT`.
    ///
    /// A socket belongs to the loop that it is made in, so this asks for the proof of being inside.
    fn bind<L: Net<Sockets = Self>>(
        cx: &Cx<'_, L>,
        addr: &str,
    ) -> impl Future<Output = io::Result<Self::Listener>>;

    /// Takes over a connection that hyper has answered; `None`: it is none of these sockets.
    fn upgrade(upgraded: Upgraded) -> impl Future<Output = Option<Self::WebSocket>> + Send;
}

pub(crate) type WebSocket<L> = <<L as Net>::Sockets as WebSockets>::WebSocket;

#[cfg(feature = "tokio")]
impl WebSockets for crate::runtime_tokio::TokioSockets {
    type WebSocket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

    async fn bind<L: Net>(_cx: &Cx<'_, L>, addr: &str) -> io::Result<Self::Listener> {
        Self::Listener::bind(addr).await
    }

    async fn upgrade(upgraded: Upgraded) -> Option<Self::WebSocket> {
        let hyper::upgrade::Parts { io, read_buf, .. } =
            upgraded.downcast::<Self::Stream>().ok()?;
        let (stream, read) = (io.into_inner(), read_buf.into());
        let role = tungstenite::protocol::Role::Server;
        Some(Self::WebSocket::from_partially_read(stream, read, role, None).await)
    }
}

#[cfg(feature = "smol")]
impl WebSockets for crate::runtime_async_io::AsyncIoSockets {
    type WebSocket = async_tungstenite::WebSocketStream<async_net::TcpStream>;

    async fn bind<L: Net>(_cx: &Cx<'_, L>, addr: &str) -> io::Result<Self::Listener> {
        Self::Listener::bind(addr).await
    }

    async fn upgrade(upgraded: Upgraded) -> Option<Self::WebSocket> {
        let hyper::upgrade::Parts { io, read_buf, .. } =
            upgraded.downcast::<Self::Stream>().ok()?;
        let (stream, read) = (io.into_inner(), read_buf.into());
        let role = tungstenite::protocol::Role::Server;
        Some(Self::WebSocket::from_partially_read(stream, read, role, None).await)
    }
}
