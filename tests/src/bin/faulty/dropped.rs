//! A lifespan inside a loop that somebody else drives, who drops it before its end, and goes on.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::{self, block_on};
use lifespan::async_executor::{AsyncExecutor, AsyncExecutorLocal};
use lifespan::async_std::AsyncStd;
use lifespan::smol::Smol;
use lifespan::tokio::Tokio;
use lifespan::{Lifespan, Timer};
use lifespan_tests::faults::{Cell, Flavour, WENT_ON};

use crate::log::log;
use crate::{Scene, describe};

pub(crate) fn run(cell: Cell) -> ExitCode {
    match cell.flavour {
        Flavour::Tokio => on_tokio(tokio::runtime::Builder::new_current_thread(), cell),
        Flavour::TokioThreads => on_tokio(tokio::runtime::Builder::new_multi_thread(), cell),
        Flavour::SmolThreads => block_on(drop_it(Smol::global(), cell)),
        Flavour::AsyncStd => block_on(drop_it(AsyncStd::global(), cell)),
        Flavour::AsyncExecutor => {
            let executor = Arc::new(Executor::new());
            let handle = AsyncExecutor::of(&executor);
            block_on(executor.run(drop_it(handle, cell)))
        }
        Flavour::AsyncExecutorLocal => {
            let executor = Rc::new(LocalExecutor::new());
            let attachment = AsyncExecutorLocal::attach(&executor);
            block_on(executor.run(drop_it(attachment.handle(), cell)))
        }
        _ => ExitCode::from(2),
    }
}

fn on_tokio(mut runtime: tokio::runtime::Builder, cell: Cell) -> ExitCode {
    match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            match Tokio::current() {
                Ok(handle) => drop_it(handle, cell).await,
                Err(_) => ExitCode::from(2),
            }
        }),
        Err(_) => ExitCode::from(2),
    }
}

async fn drop_it<L: Timer>(handle: L, cell: Cell) -> ExitCode {
    let scene = Scene::of(cell);
    let (dropped, cut) = (scene.dropped.clone(), scene.cut.clone());
    let lifespan = describe(Lifespan::attach(handle), cell, scene);
    let run = async {
        let report = lifespan.run().await;
        log(&format!("it ended by itself: {report}"));
    };
    future::or(run, async { dropped.wait().await }).await;
    log("dropped");
    cut.wait().await;
    ExitCode::from(WENT_ON)
}
