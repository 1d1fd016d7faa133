//! Look-ups by name among many live tasks: the first, and one that follows.

use std::hint::black_box;
use std::time::Instant;

use lifespan::Lifespan;
use lifespan::tokio::TokioLoop;

use crate::names;

const LOOK_UPS: u32 = 1_000;

pub(crate) fn print(tasks: u32) {
    println!("\nlook-ups by name among {tasks} live tasks");
    let report = Lifespan::on(TokioLoop::current_thread())
        .serve(async move |cx| {
            for number in 0..tasks {
                cx.task(names::literal(number))
                    .cancel_on_stop()
                    .spawn(async |_cx| std::future::pending::<()>().await)
                    .expect("the name is free")
                    .detach();
            }
            let begun = Instant::now();
            let first = cx.tasks().get(names::literal(tasks / 2));
            println!("  {:<28} {:>8.3} ms", "the first", begun.elapsed().as_secs_f64() * 1e3);
            drop(black_box(first));
            let begun = Instant::now();
            for number in 0..LOOK_UPS {
                let task = cx.tasks().get(names::literal(number * (tasks / LOOK_UPS)));
                drop(black_box(task.expect("it lives")));
            }
            let each = begun.elapsed().as_secs_f64() * 1e9 / f64::from(LOOK_UPS);
            println!("  {:<28} {each:>8.1} ns", "each of a thousand more");
        })
        .run();
    assert!(report.is_clean(), "{report}");
}
