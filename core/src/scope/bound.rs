//! `Bound`: a value that belongs to the loop in which it was made.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use super::Cx;
use crate::any_loop::AnyLoop;
use crate::event_loop::{EventLoop, LoopId};

/// A value that is tied to the loop in which it was made: a pool, a client, a socket.
///
/// [`Cx::bind`] makes one. It may be stored and sent anywhere, in the shared
/// [`State`](crate::State) for example, and is opened in a task of its loop only: with a `Cx` of
/// another runtime or [tag](crate::tag) that does not compile, and in another loop of the same
/// type it is [`WrongLoop`], instead of a panic or a hang inside the pool.
///
/// Dropping it drops the value, wherever that is.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use lifespan_core::{Bound, BoxError, Cx, EventLoop};
///
/// # struct Pool;
/// # impl Pool { async fn query(&self) {} }
/// async fn open<L: EventLoop>(cx: Cx<'_, L>) {
///     cx.state().insert(cx.bind(Pool));
/// }
///
/// async fn work<L: EventLoop>(cx: Cx<'_, L>) -> Result<(), BoxError> {
///     let pool = cx.state().get::<Bound<Pool, L>>().ok_or("not opened")?;
///     pool.get(&cx)?.query().await;
///     Ok(())
/// }
/// ```
pub struct Bound<T, L = AnyLoop> {
    value: T,
    made_in: Made,
    handle: PhantomData<fn() -> L>,
}

/// Which loop, and what its adapter is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made {
    id: LoopId,
    name: &'static str,
}

impl<L: EventLoop> Cx<'_, L> {
    /// Ties a value to this loop: only a task of it can open the value again.
    #[must_use]
    pub fn bind<T>(&self, value: T) -> Bound<T, L> {
        Bound { value, made_in: self.made(), handle: PhantomData }
    }

    fn made(&self) -> Made {
        Made { id: self.handle().id(), name: self.handle().name() }
    }
}

impl<T, L> Bound<T, L> {
    /// Returns the loop in which the value was made.
    #[must_use]
    pub fn loop_id(&self) -> LoopId {
        self.made_in.id
    }

    /// Opens the value, for as long as the proof of being in its loop lasts.
    ///
    /// # Errors
    /// [`WrongLoop`] if the `Cx` is of another loop than the one it was made in.
    pub fn get<'a, M>(&'a self, cx: &'a Cx<'_, M>) -> Result<&'a T, WrongLoop>
    where
        M: EventLoop + SameLoop<L>,
    {
        self.check(cx)?;
        Ok(&self.value)
    }

    /// Opens the value for change.
    ///
    /// # Errors
    /// [`WrongLoop`] if the `Cx` is of another loop than the one it was made in.
    pub fn get_mut<'a, M>(&'a mut self, cx: &'a Cx<'_, M>) -> Result<&'a mut T, WrongLoop>
    where
        M: EventLoop + SameLoop<L>,
    {
        self.check(cx)?;
        Ok(&mut self.value)
    }

    /// Unties the value.
    ///
    /// # Errors
    /// [`WrongLoop`], which gives `self` back, if the `Cx` is of another loop.
    pub fn into_inner<M>(self, cx: &Cx<'_, M>) -> Result<T, WrongLoop<Self>>
    where
        M: EventLoop + SameLoop<L>,
    {
        match self.check(cx) {
            Ok(()) => Ok(self.value),
            Err(wrong) => Err(wrong.with(self)),
        }
    }

    fn check<M: EventLoop>(&self, cx: &Cx<'_, M>) -> Result<(), WrongLoop> {
        let (made_in, used_in) = (self.made_in, cx.made());
        if made_in == used_in { Ok(()) } else { Err(WrongLoop { made_in, used_in, value: () }) }
    }
}

/// Shows where it belongs, and not the value.
impl<T, L> fmt::Debug for Bound<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("made_in", &self.made_in.id).finish_non_exhaustive()
    }
}

/// Two loop handles of one type; every type is the same as itself.
#[diagnostic::on_unimplemented(
    message = "the value belongs to a loop `{L}`, and this is a task of `{Self}`",
    label = "the wrong loop",
    note = "what is made in one loop is used in that loop: open the value in a task of `{L}`, which \
            the `Spawner` of that loop starts from anywhere, or make one of its own in this loop"
)]
pub trait SameLoop<L> {}

impl<L> SameLoop<L> for L {}

/// A value was to be used in another loop than the one it was made in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrongLoop<T = ()> {
    made_in: Made,
    used_in: Made,
    value: T,
}

impl<T> WrongLoop<T> {
    /// Returns the loop in which the value was made.
    #[must_use]
    pub fn made_in(&self) -> LoopId {
        self.made_in.id
    }

    /// Returns the loop in which it was to be used.
    #[must_use]
    pub fn used_in(&self) -> LoopId {
        self.used_in.id
    }

    /// Gives back what could not be opened.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl WrongLoop {
    fn with<T>(self, value: T) -> WrongLoop<T> {
        WrongLoop { made_in: self.made_in, used_in: self.used_in, value }
    }
}

impl<T> fmt::Debug for WrongLoop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrongLoop")
            .field("made_in", &self.made_in.id)
            .field("used_in", &self.used_in.id)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for WrongLoop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (made, used) = (self.made_in, self.used_in);
        write!(
            f,
            "a value made in {} ({}) was used in {} ({}), and what is made in one loop is used in \
             that loop: send the work there with its `Spawner`, or make one in each loop",
            made.id, made.name, used.id, used.name
        )
    }
}

impl<T> Error for WrongLoop<T> {}
