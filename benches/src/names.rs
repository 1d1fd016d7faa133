//! The names of the measured tasks, made before the clock starts where a program would have them.

use std::sync::LazyLock;

use crate::rounds::MOST_TASKS;

/// Texts that live for ever, as the literals of a program do.
static STATIC: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    (0..MOST_TASKS).map(|number| &*Box::leak(format!("task-{number}").into_boxed_str())).collect()
});

pub(crate) fn make() {
    LazyLock::force(&STATIC);
}

pub(crate) fn literal(number: u32) -> &'static str {
    STATIC[number as usize]
}
