//! loom models of the services of a scope: two that fail, or begin again, at one moment.
//!
//! Each names the bug that was planted to see it fail.

use std::time::{Duration, Instant};

use loom::thread;

use super::group::{BeginsAgain, Ended, Group, Member};
use super::{Limit, Strategy, Together};
use crate::event::ShutdownEvent;
use crate::sync::Arc;

fn two(strategy: Strategy, limit: Option<Limit>) -> [Member; 2] {
    let group = Arc::new(Group::default());
    group.set_together(Together { strategy, limit });
    [(); 2].map(|()| Group::join(&group))
}

/// How a body has ended, and what is set when it may be its service's turn; `None`: it has begun.
struct Ends {
    ended: Ended,
    changed: Option<ShutdownEvent>,
}

impl Ends {
    /// What a supervisor does from the end of a body on, up to where it waits. The delay is none.
    fn of(member: &Member) -> Self {
        let ended = match member.down() {
            Ended::Told => Ended::Told,
            Ended::ByItself => match member.begin_again(Instant::now()) {
                BeginsAgain::WithAnother => Ended::Told,
                BeginsAgain::Delayed(_) => {
                    member.release();
                    Ended::ByItself
                }
                BeginsAgain::TooOften => panic!("both count"),
            },
        };
        Self { ended, changed: member.begin().err() }
    }

    /// Nobody else does anything any more: it has begun, or was woken and begins.
    fn begin(self, member: &Member) {
        if let Some(changed) = self.changed {
            assert!(changed.is_set(), "a lost wake-up");
            assert!(member.begin().is_ok());
        }
        member.begun();
    }
}

/// Caught: `begin_again` that does not look whether it was told; `change` that takes the event in a
/// locked section before the one in which it changes the state.
#[test]
fn two_that_fail_at_once_begin_again_together_and_count_once() {
    loom::model(|| {
        let limit = Limit { count: 1, period: Duration::MAX };
        let [first, last] = two(Strategy::OneForAll, Some(limit));
        let thread = thread::spawn(move || (Ends::of(&last), last));
        let ends = Ends::of(&first);
        let (other, last) = thread.join().unwrap();
        assert!(ends.ended != other.ended, "one takes the other along");
        ends.begin(&first);
        other.begin(&last);
        for member in [first, last] {
            assert!(!member.told().unwrap().is_set(), "once, and no more");
        }
    });
}

/// One begins again when its delay is over, and the one before it fails in that moment.
///
/// Caught: `begin` that looks whether it may in a locked section before the one in which it does.
#[test]
fn who_begins_while_one_before_it_fails_is_told_or_waits_for_it() {
    loom::model(|| {
        let [first, last] = two(Strategy::RestForOne, None);
        assert_eq!(last.down(), Ended::ByItself);
        let BeginsAgain::Delayed(Some(over)) = last.begin_again(Instant::now()) else {
            panic!("nobody else fails");
        };
        let thread = thread::spawn(move || {
            last.release();
            (last.begin().err(), last)
        });
        let ends = Ends::of(&first);
        let (changed, last) = thread.join().unwrap();
        assert_eq!(ends.ended, Ended::ByItself);
        // It has begun, and its body is told; or it had not, and its delay counts no more.
        let has_begun = changed.is_none();
        assert_eq!(last.told().unwrap().is_set(), has_begun || over.is_set());
        if has_begun {
            last.begun();
            assert_eq!(last.down(), Ended::Told);
        }
        ends.begin(&first);
        let ends = Ends { ended: Ended::Told, changed: changed.or_else(|| last.begin().err()) };
        ends.begin(&last);
        assert!(!last.told().unwrap().is_set());
    });
}
