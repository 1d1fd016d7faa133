//! The command line.

use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
Feeds each WebSocket with the events that are dispatched, and reads what it sends.

  --runtime NAME      tokio, tokio-local or smol; default: the first whose feature is on
  --addr HOST:PORT    default: 127.0.0.1:9009; port 0 takes a free one";

pub(crate) const NO_RUNTIME: &str =
    "it was built without this runtime; build it with `--features tokio`, `smol`, or both";

pub(crate) enum Asked {
    Run(Options),
    Help,
}

pub(crate) struct Options {
    pub(crate) addr: String,
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
    let mut addr = "127.0.0.1:9009".to_owned();
    let mut runtime = None;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("runtime") => runtime = Some(args.value()?.parse_with(a_runtime)?),
            Long("addr") => addr = args.value()?.parse()?,
            Long("help") | Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Asked::Run(Options { addr, runtime }))
}

fn a_runtime(name: &str) -> Result<String, &'static str> {
    match name {
        "tokio" | "tokio-local" | "smol" => Ok(name.into()),
        _ => Err("no such runtime, expected tokio, tokio-local or smol"),
    }
}
