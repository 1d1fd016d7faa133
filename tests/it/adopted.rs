//! What somebody else spawns as members of a scope: tokio's own `JoinSet`, and `smol::spawn`.

use std::future::pending;
use std::time::Duration;

use lifespan::{BoxError, Cx, Lifespan, LoopOwner, Outcome, ShutdownEvent, TaskError, Timer};
use tokio::task::JoinSet;

use crate::log::Log;

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A connection: it says good-bye when it is told to stop.
async fn connection(stop: ShutdownEvent) -> &'static str {
    stop.wait().await;
    "good-bye"
}

async fn broken_connection() -> &'static str {
    panic!("in a connection")
}

fn names<L>(cx: &Cx<'_, L>) -> Vec<String> {
    cx.tasks().iter().map(|task| task.path()).collect()
}

/// The component `server` has adopted what `adopt` left running, which is one connection, `conn:2`. Its
/// stop waits for that.
fn stops_with_its_component<O, F>(owner: O, adopt: F)
where
    O: LoopOwner<Handle: Timer>,
    F: for<'t> AsyncFnOnce(&Cx<'t, O::Handle>, &Log) -> Result<(), BoxError> + 'static,
{
    let log = Log::default();
    let (by_connection, by_handler) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("server", async move |cx| adopt(&cx, &by_connection).await)
        .shutdown("server", async move |cx| {
            assert!(cx.tasks().is_empty());
            by_handler.add("the server closes");
        })
        .serve(async |_cx| ())
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["the connection ends", "the server closes"].as_slice());
    let outcome = &report.task("server/conn:2").unwrap().outcome;
    assert!(matches!(outcome, Some(Outcome::Completed)), "{report}");
}

mod by_tokio {
    use super::*;

    on_every_loop!(@ current_thread, lifespan::tokio::TokioLoop::current_thread(), a_join_set_runs_what_is_tracked);
    on_every_loop!(@ multi_thread, lifespan::tokio::TokioLoop::multi_thread(), a_join_set_runs_what_is_tracked);
    on_every_loop!(@ local, lifespan::tokio::TokioLocalLoop::new(), a_join_set_runs_what_is_tracked);

    fn a_join_set_runs_what_is_tracked<O: LoopOwner<Handle: Timer>>(owner: O) {
        stops_with_its_component(owner, async |cx, log| {
            let mut connections = JoinSet::new();
            for id in 0..2 {
                connections.spawn(cx.task(format_args!("conn:{id}")).track_with(connection)?);
            }
            assert_eq!(names(cx), ["server/conn:0", "server/conn:1"]);
            cx.tasks().stop("conn:0")?;
            assert_eq!(connections.join_next().await.unwrap()??, "good-bye");
            assert!(matches!(cx.tasks().cancel("conn:1").await?, Outcome::Cancelled));
            let joined = connections.join_next().await.unwrap()?;
            assert!(matches!(joined, Err(TaskError::Cancelled)));

            // A failure and a panic come to who joins, and are nobody else's.
            connections.spawn(cx.track(async { Err::<&str, _>("reset by peer") }));
            let error = connections.join_next().await.unwrap()?.unwrap_err();
            assert_eq!(error.to_string(), "the task failed: reset by peer");
            connections.spawn(cx.track(broken_connection()));
            let joined = connections.join_next().await.unwrap()?;
            assert!(matches!(joined, Err(TaskError::Panicked(_))));

            // Whoever aborts it has dropped it.
            let aborted = cx.task("aborted").track(pending::<&str>())?;
            let task = aborted.task_ref().clone();
            connections.spawn(aborted).abort();
            assert!(connections.join_next().await.unwrap().unwrap_err().is_cancelled());
            assert!(matches!(task.outcome(), Some(Outcome::Cancelled)));
            assert!(cx.tasks().is_empty());

            let log = log.clone();
            let last = cx.task("conn:2").track_with(|stop| async move {
                let said = connection(stop).await;
                log.add("the connection ends");
                said
            });
            connections.spawn(last?);
            connections.detach_all();
            Ok(())
        });
    }
}

/// On smol's global executor, which is another than that of our loop.
mod by_smol {
    use super::*;

    on_every_loop!(@ one_thread, lifespan::smol::SmolLoop::new(), a_global_executor_runs_what_is_tracked);
    on_every_loop!(@ several_threads, lifespan::smol::SmolLoop::with_threads(3), a_global_executor_runs_what_is_tracked);
    on_every_loop!(@ local, lifespan::smol::SmolLocalLoop::new(), a_global_executor_runs_what_is_tracked);

    fn a_global_executor_runs_what_is_tracked<O: LoopOwner<Handle: Timer>>(owner: O) {
        stops_with_its_component(owner, async |cx, log| {
            let spawn = |id| -> Result<_, BoxError> {
                let tracked = cx.task(format_args!("conn:{id}")).track_with(connection);
                Ok(smol::spawn(tracked.map_err(|error| error.to_string())?))
            };
            let (stopped, cancelled) = (spawn(0)?, spawn(1)?);
            assert_eq!(names(cx), ["server/conn:0", "server/conn:1"]);
            cx.tasks().stop("conn:0")?;
            assert_eq!(stopped.await?, "good-bye");
            assert!(matches!(cx.tasks().cancel("conn:1").await?, Outcome::Cancelled));
            assert!(matches!(cancelled.await, Err(TaskError::Cancelled)));

            // smol would hand the panic on to who awaits.
            let panicked = smol::spawn(cx.track(broken_connection()));
            let ended = panicked.await;
            assert!(matches!(ended, Err(TaskError::Panicked(_))));

            // Dropping smol's handle drops what it spawned.
            let dropped = cx.task("dropped").track(pending::<()>())?;
            let task = dropped.task_ref().clone();
            drop(smol::spawn(dropped));
            assert!(matches!(task.finished().await, Outcome::Cancelled));
            assert!(cx.tasks().is_empty());

            let log = log.clone();
            let last = cx.task("conn:2").track_with(|stop| async move {
                connection(stop).await;
                log.add("the connection ends");
            });
            smol::spawn(last?).detach();
            Ok(())
        });
    }
}
