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
    /// Tells the body that runs to stop, so that it can begin again.
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
        self.change(|inner, place| {
            let ended = match inner.states[place].state {
                At::Told => Ended::Told,
                _ => Ended::ByItself,
            };
            if ended == Ended::Told {
                inner.states[place].state = At::Down;
            }
            (ended, Vec::new())
        })
        .unwrap_or(Ended::ByItself)
    }

    /// Counts that the service begins again, unless all together have done so too often.
    pub(crate) fn may_begin_again(&self, now: Instant) -> bool {
        let Inner { together, recent, .. } = &mut *lock(&self.group.0);
        together.limit.is_none_or(|limit| recent.count(limit, now))
    }

    /// Says that the service begins again when a delay is over; those that begin again with it are
    /// told to stop.
    pub(crate) fn wait(&self) {
        self.change(|inner, place| ((), inner.begin_again(place)));
    }

    /// Says that the delay is over.
    pub(crate) fn release(&self) {
        self.change(|inner, place| {
            inner.states[place].state = At::Down;
            ((), Vec::new())
        });
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
        self.change(|inner, place| {
            let state = &mut inner.states[place].state;
            if *state == At::Begins {
                *state = At::Up;
            }
            ((), Vec::new())
        });
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

    /// Returns what tells those that run and begin again with this one.
    fn begin_again(&mut self, place: usize) -> Vec<ShutdownEvent> {
        self.states[place].state = At::Waits;
        let first = match self.together.strategy {
            Strategy::OneForOne => self.states.len(),
            Strategy::OneForAll => 0,
            Strategy::RestForOne => place + 1,
        };
        let mut told = Vec::new();
        for other in &mut self.states[first..] {
            if matches!(other.state, At::Begins | At::Up) {
                other.state = At::Told;
                told.push(other.told.clone());
            }
        }
        told
    }

    /// In order, when nobody is on the way down: those before are up then.
    fn may_begin(&self, place: usize) -> bool {
        if self.states[place].state != At::Down {
            return false;
        }
        if self.together.strategy == Strategy::OneForOne {
            return true;
        }
        let waits = |place: &Place| matches!(place.state, At::Told | At::Waits);
        let is_not_up = |place: &Place| matches!(place.state, At::Down | At::Begins);
        !self.states.iter().any(waits) && !self.states[..place].iter().any(is_not_up)
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

    use proptest::prelude::{Just, any, prop_assert_eq, prop_oneof, proptest};

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

    #[test]
    fn one_for_one_begins_again_alone() {
        let members = group(Strategy::OneForOne, 3);
        assert!(members[1].told().is_none());
        assert_eq!(members[1].down(), Ended::ByItself);
        members[1].wait();
        members[0].wait();
        members[1].release();
        assert!(members[1].begin().is_ok(), "whoever else waits");
    }

    #[test]
    fn one_for_all_stops_all_and_begins_in_order() {
        let members = group(Strategy::OneForAll, 3);
        assert_eq!(members[1].down(), Ended::ByItself);
        members[1].wait();
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
        members[1].wait();
        assert_eq!(told(&members), [false, false, true]);
        members[1].release();
        assert_eq!(members[2].down(), Ended::Told);
        assert!(members[2].begin().is_err() && members[1].begin().is_ok());
        members[1].begun();
        assert!(members[2].begin().is_ok());
    }

    #[test]
    fn all_together_begin_again_so_often_and_no_more() {
        let members = group(Strategy::OneForOne, 2);
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let limit = Some(Limit { count: 3, period: second * 10 });
        members[0].group.set_together(Together { limit, ..Together::default() });
        let at = |who: usize, secs| members[who].may_begin_again(start + second * secs);
        assert!(at(0, 0) && at(1, 4) && at(0, 9));
        assert!(!at(1, 9) && !at(0, 9), "three within ten seconds, whoever they were");
        assert!(at(1, 10), "the first one counts no more");
        assert!(!at(0, 13) && at(0, 14));
    }

    #[test]
    fn without_a_limit_they_begin_again_without_end() {
        let (members, now) = (group(Strategy::OneForAll, 1), Instant::now());
        assert!((0..1000).all(|_| members[0].may_begin_again(now)));
    }

    #[test]
    fn who_leaves_holds_nobody_up() {
        let mut members = group(Strategy::OneForAll, 3);
        members[1].wait();
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

    /// What a supervisor does with one member, as far as it can at this moment.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Step {
        Runs,
        Waits,
        Down,
        Begins,
    }

    proptest! {
        /// Whatever happens in whatever order: nobody is stuck, and nobody begins while another one
        /// is on its way down.
        #[test]
        fn all_begin_again_whatever_happens(
            strategy in prop_oneof![
                Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)
            ],
            steps in proptest::collection::vec((0_usize..4, any::<bool>()), 0..80),
        ) {
            let members = group(strategy, 4);
            let mut at = [Step::Runs; 4];
            for (who, fails) in steps {
                advance(&members, &mut at, who, fails);
            }
            for _ in 0..12 {
                (0..4).for_each(|who| advance(&members, &mut at, who, false));
            }
            prop_assert_eq!(at, [Step::Runs; 4]);
        }
    }

    fn advance(members: &[Member], at: &mut [Step; 4], who: usize, fails: bool) {
        let member = &members[who];
        match at[who] {
            Step::Runs if is_told(member) => {
                assert_eq!(member.down(), Ended::Told);
                at[who] = Step::Down;
            }
            Step::Runs if fails => {
                assert_eq!(member.down(), Ended::ByItself);
                member.wait();
                at[who] = Step::Waits;
            }
            Step::Runs => {}
            Step::Begins => {
                member.begun();
                at[who] = Step::Runs;
            }
            Step::Waits => {
                member.release();
                at[who] = Step::Down;
            }
            Step::Down => {
                if member.begin().is_ok() {
                    at[who] = Step::Begins;
                    let inner = lock(&member.group.0);
                    let alone = inner.together.strategy == Strategy::OneForOne;
                    let falls = |place: &Place| matches!(place.state, At::Told | At::Waits);
                    assert!(alone || !inner.states.iter().any(falls));
                }
            }
        }
    }
}
