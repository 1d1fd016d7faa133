//! A service's tracked future: it runs attempt after attempt of one body, under one record.
//!
//! To the record it is a task whose body is the supervision: a cancel drops that, and with it the
//! attempt that runs, for good. What an attempt ends with is judged here.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::attempt::{self, Orders};
use super::maker::Maker;
use super::place::{Own, Post};
use super::tracked::{Home, Running, Start};
use super::{Factory, Scope, TaskFn, cx};
use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::Timer;
use crate::registry::{RecordAt, TaskRef, Vitals};
use crate::service::{
    BeginsAgain, Decision, Ended, Group, Member, OnEnd, RestartPolicy, Restarts, Service,
};
use crate::sync::Arc;
use crate::task::{BoxError, Outcome, Output, Panic};
use crate::wake::call_caught;

/// As `tracked`, of a service.
#[expect(clippy::manual_async_fn, reason = "the signature says that the future is `Send`")]
pub(super) fn supervised<L, F, R>(
    mut start: Start<F, L, ()>,
    service: Service,
    member: Member,
) -> impl Future<Output = ()> + Send + 'static
where
    L: Timer,
    F: for<'x> TaskFn<'x, L, R> + Factory,
    R: Output<Value: Send + 'static> + 'static,
{
    async move {
        let Some(factory) = start.begin() else { return };
        let home = start.home();
        let supervision = pin!(Some(supervise(home, factory, service, member)));
        Running::new(supervision, home).await;
    }
}

/// As [`supervised`], of a service that has to wait for its turn: until then it is none of those that
/// begin again together.
#[expect(clippy::manual_async_fn, reason = "the signature says that the future is `Send`")]
pub(super) fn supervised_in_turn<L, F, R>(
    start: Start<F, L, ()>,
    service: Service,
) -> impl Future<Output = ()> + Send + 'static
where
    L: Timer,
    F: for<'x> TaskFn<'x, L, R> + Factory,
    R: Output<Value: Send + 'static> + 'static,
{
    async move {
        if let Some(start) = start.in_turn().await {
            let member = Group::join(start.home().place().scope.services());
            supervised(start, service, member).await;
        }
    }
}

/// What the end of an attempt comes to.
enum Next {
    /// The service has ended.
    End,
    /// It begins again when a delay is over.
    Restart(Delay),
    /// It begins again with another one, and has no delay of its own.
    RestartWithAnother,
}

/// The time until a service begins again.
struct Delay {
    time: Duration,
    /// Set when it does not count any more; `None`: never.
    ended: Option<ShutdownEvent>,
}

async fn supervise<L, F, R>(
    home: &Home<L, ()>,
    factory: F,
    service: Service,
    member: Member,
) -> Result<(), BoxError>
where
    L: Timer,
    F: for<'x> TaskFn<'x, L, R> + Factory,
    R: Output<Value: Send + 'static> + 'static,
{
    let mut maker = Maker::new(factory);
    let supervisor = Supervisor::new(home, service, member);
    let mut restarts = Restarts::new(supervisor.loop_handle().seed());
    // Another one may begin again before this one has begun at all.
    if supervisor.is_told() && supervisor.turn().await == Again::No {
        return Ok(());
    }
    loop {
        supervisor.vitals.begin();
        let began = supervisor.loop_handle().now();
        let (outcome, ended) = supervisor.attempt(&maker).await;
        supervisor.vitals.end(outcome.clone());
        let next = match ended {
            Ended::Told if !supervisor.stop.is_set() => Next::RestartWithAnother,
            // One that was told, too: a stop has come meanwhile, and nothing begins again.
            _ => supervisor.judge(&outcome, began, &mut restarts),
        };
        let again = match next {
            Next::End => return into_result(outcome.after_drop(maker.end())),
            Next::Restart(delay) => {
                supervisor.restart(&outcome, delay.time);
                supervisor.wait(delay).await
            }
            Next::RestartWithAnother => {
                supervisor.restart(&outcome, Duration::ZERO);
                Again::Yes
            }
        };
        if again == Again::No || supervisor.turn().await == Again::No {
            return Ok(()); // it was stopped where nothing ran
        }
    }
}

/// Whether a service begins again, or was stopped while none of its bodies ran.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

/// What the supervision of one service keeps between attempts.
struct Supervisor<'a, L> {
    home: &'a Home<L, ()>,
    service: Service,
    vitals: Arc<Vitals>,
    member: Member,
    /// The event as the service sees it: its own stop, or its scope's.
    stop: ShutdownEvent,
}

impl<'a, L: Timer> Supervisor<'a, L> {
    fn new(home: &'a Home<L, ()>, service: Service, member: Member) -> Self {
        let record = home.record();
        let scope = &home.place().scope;
        let vitals = scope.registry().vitals_of_service(record);
        let stop = record.event(scope.event());
        Self { home, service, vitals, member, stop }
    }

    fn loop_handle(&self) -> &L {
        &self.home.place().handle
    }

    fn record(&self) -> RecordAt<'_> {
        self.home.record()
    }

    /// Tells whether this one is to begin again, though nothing of it runs.
    fn is_told(&self) -> bool {
        self.member.told().is_some_and(|told| told.is_set()) && self.member.down() == Ended::Told
    }

    /// Runs one body to its end, and drops it. Tells how it ended, and whether that was by itself.
    async fn attempt<F, R>(&self, maker: &Maker<F>) -> (Outcome, Ended)
    where
        F: for<'x> TaskFn<'x, L, R> + Factory,
        R: Output<Value: Send + 'static> + 'static,
    {
        let told = self.member.told();
        // A body that may be told to begin again hears of that by an event of its own.
        let event = told.as_ref().map_or_else(|| self.stop.clone(), |_| self.stop.child());
        let own = Own::hearing(self.record().slot(), event.clone());
        let post = Post { place: Arc::clone(self.home.place()), own };
        let cx = cx::make_own(&post);
        let made = call_caught(|| maker.copy().map(|factory| factory(cx)));
        let outcome = match made {
            Err(payload) => Outcome::Panicked(Panic::new(payload)),
            Ok(body) => {
                let mut body = pin!(body);
                match &told {
                    None => attempt::run(body.as_mut()).await,
                    Some(told) => {
                        let orders = Orders { told, event: &event, grace: self.grace() };
                        attempt::run_until_told(self.home, &self.member, body.as_mut(), orders)
                            .await
                    }
                }
            }
        };
        (outcome, self.member.down())
    }

    /// How long a body may take to its end when another service begins again.
    fn grace(&self) -> Duration {
        self.service.grace.unwrap_or_else(|| self.home.place().scope.grace())
    }

    fn judge(&self, outcome: &Outcome, began: Instant, restarts: &mut Restarts) -> Next {
        if self.stop.is_set() {
            return Next::End; // it was asked to, however it ended
        }
        let on_end = match outcome {
            Outcome::Completed => self.service.on_exit,
            _ => self.service.on_failure,
        };
        match on_end {
            OnEnd::Ignore => Next::End,
            OnEnd::Shutdown => self.escalate(outcome, Scope::stop_all),
            OnEnd::Restart(policy) => self.decide(outcome, &policy, began, restarts),
        }
    }

    fn decide(
        &self,
        outcome: &Outcome,
        policy: &RestartPolicy,
        began: Instant,
        restarts: &mut Restarts,
    ) -> Next {
        let now = self.loop_handle().now();
        let Decision::After(time) = restarts.next(policy, began, now) else {
            return self.escalate(outcome, Scope::fail);
        };
        match self.member.begin_again(now) {
            BeginsAgain::Delayed(ended) => Next::Restart(Delay { time, ended }),
            BeginsAgain::WithAnother => Next::RestartWithAnother,
            BeginsAgain::TooOften => self.escalate(outcome, Scope::fail),
        }
    }

    /// Has the end of this service be that of more than itself.
    fn escalate(&self, outcome: &Outcome, stop: fn(&Scope, Reason)) -> Next {
        let path = TaskRef::new(self.record().refer()).path();
        let reason = match outcome {
            Outcome::Completed => Reason::TaskEnded(path),
            _ => Reason::TaskFailed(path),
        };
        stop(&self.home.place().scope, reason);
        Next::End
    }

    /// Says that the service, whose body is gone, begins again.
    fn restart(&self, outcome: &Outcome, delay: Duration) {
        self.vitals.restart();
        self.tell_restart(outcome, delay);
    }

    /// Waits until a delay is over.
    async fn wait(&self, delay: Delay) -> Again {
        let Delay { time, ended } = delay;
        let mut sleep = pin!(self.loop_handle().sleep(time));
        let (mut stopped, mut ended) = (self.stop.wait(), ended.as_ref().map(ShutdownEvent::wait));
        let mut polls = 0_u32;
        let again = poll_fn(|context| {
            if Pin::new(&mut stopped).poll(context).is_ready() {
                return Poll::Ready(Again::No);
            }
            polls = polls.saturating_add(1);
            if ended.as_mut().is_some_and(|ended| Pin::new(ended).poll(context).is_ready()) {
                return Poll::Ready(Again::Yes);
            }
            // Of a loop that has ended this is dropped: nothing begins again there.
            match sleep.as_mut().poll(context) {
                Poll::Ready(Ok(())) => Poll::Ready(Again::Yes),
                _ => Poll::Pending,
            }
        })
        .await;
        // Some runtimes have a sleep of no time end at its first poll: others have their turn.
        if again == Again::Yes && polls == 1 {
            crate::yield_now::yield_now().await;
        }
        self.member.release();
        again
    }

    /// Waits until those that begin again with this one are down, and those before it up.
    async fn turn(&self) -> Again {
        let mut stopped = self.stop.wait();
        loop {
            if self.stop.is_set() {
                return Again::No;
            }
            let Err(changed) = self.member.begin() else { return Again::Yes };
            let mut changed = changed.wait();
            poll_fn(|context| {
                let has_changed = Pin::new(&mut changed).poll(context).is_ready();
                let is_stopped = Pin::new(&mut stopped).poll(context).is_ready();
                if has_changed || is_stopped { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    fn tell_restart(&self, outcome: &Outcome, delay: Duration) {
        let observers = &self.home.place().scope.shared().observers;
        if !observers.is_empty() {
            let task = TaskRef::new(self.record().refer());
            let attempt = task.attempts() + 1;
            observers.task_restarted(&task, attempt, outcome, delay);
        }
    }
}

/// What the supervision ends with, so that the record settles with this outcome.
fn into_result(outcome: Outcome) -> Result<(), BoxError> {
    match outcome {
        Outcome::Failed(failure) => Err(failure.into()),
        Outcome::Panicked(panic) => {
            // It was shown by the panic hook, which this does not call again.
            let payload =
                panic.take_payload().unwrap_or_else(|| Box::new(String::from(panic.text())));
            resume_unwind(payload)
        }
        _ => Ok(()),
    }
}
