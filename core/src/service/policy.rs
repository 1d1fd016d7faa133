//! What the end of a task means for the program, and when a service begins again.

use std::time::Duration;

/// What the failure of a task means; see [`TaskBuilder::on_failure`](crate::TaskBuilder::on_failure).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// It is reported, and all goes on.
    #[default]
    Ignore,
    /// The lifespan stops, with a reason that names the task.
    Shutdown,
}

/// What the end of a service means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnEnd {
    /// It has ended, and all goes on. A failure is reported.
    Ignore,
    /// The lifespan stops, with a reason that names the service.
    Shutdown,
    /// It begins again, after a delay.
    ///
    /// Too often, and its scope fails: one that a user has opened is stopped, with all in it; from a
    /// component or the lifespan's own scope the lifespan stops, with a reason that names the service.
    Restart(RestartPolicy),
}

impl From<OnFailure> for OnEnd {
    fn from(on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::Ignore => Self::Ignore,
            OnFailure::Shutdown => Self::Shutdown,
        }
    }
}

impl From<RestartPolicy> for OnEnd {
    fn from(policy: RestartPolicy) -> Self {
        Self::Restart(policy)
    }
}

/// When a service begins again: delays that double up to a cap, and how often at the most.
///
/// The first delay is short; each further one is twice as long, up to the cap, and shortened at random
/// (jitter) so that many do not begin at one moment. An attempt that lives for as long as the
/// [period](Self::at_most) has the delays begin anew.
///
/// Compared with OTP's supervisors, which begin again at once, up to an intensity within a period for all
/// together: that is [`Component::restarts_at_most`](crate::Component::restarts_at_most).
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use lifespan_core::RestartPolicy;
///
/// let patient = RestartPolicy::default()
///     .backoff(Duration::from_millis(50), Duration::from_secs(10))
///     .jitter(0.2)
///     .at_most(20, Duration::from_secs(600));
/// # let _ = patient;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    pub(super) first: Duration,
    pub(super) cap: Duration,
    /// By which share a delay may be shortened, in thousandths.
    pub(super) jitter: u32,
    /// `None`: without end.
    pub(super) limit: Option<u32>,
    pub(super) period: Duration,
}

/// A first delay of 100 ms, a cap of 30 s, a jitter of one half, at most 5 times within 60 s.
impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            cap: Duration::from_secs(30),
            jitter: 500,
            limit: Some(5),
            period: Duration::from_secs(60),
        }
    }
}

impl RestartPolicy {
    /// Sets the first delay, and the longest. Default: 100 milliseconds, 30 seconds.
    ///
    /// `ZERO` for both: it begins again at once, when whoever else is ready has had a turn.
    #[must_use]
    pub fn backoff(mut self, first: Duration, cap: Duration) -> Self {
        (self.first, self.cap) = (first, cap);
        self
    }

    /// Sets by which share, 0 to 1, a delay may be shortened at random. Default: 0.5.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        // A share that is no number is none.
        self.jitter = (share.clamp(0.0, 1.0) * 1000.0).round() as u32;
        self
    }

    /// Sets how often it may begin again within a period. Default: 5 times within 60 seconds.
    ///
    /// One more, and its scope fails; see [`OnEnd::Restart`]. The default delays add up to little more than
    /// 3 seconds; to outlast a longer outage, set this.
    #[must_use]
    pub fn at_most(mut self, count: u32, period: Duration) -> Self {
        (self.limit, self.period) = (Some(count), period);
        self
    }

    /// Has it begin again without end.
    ///
    /// An attempt that lives for the period (60 seconds, or what [`at_most`](Self::at_most) set) has the
    /// delays begin anew.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.limit = None;
        self
    }
}

/// How a service is supervised; described to [`Lifespan::service_with`](crate::Lifespan::service_with).
///
/// Default: it begins again when it fails, and has ended when its body returns.
#[derive(Clone, Copy, Debug)]
#[must_use = "a service is what the description returns"]
pub struct Service {
    pub(crate) on_failure: OnEnd,
    pub(crate) on_exit: OnEnd,
    pub(crate) grace: Option<Duration>,
    pub(crate) must_be_ready: bool,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            on_failure: OnEnd::Restart(RestartPolicy::default()),
            on_exit: OnEnd::Ignore,
            grace: None,
            must_be_ready: false,
        }
    }
}

impl Service {
    /// Sets what it means that the body returns an error or panics. Default: it begins again.
    pub fn on_failure(mut self, on_failure: impl Into<OnEnd>) -> Self {
        self.on_failure = on_failure.into();
        self
    }

    /// Sets what it means that the body returns, and was not asked to. Default: it has ended.
    pub fn on_exit(mut self, on_exit: impl Into<OnEnd>) -> Self {
        self.on_exit = on_exit.into();
        self
    }

    /// Sets how long the body may take from a stop to its end, before it is cancelled.
    ///
    /// Default: that of its scope.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Has what comes after wait until the body has called [`Cx::ready`](crate::Cx::ready).
    ///
    /// The component counts as started only then, so that whoever comes after it may rely on the
    /// service; one in the lifespan's own scope is waited for by the foreground. If it is not ready
    /// within the start budget, or ends before, the start fails and names it. Of no meaning for a
    /// service that is added while the program runs. Default: nobody waits.
    pub fn must_be_ready(mut self) -> Self {
        self.must_be_ready = true;
        self
    }
}
