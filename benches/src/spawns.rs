//! Spawn and await through lifespan, on whichever loop.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifespan::{Cx, EventLoop, Task};

use crate::names;
use crate::rounds::Shape;

/// Not a rival but a floor: what is left if a wrapper did nothing.
pub(crate) const LEAST: &str = "an Arc and 96 bytes more";

/// The same where it would still fit in the smallest task of tokio.
pub(crate) const SMALL: &str = "an Arc and 16 bytes more";

/// A future that holds what it runs in by one count, and has so many words; with 12 it has the size of a
/// tracked one.
pub(crate) fn least<const WORDS: usize>(
    count: &Arc<()>,
) -> impl Future<Output = ()> + Send + use<WORDS> {
    let (count, room) = (Arc::clone(count), [0_u64; WORDS]);
    async move {
        black_box(&room);
        drop(count);
    }
}

/// The least again, with a name that no other live task has.
pub(crate) const NAMED: &str = "the same, and a unique name";

/// The names of live tasks: a set behind a lock, since any thread may spawn and any may run.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<Set>>);

type Set = HashSet<&'static str, BuildHasherDefault<Folded>>;

impl Names {
    /// A future of the size of a tracked one, whose name is taken from now until its end.
    pub(crate) fn least(&self, number: u32) -> impl Future<Output = ()> + Send + use<> {
        let (names, name, room) = (self.clone(), names::literal(number), [0_u64; 10]);
        assert!(names.lock().insert(name), "the name is free");
        async move {
            black_box(&room);
            names.lock().remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash of a few instructions, which anybody who chooses the names may defeat.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 ^= u64::from(byte);
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9E37_79B9_7F4A_7C15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// How the tasks are named.
#[derive(Clone, Copy)]
pub(crate) enum Naming {
    Unnamed,
    Static,
    Formatted,
    Owned,
}

impl Naming {
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("lifespan", Self::Unnamed),
        ("lifespan, static names", Self::Static),
        ("lifespan, formatted names", Self::Formatted),
        ("lifespan, String names", Self::Owned),
    ];
}

pub(crate) async fn work<L: EventLoop>(cx: &Cx<'_, L>, naming: Naming, shape: Shape) {
    // One monomorphic loop for each, as a program has.
    match naming {
        Naming::Unnamed => shape.run(|_| cx.spawn(async |_cx| {}), ended).await,
        Naming::Static => shape.run(|number| named(cx, names::literal(number)), ended).await,
        Naming::Formatted => {
            shape.run(|number| named(cx, format_args!("task-{number}")), ended).await;
        }
        Naming::Owned => shape.run(|number| named(cx, format!("task-{number}")), ended).await,
    }
}

fn named<L: EventLoop>(cx: &Cx<'_, L>, name: impl Into<lifespan::Name>) -> Task<()> {
    cx.task(name).spawn(async |_cx| {}).expect("the name is free")
}

async fn ended(task: Task<()>) {
    task.await.expect("it ends");
}
