//! The bounds of task bodies: how `Send` is asked of an async closure on stable Rust.

use std::future::Future;

use super::Cx;

/// Names the future of a body, so that `Send` can be asked for.
///
/// Never implement it: every `async |cx| { .. }` and `async fn body(cx: Cx<'_, L>)` whose future is
/// `Send` has it. A bound on a body is always the pair
/// `F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R>`: the first half lets an unannotated
/// closure infer, the second asks for `Send`.
#[diagnostic::on_unimplemented(
    message = "this is no body of a task on `{L}`",
    label = "expected `async |cx| {{ .. }}` or an `async fn(cx: Cx<'_, {L}>)` whose future is `Send`",
    note = "write `async move |cx| {{ .. }}` instead of a future or a plain closure; what the body \
            holds across an `.await` must be `Send`",
    note = "of a body that is a parameter, say so: `F: AsyncFnOnce(Cx<'_, L>) -> R + for<'x> TaskFn<'x, L, R>`"
)]
pub trait TaskFn<'t, L: 't, R>: FnOnce(Cx<'t, L>) -> Self::Fut {
    /// The body's future.
    type Fut: Future<Output = R> + Send + 't;
}

impl<'t, L: 't, R, F, Fut> TaskFn<'t, L, R> for F
where
    F: FnOnce(Cx<'t, L>) -> Fut,
    Fut: Future<Output = R> + Send + 't,
{
    type Fut = Fut;
}

/// A body that can be started more than once: a body that is `Clone`, called on a clone each time.
///
/// Not `AsyncFn`: an async closure that captures anything does not implement `Fn`.
pub trait Factory: Clone + Send + Sync + 'static {}

impl<F: Clone + Send + Sync + 'static> Factory for F {}
