//! What must come of each cell: how the process ends, what ran, and what the report says.

use lifespan_tests::faults::{Cell, Fault, HARD_END, Phase, TasksRun, WENT_ON};

/// How the process may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Code(i32),
    Signal(i32),
}

pub(crate) const SIGINT: i32 = 2;
pub(crate) const SIGTERM: i32 = 15;

const CLEAN: Status = Status::Code(0);
const FAILED_START: Status = Status::Code(3);
const FAILED_TASK: Status = Status::Code(4);
const FAILED_STOP: Status = Status::Code(5);
const FORCED: Status = Status::Code(6);
const HARD: Status = Status::Code(HARD_END);

/// One way in which a cell may end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) status: Status,
    /// Which handlers ran, in order, and the clean-up of a task.
    pub(crate) ran: Vec<&'static str>,
    /// What the report says of it.
    pub(crate) says: &'static str,
}

/// The ways in which it may end: one, unless it is the scheduler's choice which thread is blocked.
pub(crate) fn endings(cell: Cell) -> Vec<Ending> {
    if cell.fault != Fault::TaskBlocks {
        return vec![Ending { status: status(cell), ran: ran(cell), says: says(cell) }];
    }
    let blocked = Ending { status: HARD, ran: ran_until_blocked(cell.phase), says: says(cell) };
    let left = Ending { status: FORCED, ran: ran(cell), says: says(cell) };
    match cell.flavour.tasks_run() {
        TasksRun::OnItsThread => vec![blocked],
        TasksRun::Elsewhere => vec![left],
        TasksRun::Anywhere => vec![left, blocked],
    }
}

fn status(cell: Cell) -> Status {
    match cell.fault {
        Fault::HandlerFails | Fault::HandlerPanics | Fault::StdoutClosed => match cell.phase {
            Phase::Start => FAILED_START,
            Phase::Serve => FAILED_TASK,
            Phase::Stop => FAILED_STOP,
        },
        Fault::HandlerHangs => match cell.phase {
            Phase::Start => FAILED_START,
            Phase::Serve => FORCED,
            Phase::Stop => FAILED_STOP,
        },
        Fault::HandlerBlocks | Fault::TaskBlocks => HARD,
        Fault::TaskPanics | Fault::TaskPanicsInDestructor => FAILED_TASK,
        Fault::TaskIgnoresStop | Fault::TaskSpawnsForEver => FORCED,
        Fault::TaskCleansUp | Fault::Sigterm => CLEAN,
        Fault::SigtermTwice | Fault::SigintThenSigterm => FORCED,
        Fault::SigtermThrice => Status::Signal(SIGTERM),
        Fault::OwnerDropped => Status::Code(WENT_ON.into()),
    }
}

/// What starts is undone in reverse, unless the fault hinders it.
fn ran(cell: Cell) -> Vec<&'static str> {
    let all_start = ["start first", "start second", "start third"];
    let fails_to_start = cell.phase == Phase::Start && !cell.fault.is_of_a_task();
    let mut ran = if fails_to_start { all_start[..2].to_vec() } else { all_start.to_vec() };
    if cell.fault == Fault::OwnerDropped {
        // Dropped, it runs no more handlers.
        if cell.phase == Phase::Stop {
            ran.extend(["stop third", "stop second"]);
        }
        return ran;
    }
    if fails_to_start {
        // A thread that is blocked runs nothing.
        if cell.fault != Fault::HandlerBlocks {
            ran.push("stop first");
        }
        return ran;
    }
    let cleans_up = cell.fault == Fault::TaskCleansUp;
    if cleans_up && cell.phase == Phase::Serve {
        ran.push("cleaned up"); // the builder's tasks end first
    }
    let blocks = cell.fault == Fault::HandlerBlocks;
    if blocks && cell.phase == Phase::Serve {
        return ran;
    }
    ran.push("stop third");
    if cleans_up && cell.phase != Phase::Serve {
        ran.push("cleaned up"); // before the handler of its component
    }
    ran.push("stop second");
    if !blocks {
        ran.push("stop first");
    }
    ran
}

/// What runs on a thread until a task blocks that.
fn ran_until_blocked(phase: Phase) -> Vec<&'static str> {
    match phase {
        // The handler waits for its task to begin.
        Phase::Start => vec!["start first", "start second"],
        Phase::Serve => vec!["start first", "start second", "start third"],
        Phase::Stop => vec!["start first", "start second", "start third", "stop third"],
    }
}

/// Names the culprit; a process that a signal ended, or that goes on, writes no report.
fn says(cell: Cell) -> &'static str {
    let in_scope = cell.phase != Phase::Serve;
    match cell.fault {
        Fault::HandlerFails => match cell.phase {
            Phase::Start => "did not start: the start of \"second\" failed: deliberate",
            Phase::Serve => "serve: failed: deliberate",
            Phase::Stop => "component second: startup completed; shutdown failed: deliberate",
        },
        Fault::HandlerPanics => match cell.phase {
            Phase::Start => "did not start: the start of \"second\" panicked: deliberate",
            Phase::Serve => "serve: panicked: deliberate",
            Phase::Stop => "component second: startup completed; shutdown panicked: deliberate",
        },
        Fault::HandlerHangs => match cell.phase {
            Phase::Start => "did not start: the start of \"second\" had not ended after 200ms",
            Phase::Serve => "serve: cancelled",
            Phase::Stop => {
                "component second: startup completed; shutdown had not ended after 200ms"
            }
        },
        Fault::HandlerBlocks => match cell.phase {
            Phase::Start => "did not start: the start of \"second\" had not ended after 200ms",
            Phase::Serve => "left behind: the foreground",
            Phase::Stop => "component second: startup completed; shutdown still running",
        },
        Fault::StdoutClosed => match cell.phase {
            Phase::Start => "the start of \"second\" panicked: failed printing to stdout",
            Phase::Serve => "serve: panicked: failed printing to stdout",
            Phase::Stop => "shutdown panicked: failed printing to stdout",
        },
        Fault::TaskPanics | Fault::TaskPanicsInDestructor if in_scope => {
            "task second/culprit: panicked: deliberate"
        }
        Fault::TaskPanics | Fault::TaskPanicsInDestructor => "task culprit: panicked: deliberate",
        Fault::TaskIgnoresStop if in_scope => {
            "task second/culprit: cancelled because its grace was over"
        }
        Fault::TaskIgnoresStop => "task culprit: cancelled because its grace was over",
        Fault::TaskBlocks if in_scope => "left behind: task second/culprit",
        Fault::TaskBlocks => "left behind: task culprit",
        Fault::TaskSpawnsForEver if in_scope => "task second/task#",
        Fault::TaskSpawnsForEver => "task task#",
        Fault::TaskCleansUp => "lifespan ended, clean",
        Fault::Sigterm if cell.phase == Phase::Stop => "lifespan ended, clean",
        Fault::Sigterm => "lifespan ended, clean: signal SIGTERM",
        Fault::SigtermTwice | Fault::SigintThenSigterm => {
            "task first/stubborn: cancelled because its grace was over"
        }
        Fault::SigtermThrice | Fault::OwnerDropped => "",
    }
}
