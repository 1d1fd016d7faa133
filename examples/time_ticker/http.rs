//! The HTTP server: a component whose tasks are the accept loop and the connections.

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use lifespan::{BoxError, Cx, EventLoop};

use crate::net::{Listener, Net, Sockets, Stream};
use crate::output::say;
use crate::ticker::LastTick;

/// How long a stop waits for a request that is half there; the answers take no time.
const LAST_REQUEST: Duration = Duration::from_millis(200);

/// How long the accept loop rests when the system has no sockets left.
const REST: Duration = Duration::from_millis(100);

/// The start-up handler: when it has ended, the port is open.
pub(crate) async fn start<L: Net>(cx: &Cx<'_, L>, addr: &str) -> Result<(), BoxError> {
    let bound = L::Sockets::bind(cx, addr).await;
    let listener = bound.map_err(|error| format!("cannot listen on {addr}: {error}"))?;
    say(format_args!("listening on http://{}", L::Sockets::local_addr(&listener)?));
    cx.task("accept").spawn(async move |cx| accept(cx, listener).await)?.detach();
    Ok(())
}

/// Accepts until the event is set; each connection is a task of this component.
async fn accept<L: Net>(cx: Cx<'_, L>, listener: Listener<L>) {
    while let Some(accepted) = cx.shutdown().run_until_set(L::Sockets::accept(&listener)).await {
        match accepted {
            Ok(stream) => cx.spawn(async move |cx| serve(cx, stream).await).detach(),
            Err(_) => drop(cx.wait_timeout(REST).await),
        }
    }
}

/// Serves one connection; on a stop it ends after the request that it is at, and at once if idle.
async fn serve<L: Net>(cx: Cx<'_, L>, stream: Stream<L>) {
    let service = service_fn(|request| ready(Ok::<_, Infallible>(answer(&cx, &request))));
    let mut connection = pin!(http1::Builder::new().serve_connection(stream, service));
    // An `Err` is a client that went away or talks no HTTP: no failure of this program.
    if cx.shutdown().run_until_set(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = cx.timeout(LAST_REQUEST, connection).await;
    }
}

fn answer<L: EventLoop>(cx: &Cx<'_, L>, request: &Request<Incoming>) -> Response<String> {
    if request.method() != Method::GET {
        let mut refused = respond(ALLOW, "GET", String::new());
        *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return refused;
    }
    let last = cx.state().get::<LastTick>().unwrap_or_default();
    respond(CONTENT_TYPE, "text/plain", last.to_string())
}

fn respond(header: HeaderName, value: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header, HeaderValue::from_static(value));
    response
}
