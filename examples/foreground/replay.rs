//! The session of Nick Coghlan's "Background tasks in Python 3.5", step by step, on any loop that
//! stands still while nobody drives it.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lifespan::{Blocking, BoxError, Cx, Foreground, StandsStill, Timer};

/// What the program shows, written by tasks and by closures on threads.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Mutex<dyn Write + Send>>);

impl Screen {
    pub(crate) fn on(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    pub(crate) fn show(&self, line: impl fmt::Display) {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(writer, "{line}"); // a reader that went away stops no task
    }
}

/// Counts up, once each period. It ends by being cancelled.
async fn ticker<L: Timer>(cx: Cx<'_, L>, screen: Screen, period: Duration) {
    for tick in 0_u64.. {
        screen.show(tick);
        cx.sleep(period).await;
    }
}

/// Ticks five times, on a thread of its own: an ordinary function that blocks.
fn five_ticks(screen: &Screen, period: Duration) -> u32 {
    for tick in 0..5 {
        screen.show(format_args!("thread: {tick}"));
        std::thread::sleep(period);
    }
    5
}

/// The session. `elsewhere` is what the program does while it drives no task: it takes that long.
pub(crate) fn replay<O: StandsStill<Handle: Blocking + Timer>>(
    owner: O,
    screen: &Screen,
    period: Duration,
    elsewhere: impl Fn(&mut O, Duration),
) -> Result<(), BoxError> {
    let mut foreground = Foreground::on(owner)?;
    let new_ticker = || {
        let screen = screen.clone();
        async move |cx: Cx<'_, O::Handle>| ticker(cx, screen, period).await
    };

    screen.show("a ticker is scheduled; nothing runs yet");
    let first = foreground.schedule(new_ticker());

    screen.show("five periods in the foreground:");
    foreground.run_for(period * 5)?;

    screen.show("the program does something else for two periods, and nothing ticks");
    elsewhere(foreground.owner_mut(), period * 2);

    screen.show("three more, and it goes on where it stood:");
    foreground.run_for(period * 3)?;

    elsewhere(foreground.owner_mut(), period * 2);
    screen.show("single steps; a tick is due:");
    foreground.step()?;
    screen.show("none is due yet:");
    foreground.step()?;
    elsewhere(foreground.owner_mut(), period * 2);
    screen.show("and another is:");
    foreground.step()?;

    screen.show("a second ticker; its first tick comes before the one that is due:");
    let second = foreground.schedule(new_ticker());
    elsewhere(foreground.owner_mut(), period * 2);
    foreground.step()?;

    screen.show("both are cancelled, the first one twice:");
    drop((first.cancel(), first.cancel(), second.cancel()));
    foreground.step()?;
    let ended = foreground.run_until(first.cancel())?;
    screen.show(format_args!("{ended}, and {} tasks live", foreground.tasks().len()));

    screen.show("a function that blocks starts at once, on a thread:");
    let (show, nap) = (screen.clone(), period / 5);
    let ticks = foreground.call_in_background(move || five_ticks(&show, nap));
    screen.show(format_args!("{} ticks", foreground.run_until(ticks)??));

    screen.show("four of them beside each other:");
    let calls: Vec<_> = (1..=4_u32)
        .map(|number| {
            foreground.call_in_background(move || {
                std::thread::sleep(period / 5);
                number
            })
        })
        .collect();
    let sum = foreground.run(async |_cx| {
        let mut sum = 0;
        for call in calls {
            sum += call.await?;
        }
        Ok::<_, BoxError>(sum)
    })??;
    screen.show(format_args!("the sum is {sum}"));

    let report = foreground.stop();
    screen.show(format_args!("clean: {}", report.is_clean()));
    Ok(())
}
