//! Without a lifespan that listens, a signal does what it did before.

use std::process::Command;

use super::{PATH, Program, RUNTIMES, Signal};

#[test]
fn no_handler_is_installed_unless_asked() {
    for runtime in RUNTIMES {
        for signal in [Signal::TERM, Signal::INT] {
            let program = Program::start("none", runtime);
            program.send(signal);
            program.assert_killed_by(signal);
        }
        for signal in [Signal::HUP, Signal::USR1] {
            let program = Program::start("serves", runtime);
            program.send(signal);
            program.assert_killed_by(signal);
        }
    }
}

#[test]
fn after_the_lifespan_a_signal_has_its_default_action_again() {
    for runtime in RUNTIMES {
        for signal in [Signal::TERM, Signal::INT] {
            let mut program = Program::start("afterwards", runtime);
            program.send(Signal::TERM);
            program.wait_until_ready();
            program.send(signal);
            program.assert_killed_by(signal);
        }
    }
}

#[test]
fn a_second_lifespan_of_the_process_hears_its_own_first_signal() {
    for runtime in RUNTIMES {
        let mut program = Program::start("twice", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.assert_ends_with(0, "clean: signal SIGTERM");
    }
}

#[test]
fn after_two_lifespans_a_signal_has_its_default_action_again() {
    for runtime in RUNTIMES {
        let mut program = Program::start("twice and afterwards", runtime);
        for _ in 0..2 {
            program.send(Signal::TERM);
            program.wait_until_ready();
        }
        program.send(Signal::TERM);
        program.assert_killed_by(Signal::TERM);
    }
}

#[test]
fn a_signal_that_only_an_ended_lifespan_heard_has_its_default_action_again() {
    for runtime in RUNTIMES {
        let mut program = Program::start("other signals", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.assert_killed_by(Signal::TERM);
    }
}

#[test]
fn a_handler_that_was_there_before_is_called_afterwards_and_nobody_is_killed() {
    for runtime in RUNTIMES {
        let mut program = Program::start("with a handler of its own", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.assert_ends_with(0, "the handler was called for Some(15)");
    }
}

#[test]
fn a_signal_that_was_ignored_is_ignored_again() {
    for runtime in RUNTIMES {
        let ignoring = format!("trap '' TERM; exec {PATH} 'until the input ends' {runtime}");
        let mut program = Program::spawn(Command::new("sh").args(["-c", &ignoring]));
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.close_stdin();
        program.assert_ends_with(0, "still there");
    }
}

#[test]
fn one_signal_stops_two_lifespans_and_the_next_has_its_default_action() {
    for runtime in RUNTIMES {
        let mut program = Program::start("two at once", runtime);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.assert_killed_by(Signal::TERM);
    }
}

#[test]
fn the_end_of_one_lifespan_takes_no_signal_from_another() {
    for runtime in RUNTIMES {
        let mut program = Program::start("one of two", runtime);
        program.wait_until_ready();
        program.close_stdin();
        program.wait_until_ready();
        program.send(Signal::TERM);
        program.assert_ends_with(0, "clean: signal SIGTERM");
    }
}
