//! Opens the port that HTTP is served on.

use std::future::Future;
use std::io;

use lifespan::{BoxError, Cx};

use crate::http;
use crate::net::{Net, Sockets};
use crate::output::say;

/// Sockets that listen on an address.
pub(crate) trait Bind: Sockets {
    /// Opens a listening socket on `HOST:PORT`, in the loop of the caller.
    fn bind<L: Net<Sockets = Self>>(
        cx: &Cx<'_, L>,
        addr: &str,
    ) -> impl Future<Output = io::Result<Self::Listener>>;
}

/// The start-up handler: when it has ended, the port is open.
pub(crate) async fn start<L: Net<Sockets: Bind>>(
    cx: &Cx<'_, L>,
    addr: &str,
) -> Result<(), BoxError> {
    let bound = L::Sockets::bind(cx, addr).await;
    let listener = bound.map_err(|error| format!("cannot listen on {addr}: {error}"))?;
    say(format_args!("listening on http://{}", L::Sockets::local_addr(&listener)?));
    cx.task("accept").spawn(async move |cx| http::accept(cx, listener).await)?.detach();
    Ok(())
}

#[cfg(feature = "tokio")]
impl Bind for crate::runtime_tokio::TokioSockets {
    async fn bind<L: Net>(_cx: &Cx<'_, L>, addr: &str) -> io::Result<Self::Listener> {
        Self::Listener::bind(addr).await
    }
}

#[cfg(feature = "async-io-sockets")]
impl Bind for crate::runtime_async_io::AsyncIoSockets {
    async fn bind<L: Net>(_cx: &Cx<'_, L>, addr: &str) -> io::Result<Self::Listener> {
        Self::Listener::bind(addr).await
    }
}
