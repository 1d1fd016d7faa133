//! Trees of events that come and go on several threads at once, whose places are used again by others:
//! nothing of one tree is seen in another, and nobody is left unwoken.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Waker;
use std::thread;

use lifespan_core::{Reason, ShutdownEvent, WaitOwned};

use crate::woken::{Count, poll};

const TREES: u32 = 20_000;

/// An event that another thread drops, or finds set for this reason.
struct Sent {
    event: ShutdownEvent,
    wait: WaitOwned,
    count: Arc<Count>,
    waker: Waker,
    is_set_for: Option<Reason>,
}

impl Sent {
    fn of(event: ShutdownEvent) -> Self {
        let (mut wait, (count, waker)) = (event.wait_owned(), Count::new());
        assert!(poll(&mut wait, &waker).is_pending(), "it is new, and its tree is not set");
        Self { event, wait, count, waker, is_set_for: None }
    }

    fn check(mut self) {
        assert_eq!(self.event.reason(), self.is_set_for);
        assert_eq!(self.count.get(), usize::from(self.is_set_for.is_some()));
        assert_eq!(poll(&mut self.wait, &self.waker).is_ready(), self.is_set_for.is_some());
        let child = self.event.child();
        assert_eq!(child.reason(), self.is_set_for);
    }
}

/// Makes trees, sets some of each, and has a part of them checked and dropped elsewhere.
fn make(name: &str, elsewhere: &Sender<Sent>) {
    for number in 0..TREES {
        let root = ShutdownEvent::new();
        assert!(!root.is_set(), "it is new, whoever was here before");
        let middle = root.child();
        let below = (0..number % 40).map(|_| middle.child());
        let mut all = below.chain([root.child()]).map(Sent::of).collect::<Vec<_>>();
        let reason = Reason::from(format!("{name}-{number}"));
        match number % 4 {
            0 => assert!(root.trigger().set(reason.clone()).is_ok()),
            1 => assert!(middle.trigger().set(reason.clone()).is_ok()),
            _ => {}
        }
        let last = all.len() - 1;
        for (place, sent) in all.iter_mut().enumerate() {
            let is_set = number % 4 == 0 || (number % 4 == 1 && place < last);
            sent.is_set_for = is_set.then(|| reason.clone());
        }
        // The middle goes before what is below it, and the root before or after it.
        if number % 3 == 0 {
            drop(root);
            drop(middle);
        } else {
            drop(middle);
            drop(root);
        }
        for sent in all {
            if number % 5 == 0 { sent.check() } else { elsewhere.send(sent).unwrap() }
        }
    }
}

fn check(sent: &Receiver<Sent>) {
    sent.iter().for_each(Sent::check);
}

#[test]
fn trees_that_use_the_places_of_others_are_not_taken_for_them() {
    thread::scope(|scope| {
        for name in ["one", "two"] {
            let (send, receive) = channel();
            scope.spawn(move || check(&receive));
            scope.spawn(move || make(name, &send));
        }
    });
}
