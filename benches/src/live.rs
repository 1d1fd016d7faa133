//! What a task that waits takes: bytes beyond those of the bare runtime's task.

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Cx, Lifespan};

use crate::ALLOCATOR;

pub(crate) fn print(tasks: u32) {
    println!("\nbytes for each of {tasks} live tasks that wait, tokio, current-thread");
    let report = Lifespan::on(TokioLoop::current_thread())
        .serve(async move |cx| {
            let bare = bare(tasks).await;
            println!("  {:<28} {bare:>8.1}", "tokio::spawn");
            let named = named(&cx, tasks).await;
            println!("  {:<28} {named:>8.1}  {:>+8.1}", "lifespan, formatted names", named - bare);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn bytes() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

fn each(bytes: isize, tasks: u32) -> f64 {
    bytes as f64 / f64::from(tasks)
}

async fn turn() {
    // Longer than the queue is long: every new task has been polled once.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}

async fn bare(tasks: u32) -> f64 {
    let mut handles = Vec::with_capacity(tasks as usize);
    turn().await;
    let before = bytes();
    handles.extend((0..tasks).map(|_| tokio::spawn(std::future::pending::<()>())));
    turn().await;
    let after = bytes();
    for handle in handles {
        handle.abort();
    }
    turn().await;
    each(after - before, tasks)
}

async fn named(cx: &Cx<'_, Tokio>, tasks: u32) -> f64 {
    turn().await;
    let before = bytes();
    for number in 0..tasks {
        cx.task(format_args!("task-{number}"))
            .cancel_on_stop()
            .spawn(async |_cx| std::future::pending::<()>().await)
            .expect("the name is free")
            .detach();
    }
    turn().await;
    let after = bytes();
    each(after - before, tasks)
}
