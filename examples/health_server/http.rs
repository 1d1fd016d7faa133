//! The HTTP server: the probes, and the work.

use std::pin::pin;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use lifespan::Cx;

use crate::budgets::LAST_REQUEST;
use crate::net::{Listener, Net, Sockets, Stream};

/// How long the accept loop rests when the system has no sockets left.
const REST: Duration = Duration::from_millis(100);

/// Accepts until the event is set; each connection is a task of this component.
///
/// This is the component's own event, set when its turn to stop comes: while the lifespan drains,
/// it accepts on.
pub(crate) async fn accept<L: Net>(cx: Cx<'_, L>, listener: Listener<L>) {
    while let Some(accepted) = cx.shutdown().run_until_set(L::Sockets::accept(&listener)).await {
        match accepted {
            Ok(stream) => cx.spawn(async move |cx| serve(cx, stream).await).detach(),
            Err(_) => drop(cx.wait_timeout(REST).await),
        }
    }
}

/// Serves one connection; on a stop it ends after the request that it is at, and at once if idle.
async fn serve<L: Net>(cx: Cx<'_, L>, stream: Stream<L>) {
    let service = service_fn(|request| respond(&cx, request));
    let mut connection = pin!(http1::Builder::new().serve_connection(stream, service));
    // An `Err` is a client that went away or talks no HTTP: no failure of this program.
    if cx.shutdown().run_until_set(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = cx.timeout(LAST_REQUEST, connection).await;
    }
}

async fn respond<L: Net>(
    cx: &Cx<'_, L>,
    request: Request<Incoming>,
) -> Result<Response<String>, hyper::Error> {
    let is_get = request.method() == Method::GET;
    let mut response = match request.uri().path() {
        "/livez" if is_get => {
            let health = cx.monitor().health();
            json(health.live, health.to_json())
        }
        "/readyz" if is_get => {
            let health = cx.monitor().health();
            json(health.ready, health.to_json())
        }
        "/tasks" if is_get => json(true, cx.monitor().snapshot().to_json()),
        "/" if request.method() == Method::POST => echo(request).await?,
        _ => with_status(StatusCode::NOT_FOUND, String::new()),
    };
    if cx.lifespan_event().is_set() {
        // A client that keeps its connection would hear too late that there are other servers.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn json(is_well: bool, body: String) -> Response<String> {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = with_status(status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The work: sends the body back, when it is there whole.
async fn echo(request: Request<Incoming>) -> Result<Response<String>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(with_status(StatusCode::OK, String::from_utf8_lossy(&body).into_owned()))
}

fn with_status(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
