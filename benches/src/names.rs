//! The names of the measured tasks, made before the clock starts where a program would have them.

use std::sync::LazyLock;

use crate::MILLION;
use crate::rounds::MOST_TASKS;

/// Texts that live for ever, as the literals of a program do.
type Literals = LazyLock<Vec<&'static str>>;

static FIRST: Literals = LazyLock::new(|| leak(0..MOST_TASKS));
static REST: Literals = LazyLock::new(|| leak(MOST_TASKS..MILLION));

fn leak(numbers: std::ops::Range<u32>) -> Vec<&'static str> {
    numbers.map(|number| &*Box::leak(format!("task-{number}").into_boxed_str())).collect()
}

/// Makes so many.
pub(crate) fn make(most: u32) {
    LazyLock::force(&FIRST);
    if most > MOST_TASKS {
        LazyLock::force(&REST);
    }
}

pub(crate) fn literal(number: u32) -> &'static str {
    if number < MOST_TASKS { FIRST[number as usize] } else { REST[(number - MOST_TASKS) as usize] }
}
