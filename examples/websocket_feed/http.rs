//! The HTTP server: the page, the hand-over to a WebSocket, the events that come from outside.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use lifespan::{BoxError, Cx};
use tungstenite::handshake::derive_accept_key;

use crate::feeds::{self, Feeds};
use crate::net::{Listener, Net, Sockets, Stream};
use crate::output::say;
use crate::socket::WebSockets;

/// How long a stop waits for a request that is half there; the answers take no time.
const LAST_REQUEST: Duration = Duration::from_millis(200);

/// How long the accept loop rests when the system has no sockets left.
const REST: Duration = Duration::from_millis(100);

/// The longest text that is dispatched.
const LONGEST: usize = 4096;

/// The start-up handler: when it has ended, the port is open.
pub(crate) async fn start<L: Net<Sockets: WebSockets>>(
    cx: &Cx<'_, L>,
    addr: &str,
) -> Result<(), BoxError> {
    let bound = L::Sockets::bind(cx, addr).await;
    let listener = bound.map_err(|error| format!("cannot listen on {addr}: {error}"))?;
    say(format_args!("listening on http://{}", L::Sockets::local_addr(&listener)?));
    cx.task("accept").spawn(async move |cx| accept(cx, listener).await)?.detach();
    Ok(())
}

/// Accepts until the event is set; each connection is a task of this component.
async fn accept<L: Net<Sockets: WebSockets>>(cx: Cx<'_, L>, listener: Listener<L>) {
    while let Some(accepted) = cx.shutdown().run_until_set(L::Sockets::accept(&listener)).await {
        match accepted {
            Ok(stream) => cx.spawn(async move |cx| serve(cx, stream).await).detach(),
            Err(_) => drop(cx.wait_timeout(REST).await),
        }
    }
}

/// Serves one connection, until it ends or becomes a WebSocket, which is a feed's from then on.
async fn serve<L: Net<Sockets: WebSockets>>(cx: Cx<'_, L>, stream: Stream<L>) {
    let service = service_fn(async |request| Ok::<_, Infallible>(respond_to(&cx, request).await));
    let connection = http1::Builder::new().serve_connection(stream, service);
    let mut connection = pin!(connection.with_upgrades());
    // An `Err` is a client that went away or talks no HTTP: no failure of this program.
    if cx.shutdown().run_until_set(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = cx.timeout(LAST_REQUEST, connection).await;
    }
}

async fn respond_to<L: Net<Sockets: WebSockets>>(
    cx: &Cx<'_, L>,
    request: Request<Incoming>,
) -> Response<String> {
    let Some(feeds) = cx.state().get::<Feeds<L>>() else { return status(StatusCode::NOT_FOUND) };
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => {
            respond(header::CONTENT_TYPE, "text/html", include_str!("page.html").into())
        }
        (&Method::GET, "/feed") => upgrade(&feeds, request),
        (&Method::GET, "/tasks") => respond(header::CONTENT_TYPE, "text/plain", feeds.list()),
        (&Method::POST, "/dispatch") => {
            let Ok(body) = Limited::new(request, LONGEST).collect().await else {
                return status(StatusCode::PAYLOAD_TOO_LARGE);
            };
            let Ok(text) = String::from_utf8(body.to_bytes().into()) else {
                return status(StatusCode::BAD_REQUEST);
            };
            match feeds::dispatch(cx, text) {
                Ok(listeners) => {
                    respond(header::CONTENT_TYPE, "text/plain", format!("sent to {listeners}\n"))
                }
                Err(error) => status_with(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            }
        }
        _ => status(StatusCode::NOT_FOUND),
    }
}

/// Says yes to a WebSocket; hyper hands the connection over once the answer is sent.
fn upgrade<L: Net<Sockets: WebSockets>>(
    feeds: &Feeds<L>,
    request: Request<Incoming>,
) -> Response<String> {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return status(StatusCode::UPGRADE_REQUIRED);
    };
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let (Ok(accept), Ok(())) = (accept, feeds.open(hyper::upgrade::on(request))) else {
        return status(StatusCode::SERVICE_UNAVAILABLE);
    };
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn status(status: StatusCode) -> Response<String> {
    status_with(status, String::new())
}

fn status_with(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn respond(header: HeaderName, value: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header, HeaderValue::from_static(value));
    response
}
