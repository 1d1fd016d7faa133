//! What a user's scope has besides a registry: its record in the one around it, what a failure means,
//! and what it counts for its report.

use super::turns::Turns;
use super::{FailedTask, List, RecordAt, RecordRef, Registry, TaskRef};
use crate::clock::Stamp;
use crate::event::Reason;
use crate::sync::{Mutex, lock};
use crate::task::{Flags, Outcome};
use crate::wake::{call_caught, drop_caught, drop_each_caught};

/// Of a user's scope, and of no other.
pub(super) struct Above {
    /// The scope as a member of the one around it.
    pub(super) record: RecordRef,
    policy: FailurePolicy,
    /// `None`: all tasks run at once.
    pub(super) turns: Option<Box<Turns>>,
    pub(super) tally: Mutex<Tally>,
}

/// What a failure in a scope means for the other tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FailurePolicy {
    /// Nothing.
    #[default]
    Independent,
    /// The first asks them to stop, and all are the scope's to hear of.
    FailFast,
}

/// How the tasks of a scope ended, and those of the scopes in it whose reports nobody asked for.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) completed: u64,
    /// Of the scope itself: how many have ended that did not complete, or are no tasks but scopes.
    others: u64,
    pub(crate) failures: List,
    /// Those whose grace was over.
    pub(crate) overran: List,
    /// Failures of a fail-fast scope that nobody will have heard of if the report is not asked for.
    unheard: List,
    holder: Holder,
    has_ended: bool,
}

/// Whoever opened the scope.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Holder {
    /// May still ask for the report.
    #[default]
    Holds,
    /// Has asked, and so has heard of the failures.
    Asked,
    /// Has let go, and did not ask.
    Gone,
}

impl Tally {
    fn has_nothing(&self) -> bool {
        self.completed == 0 && self.failures.tasks.is_empty() && self.overran.tasks.is_empty()
    }

    /// Forgets it: it may hold errors of users, whose destructors are under guards.
    pub(super) fn forget(self) {
        let Self { failures, overran, unheard, .. } = self;
        let lists = [failures, overran, unheard].into_iter();
        drop_each_caught(lists.flat_map(|list| list.tasks));
    }
}

impl Above {
    pub(super) fn new(record: RecordRef, policy: FailurePolicy, limit: Option<usize>) -> Self {
        let turns = limit.map(|limit| Box::new(Turns::new(limit)));
        Self { record, policy, turns, tally: Mutex::default() }
    }

    pub(super) fn record(&self) -> &RecordRef {
        &self.record
    }

    /// Takes a failure that nobody awaits, if it is the scope's to hear of.
    fn hear(&self, failure: FailedTask) -> Option<FailedTask> {
        if self.policy != FailurePolicy::FailFast {
            return Some(failure);
        }
        let mut tally = lock(&self.tally);
        let not_taken = match tally.holder {
            Holder::Gone if tally.has_ended => return Some(failure),
            // What is counted still was in no report: it came after that had been asked for.
            Holder::Asked if tally.failures.may_have(failure.id) => return Some(failure),
            Holder::Asked => Some(failure),
            Holder::Holds | Holder::Gone => tally.unheard.add(failure),
        };
        drop(tally);
        let _ = drop_caught(not_taken);
        None
    }
}

impl Registry {
    /// Has a failure that nobody awaits be in a report.
    pub(super) fn report_failure(&self, failure: FailedTask) {
        let failure = match &self.above {
            Some(above) => above.hear(failure),
            None => Some(failure),
        };
        if let Some(failure) = failure {
            self.failures.add(failure);
        }
    }

    /// Counts the end of a task in a user's scope; the first failure in a fail-fast one stops all.
    pub(super) fn count(&self, task: RecordAt<'_>, outcome: &Outcome, now: Stamp) {
        let Some(above) = &self.above else { return };
        let flags = task.flags();
        if matches!(outcome, Outcome::Completed) && !flags.is_scope() {
            return;
        }
        let is_failure = outcome.is_failure();
        let is_listed = is_failure || (flags.overran() && !flags.is_scope());
        let ended = is_listed.then(|| FailedTask::of(&task.refer(), outcome, now));
        let mut tally = lock(&above.tally);
        tally.others += 1;
        let list = if is_failure { &mut tally.failures } else { &mut tally.overran };
        let too_many = ended.and_then(|ended| list.add(ended));
        drop(tally);
        let _ = drop_caught(too_many);
        if is_failure && above.policy == FailurePolicy::FailFast {
            let path = TaskRef::new(task.refer()).path();
            task.word().raise(Flags::STOPPED); // nobody tells it: its body is gone
            // A waker of somebody else may panic: this task settles all the same.
            let _ = call_caught(|| above.record.at().stop(Reason::TaskFailed(path)));
        }
    }

    /// Takes what the scope has counted until now; from now on its failures have been heard of.
    pub(crate) fn take_tally(&self) -> Tally {
        let Some(above) = &self.above else { return Tally::default() };
        let completed = self.ended();
        let mut tally = lock(&above.tally);
        let completed = completed.saturating_sub(tally.others) + tally.completed;
        let mut taken = std::mem::take(&mut *tally);
        (tally.holder, tally.has_ended) = (Holder::Asked, taken.has_ended);
        drop(tally);
        // Those that are too many to be listed lie nowhere else.
        drop_each_caught(std::mem::take(&mut taken.unheard).tasks);
        taken.completed = completed;
        taken
    }

    /// The holder has let go.
    pub(crate) fn let_go_of(&self) {
        self.hand_up(|tally| {
            if tally.holder == Holder::Holds {
                tally.holder = Holder::Gone;
            }
        });
    }

    /// The scope has ended.
    pub(super) fn note_end(&self) {
        self.hand_up(|tally| tally.has_ended = true);
    }

    /// When the scope has ended and its holder is gone, what nobody asked for is counted in the scope
    /// around it; and is reported, where nobody has heard of it. The later of the two does so.
    fn hand_up(&self, note: impl FnOnce(&mut Tally)) {
        let Some(above) = &self.above else { return };
        let mut tally = lock(&above.tally);
        note(&mut tally);
        if tally.holder != Holder::Gone || !tally.has_ended {
            return;
        }
        let mut counted = std::mem::take(&mut *tally);
        (tally.holder, tally.has_ended) = (Holder::Gone, true);
        drop(tally);
        let completed = self.ended().saturating_sub(counted.others) + counted.completed;
        let unheard = std::mem::take(&mut counted.unheard);
        self.failures.add_all(unheard);
        counted.completed = completed;
        self.count_above(counted);
    }

    /// Counts in the scope around this one; where that has handed up already, in the next one around it.
    fn count_above(&self, counted: Tally) {
        if counted.has_nothing() {
            return; // most have: of a long chain of them, not each goes all the way up
        }
        let mut around =
            self.above.as_ref().and_then(|above| above.record.registry().above.as_ref());
        while let Some(outer) = around {
            let mut tally = lock(&outer.tally);
            if tally.holder == Holder::Gone && tally.has_ended {
                around = outer.record.registry().above.as_ref();
                continue;
            }
            tally.completed += counted.completed;
            let mut too_many = tally.failures.add_all(counted.failures);
            too_many.extend(tally.overran.add_all(counted.overran));
            drop(tally);
            return drop_each_caught(too_many);
        }
        counted.forget();
    }

    /// How many tasks have ended here.
    fn ended(&self) -> u64 {
        let shards = self.lock_all();
        shards.iter().map(|shard| shard.opened() - shard.live() as u64).sum()
    }
}
