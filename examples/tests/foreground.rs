//! The session of the example on the simulator, to the letter: its time is exact.
#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../foreground/replay.rs"]
mod replay;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan::sim::SimLoop;

use replay::{Screen, replay};

/// As slow as in the text, except for the closures, whose threads live in real time.
const PERIOD: Duration = Duration::from_millis(100);

const SHOWN: &str = "\
a ticker is scheduled; nothing runs yet
five periods in the foreground:
0
1
2
3
4
the program does something else for two periods, and nothing ticks
three more, and it goes on where it stood:
5
6
7
single steps; a tick is due:
8
none is due yet:
and another is:
9
a second ticker; its first tick comes before the one that is due:
0
10
both are cancelled, the first one twice:
cancelled, and 0 tasks live
a function that blocks starts at once, on a thread:
thread: 0
thread: 1
thread: 2
thread: 3
thread: 4
5 ticks
four of them beside each other:
the sum is 10
clean: true
";

#[derive(Clone, Default)]
struct Page(Arc<Mutex<String>>);

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
}

#[test]
fn the_session_shows_what_the_text_shows() {
    let page = Page::default();
    let screen = Screen::on(page.clone());
    replay(SimLoop::fifo(), &screen, PERIOD, SimLoop::advance).unwrap();
    assert_eq!(*page.0.lock().unwrap(), SHOWN);
}
