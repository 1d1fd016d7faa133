//! The command line.

use std::time::Duration;

use lexopt::prelude::*;

use crate::budgets;

pub(crate) const HELP: &str = "\
Sends back what it is sent, and says over HTTP how it is: /livez, /readyz, /tasks.

  --runtime NAME      tokio, smol, async-std or async-executor; default: the first whose feature is on
  --addr HOST:PORT    default: 127.0.0.1:9010; port 0 takes a free one
  --drain SECONDS     how long it serves on after the request to stop; default: 5";

pub(crate) const NO_RUNTIME: &str = "it was built without this runtime; build it with \
    `--features tokio`, `smol`, `async-std`, `async-executor`, or several of them";

pub(crate) enum Asked {
    Run(Options),
    Help,
}

pub(crate) struct Options {
    pub(crate) addr: String,
    pub(crate) drain: Duration,
    /// `None`: the first whose feature is on.
    runtime: Option<String>,
}

impl Options {
    pub(crate) fn is_for(&self, runtime: &str) -> bool {
        self.runtime.as_deref().is_none_or(|asked| asked == runtime)
    }
}

/// Reads the command line of this process.
pub(crate) fn from_args() -> Result<Asked, lexopt::Error> {
    let mut addr = "127.0.0.1:9010".to_owned();
    let mut drain = budgets::DRAIN;
    let mut runtime = None;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("runtime") => runtime = Some(args.value()?.parse()?),
            Long("addr") => addr = args.value()?.parse()?,
            Long("drain") => drain = args.value()?.parse_with(seconds)?,
            Long("help") | Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Asked::Run(Options { addr, drain, runtime }))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or("expected a number of seconds")
}
