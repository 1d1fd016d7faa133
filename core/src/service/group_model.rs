//! Whatever the services of a scope do, in whatever order: those that begin again do so, and in turn.

use std::time::Instant;

use proptest::prelude::{Just, any, prop_assert, prop_oneof, proptest};

use super::group::{BeginsAgain, Ended, Group, Member};
use super::strategy::{Strategy, Together};
use crate::event::ShutdownEvent;
use crate::sync::Arc;

/// What a supervisor does with one member, as far as it can at this moment.
#[derive(Clone)]
enum Step {
    Runs,
    /// Its body is gone, and it has not asked yet.
    Failed,
    /// Until its delay is over, or counts no more.
    Waits(Option<ShutdownEvent>),
    Down,
    Begins,
}

impl Step {
    fn waits(&self) -> bool {
        matches!(self, Self::Waits(ended) if ended.as_ref().is_none_or(|it| !it.is_set()))
    }
}

/// What a supervisor would do by itself, and what has to come from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// The body fails, or the delay is over.
    GoesOn,
    StandsStill,
}

struct Model {
    strategy: Strategy,
    members: Vec<Member>,
    at: Vec<Step>,
}

impl Model {
    fn new(strategy: Strategy) -> Self {
        let group = Arc::new(Group::default());
        group.set_together(Together { strategy, limit: None });
        let members = (0..4).map(|_| Group::join(&group)).collect();
        Self { strategy, members, at: vec![Step::Runs; 4] }
    }

    fn is_told(&self, who: usize) -> bool {
        self.members[who].told().is_some_and(|told| told.is_set())
    }

    fn advance(&mut self, who: usize, outside: Outside) {
        let member = &self.members[who];
        self.at[who] = match self.at[who].clone() {
            Step::Runs if self.is_told(who) => {
                assert_eq!(member.down(), Ended::Told);
                Step::Down
            }
            Step::Runs if outside == Outside::GoesOn => {
                assert_eq!(member.down(), Ended::ByItself);
                Step::Failed
            }
            Step::Failed => match member.begin_again(Instant::now()) {
                BeginsAgain::Delayed(ended) => {
                    self.check_taken_along(who);
                    Step::Waits(ended)
                }
                _ => Step::Down,
            },
            step @ Step::Waits(_) if outside == Outside::StandsStill && step.waits() => step,
            Step::Waits(_) => {
                member.release();
                Step::Down
            }
            Step::Down if member.begin().is_ok() => {
                self.check_begin(who);
                Step::Begins
            }
            Step::Begins => {
                member.begun();
                Step::Runs
            }
            step => step,
        };
    }

    /// No other delay counts of those that begin again with this one.
    fn check_taken_along(&self, who: usize) {
        let along = match self.strategy {
            Strategy::OneForOne => 0..0,
            Strategy::OneForAll => 0..4,
            Strategy::RestForOne => who..4,
        };
        assert!(!along.into_iter().any(|other| self.at[other].waits()));
    }

    /// Nobody begins while another one that it begins again with is on its way down.
    fn check_begin(&self, who: usize) {
        let (falls, waits) = match self.strategy {
            Strategy::OneForAll => (0..4, 0..4),
            Strategy::RestForOne => (0..4, 0..who),
            Strategy::OneForOne => (0..0, 0..0),
        };
        let is_up = |who: usize| matches!(self.at[who], Step::Runs | Step::Failed);
        assert!(!falls.into_iter().any(|other| is_up(other) && self.is_told(other)));
        assert!(!waits.into_iter().any(|other| self.at[other].waits()));
    }

    /// Gives everybody turns, until all is done that can be. One of them may have a delay without end.
    fn settle(&mut self, delayed: Option<usize>) {
        for _ in 0..12 {
            for who in 0..4 {
                let is_over = self.at[who].waits() && delayed != Some(who);
                self.advance(who, if is_over { Outside::GoesOn } else { Outside::StandsStill });
            }
        }
    }
}

proptest! {
    /// Nobody is stuck, whatever has happened. A delay without end holds up those that begin again with
    /// it, and of them only those after it where the order counts.
    #[test]
    fn all_begin_again_whatever_happens(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)
        ],
        steps in proptest::collection::vec((0_usize..4, any::<bool>()), 0..80),
        delayed in 0_usize..4,
    ) {
        let mut model = Model::new(strategy);
        for (who, goes_on) in steps {
            model.advance(who, if goes_on { Outside::GoesOn } else { Outside::StandsStill });
        }
        model.settle(Some(delayed));
        let held_up = match strategy {
            _ if !model.at[delayed].waits() => 0..0,
            Strategy::OneForOne => delayed..delayed + 1,
            Strategy::OneForAll => 0..4,
            Strategy::RestForOne => delayed..4,
        };
        for who in 0..4 {
            let runs = matches!(model.at[who], Step::Runs);
            prop_assert!(runs || held_up.contains(&who), "{}", who);
        }
        model.settle(None);
        prop_assert!(model.at.iter().all(|step| matches!(step, Step::Runs)));
    }
}
