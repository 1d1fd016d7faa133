//! `Foreground`: background tasks in an otherwise synchronous program.

mod drive;

use std::fmt;
use std::time::Duration;

use crate::event::{ShutdownEvent, ShutdownTrigger};
use crate::event_loop::{Blocking, EventLoop, LoopOwner, RunError, Timer};
use crate::events::Events;
use crate::lifespan::{HardEnd, Standing};
use crate::monitor::Monitor;
use crate::observer::Observer;
use crate::other_loop::Here;
use crate::registry::Tasks;
use crate::scope::{Cx, Spawner, State, Task, TaskBuilder, TaskFn, cx};
use crate::stands_still::StandsStill;
use crate::sync::Arc;
use crate::task::{Name, Output};

/// Background tasks in a synchronous program, which drives them when it has nothing else to do.
///
/// Tasks go on only while the program drives the loop: until a future ends
/// ([`run_until`](Self::run_until)), for some time ([`run_for`](Self::run_for)), or for one round
/// ([`step`](Self::step)). In between nothing happens, however long that is, and in the next drive
/// each task goes on where it stood. Blocking closures have threads, and go on all the time.
///
/// Compared with [`Lifespan`](crate::Lifespan), which takes the program's thread until everything
/// has stopped, it is for programs that keep their thread: scripts, tools, interactive sessions,
/// tests. Compared with a runtime's own `block_on`, it knows its tasks, and stops them in order.
///
/// It stays on its thread. Dropping it without a [`stop`](Self::stop) has its tasks dropped, at once
/// with a loop that it owns, else when the loop is next driven; it does not wait for anything.
///
/// # Examples
/// ```
/// use std::error::Error;
/// use std::time::Duration;
/// use lifespan_core::{Cx, Foreground, StandsStill, Timer};
///
/// async fn ticker<L: Timer>(cx: Cx<'_, L>) {
///     for tick in 0.. {
///         println!("{tick}");
///         cx.sleep(Duration::from_secs(1)).await;
///     }
/// }
///
/// fn session<O: StandsStill<Handle: Timer>>(owner: O) -> Result<(), Box<dyn Error>> {
///     let mut foreground = Foreground::on(owner)?;
///     let ticker = foreground.schedule(ticker); // nothing happens yet
///     foreground.run_for(Duration::from_secs(5))?; // 0 1 2 3 4
///     std::thread::sleep(Duration::from_secs(60)); // nothing
///     foreground.run_for(Duration::from_secs(3))?; // 5 6 7
///     foreground.run_until(ticker.cancel())?;
///     println!("{}", foreground.stop());
///     Ok(())
/// }
/// ```
#[must_use = "dropping it drops its tasks"]
pub struct Foreground<O: LoopOwner> {
    here: Here,
    /// The root's, for what the program itself does; it does not leave this module with a user.
    cx: Cx<'static, O::Handle>,
    /// Cancels the tasks when it is dropped, so it is dropped before the loop.
    standing: Standing<O::Handle>,
    owner: O,
}

impl<O: LoopOwner> Foreground<O> {
    /// Begins on a loop that this owner drives, and that stands still while it does not.
    ///
    /// # Errors
    /// [`RunError`] if this thread is running a loop, or the loop cannot be made.
    pub fn on(mut owner: O) -> Result<Self, RunError>
    where
        O: StandsStill,
        O::Handle: Timer,
    {
        let handle = owner.run_alone(async |handle| handle.clone())?;
        let id = handle.id();
        let standing = Standing::begin(handle);
        let here = Here::list(standing.root().registry().address(), id);
        let cx = cx::make(standing.handle().clone(), Arc::clone(standing.root()));
        Ok(Self { here, cx, standing, owner })
    }

    /// Sets how long tasks may take from the [`stop`](Self::stop) to their end, before they are
    /// cancelled; a task may have its own. Default: 10 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.standing.set_grace(grace);
        self
    }

    /// Sets how long the whole [`stop`](Self::stop) may take. Default: 30 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.standing.set_deadline(deadline);
        self
    }

    /// Adds an observer, which hears of the tasks from now on; see
    /// [`Lifespan::observer`](crate::Lifespan::observer).
    ///
    /// Of a task that another thread starts meanwhile it may hear at its end and not at its spawn.
    pub fn observer<B: Observer>(self, observer: B) -> Self {
        self.standing.root().shared().observers.add(Arc::new(observer));
        self.standing.root().registry().begin_to_be_heard();
        self
    }

    /// Sets what becomes of the process when the [`stop`](Self::stop) has not ended by its deadline;
    /// see [`Lifespan::hard_end`](crate::Lifespan::hard_end). Default: [`HardEnd::Return`].
    pub fn hard_end(mut self, hard_end: HardEnd) -> Self {
        self.standing.set_hard_end(hard_end);
        self
    }

    /// Starts a task in the background; it gets its first turn when the loop is next driven.
    ///
    /// The body is `async |cx| { .. }` or an `async fn(cx: Cx<'_, L>)`. A failure stays in the
    /// [`Task`], or goes to the report of the [`stop`](Self::stop) if nobody awaits that.
    #[track_caller]
    pub fn schedule<R, F>(&self, body: F) -> Task<R::Value>
    where
        R: Output<Value: Send + 'static> + 'static,
        F: AsyncFnOnce(Cx<'_, O::Handle>) -> R + for<'x> TaskFn<'x, O::Handle, R> + Send + 'static,
    {
        self.cx.spawn(body)
    }

    /// Begins a task with a name, unique among the live ones.
    pub fn task(&self, name: impl Into<Name>) -> TaskBuilder<'_, O::Handle> {
        self.cx.task(name)
    }

    /// Runs a closure on a thread that may block, from now on, whether or not the loop is driven.
    ///
    /// That it has ended can be seen without driving, by
    /// [`TaskRef::is_finished`](crate::TaskRef::is_finished); [`run_until`](Self::run_until) of the
    /// task gives its value. A thread cannot be cancelled: a closure that should hear of a stop
    /// gets the event by `foreground.task(name).spawn_blocking(|stop| ..)`.
    #[track_caller]
    pub fn call_in_background<R, F>(&self, call: F) -> Task<R::Value>
    where
        O::Handle: Blocking,
        R: Output<Value: Send + 'static>,
        F: FnOnce() -> R + Send + 'static,
    {
        self.cx.start_blocking(move |_stop: &ShutdownEvent| call())
    }

    /// Returns the live tasks.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.cx.tasks()
    }

    /// Returns what shows the tasks and the stop to any thread.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        self.cx.monitor()
    }

    /// Returns the values that tasks and spawners share, by type.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.standing.root().shared().state
    }

    /// Returns the named events of this program.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.standing.root().shared().events
    }

    /// Returns a remote control that may leave the thread: it starts and stops tasks from anywhere.
    #[must_use]
    pub fn spawner(&self) -> Spawner<O::Handle> {
        self.cx.spawner()
    }

    /// Returns what asks this program to stop; see [`lifespan_event`](Self::lifespan_event).
    #[must_use]
    pub fn trigger(&self) -> ShutdownTrigger {
        self.lifespan_event().trigger()
    }

    /// Returns the event of a request to stop, which the program may wait for in the foreground.
    ///
    /// Tasks set it by [`Cx::trigger`], other threads by [`trigger`](Self::trigger); nothing stops
    /// before the program calls [`stop`](Self::stop), which sets it, too.
    #[must_use]
    pub fn lifespan_event(&self) -> &ShutdownEvent {
        &self.standing.root().shared().stop
    }

    /// Returns the owner of the loop, for what only that can do: the simulator's time, for example.
    pub fn owner_mut(&mut self) -> &mut O {
        &mut self.owner
    }
}

impl<O: LoopOwner> fmt::Debug for Foreground<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreground").field("tasks", &self.tasks()).finish_non_exhaustive()
    }
}
