//! Floors: the least that has to be done for a part of what a task of this library is, on the bare runtime.

use std::collections::HashSet;
use std::future::poll_fn;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::names;

/// What is left if a wrapper did nothing.
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

/// The least again, with a guard against a panic of the body, and a record that others can find: taken under
/// a lock before the spawn, and given back under it at the end.
pub(crate) const GUARDED: &str = "the same, a guard and a record";

/// The records of live tasks, in a slab behind a lock: nobody looks for them, waits or cancels.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Slab>>);

#[derive(Default)]
struct Slab {
    records: Vec<Record>,
    free: Vec<usize>,
    opened: u64,
}

struct Record {
    id: u64,
    spawned_at: &'static Location<'static>,
    has_panicked: Option<bool>,
}

impl Records {
    /// A future of the size of a tracked one, which does nothing that is to be guarded.
    #[track_caller]
    pub(crate) fn least(&self) -> impl Future<Output = ()> + Send + use<> {
        let (records, place) = (self.clone(), self.open(Location::caller()));
        let room = [0_u64; 9];
        async move {
            black_box(&room);
            let mut body = pin!(async {});
            let has_panicked = poll_fn(|context| {
                match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(context))) {
                    Ok(polled) => polled.map(|()| false),
                    Err(_payload) => Poll::Ready(true),
                }
            });
            let has_panicked = has_panicked.await;
            records.close(place, has_panicked);
        }
    }

    /// What registers and leaves, and is no task.
    #[track_caller]
    pub(crate) fn open_and_close(&self) {
        self.close(self.open(Location::caller()), false);
    }

    fn open(&self, spawned_at: &'static Location<'static>) -> usize {
        let mut slab = self.lock();
        slab.opened += 1;
        let record = Record { id: slab.opened, spawned_at, has_panicked: None };
        match slab.free.pop() {
            Some(place) => {
                slab.records[place] = record;
                place
            }
            None => {
                slab.records.push(record);
                slab.records.len() - 1
            }
        }
    }

    fn close(&self, place: usize, has_panicked: bool) {
        let mut slab = self.lock();
        let record = &mut slab.records[place];
        record.has_panicked = Some(has_panicked);
        black_box((record.id, record.spawned_at, record.has_panicked));
        slab.free.push(place);
    }

    fn lock(&self) -> MutexGuard<'_, Slab> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floors_are_of_one_size() {
        let least = size_of_val(&least::<12>(&Arc::new(())));
        assert_eq!(size_of_val(&Records::default().least()), least);
        names::make(1);
        assert_eq!(size_of_val(&Names::default().least(0)), least);
    }
}
