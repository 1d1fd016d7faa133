//! Where a foreground cannot be driven: inside a loop, and while another is.

use lifespan::{Foreground, RunError, ShutdownEvent, StartError, TaskError};

use super::{HOUR, Passes, SHORT, on};

on_every_loop_that_stands_still! {
    inside_a_running_loop_it_refuses,
    a_task_of_another_foreground_is_an_error,
    what_needs_no_driving_may_come_from_another_foreground,
    a_task_whose_foreground_is_gone_has_ended,
}

fn inside_a_running_loop_it_refuses<O: Passes>(make: impl Fn() -> O) {
    fn refused<T>(result: &Result<T, RunError>) {
        assert!(matches!(result, Err(RunError::InsideLoop(_))));
    }
    let (mut outer, mut inner) = (on(&make), on(&make));
    let ran = outer.run(async |_cx| {
        refused(&Foreground::on(make()));
        let task = inner.schedule(async |_cx| {});
        refused(&inner.run_until(task));
        refused(&inner.run(async |_cx| {}));
        refused(&inner.run_for(SHORT));
        refused(&inner.step());
        let report = inner.stop();
        let error = report.start_error.as_ref();
        assert!(matches!(error, Some(StartError::Run(RunError::InsideLoop(_)))), "{report}");
    });
    ran.unwrap();
    let task = outer.schedule(async |_cx| {});
    outer.run_until(task).unwrap().unwrap();
}

fn a_task_of_another_foreground_is_an_error<O: Passes>(make: impl Fn() -> O) {
    let (mut here, mut there) = (on(&make), on(&make));
    let mut task = there.task("there").spawn(async |_cx| 5).unwrap();
    let Err(RunError::OtherLoop(error)) = here.run_until(&mut task) else {
        panic!("nobody drives it")
    };
    assert_eq!(error.task(), "there");
    let ended = here.run(async |cx| cx.timeout(HOUR, task.task_ref().finished()).await);
    assert!(matches!(ended, Err(RunError::OtherLoop(_))));
    assert!(matches!(here.run_until(there.tasks().cancel("there")), Err(RunError::OtherLoop(_))));
    // It did no harm to either.
    let of_both = there.schedule(async |_cx| 5);
    assert_eq!(there.run_until(of_both).unwrap().unwrap(), 5);
    let own = here.schedule(async |_cx| 6);
    assert_eq!(here.run_until(own).unwrap().unwrap(), 6);
}

fn what_needs_no_driving_may_come_from_another_foreground<O: Passes>(make: impl Fn() -> O) {
    let (mut here, mut there) = (on(&make), on(&make));
    let ended = there.schedule(async |_cx| 5);
    there.run_until(ended.task_ref().finished()).unwrap();
    assert_eq!(here.run_until(ended).unwrap().unwrap(), 5);
    let closure = there.call_in_background(|| 6);
    assert_eq!(here.run_until(closure).unwrap().unwrap(), 6);
    let event = ShutdownEvent::new();
    let set = event.trigger();
    there.schedule(async move |_cx| drop(set.set("from there"))).detach();
    there.step().unwrap();
    here.run_until(event.wait()).unwrap();
}

fn a_task_whose_foreground_is_gone_has_ended<O: Passes>(make: impl Fn() -> O) {
    let (mut here, there) = (on(&make), on(&make));
    let task = there.schedule(async |_cx| {});
    drop(there);
    let error = here.run_until(task).unwrap().unwrap_err();
    assert!(matches!(error, TaskError::Cancelled | TaskError::LoopClosed), "{error}");
}
