//! The state of the services of a scope: who is up, and whose turn it is to begin again.
//!
//! Nothing is run here. A service that ends asks; it is told whom to stop, and it begins again when
//! the others that do are down and it is its turn.

use std::time::Instant;

use super::limit::Recent;
use super::strategy::{Strategy, Together};
use crate::event::{Reason, ShutdownEvent};
use crate::sync::{Arc, Mutex, lock};
use crate::wake::call_caught;

/// The services of one scope.
#[derive(Default)]
pub(crate) struct Group(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    together: Together,
    /// When they began again of late.
    recent: Recent,
    /// In the order of their registration.
    states: Vec<Place>,
    /// How many have left, whose places are still there.
    gone: usize,
    next_number: u64,
    /// Set, and another one made, when a state has changed.
    changed: ShutdownEvent,
}

struct Place {
    number: u64,
    state: At,
    /// Tells the body that runs to stop, so that it can begin again; where none runs, that its delay
    /// does not count any more. Made anew for each body.
    told: ShutdownEvent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Its body is about to be polled for the first time.
    Begins,
    /// Its body runs.
    Up,
    /// Its body was told to end, because another one begins again.
    Told,
    /// Its body is gone, and its delay is not over.
    Waits,
    /// Its body is gone, and it begins when it is its turn.
    Down,
    /// It has ended for good.
    Gone,
}

/// How a service begins again.
#[derive(Debug)]
pub(crate) enum BeginsAgain {
    /// When its delay is over, or this is set: one with which it begins again has failed meanwhile.
    /// `None` where nobody ever will.
    Delayed(Option<ShutdownEvent>),
    /// With another one that has failed before it, and counted with that: it has no delay of its own.
    WithAnother,
    /// Not at all: all together have done so too often.
    TooOften,
}

/// Whether a body has ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    ByItself,
    /// It was told to, because another one begins again.
    Told,
}

impl Group {
    pub(crate) fn set_together(&self, together: Together) {
        lock(&self.0).together = together;
    }

    /// Adds a service, whose body is about to run.
    pub(crate) fn join(this: &Arc<Self>) -> Member {
        let mut inner = lock(&this.0);
        let number = inner.next_number;
        inner.next_number += 1;
        inner.states.push(Place { number, state: At::Up, told: ShutdownEvent::new() });
        drop(inner);
        Member { group: Arc::clone(this), number }
    }
}

/// The place of one service among those of its scope; it leaves when this is dropped.
pub(crate) struct Member {
    group: Arc<Group>,
    number: u64,
}

impl Member {
    /// Returns what tells the body that runs to stop; `None` where nobody ever will.
    pub(crate) fn told(&self) -> Option<ShutdownEvent> {
        let mut inner = lock(&self.group.0);
        let alone = inner.together.strategy == Strategy::OneForOne;
        let told = inner.place(self.number).map(|place| place.told.clone());
        told.filter(|_| !alone)
    }

    /// Says that the body has ended. Tells whether that was by itself.
    pub(crate) fn down(&self) -> Ended {
        if self.pass(At::Told, At::Down) { Ended::Told } else { Ended::ByItself }
    }

    /// Says that the service, which has ended by itself, is to begin again; those that begin again with
    /// it are told to stop. Counts that, unless all together have done so too often.
    pub(crate) fn begin_again(&self, now: Instant) -> BeginsAgain {
        self.change(|inner, place| inner.begin_again(place, now))
            .unwrap_or(BeginsAgain::Delayed(None))
    }

    /// Says that the delay is over, or does not count any more.
    pub(crate) fn release(&self) {
        self.pass(At::Waits, At::Down);
    }

    /// Begins, if it is this one's turn; else returns what is set when it may be.
    pub(crate) fn begin(&self) -> Result<(), ShutdownEvent> {
        let mut inner = lock(&self.group.0);
        let Some(place) = inner.position(self.number) else { return Ok(()) };
        if !inner.may_begin(place) {
            return Err(inner.changed.clone());
        }
        inner.states[place].state = At::Begins;
        let told = std::mem::take(&mut inner.states[place].told);
        let changed = std::mem::take(&mut inner.changed);
        drop(inner);
        drop(told);
        set(&changed, "a service begins");
        Ok(())
    }

    /// Says that the body was polled: those after it may begin.
    pub(crate) fn begun(&self) {
        self.pass(At::Begins, At::Up);
    }

    /// Passes from one state to another. Tells whether it was in that.
    fn pass(&self, from: At, to: At) -> bool {
        let passed = self.change(|inner, place| {
            let state = &mut inner.states[place].state;
            let is_from = *state == from;
            if is_from {
                *state = to;
            }
            (is_from, Vec::new())
        });
        passed.unwrap_or(false)
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Inner, usize) -> (T, Vec<ShutdownEvent>),
    ) -> Option<T> {
        let mut inner = lock(&self.group.0);
        let place = inner.position(self.number)?;
        let (value, told) = change(&mut inner, place);
        let changed = std::mem::take(&mut inner.changed);
        drop(inner);
        for event in told {
            set(&event, "another service of its scope begins again");
        }
        set(&changed, "a service has ended, or begun");
        Some(value)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.change(|inner, place| {
            inner.states[place].state = At::Gone;
            inner.gone += 1;
            inner.tidy();
            ((), Vec::new())
        });
    }
}

impl Inner {
    fn position(&self, number: u64) -> Option<usize> {
        self.states.binary_search_by_key(&number, |place| place.number).ok()
    }

    fn place(&mut self, number: u64) -> Option<&mut Place> {
        let place = self.position(number)?;
        self.states.get_mut(place)
    }

    /// One section for all of it: of two that fail at once, the first to come here takes the other
    /// along, which then is no restart of its own.
    fn begin_again(&mut self, place: usize, now: Instant) -> (BeginsAgain, Vec<ShutdownEvent>) {
        if self.states[place].state == At::Told {
            self.states[place].state = At::Down;
            return (BeginsAgain::WithAnother, Vec::new());
        }
        let Self { together, recent, .. } = self;
        if together.limit.is_some_and(|limit| !recent.count(limit, now)) {
            return (BeginsAgain::TooOften, Vec::new());
        }
        let is_alone = together.strategy == Strategy::OneForOne;
        let me = &mut self.states[place];
        me.state = At::Waits;
        let told = (!is_alone).then(|| me.told.clone());
        (BeginsAgain::Delayed(told), self.take_along(place))
    }

    /// Has those begin again that do so with this one. Returns what tells those that run, and those
    /// that wait for a delay of their own, which the last failure ends: OTP too starts whoever it was
    /// about to start with the others.
    fn take_along(&mut self, place: usize) -> Vec<ShutdownEvent> {
        let others = match self.together.strategy {
            Strategy::OneForOne => self.states.len(),
            Strategy::OneForAll => 0,
            Strategy::RestForOne => place + 1,
        };
        let mut told = Vec::new();
        for (number, other) in self.states.iter_mut().enumerate().skip(others) {
            other.state = match other.state {
                _ if number == place => continue,
                At::Begins | At::Up => At::Told,
                At::Waits => At::Down,
                At::Told | At::Down | At::Gone => continue,
            };
            told.push(other.told.clone());
        }
        told
    }

    /// In order, when nobody is on the way down: those before are up then. Who waits for its delay
    /// holds up those that begin again with it, and nobody else.
    fn may_begin(&self, place: usize) -> bool {
        if self.states[place].state != At::Down {
            return false;
        }
        let any = |places: &[Place], states: &[At]| {
            places.iter().any(|place| states.contains(&place.state))
        };
        let holds_all_up: &[At] = match self.together.strategy {
            Strategy::OneForOne => return true,
            Strategy::OneForAll => &[At::Told, At::Waits],
            Strategy::RestForOne => &[At::Told],
        };
        let is_not_up = [At::Waits, At::Down, At::Begins];
        !any(&self.states, holds_all_up) && !any(&self.states[..place], &is_not_up)
    }

    /// Gives up the places of those that have left, when they are many.
    fn tidy(&mut self) {
        if self.gone * 2 > self.states.len() {
            self.states.retain(|place| place.state != At::Gone);
            self.gone = 0;
        }
    }
}

/// A waker that panics harms nobody else.
fn set(event: &ShutdownEvent, why: &'static str) {
    let _ = call_caught(|| event.trigger().set(Reason::from(why)));
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::service::Limit;

    fn group(strategy: Strategy, count: usize) -> Vec<Member> {
        let group = Arc::new(Group::default());
        group.set_together(Together { strategy, limit: None });
        (0..count).map(|_| Group::join(&group)).collect()
    }

    fn is_told(member: &Member) -> bool {
        member.told().is_some_and(|told| told.is_set())
    }

    fn told(members: &[Member]) -> Vec<bool> {
        members.iter().map(is_told).collect()
    }

    /// Has a body end by itself, and its service begin again when a delay is over.
    #[track_caller]
    fn fail(member: &Member) -> Option<ShutdownEvent> {
        assert_eq!(member.down(), Ended::ByItself);
        delayed(member)
    }

    #[track_caller]
    fn delayed(member: &Member) -> Option<ShutdownEvent> {
        match member.begin_again(Instant::now()) {
            BeginsAgain::Delayed(ended) => ended,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_for_one_begins_again_alone() {
        let members = group(Strategy::OneForOne, 3);
        assert!(members[1].told().is_none());
        assert!(fail(&members[1]).is_none() && fail(&members[0]).is_none());
        members[1].release();
        assert!(members[1].begin().is_ok(), "whoever else waits");
    }

    #[test]
    fn one_for_all_stops_all_and_begins_in_order() {
        let members = group(Strategy::OneForAll, 3);
        fail(&members[1]);
        assert_eq!(told(&members), [true, false, true]);
        assert_eq!(members[0].down(), Ended::Told);
        let changed = members[0].begin().unwrap_err();
        members[1].release();
        assert!(changed.is_set() && members[1].begin().is_err(), "the third one is not down");
        assert_eq!(members[2].down(), Ended::Told);
        assert!(members[1].begin().is_err() && members[2].begin().is_err());
        assert!(members[0].begin().is_ok());
        let changed = members[1].begin().unwrap_err();
        members[0].begun();
        assert!(changed.is_set() && members[1].begin().is_ok() && members[2].begin().is_err());
        members[1].begun();
        assert!(members[2].begin().is_ok());
        assert_eq!(told(&members), [false; 3], "the new bodies are not told");
    }

    #[test]
    fn rest_for_one_spares_those_before() {
        let members = group(Strategy::RestForOne, 3);
        fail(&members[1]);
        assert_eq!(told(&members), [false, false, true]);
        members[1].release();
        assert_eq!(members[2].down(), Ended::Told);
        assert!(members[2].begin().is_err() && members[1].begin().is_ok());
        members[1].begun();
        assert!(members[2].begin().is_ok());
    }

    #[test]
    fn a_failure_ends_the_delay_of_those_that_begin_again_with_it() {
        let members = group(Strategy::RestForOne, 3);
        let ended = fail(&members[1]).unwrap();
        assert_eq!(members[2].down(), Ended::Told);
        let first = fail(&members[0]).unwrap();
        assert!(ended.is_set() && !first.is_set());
        members[1].release(); // it was woken; or its delay was over in that moment
        assert!(members[1].begin().is_err(), "the first one has its delay");
        members[0].release();
        for member in &members {
            assert!(member.begin().is_ok());
            member.begun();
        }
        assert_eq!(told(&members), [false; 3]);
    }

    #[test]
    fn a_delay_holds_up_nobody_who_begins_again_without_it() {
        let mut members = group(Strategy::RestForOne, 1);
        fail(&members[0]);
        let last = Group::join(&members[0].group);
        let ended = fail(&last).unwrap();
        members[0].release();
        assert!(!ended.is_set() && members[0].begin().is_ok(), "the last one has its delay");
        members[0].begun();
        assert!(last.begin().is_err());
        last.release();
        assert!(last.begin().is_ok());
        members.push(last);
        // All begin again with all: the delay of the last who failed counts.
        let members = group(Strategy::OneForAll, 1);
        let first = fail(&members[0]).unwrap();
        let last = Group::join(&members[0].group);
        fail(&last);
        assert!(first.is_set());
        members[0].release();
        assert!(members[0].begin().is_err());
        last.release();
        assert!(members[0].begin().is_ok());
    }

    #[test]
    fn of_two_that_fail_at_once_the_second_begins_again_with_the_first_and_does_not_count() {
        for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
            let members = group(strategy, 2);
            let limit = Some(Limit { count: 1, period: Duration::MAX });
            members[0].group.set_together(Together { strategy, limit });
            assert_eq!(members[0].down(), Ended::ByItself);
            assert_eq!(members[1].down(), Ended::ByItself);
            delayed(&members[0]);
            let second = members[1].begin_again(Instant::now());
            assert!(matches!(second, BeginsAgain::WithAnother), "{second:?}");
            members[0].release();
            for member in &members {
                assert!(member.begin().is_ok());
                member.begun();
            }
            assert_eq!(told(&members), [false; 2]);
            let third = members[1].begin_again(Instant::now());
            assert!(matches!(third, BeginsAgain::TooOften), "{third:?}");
        }
    }

    #[test]
    fn all_together_begin_again_so_often_and_no_more() {
        let members = group(Strategy::OneForOne, 2);
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let limit = Some(Limit { count: 3, period: second * 10 });
        members[0].group.set_together(Together { limit, ..Together::default() });
        let at = |who: usize, secs| {
            let again = members[who].begin_again(start + second * secs);
            matches!(again, BeginsAgain::Delayed(_))
        };
        assert!(at(0, 0) && at(1, 4) && at(0, 9));
        assert!(!at(1, 9) && !at(0, 9), "three within ten seconds, whoever they were");
        assert!(at(1, 10), "the first one counts no more");
        assert!(!at(0, 13) && at(0, 14));
    }

    #[test]
    fn without_a_limit_they_begin_again_without_end() {
        let members = group(Strategy::OneForAll, 1);
        for _ in 0..1000 {
            fail(&members[0]);
            members[0].release();
            assert!(members[0].begin().is_ok());
        }
    }

    #[test]
    fn who_leaves_holds_nobody_up() {
        let mut members = group(Strategy::OneForAll, 3);
        fail(&members[1]);
        members[1].release();
        assert_eq!(members[0].down(), Ended::Told);
        let last = members.pop().unwrap();
        let changed = members[0].begin().unwrap_err();
        drop(last);
        assert!(changed.is_set() && members[0].begin().is_ok());
        drop(members.remove(0));
        assert!(members[0].begin().is_ok());
    }

    #[test]
    fn services_that_come_and_go_leave_nothing_behind() {
        let group = Arc::new(Group::default());
        for _ in 0..1000 {
            drop(Group::join(&group));
        }
        assert!(lock(&group.0).states.is_empty());
    }
}
