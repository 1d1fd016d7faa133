//! Spawn and await through lifespan, on whichever loop.

use lifespan::{Cx, EventLoop, Task};

use crate::names;
use crate::rounds::Shape;

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
