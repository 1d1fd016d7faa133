//! loom models of a task that ends while somebody looks for it: by its name, or by listing all.
//!
//! Each names the bug that was planted to see it fail.

use loom::thread;

use super::{Nobody, RecordAt, RecordRef, Registry, Slot, entry, registry};
use crate::sync::Arc;
use crate::task::{Entry, Flags, Name, TaskId};

/// On the heap: it is taken out of the record by who drops the last reference.
const LONG: &str = "a name of more than two and twenty bytes";

fn open(registry: &Arc<Registry>, name: Option<&str>) -> Slot {
    let name = name.map(|name| Name::from(String::from(name)));
    let mut entry = Entry { name, ..entry(None) };
    registry.register(&mut entry, Flags::HANDLE).ok().unwrap()
}

/// The task ends, and its handle is dropped: now its record may be another's.
fn end(registry: &Arc<Registry>, slot: Slot) {
    RecordAt::new(registry, slot).complete();
    drop(RecordRef::new(Arc::clone(registry), slot));
}

fn id(registry: &Arc<Registry>, slot: Slot) -> TaskId {
    RecordAt::new(registry, slot).id()
}

/// Caught: `find` that counts its reference in another step than the one that looks whether the task
/// lives.
#[test]
fn who_is_found_by_name_is_never_another() {
    loom::model(|| {
        let registry = registry(Arc::new(Nobody), Arc::default());
        let first = open(&registry, Some(LONG));
        let own = id(&registry, first);
        let finder = Arc::clone(&registry);
        let thread = thread::spawn(move || {
            let found = finder.find(LONG)?;
            let name = found.at().name();
            Some((found, name))
        });
        end(&registry, first);
        let next = open(&registry, Some(LONG));
        let found = thread.join().unwrap();
        let next_id = id(&registry, next);
        if let Some((found, name)) = found {
            let found_id = found.at().id();
            assert!(found_id == own || found_id == next_id);
            assert_eq!(name, Some(Name::from(LONG)));
            assert_eq!(found.flags().is_finished(), found_id == own);
        }
        assert_eq!(registry.find(LONG).unwrap().at().id(), next_id);
        assert_eq!(registry.len(), 1);
    });
}

/// Caught: `list_live` that looks in one step, and attends and counts in the next.
#[test]
fn who_is_listed_is_never_a_free_record() {
    loom::model(|| {
        let registry = registry(Arc::new(Nobody), Arc::default());
        let first = open(&registry, None);
        let own = id(&registry, first);
        let lister = Arc::clone(&registry);
        let thread = thread::spawn(move || lister.snapshot());
        end(&registry, first);
        let listed = thread.join().unwrap();
        // It stays whose it was, while somebody refers to it.
        let others = [open(&registry, None), open(&registry, None)];
        for record in &listed {
            assert!(record.at().id() == own && record.flags().is_finished());
        }
        drop(listed);
        others.into_iter().for_each(|slot| end(&registry, slot));
        assert_eq!(registry.len(), 0);
        assert!(registry.close_if_empty());
    });
}
