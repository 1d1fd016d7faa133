//! The command line `[RUNTIME [HOST:PORT]]`: the first runtime whose feature is on, unless one is
//! named.

use std::process::ExitCode;

use crate::output;

pub(crate) fn run() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let runtime = arguments.next();
    let addr = arguments.next().unwrap_or_else(|| "127.0.0.1:9011".to_owned());
    #[cfg(feature = "tokio")]
    if runtime.as_deref().is_none_or(|runtime| runtime == "tokio") {
        return std::process::Termination::report(crate::on_tokio(addr));
    }
    #[cfg(feature = "smol")]
    if runtime.as_deref().is_none_or(|runtime| runtime == "smol") {
        return std::process::Termination::report(crate::on_smol(addr));
    }
    let _ = (runtime, addr);
    output::complain("it was built without this runtime; use `--features tokio` or `smol`");
    ExitCode::from(2)
}
