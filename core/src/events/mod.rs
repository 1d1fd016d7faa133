//! Named events: values that are handed to whoever has subscribed to a name.
//!
//! Lock order: the names, then one channel. A subscriber is added under both, and a channel that has
//! none is taken out under both; so a name never loses a channel that somebody listens to.

mod channel;
#[cfg(all(test, loom))]
mod models;
mod subscription;

pub use subscription::{Recv, RecvError, Subscription};

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use crate::sync::{Arc, Mutex, lock};
use crate::task::Name;
use channel::{Channel, Keep, Kind, Value};

/// How many values a subscription queues, unless it says otherwise.
const CAPACITY: usize = 64;

/// The named events of one lifespan: what is dispatched reaches all who have subscribed before.
///
/// Reached by [`Cx::events`](crate::Cx::events) and [`Spawner::events`](crate::Spawner::events); a
/// clone may be kept anywhere. It holds no loop: dispatch from any thread, wait on any loop.
///
/// An event carries values of one type: that of those who listen to it. With nobody listening, its
/// name means nothing and costs nothing. It is closed when the lifespan has ended, shutdown handlers
/// included.
///
/// Compared with [`ShutdownEvent`](crate::ShutdownEvent), which is a level that stays set, this is
/// what happens again and again. Compared with a `tokio::sync::broadcast` channel, senders and
/// receivers find each other by a name, and a dispatch that nobody hears is no error. Compared with
/// Sanic's `app.event`, what is dispatched between two waits is not lost.
///
/// # Examples
/// ```
/// use lifespan_core::{BoxError, Cx, EventLoop};
///
/// async fn work<L: EventLoop>(cx: Cx<'_, L>) -> Result<(), BoxError> {
///     let mut orders = cx.events().subscribe::<u64>("order.placed")?;
///     cx.events().dispatch("order.placed", 7_u64)?;
///     assert_eq!(*orders.recv().await?, 7);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Events(Arc<Mutex<Names>>);

#[derive(Default)]
struct Names {
    /// Those that somebody listens to.
    channels: HashMap<Name, Arc<Channel>>,
    closed: bool,
}

impl Events {
    /// For a lifespan, which closes them: nobody is to wait for events that cannot come.
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Hands a value to everybody who has subscribed to this name, and tells how many there are.
    ///
    /// It never waits; with no subscriber it returns 0. A subscriber that is too slow loses the oldest
    /// values, and is told how many.
    ///
    /// # Errors
    /// [`WrongType`] with the value, if those who listen expect another type.
    pub fn dispatch<T>(&self, name: &str, value: T) -> Result<usize, WrongType<T>>
    where
        T: Send + Sync + 'static,
    {
        let Some(channel) = self.channel(name) else { return Ok(0) };
        if let Err(wrong) = check(&channel, Kind::of::<T>()) {
            return Err(wrong.with(value));
        }
        let value: Value = Arc::new(value);
        Ok(channel.dispatch(&value))
    }

    /// Listens to a name: nothing that is dispatched from now on is lost, up to 64 values at once.
    ///
    /// # Errors
    /// [`WrongType`] if others listen to this name and expect another type.
    pub fn subscribe<T>(&self, name: impl Into<Name>) -> Result<Subscription<T>, WrongType>
    where
        T: Send + Sync + 'static,
    {
        self.listen(name.into(), CAPACITY, Keep::Latest)
    }

    /// As [`subscribe`](Self::subscribe), with room for so many values at once; 0 counts as 1.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn subscribe_bounded<T>(
        &self,
        name: impl Into<Name>,
        capacity: usize,
    ) -> Result<Subscription<T>, WrongType>
    where
        T: Send + Sync + 'static,
    {
        self.listen(name.into(), capacity, Keep::Latest)
    }

    /// Listens for the first value only.
    pub(crate) fn subscribe_once<T>(&self, name: Name) -> Result<Subscription<T>, WrongType>
    where
        T: Send + Sync + 'static,
    {
        self.listen(name, 1, Keep::First)
    }

    /// Counts who listens to a name.
    #[must_use]
    pub fn subscribers(&self, name: &str) -> usize {
        self.channel(name).map_or(0, |channel| channel.len())
    }

    /// No event will come any more; who has subscribed hears what is queued, then that.
    pub(crate) fn close(&self) {
        let mut names = lock(&self.0);
        names.closed = true;
        let channels = std::mem::take(&mut names.channels);
        drop(names);
        for channel in channels.into_values() {
            channel.close();
        }
    }

    fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        lock(&self.0).channels.get(name).cloned()
    }

    fn listen<T>(
        &self,
        name: Name,
        capacity: usize,
        keep: Keep,
    ) -> Result<Subscription<T>, WrongType>
    where
        T: Send + Sync + 'static,
    {
        let kind = Kind::of::<T>();
        let mut names = lock(&self.0);
        if names.closed {
            drop(names);
            let channel = Channel::new(name, kind);
            channel.close();
            return Ok(Subscription::new(self.clone(), Arc::new(channel), capacity, keep));
        }
        let channel = match names.channels.get(name.as_str()) {
            Some(channel) => Arc::clone(channel),
            None => {
                let channel = Arc::new(Channel::new(name.clone(), kind));
                names.channels.insert(name, Arc::clone(&channel));
                channel
            }
        };
        check(&channel, kind)?;
        // Still under the lock of the names, so that the channel is not taken out before.
        let subscription = Subscription::new(self.clone(), channel, capacity, keep);
        drop(names);
        Ok(subscription)
    }

    /// Takes a channel out that nobody listens to, unless somebody does by now.
    fn remove_if_empty(&self, channel: &Arc<Channel>) {
        let mut names = lock(&self.0);
        let listed = names.channels.get(channel.name.as_str());
        if listed.is_some_and(|listed| Arc::ptr_eq(listed, channel)) && channel.is_empty() {
            names.channels.remove(channel.name.as_str());
            if names.channels.is_empty() {
                names.channels = HashMap::new(); // gives its memory back
            }
        }
    }
}

fn check(channel: &Channel, given: Kind) -> Result<(), WrongType> {
    if channel.kind == given {
        return Ok(());
    }
    let (name, expected) = (channel.name.clone(), channel.kind.name);
    Err(WrongType { name, expected, given: given.name, value: () })
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = lock(&self.0).channels.keys().cloned().collect::<Vec<_>>();
        names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        f.debug_struct("Events").field("heard", &names).finish()
    }
}

/// Who listens to an event expects another type.
#[derive(Clone, PartialEq, Eq)]
pub struct WrongType<T = ()> {
    name: Name,
    expected: &'static str,
    given: &'static str,
    value: T,
}

impl<T> WrongType<T> {
    /// Returns the name of the event.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the name of the type that those who listen expect.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// Returns the name of the type that was given instead.
    #[must_use]
    pub fn given(&self) -> &'static str {
        self.given
    }

    /// Gives back what could not be dispatched.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl WrongType {
    fn with<T>(self, value: T) -> WrongType<T> {
        WrongType { name: self.name, expected: self.expected, given: self.given, value }
    }
}

impl<T> fmt::Debug for WrongType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrongType")
            .field("name", &self.name)
            .field("expected", &self.expected)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for WrongType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, expected, given, .. } = self;
        write!(
            f,
            "those who listen to the event {name:?} expect {expected}, and this is {given}: give it \
             another name, or the same type everywhere"
        )
    }
}

impl<T> Error for WrongType<T> {}
