//! The feeds: a scope for each WebSocket, with a task in it that receives.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use lifespan::{BoxError, Cx, RecvError, Spawner, Subscription};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message};

use crate::net::Net;
use crate::output::say;
use crate::socket::{WebSocket, WebSockets};

/// The event that every feed sends on.
const EVENT: &str = "my.custom.event";

/// How long a stop waits for the other side's good-bye; less than the grace of a task.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// The remote control of the component, for who has a connection to hand over.
pub(crate) struct Feeds<L> {
    spawner: Spawner<L>,
    opened: AtomicU64,
}

/// The start-up handler.
pub(crate) fn start<L: Net>(cx: &Cx<'_, L>) {
    cx.state().insert(Feeds { spawner: cx.spawner(), opened: AtomicU64::new(0) });
}

/// Sends a text to everybody who is connected, and tells how many they are.
pub(crate) fn dispatch<L>(cx: &Cx<'_, L>, text: String) -> Result<usize, BoxError> {
    Ok(cx.events().dispatch(EVENT, text)?)
}

impl<L: Net<Sockets: WebSockets>> Feeds<L> {
    /// Begins a feed for a connection that is about to become a WebSocket.
    ///
    /// It has subscribed when this returns: what is dispatched after the client was told yes is sent.
    pub(crate) fn open(&self, upgrade: OnUpgrade) -> Result<(), BoxError> {
        let id = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let events = self.spawner.events().subscribe::<String>(EVENT)?;
        let opened = self.spawner.spawn(async move |cx| {
            // Without: a stop, or a client that went away before it was told yes.
            let Some(Ok(upgraded)) = cx.shutdown().run_until_set(upgrade).await else {
                return Ok(());
            };
            let Some(socket) = L::Sockets::upgrade(upgraded).await else { return Ok(()) };
            feed(&cx, id, events, socket).await
        });
        opened.map_err(|closed| closed.to_string())?.detach();
        Ok(())
    }

    /// Tells how many tasks and scopes of this component live, and what lives in the program.
    pub(crate) fn list(&self) -> String {
        format!("{} in feeds\n{}\n", self.spawner.tasks().len(), self.spawner.monitor().snapshot())
    }
}

/// One connection, from its opening to its end. However this ends, the scope goes, and with it the
/// receiver.
async fn feed<L: Net<Sockets: WebSockets>>(
    cx: &Cx<'_, L>,
    id: u64,
    events: Subscription<String>,
    socket: WebSocket<L>,
) -> Result<(), BoxError> {
    let (mut to, from) = socket.split();
    let scope = cx.scope(format_args!("feed:{id}")).open()?;
    let receiver = scope.task(format_args!("receiver:{id}"));
    let receiver = receiver.spawn(async move |_cx| receive::<L>(id, from).await)?;
    say(format_args!("feed:{id} opened"));

    let mut received = receiver.task_ref().finished();
    let sending = cx.shutdown().run_until_set(send::<L>(&mut to, events));
    let sent = match select(pin!(sending), &mut received).await {
        Either::Left((sent, _)) => Some(sent),
        Either::Right(_) => None,
    };
    let why = match sent {
        None => "the other side went",
        Some(Some(Err(_))) => "the other side is gone",
        Some(Some(Ok(()))) => "there are no more events",
        Some(None) => say_good_bye::<L>(cx, &mut to, received).await,
    };
    scope.cancel().await;
    say(format_args!("feed:{id} closed: {why}"));
    Ok(())
}

/// Sends on each event, until the socket fails.
async fn send<L: Net<Sockets: WebSockets>>(
    to: &mut SplitSink<WebSocket<L>, Message>,
    mut events: Subscription<String>,
) -> Result<(), Error> {
    loop {
        match events.recv().await {
            Ok(text) => to.send(Message::text(text.as_str())).await?,
            // This client is too slow: it is told, and goes on with what is left.
            Err(RecvError::Lagged(missed)) => {
                to.send(Message::text(format!("({missed} more, meanwhile)"))).await?;
            }
            Err(_closed) => return Ok(()),
        }
    }
}

/// Receives until the other side closes, or is gone.
async fn receive<L: Net<Sockets: WebSockets>>(id: u64, mut from: SplitStream<WebSocket<L>>) {
    while let Some(Ok(message)) = from.next().await {
        if let Message::Text(text) = message {
            say(format_args!("receiver:{id} received: {text}"));
        }
    }
}

/// Closes as the protocol has it: a close frame, and then the other side's, which the receiver gets.
async fn say_good_bye<L: Net<Sockets: WebSockets>>(
    cx: &Cx<'_, L>,
    to: &mut SplitSink<WebSocket<L>, Message>,
    received: impl Future,
) -> &'static str {
    let frame = CloseFrame { code: CloseCode::Away, reason: "the server stops".into() };
    let closed = async {
        to.send(Message::Close(Some(frame))).await?;
        received.await;
        Ok::<_, Error>(())
    };
    match cx.timeout(GOOD_BYE, closed).await {
        Ok(Ok(())) => "stopped",
        _ => "stopped, without an answer",
    }
}
