//! Runs one scenario on one runtime, to be sent signals by the tests of `it/signals.rs`.
#![expect(clippy::print_stdout, reason = "the parent waits for these lines")]

use std::process::ExitCode;
use std::time::Duration;

use lifespan::signals::Signals;
use lifespan::smol::SmolLoop;
use lifespan::tokio::TokioLoop;
use lifespan::{Lifespan, LoopOwner, Report, Timer};

/// Its number on Linux.
const SIGUSR1: i32 = 10;
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [scenario, "tokio"] => play(scenario, TokioLoop::current_thread()),
        [scenario, "smol"] => play(scenario, SmolLoop::new()),
        _ => ExitCode::from(2),
    }
}

fn play(scenario: &str, mut owner: impl LoopOwner<Handle: Timer>) -> ExitCode {
    let report = match scenario {
        "serves" => serves(&mut owner, true),
        "none" => serves(&mut owner, false),
        "twice" => {
            println!("{}", serves(&mut owner, true));
            serves(&mut owner, true)
        }
        "afterwards" => {
            println!("{}", serves(&mut owner, true));
            println!("ready");
            std::thread::sleep(NEVER);
            return ExitCode::from(2);
        }
        "other signals" => {
            println!("{}", serves(&mut owner, true));
            Lifespan::on(owner)
                .stop_on(Signals::new([SIGUSR1]))
                .task("waits", async |cx| {
                    println!("ready");
                    cx.shutdown().wait().await;
                })
                .run()
        }
        "hangs in start" => Lifespan::on(owner)
            .stop_on(Signals::default())
            .startup("hangs", async |_cx| {
                println!("ready");
                std::future::pending::<()>().await;
            })
            .run(),
        "stubborn" => Lifespan::on(owner)
            .stop_on(Signals::default())
            .grace(NEVER)
            .deadline(NEVER)
            .task("stubborn", async |cx| {
                println!("ready");
                cx.shutdown().wait().await;
                println!("ready");
                std::future::pending::<()>().await;
            })
            .run(),
        "blocks" => Lifespan::on(owner)
            .stop_on(Signals::default())
            .task("blocks", async |cx| {
                println!("ready");
                cx.shutdown().wait().await;
                println!("ready");
                std::thread::sleep(NEVER);
            })
            .run(),
        _ => return ExitCode::from(2),
    };
    println!("{report}");
    ExitCode::from(report.exit_code())
}

fn serves(owner: &mut impl LoopOwner<Handle: Timer>, with_signals: bool) -> Report {
    let lifespan = Lifespan::on(owner).task("waits", async |cx| {
        println!("ready");
        cx.shutdown().wait().await;
    });
    if with_signals { lifespan.stop_on(Signals::default()).run() } else { lifespan.run() }
}
