//! The command line.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
Ticks each second, and tells over HTTP when it last did.

  --runtime NAME           tokio, tokio-local, smol, async-std, async-executor or sim, which prints
                           an hour at once, without HTTP; default: the first whose feature is on
  --addr HOST:PORT         default: 127.0.0.1:9009; port 0 takes a free one
  --on-stop event|cancel   how the ticker ends: by itself (default), or cut";

pub(crate) enum Asked {
    Run(Options),
    Help,
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) runtime: Runtime,
    pub(crate) addr: String,
    pub(crate) on_stop: OnStop,
}

/// Reads the command line of this process.
pub(crate) fn from_args() -> Result<Asked, lexopt::Error> {
    let mut runtime = None;
    let mut addr = "127.0.0.1:9009".to_owned();
    let mut on_stop = OnStop::Event;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("runtime") => runtime = Some(args.value()?.parse()?),
            Long("addr") => addr = args.value()?.parse_with(host_and_port)?,
            Long("on-stop") => on_stop = args.value()?.parse()?,
            Long("help") | Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    let runtime = runtime.or_else(Runtime::first_on).ok_or(NO_RUNTIME)?;
    Ok(Asked::Run(Options { runtime, addr, on_stop }))
}

const NO_RUNTIME: &str = "it was built without a runtime; build it with `--features tokio`, \
                          `smol`, `async-std`, `async-executor`, `sim`, or several of them";

/// Looks at the form only; whether the host exists is found out when it is bound.
fn host_and_port(text: &str) -> Result<String, &'static str> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.into()),
        _ => Err("expected HOST:PORT"),
    }
}

/// The runtimes of this program, whether their features are on or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Tokio,
    TokioLocal,
    Smol,
    AsyncStd,
    AsyncExecutor,
    Sim,
}

impl Runtime {
    const ALL: [Self; 6] =
        [Self::Tokio, Self::TokioLocal, Self::Smol, Self::AsyncStd, Self::AsyncExecutor, Self::Sim];

    fn first_on() -> Option<Self> {
        Self::ALL.into_iter().find(|runtime| runtime.is_on())
    }

    fn is_on(self) -> bool {
        match self {
            Self::Tokio | Self::TokioLocal => cfg!(feature = "tokio"),
            Self::Smol => cfg!(feature = "smol"),
            Self::AsyncStd => cfg!(feature = "async-std"),
            Self::AsyncExecutor => cfg!(feature = "async-executor"),
            Self::Sim => cfg!(feature = "sim"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::TokioLocal => "tokio-local",
            Self::Smol => "smol",
            Self::AsyncStd => "async-std",
            Self::AsyncExecutor => "async-executor",
            Self::Sim => "sim",
        }
    }

    fn feature(self) -> &'static str {
        if self == Self::TokioLocal { "tokio" } else { self.name() }
    }
}

impl FromStr for Runtime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|runtime| runtime.name() == text);
        found.ok_or(
            "no such runtime, expected tokio, tokio-local, smol, async-std, async-executor or sim",
        )
    }
}

/// A runtime was asked for whose feature is not on.
#[derive(Debug)]
pub(crate) struct MissingFeature(pub(crate) Runtime);

impl fmt::Display for MissingFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (feature, name) = (self.0.feature(), self.0.name());
        write!(
            f,
            "the feature `{feature}` is not on, so it cannot run on {name}; \
             build it with `--features {feature}`"
        )
    }
}

impl Error for MissingFeature {}

/// How the ticker ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnStop {
    /// It hears the shutdown event, and says good-bye.
    Event,
    /// It is cut wherever it is: it loses nothing.
    Cancel,
}

impl FromStr for OnStop {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "event" => Ok(Self::Event),
            "cancel" => Ok(Self::Cancel),
            _ => Err("expected event or cancel"),
        }
    }
}
