//! The first stops, the second cancels, the third takes the default action.

use std::os::unix::process::ExitStatusExt;

use super::{Program, RUNTIMES, Signal};

#[test]
fn the_first_signal_stops_and_the_reason_names_it() {
    for runtime in RUNTIMES {
        for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
            let program = Program::start("serves", runtime);
            program.send(signal);
            program.assert_ends_with(0, &format!("clean: signal {name}"));
        }
    }
}

#[test]
fn a_signal_ends_a_start_that_hangs() {
    for runtime in RUNTIMES {
        let program = Program::start("hangs in start", runtime);
        program.send(Signal::TERM);
        program.assert_ends_with(0, "component hangs: startup interrupted by a stop");
    }
}

#[test]
fn the_second_signal_cancels_what_the_first_left_waiting() {
    for runtime in RUNTIMES {
        let mut program = Program::start("stubborn", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::INT);
        program.assert_ends_with(6, "task stubborn: cancelled");
    }
}

#[test]
fn two_different_signals_within_a_millisecond_are_two() {
    for runtime in RUNTIMES {
        let program = Program::start("stubborn", runtime);
        program.send(Signal::INT);
        program.send(Signal::TERM);
        program.assert_ends_with(6, "task stubborn: cancelled");
    }
}

/// The system may make one of them; then it is the grace that ends the stop.
#[test]
fn two_equal_signals_within_a_millisecond_stop_it_and_do_not_kill_it() {
    for runtime in RUNTIMES {
        for scenario in ["stubborn for a moment", "stubborn in start"] {
            let program = Program::start(scenario, runtime);
            program.send(Signal::TERM);
            program.send(Signal::TERM);
            program.assert_ends_with(6, "not clean: signal SIGTERM");
        }
    }
}

#[test]
fn the_third_signal_takes_the_default_action_though_the_loop_is_blocked() {
    for runtime in RUNTIMES {
        let mut program = Program::start("blocks", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        send_until_killed(program);
    }
}

#[test]
fn the_third_signal_takes_the_default_action_in_a_start_that_blocks() {
    for runtime in RUNTIMES {
        send_until_killed(Program::start("blocks in start", runtime));
    }
}

#[test]
fn a_signal_in_a_stop_that_came_from_elsewhere_is_the_first() {
    for runtime in RUNTIMES {
        let program = Program::start("stops for long", runtime);
        program.send(Signal::INT);
        program.send(Signal::TERM);
        send_until_killed(program);
    }
}

/// Two of a kind that come at once may count as one: sends until it is over.
fn send_until_killed(mut program: Program) {
    while program.child.try_wait().unwrap().is_none() {
        program.send(Signal::TERM);
        std::thread::yield_now();
    }
    let (_, status) = program.end();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
}
