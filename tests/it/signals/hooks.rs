//! SIGHUP calls a hook, SIGUSR1 shows what lives: if asked, and whatever else goes on.

use super::{Program, RUNTIMES, Signal};

#[test]
fn each_hangup_calls_the_reload_hook_and_stops_nothing() {
    for runtime in RUNTIMES {
        let mut program = Program::start("reloads", runtime);
        for _ in 0..4 {
            program.send(Signal::HUP);
            program.wait_until_ready();
        }
        program.send(Signal::TERM);
        program.assert_ends_with(0, "clean: signal SIGTERM");
    }
}

#[test]
fn after_the_lifespan_a_hangup_has_its_default_action_again() {
    for runtime in RUNTIMES {
        let mut program = Program::start("reloads, then stays", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::HUP);
        program.assert_killed_by(Signal::HUP);
    }
}

#[test]
fn a_reload_hook_that_panics_is_called_again() {
    for runtime in RUNTIMES {
        let mut program = Program::start("reload panics once", runtime);
        for _ in 0..2 {
            program.send(Signal::HUP);
            program.wait_until_ready();
        }
        program.send(Signal::TERM);
        program.assert_ends_with(0, "clean: signal SIGTERM");
    }
}

#[test]
fn a_reload_hook_that_hangs_holds_up_no_stop() {
    for runtime in RUNTIMES {
        let mut program = Program::start("reload hangs", runtime);
        program.send(Signal::HUP);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.assert_ends_with(0, "clean: signal SIGTERM");
    }
}

#[test]
fn a_signal_with_two_meanings_is_refused_at_the_start() {
    for runtime in RUNTIMES {
        let program = Program::spawn(
            super::command(super::PATH).args(["reloads and stops on SIGHUP", runtime]),
        );
        program.assert_ends_with(3, "SIGHUP is given two meanings");
    }
}

#[test]
fn what_lives_is_printed_when_asked_for_and_it_goes_on() {
    for runtime in RUNTIMES {
        let mut program = Program::start("shown", runtime);
        for _ in 0..2 {
            program.send(Signal::USR1);
            // On a loop with threads the task may be ready in the moment before all counts as started.
            let line = program.complaint();
            assert!(line.starts_with("serving, ") || line.starts_with("starting, "), "{line}");
            let line = program.complaint();
            assert!(line.starts_with("  task waits: running, "), "{line}");
            assert!(line.contains("spawned at tests/src/bin/signalled/main.rs:"), "{line}");
        }
        program.send(Signal::TERM);
        program.assert_ends_with(0, "clean: signal SIGTERM");
    }
}

#[test]
fn what_lives_is_printed_though_the_loop_is_blocked() {
    for runtime in RUNTIMES {
        let mut program = Program::start("shown while blocked", runtime);
        program.wait_until_ready();
        program.send(Signal::USR1);
        let lines = [(); 3].map(|()| program.complaint()).concat();
        assert!(lines.contains("task blocks: running"), "{lines}");
    }
}
