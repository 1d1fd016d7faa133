//! What all programs do alike: they open a database, poll with it in a task, and close it at the end.

use std::future::{Future, pending};
use std::time::Duration;
use std::{env, fmt, thread};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    CleansUp,
    IgnoresStop,
    BlocksItsThread,
    CloseHangs,
    Panics,
    SecondSigterm,
}

impl Scenario {
    pub const ALL: [Self; 6] = [
        Self::CleansUp,
        Self::IgnoresStop,
        Self::BlocksItsThread,
        Self::CloseHangs,
        Self::Panics,
        Self::SecondSigterm,
    ];

    /// The one that the process was started for.
    ///
    /// # Panics
    /// If its first argument names none.
    pub fn of_this_process() -> Self {
        let name = env::args().nth(1).expect("a scenario");
        let is_it = |scenario: &Self| format!("{scenario:?}") == name;
        Self::ALL.into_iter().find(is_it).expect("a known scenario")
    }

    /// How long a task has from the stop to its end, and the close of the database.
    pub fn grace(self) -> Duration {
        Duration::from_secs(if self == Self::SecondSigterm { 60 } else { 1 })
    }

    /// The name that an operator looks for.
    pub fn culprit(self) -> &'static str {
        if self == Self::CloseHangs { "db" } else { "poller" }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CleansUp => "A task needs 0.3 s to clean up",
            Self::IgnoresStop => "A task ignores the stop",
            Self::BlocksItsThread => "A task blocks its thread",
            Self::CloseHangs => "The shutdown handler hangs",
            Self::Panics => "A task panics",
            Self::SecondSigterm => "A second SIGTERM, while a task takes its time",
        })
    }
}

/// What a line of the programs' own begins with.
pub const MARK: &str = "> ";

/// Tells the driver.
pub fn say(line: &str) {
    println!("{MARK}{line}");
}

/// The task `poller`, with a future that is ready when it has been told to stop.
///
/// # Panics
/// In one scenario.
pub async fn poll(scenario: Scenario, told_to_stop: impl Future) {
    // All that a program sets up beside its tasks, signals above all, is there by then.
    tokio::time::sleep(Duration::from_millis(200)).await;
    say("ready");
    match scenario {
        Scenario::IgnoresStop => pending().await,
        Scenario::BlocksItsThread => thread::sleep(Duration::from_secs(3600)),
        Scenario::Panics => panic!("deliberate"),
        Scenario::CleansUp | Scenario::CloseHangs | Scenario::SecondSigterm => {
            told_to_stop.await;
        }
    }
    match scenario {
        Scenario::CleansUp => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            say("flushed");
        }
        Scenario::SecondSigterm => {
            say("flushing");
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        _ => {}
    }
}

/// Closes the database, which comes after all that use it.
pub async fn close(scenario: Scenario) {
    if scenario == Scenario::CloseHangs {
        pending::<()>().await;
    }
    say("closed");
}

/// Warnings and errors, to standard error.
pub fn log_warnings() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .init();
}
