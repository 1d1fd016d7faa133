//! Futures that need a tokio runtime around them, on every loop: `Tokio::enter`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lifespan::tokio::Tokio;
use lifespan::{BoxError, Lifespan, LoopOwner, NoLoop, Timer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};

on_every_loop!(
    a_tokio_socket_works_entered,
    a_tokio_timer_works_entered,
    a_destructor_finds_its_runtime_too,
);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A server and a client of tokio, in two tasks of a loop that may be another's.
fn a_tokio_socket_works_entered<O: LoopOwner<Handle: Timer>>(owner: O) {
    let runtime = runtime();
    let tokio = Tokio::of(runtime.handle()).unwrap();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let listener = tokio.enter(TcpListener::bind("127.0.0.1:0")).await?;
            let address = listener.local_addr()?;
            let inside = tokio.clone();
            let server = cx.spawn(async move |_cx| {
                let serve = inside.enter(async {
                    let (mut stream, _from) = listener.accept().await?;
                    stream.write_all(b"hello").await?;
                    Ok::<_, BoxError>(())
                });
                serve.await
            });
            let fetch = tokio.enter(async {
                let mut text = String::new();
                TcpStream::connect(address).await?.read_to_string(&mut text).await?;
                Ok::<_, BoxError>(text)
            });
            assert_eq!(fetch.await?, "hello");
            server.await?;
            Ok::<_, BoxError>(())
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn a_tokio_timer_works_entered<O: LoopOwner<Handle: Timer>>(owner: O) {
    let runtime = runtime();
    let tokio = Tokio::of(runtime.handle()).unwrap();
    let report = Lifespan::on(owner)
        .task("sleeps", async move |_cx| {
            tokio.enter(async { tokio::time::sleep(Duration::from_millis(1)).await }).await;
        })
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
}

/// Dropped before its first poll, while it waits, and after its end.
fn a_destructor_finds_its_runtime_too<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Finds(Arc<AtomicBool>);
    impl Drop for Finds {
        fn drop(&mut self) {
            self.0.store(Handle::try_current().is_ok(), Ordering::Relaxed);
        }
    }
    let runtime = runtime();
    let tokio = Tokio::of(runtime.handle()).unwrap();
    let found = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
    let [unpolled, pending, ended] = found.clone().map(Finds);
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let enters = tokio.clone();
            let cut = cx.spawn(async move |_cx| {
                drop(enters.enter(async move { drop(unpolled) }));
                enters.enter(async move { drop(ended) }).await;
                let waits = enters.enter(async move {
                    let _held = pending;
                    std::future::pending::<()>().await;
                });
                waits.await;
            });
            while !found_by(&cx, &found[2]).await {}
            cut.cancel().await;
            for found in &found {
                assert!(found.load(Ordering::Relaxed), "a destructor ran outside of its runtime");
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

/// Lets the loop turn once, and looks.
async fn found_by<L: Timer>(cx: &lifespan::Cx<'_, L>, found: &AtomicBool) -> bool {
    cx.sleep(Duration::ZERO).await;
    found.load(Ordering::Relaxed)
}

#[test]
fn a_runtime_without_timers_is_a_typed_error() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let error = Tokio::of(runtime.handle()).map(drop).unwrap_err();
    assert_eq!(error, NoLoop::without_timers("tokio"));
    assert!(error.to_string().contains("without timers"), "{error}");
    let _entered = runtime.enter();
    assert_eq!(Tokio::current().map(drop).unwrap_err(), error);
}

#[test]
fn outside_of_a_runtime_there_is_no_current_one() {
    let error = Tokio::current().map(drop).unwrap_err();
    assert_eq!(error, NoLoop::new("tokio"));
}
