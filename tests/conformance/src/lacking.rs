//! Finds out whether a handle has a capability that its suite says it lacks.

use std::marker::PhantomData;

use lifespan_core::{Blocking, EventLoop, LocalLoop, LoopOwner, StandsStill};

/// Says that a loop lacks a capability, after making sure of it.
///
/// # Panics
/// If the handle has it.
#[expect(clippy::print_stdout, reason = "what is lacking is listed, not skipped in silence")]
pub fn lacks(flavour: &str, capability: &str, has: bool) {
    assert!(
        !has,
        "{flavour} has the capability: write `{capability}`, and not `no {capability}` or nothing"
    );
    println!("{flavour} lacks {capability}: its behaviours do not run here");
}

/// Stands for a handle type, so that its traits can be asked for by a method call.
///
/// With both traits of a pair in scope, `(&probe).has_local()` finds the one for `Probe<H>` first,
/// which there is if `H: LocalLoop`, and otherwise borrows once more and finds the one for
/// `&Probe<H>`. The type must be known where the call is written.
#[derive(Debug)]
pub struct Probe<H>(PhantomData<H>);

impl<H> Probe<H> {
    /// Stands for the handle of this owner.
    pub fn of<O: LoopOwner<Handle = H>>(_owner: &O) -> Self {
        Self(PhantomData)
    }
}

/// Answers for a handle that is [`Blocking`].
pub trait HasBlocking {
    /// Answers `true`.
    fn has_blocking(&self) -> bool {
        true
    }
}

impl<H: Blocking> HasBlocking for Probe<H> {}

/// Answers for any other handle.
pub trait LacksBlocking {
    /// Answers `false`.
    fn has_blocking(&self) -> bool {
        false
    }
}

impl<H> LacksBlocking for &Probe<H> {}

/// Answers for a handle that is a [`LocalLoop`].
pub trait HasLocal {
    /// Answers `true`.
    fn has_local(&self) -> bool {
        true
    }
}

impl<H: LocalLoop> HasLocal for Probe<H> {}

/// Answers for any other handle.
pub trait LacksLocal {
    /// Answers `false`.
    fn has_local(&self) -> bool {
        false
    }
}

impl<H> LacksLocal for &Probe<H> {}

/// Stands for an owner's type, as [`Probe`] does for a handle's.
#[derive(Debug)]
pub struct OwnerProbe<O>(PhantomData<O>);

impl<O> OwnerProbe<O> {
    /// Stands for this owner.
    pub fn of(_owner: &O) -> Self {
        Self(PhantomData)
    }
}

/// Answers for an owner that [`StandsStill`].
pub trait HasStandsStill {
    /// Answers `true`.
    fn has_stands_still(&self) -> bool {
        true
    }
}

impl<O: StandsStill> HasStandsStill for OwnerProbe<O> {}

/// Answers for any other owner.
pub trait LacksStandsStill {
    /// Answers `false`.
    fn has_stands_still(&self) -> bool {
        false
    }
}

impl<O> LacksStandsStill for &OwnerProbe<O> {}

/// Says that a loop never ends, after making sure that the process has one of its kind.
///
/// # Panics
/// If two owners have two loops.
#[expect(clippy::print_stdout, reason = "what is lacking is listed, not skipped in silence")]
pub fn lacks_an_end<O: LoopOwner>(flavour: &str, make: impl Fn() -> O) {
    let ids = [make(), make()].map(|mut owner| owner.run(async |handle| handle.id()).ok());
    let [Some(first), Some(second)] = ids else { panic!("the loop does not run") };
    assert_eq!(first, second, "{flavour} has loops of its own: remove `global`");
    println!("{flavour} is global: the behaviours of a loop that ends do not run here");
}
