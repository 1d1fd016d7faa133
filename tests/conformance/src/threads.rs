//! Other threads: they spawn, wake, stop and race, and the loop hears them all.
//!
//! Here the loop waits for threads that it does not know. A simulator has to be told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use futures_lite::future::{block_on, pending, yield_now};
use lifespan_core::{
    Cx, EventLoop, Lifespan, LoopOwner, Outcome, Reason, ShutdownEvent, SpawnError, Spawner,
    TaskState, Timer,
};

use crate::support::{Moment, inside};

/// A plain thread spawns through a spawner, and awaits the task without a loop.
pub fn spawn_and_await<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let spawner = cx.spawner();
        let done = Moment::default();
        let at_end = done.on_drop();
        let other = thread::spawn(move || {
            let _at_end = at_end;
            for number in 0..200 {
                let task = spawner.spawn(async move |_cx| number).expect("the scope lives");
                assert_eq!(block_on(task).unwrap(), number);
            }
        });
        done.wait().await;
        other.join().unwrap();
    });
}

/// Many threads spawn at once through the raw handle; every future runs once.
pub fn spawn_at_once<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let ran = owner.run(async |handle| {
        let (count, all) = (Arc::new(AtomicUsize::new(0)), Moment::default());
        let threads = [(); 4].map(|()| {
            let (handle, count, all) = (handle.clone(), Arc::clone(&count), all.clone());
            thread::spawn(move || {
                for _ in 0..500 {
                    let (count, all) = (Arc::clone(&count), all.clone());
                    let spawned = handle.spawn(async move {
                        yield_now().await;
                        if count.fetch_add(1, Ordering::SeqCst) + 1 == 2_000 {
                            all.come();
                        }
                    });
                    assert!(spawned.is_ok(), "the loop runs");
                }
            })
        });
        all.wait().await;
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(count.load(Ordering::SeqCst), 2_000);
    });
    ran.expect("the loop runs");
}

/// Of 64 threads that race for one name, one wins, and the others have their bodies back.
pub fn race_for_a_name<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..10 {
            let (barrier, tried) = (Arc::new(Barrier::new(64)), Moment::default());
            let (wins, tries) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            for _ in 0..64 {
                let (spawner, barrier) = (cx.spawner(), Arc::clone(&barrier));
                let (wins, tries) = (Arc::clone(&wins), Arc::clone(&tries));
                let tried = tried.clone();
                thread::spawn(move || {
                    barrier.wait();
                    match spawner.task("one").spawn(async |_cx| pending::<()>().await) {
                        Ok(task) => {
                            wins.fetch_add(1, Ordering::SeqCst);
                            task.detach();
                        }
                        Err(error) => assert!(matches!(error, SpawnError::NameTaken { .. })),
                    }
                    if tries.fetch_add(1, Ordering::SeqCst) + 1 == 64 {
                        tried.come();
                    }
                });
            }
            tried.wait().await;
            assert_eq!(wins.load(Ordering::SeqCst), 1);
            assert!(matches!(cx.tasks().cancel("one").await, Ok(Outcome::Cancelled)));
        }
    });
}

/// Threads replace one name again and again, and it ends by itself as well: one lives at each moment,
/// in the end the last one, and none after the stop.
pub fn replace_one_name<O: LoopOwner<Handle: Timer>>(owner: O) {
    let lives = Lives::default();
    let in_tasks = lives.clone();
    inside(owner, async move |cx| {
        let threads = [(); 4].map(|()| {
            let (spawner, lives, ended) = (cx.spawner(), in_tasks.clone(), Moment::default());
            let at_end = ended.on_drop();
            let thread = thread::spawn(move || {
                let _at_end = at_end;
                replace_again_and_again(&spawner, &lives);
            });
            (ended, thread)
        });
        for (ended, thread) in threads {
            ended.wait().await;
            thread.join().unwrap();
        }
        let (lives, (begun, at_begin)) = (in_tasks.clone(), Moment::pair());
        let body = async move |cx: Cx<'_, O::Handle>| {
            let _life = lives.begin();
            at_begin.come();
            cx.shutdown().wait().await;
        };
        let last = cx.task("one").replace(body).unwrap().await;
        assert_eq!(cx.tasks().get("one").unwrap().id(), last.task_ref().id());
        begun.wait().await;
        assert_eq!(in_tasks.now.load(Ordering::SeqCst), 1);
        let others = cx.tasks().iter().filter(|task| task.id() != last.task_ref().id());
        for waited in others {
            assert!(matches!(waited.finished().await, Outcome::Cancelled), "it never began");
        }
        last.detach();
    });
    assert_eq!((lives.now.load(Ordering::SeqCst), lives.most.load(Ordering::SeqCst)), (0, 1));
}

fn replace_again_and_again<L: EventLoop>(spawner: &Spawner<L>, lives: &Lives) {
    for round in 0..100 {
        let lives = lives.clone();
        let body = async move |_cx: Cx<'_, L>| {
            let _life = lives.begin();
            yield_now().await;
            if round % 2 == 0 {
                pending::<()>().await;
            }
        };
        let replaces = spawner.task("one").replace(body).unwrap();
        if round % 3 != 0 {
            // The name is this one's, or was, or never will be.
            let state = block_on(replaces).task_ref().state();
            assert_ne!(state, TaskState::Queued);
        }
    }
}

/// How many live, and how many did at once at the most.
#[derive(Clone, Default)]
struct Lives {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct Life(Arc<AtomicUsize>);

impl Lives {
    fn begin(&self) -> Life {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Life(Arc::clone(&self.now))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Setting an event on a thread wakes a loop that has nothing else to do.
pub fn set_an_event<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..100 {
            let event = ShutdownEvent::new();
            let heard = event.clone();
            let waiter = cx.spawn(async move |_cx| heard.wait().await);
            let setter = thread::spawn(move || event.trigger().set("from a thread").is_ok());
            waiter.await.unwrap();
            assert!(setter.join().unwrap());
        }
    });
}

/// The root of the loop is woken by a thread, as its tasks are.
pub fn wake_the_root<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let ran = owner.run(async |_handle| {
        for _ in 0..100 {
            let moment = Moment::default();
            let comes = moment.clone();
            let other = thread::spawn(move || comes.come());
            moment.wait().await;
            other.join().unwrap();
        }
    });
    ran.expect("the loop runs");
}

/// A thread that wakes a task without end, while it ends, does no harm.
pub fn wake_a_task_that_ends<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..50 {
            let (sender, receiver) = std::sync::mpsc::channel::<std::task::Waker>();
            let other = thread::spawn(move || {
                while let Ok(waker) = receiver.recv() {
                    waker.wake_by_ref();
                    waker.wake();
                }
            });
            let mut polls = 0;
            let task = cx.spawn(async move |_cx| {
                std::future::poll_fn(|context| {
                    polls += 1;
                    sender.send(context.waker().clone()).unwrap();
                    if polls == 20 {
                        return std::task::Poll::Ready(());
                    }
                    std::task::Poll::Pending
                })
                .await;
            });
            task.await.unwrap();
            other.join().unwrap();
        }
    });
}

/// A cancel from a thread reaches a task that waits for nothing.
pub fn cancel_a_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..50 {
            let gone = Moment::default();
            let held = gone.on_drop();
            let task = cx.spawn(async move |_cx| {
                let _held = held;
                pending::<()>().await;
            });
            let task_ref = task.task_ref().clone();
            let other = thread::spawn(move || block_on(task_ref.cancel()).to_string());
            assert!(task.await.is_err());
            assert!(gone.has_come());
            assert_eq!(other.join().unwrap(), "cancelled");
        }
    });
}

/// A stop from a thread ends a lifespan that only serves.
pub fn stop_the_lifespan<O: LoopOwner<Handle: Timer>>(owner: O) {
    let event = ShutdownEvent::new();
    let (trigger, serving) = (event.trigger(), Moment::default());
    let at_serve = serving.clone();
    let other = thread::spawn(move || {
        serving.wait_blocking();
        trigger.set("from a thread").is_ok()
    });
    let report = Lifespan::on(owner)
        .event(event)
        .task("serves", async move |cx| {
            at_serve.come();
            cx.shutdown().wait().await;
        })
        .run();
    assert!(other.join().unwrap());
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("from a thread"));
}

/// A plain thread waits for the event of a lifespan, which is set at the start of its stop.
pub fn wait_for_the_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let event = ShutdownEvent::new();
    let heard = event.clone();
    let other = thread::spawn(move || heard.wait_blocking());
    let report = Lifespan::on(owner).event(event).serve(async |_cx| {}).run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(other.join().unwrap(), Ok(Reason::ServeEnded));
}

/// A thread that spawns while the lifespan ends gets a task that ends, or the body back.
pub fn spawn_while_it_ends<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    for _ in 0..20 {
        let (sender, receiver) = std::sync::mpsc::channel();
        let other = thread::spawn(move || {
            let spawner: Spawner<O::Handle> = receiver.recv().unwrap();
            let mut late = 0;
            // A stop waits for what is spawned meanwhile: without end, that would be its deadline.
            while late < 200 {
                late += usize::from(spawner.shutdown().is_set());
                let Ok(task) = spawner.spawn(async |_cx| {}) else { return };
                let ended = block_on(task.task_ref().finished());
                assert!(matches!(ended, Outcome::Completed), "{ended}");
            }
        });
        inside(&mut owner, async move |cx| {
            sender.send(cx.spawner()).unwrap();
            yield_now().await;
        });
        other.join().unwrap();
    }
}

/// A thread that spawns without end is refused when the deadline is over.
pub fn spawn_without_end<O: LoopOwner<Handle: Timer>>(owner: O) {
    /// Far more than can be spawned until then.
    const MANY: usize = 300_000;
    let (sender, receiver) = std::sync::mpsc::channel();
    let many = Moment::default();
    let at_many = many.clone();
    let other = thread::spawn(move || {
        let spawner: Spawner<O::Handle> = receiver.recv().unwrap();
        for number in 0..MANY {
            let Ok(task) = spawner.spawn(async |_cx| {}) else { return true };
            task.detach();
            if number == 100 {
                at_many.come();
            }
        }
        false
    });
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            sender.send(cx.spawner()).unwrap();
            many.wait().await;
        })
        .deadline(std::time::Duration::ZERO) // virtual time may stand still while tasks are ready
        .run();
    let was_refused = other.join().unwrap();
    assert!(was_refused, "the stop went on until the thread gave up; {}", report.stragglers.len());
}

/// What is bound to a loop is dropped wherever that is.
pub fn drop_what_is_bound<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let gone = Moment::default();
        let bound = cx.bind(gone.on_drop());
        thread::spawn(move || drop(bound));
        gone.wait().await;
    });
}

/// A plain thread dispatches what tasks hear, and hears what they dispatch.
pub fn dispatch_and_hear<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let done = Moment::default();
        let at_end = done.on_drop();
        let mut pings = cx.events().subscribe::<u32>("ping").unwrap();
        let mut pongs = cx.events().subscribe::<u32>("pong").unwrap();
        let events = cx.events().clone();
        let other = thread::spawn(move || {
            let _at_end = at_end;
            for number in 0..200_u32 {
                assert_eq!(events.dispatch("ping", number), Ok(1));
                assert_eq!(*pongs.recv_blocking().unwrap(), number);
            }
        });
        for _ in 0..200 {
            let number = *pings.recv().await.unwrap();
            assert_eq!(cx.events().dispatch("pong", number), Ok(1));
        }
        done.wait().await;
        other.join().unwrap();
    });
}

/// A future of a plain thread's is a task of the scope: a stop asks it to end, and waits for it.
pub fn drive_what_is_tracked<O: LoopOwner<Handle: Timer>>(owner: O) {
    let ended = Arc::new(AtomicUsize::new(0));
    let (by_task, by_handler) = (Arc::clone(&ended), Arc::clone(&ended));
    let report = Lifespan::on(owner)
        .startup("server", async move |cx| {
            for id in 0..4 {
                let ended = Arc::clone(&by_task);
                let tracked = cx.task(format_args!("conn:{id}")).track_with(|stop| async move {
                    stop.wait().await;
                    ended.fetch_add(1, Ordering::SeqCst);
                });
                let tracked = tracked.unwrap();
                thread::spawn(move || block_on(tracked).unwrap());
            }
            assert_eq!(cx.tasks().len(), 4);
        })
        .shutdown("server", async move |_cx| {
            assert_eq!(by_handler.load(Ordering::SeqCst), 4);
        })
        .serve(async |_cx| ())
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(ended.load(Ordering::SeqCst), 4);
}
