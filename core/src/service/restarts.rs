//! The restarts of one service so far, and what its next end comes to: delays with jitter, and a limit.

use std::time::{Duration, Instant};

use super::limit::{Limit, Recent};
use super::policy::RestartPolicy;

/// What a service's history says about its next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It begins again when this is over.
    After(Duration),
    /// It has begun again too often.
    GiveUp,
}

/// How often a service has begun again, and when.
pub(crate) struct Restarts {
    /// How many in a row lived for less than the period.
    streak: u32,
    recent: Recent,
    random: SplitMix64,
}

impl Restarts {
    pub(crate) fn new(seed: u64) -> Self {
        Self { streak: 0, recent: Recent::default(), random: SplitMix64(seed) }
    }

    /// Decides about an attempt that has just ended.
    pub(crate) fn next(
        &mut self,
        policy: &RestartPolicy,
        began: Instant,
        now: Instant,
    ) -> Decision {
        if now.saturating_duration_since(began) >= policy.period {
            self.streak = 0;
        }
        let limit = policy.limit.map(|count| Limit { count, period: policy.period });
        if limit.is_some_and(|limit| !self.recent.count(limit, now)) {
            return Decision::GiveUp;
        }
        let delay = policy.delay(self.streak, &mut self.random);
        self.streak = self.streak.saturating_add(1);
        Decision::After(delay)
    }
}

impl RestartPolicy {
    /// The delay after so many restarts in a row.
    fn delay(&self, streak: u32, random: &mut SplitMix64) -> Duration {
        let factor = 2_u32.checked_pow(streak);
        let delay = factor.and_then(|factor| self.first.checked_mul(factor)).unwrap_or(self.cap);
        // Where the first is zero, so are all.
        let delay = if self.first.is_zero() { Duration::ZERO } else { delay.min(self.cap) };
        let spread = delay.as_nanos() * u128::from(self.jitter) / 1000;
        let less = (spread * u128::from(random.next() >> 32)) >> 32;
        delay - nanos(less)
    }
}

/// Less than a duration, so there is one.
fn nanos(nanos: u128) -> Duration {
    let secs = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(secs, (nanos % 1_000_000_000) as u32)
}

/// SplitMix64 of Steele, Lea and Flood (2014), with the constants of `java.util.SplittableRandom`.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn plain(first: Duration, cap: Duration) -> RestartPolicy {
        RestartPolicy::default().backoff(first, cap).jitter(0.0).unlimited()
    }

    fn delays(policy: &RestartPolicy, count: usize) -> Vec<Duration> {
        let (mut restarts, now) = (Restarts::new(0), Instant::now());
        let next = (0..count).map(|_| match restarts.next(policy, now, now) {
            Decision::After(delay) => delay,
            Decision::GiveUp => Duration::MAX,
        });
        next.collect()
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let delays = delays(&plain(SECOND, SECOND * 10), 6);
        assert_eq!(delays, [1, 2, 4, 8, 10, 10].map(|secs| SECOND * secs));
    }

    #[test]
    fn every_duration_is_valid() {
        assert_eq!(delays(&plain(Duration::ZERO, Duration::MAX), 100), [Duration::ZERO; 100]);
        assert_eq!(delays(&plain(SECOND, Duration::ZERO), 3), [Duration::ZERO; 3]);
        let longest = delays(&plain(Duration::MAX, Duration::MAX), 3);
        assert_eq!(longest, [Duration::MAX; 3]);
        let late = delays(&plain(Duration::from_nanos(1), Duration::MAX), 200);
        assert_eq!(late[199], Duration::MAX);
        let full = plain(Duration::MAX, Duration::MAX).jitter(1.0);
        assert!(delays(&full, 50).iter().all(|delay| *delay < Duration::MAX));
        let odd = plain(SECOND, SECOND).jitter(f64::NAN);
        assert_eq!(delays(&odd, 1), [SECOND]);
    }

    #[test]
    fn an_attempt_that_lives_long_has_the_delays_begin_anew() {
        let policy = plain(SECOND, SECOND * 100).at_most(100, SECOND * 60);
        let (mut restarts, began) = (Restarts::new(0), Instant::now());
        let mut next = |lived: Duration| restarts.next(&policy, began, began + lived);
        assert_eq!(next(SECOND), Decision::After(SECOND));
        assert_eq!(next(SECOND * 59), Decision::After(SECOND * 2));
        assert_eq!(next(SECOND * 60), Decision::After(SECOND));
        assert_eq!(next(SECOND), Decision::After(SECOND * 2));
    }

    #[test]
    fn one_more_than_the_limit_within_the_period_is_too_often() {
        let policy = plain(Duration::ZERO, Duration::ZERO).at_most(3, SECOND * 10);
        let (mut restarts, start) = (Restarts::new(0), Instant::now());
        let mut at = |secs| restarts.next(&policy, start + SECOND * secs, start + SECOND * secs);
        let again = Decision::After(Duration::ZERO);
        assert_eq!([at(0), at(4), at(9)], [again; 3]);
        assert_eq!(at(9), Decision::GiveUp);
        assert_eq!([at(10), at(10)], [again, Decision::GiveUp], "the first one counts no more");
        assert_eq!(at(14), again);
    }

    #[test]
    fn a_limit_of_none_begins_no_more() {
        let policy = RestartPolicy::default().at_most(0, SECOND);
        let now = Instant::now();
        assert_eq!(Restarts::new(0).next(&policy, now, now), Decision::GiveUp);
    }

    proptest! {
        #[test]
        fn jitter_shortens_by_no_more_than_its_share(
            seed: u64, streak in 0_u32..80, first in 0_u64..1 << 40, cap in 0_u64..1 << 50,
            share in 0_u32..=1000,
        ) {
            let (first, cap) = (Duration::from_nanos(first), Duration::from_nanos(cap));
            let full = plain(first, cap).delay(streak, &mut SplitMix64(seed));
            let policy = plain(first, cap).jitter(f64::from(share) / 1000.0);
            let delay = policy.delay(streak, &mut SplitMix64(seed));
            prop_assert!(delay <= full && full <= cap);
            let least = full.as_nanos() * u128::from(1000 - share) / 1000;
            prop_assert!(delay.as_nanos() >= least, "{delay:?} of {full:?}");
        }

        #[test]
        fn never_more_than_the_limit_within_any_period(
            limit in 0_u32..6, period in 1_u64..20, ends in proptest::collection::vec(0_u64..8, 0..60),
        ) {
            let policy = RestartPolicy::default().at_most(limit, SECOND * period as u32);
            let (mut restarts, start) = (Restarts::new(0), Instant::now());
            let (mut now, mut granted) = (0, Vec::new());
            for gap in ends {
                now += gap;
                let time = start + Duration::from_secs(now);
                let within = granted.iter().filter(|then| now - **then < period).count();
                let expected = within < limit as usize;
                let decision = restarts.next(&policy, time, time);
                prop_assert_eq!(decision != Decision::GiveUp, expected);
                if expected {
                    granted.push(now);
                }
                prop_assert!(restarts.recent.len() <= limit as usize);
            }
        }
    }
}
