//! The HTTP server of a component, whose tasks are the accept loop and the connections.

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use lifespan::{BoxError, Cx};

use crate::net::{Listener, Net, Sockets, Stream};

/// How long a stop waits for a request that is half there; the answers take no time.
const LAST_REQUEST: Duration = Duration::from_millis(200);

/// How long the accept loop rests when the system has no sockets left.
const REST: Duration = Duration::from_millis(100);

/// What a request is answered with, whatever its path.
pub(crate) type Answer<L> = fn(&Cx<'_, L>) -> String;

/// Serves on an open socket, in tasks of the component whose handler calls this.
pub(crate) fn start<L: Net>(
    cx: &Cx<'_, L>,
    listener: Listener<L>,
    answer: Answer<L>,
) -> Result<(), BoxError> {
    cx.task("accept").spawn(async move |cx| accept(cx, listener, answer).await)?.detach();
    Ok(())
}

/// Accepts until the event is set; each connection is a task of this component.
async fn accept<L: Net>(cx: Cx<'_, L>, listener: Listener<L>, answer: Answer<L>) {
    while let Some(accepted) = cx.shutdown().run_until_set(L::Sockets::accept(&listener)).await {
        match accepted {
            Ok(stream) => cx.spawn(async move |cx| serve(cx, stream, answer).await).detach(),
            Err(_) => drop(cx.wait_timeout(REST).await),
        }
    }
}

/// Serves one connection; on a stop it ends after the request that it is at, and at once if idle.
async fn serve<L: Net>(cx: Cx<'_, L>, stream: Stream<L>, answer: Answer<L>) {
    let service =
        service_fn(|request| ready(Ok::<_, Infallible>(respond_to(&request, || answer(&cx)))));
    let mut connection = pin!(http1::Builder::new().serve_connection(stream, service));
    // An `Err` is a client that went away or talks no HTTP: no failure of this program.
    if cx.shutdown().run_until_set(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = cx.timeout(LAST_REQUEST, connection).await;
    }
}

fn respond_to(request: &Request<Incoming>, answer: impl FnOnce() -> String) -> Response<String> {
    if request.method() != Method::GET {
        let mut refused = respond(ALLOW, "GET", String::new());
        *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return refused;
    }
    respond(CONTENT_TYPE, "text/plain", answer())
}

fn respond(header: HeaderName, value: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header, HeaderValue::from_static(value));
    response
}
