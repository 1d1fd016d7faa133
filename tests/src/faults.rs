//! The cells of the fault matrix: what goes wrong, in which phase, on which loop.

/// Cases of one kind, each with the word that names it.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($case:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_enums, reason = "the matrix is made of all of them")]
        pub enum $name {
            $(
                #[doc = $word]
                $case,
            )*
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$case),*];

            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)*
                }
            }

            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|case| case.word() == word)
            }
        }
    };
}

words! {
    /// When it goes wrong.
    Phase {
        Start = "start",
        Serve = "serve",
        Stop = "stop",
    }
}

words! {
    /// What goes wrong.
    Fault {
        HandlerFails = "handler returns an error",
        HandlerPanics = "handler panics",
        HandlerHangs = "handler hangs",
        HandlerBlocks = "handler blocks its thread",
        TaskPanics = "task panics",
        TaskIgnoresStop = "task ignores the stop",
        TaskBlocks = "task blocks its thread",
        TaskPanicsInDestructor = "task panics in its destructor",
        TaskSpawnsForEver = "task spawns for ever",
        TaskCleansUp = "task needs 0.3 s to clean up",
        Sigterm = "SIGTERM",
        SigtermTwice = "SIGTERM twice",
        SigtermThrice = "SIGTERM three times",
        SigintThenSigterm = "SIGINT, then SIGTERM",
        StdoutClosed = "standard output is closed",
        OwnerDropped = "its owner drops it",
    }
}

words! {
    /// On which loop.
    Flavour {
        Tokio = "tokio",
        TokioThreads = "tokio-threads",
        TokioLocal = "tokio-local",
        Smol = "smol",
        SmolThreads = "smol-threads",
        SmolLocal = "smol-local",
        AsyncStd = "async-std",
        AsyncExecutor = "async-executor",
        AsyncExecutorDrivers = "async-executor-drivers",
        AsyncExecutorLocal = "async-executor-local",
    }
}

impl Fault {
    pub fn is_of_signals(self) -> bool {
        matches!(
            self,
            Self::Sigterm | Self::SigtermTwice | Self::SigtermThrice | Self::SigintThenSigterm
        )
    }

    /// Whether a task is the culprit, and not a handler or what is outside.
    pub fn is_of_a_task(self) -> bool {
        matches!(
            self,
            Self::TaskPanics
                | Self::TaskIgnoresStop
                | Self::TaskBlocks
                | Self::TaskPanicsInDestructor
                | Self::TaskSpawnsForEver
                | Self::TaskCleansUp
        )
    }

    /// Whether the component that starts first has a task that no stop ends.
    pub fn has_a_stubborn_task(self) -> bool {
        (self.is_of_signals() && self != Self::Sigterm) || self == Self::OwnerDropped
    }
}

/// Where a task may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the model is made for all of them")]
pub enum TasksRun {
    /// On the thread that runs the lifespan, and on no other.
    OnItsThread,
    /// On other threads only.
    Elsewhere,
    /// On that thread or on others.
    Anywhere,
}

impl Flavour {
    pub fn tasks_run(self) -> TasksRun {
        match self {
            Self::TokioThreads => TasksRun::Elsewhere,
            Self::SmolThreads | Self::AsyncStd | Self::AsyncExecutorDrivers => TasksRun::Anywhere,
            _ => TasksRun::OnItsThread,
        }
    }

    /// Whether there is a loop of this kind that somebody else drives, and a lifespan inside it.
    pub fn can_be_attached_to(self) -> bool {
        matches!(
            self,
            Self::Tokio
                | Self::TokioThreads
                | Self::SmolThreads
                | Self::AsyncStd
                | Self::AsyncExecutor
                | Self::AsyncExecutorLocal
        )
    }
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cell {
    pub phase: Phase,
    pub fault: Fault,
    pub flavour: Flavour,
}

impl Cell {
    /// Every cell that has a meaning.
    pub fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for &phase in Phase::ALL {
            for &fault in Fault::ALL {
                let of = |&flavour| Self { phase, fault, flavour };
                cells.extend(Flavour::ALL.iter().map(of).filter(Self::has_a_meaning));
            }
        }
        cells
    }

    /// Only the owner of a lifespan that is attached can drop it: any other is inside `run`.
    fn has_a_meaning(&self) -> bool {
        self.fault != Fault::OwnerDropped || self.flavour.can_be_attached_to()
    }

    /// The words that name it, for the command line of the program that it is run in.
    pub fn words(&self) -> [&'static str; 3] {
        [self.phase.word(), self.fault.word(), self.flavour.word()]
    }

    /// The cell that these words name.
    pub fn of(words: &[String]) -> Option<Self> {
        let [phase, fault, flavour] = words else { return None };
        let (phase, fault) = (Phase::of(phase)?, Fault::of(fault)?);
        Some(Self { phase, fault, flavour: Flavour::of(flavour)? })
    }
}

/// The components, in the order of their start; the second one is the culprit, or has it.
pub const COMPONENTS: [&str; 3] = ["first", "second", "third"];

/// What a line of the log begins with, among what else is on standard error.
pub const MARK: &str = "@ ";

/// The exit status of a hard end.
pub const HARD_END: i32 = 70;

/// The exit status of a program whose lifespan was dropped, and which goes on.
pub const WENT_ON: u8 = 9;
