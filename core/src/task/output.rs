//! What the body of a task may return.

use std::rc::Rc;

use crate::sync::Arc;

/// A failure, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a body or handler returns: `()`, a plain value, or a `Result` whose `Err` is a failure.
///
/// The one place that decides what "failed" means, so that a failure nobody awaits is never silent.
/// For a value type of your own return `Ok::<_, BoxError>(value)`, or implement this in two lines.
#[diagnostic::on_unimplemented(
    message = "a body cannot return `{Self}`",
    label = "the body returns `{Self}`",
    note = "return `()`, a plain value, or a `Result<T, E>` with `E: Into<BoxError>`; \
            for a type of your own: `Ok::<_, lifespan_core::BoxError>(value)`; \
            a future or timer cannot leave its task: await it inside"
)]
pub trait Output {
    /// What awaiting the task gives.
    type Value;

    /// Splits into the value and the failure.
    ///
    /// # Errors
    /// The failure, if this is one.
    fn into_result(self) -> Result<Self::Value, BoxError>;
}

impl<T, E: Into<BoxError>> Output for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

macro_rules! plain_values {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        impl<$($generics)*> Output for $type {
            type Value = Self;

            fn into_result(self) -> Result<Self, BoxError> {
                Ok(self)
            }
        }
    )*};
}

plain_values!(
    [] (), [] bool, [] char, [] &'static str, [] String,
    [] u8, [] u16, [] u32, [] u64, [] u128, [] usize,
    [] i8, [] i16, [] i32, [] i64, [] i128, [] isize, [] f32, [] f64,
    [] std::time::Duration, [] std::time::Instant, [] std::process::ExitCode,
    [T] Option<T>, [T] Vec<T>, [T: ?Sized] Box<T>, [T: ?Sized] Arc<T>, [T: ?Sized] Rc<T>,
    [A, B] (A, B), [A, B, C] (A, B, C), [T, const N: usize] [T; N],
);

/// A body that never returns, `async |cx| loop { .. }`, passes for one that returns nothing.
impl Output for Never {
    type Value = ();

    fn into_result(self) -> Result<(), BoxError> {
        self
    }
}

/// `!` cannot be written in this place on stable Rust, but it can be named as the output of a
/// function type.
type Never = <fn() -> ! as never::Returns>::Value;

mod never {
    /// Public in a private module: it is part of a public impl, and nobody's to name.
    #[expect(unnameable_types, reason = "a way to write `!`, not a part of the interface")]
    pub trait Returns {
        type Value;
    }

    impl<T> Returns for fn() -> T {
        type Value = T;
    }
}
