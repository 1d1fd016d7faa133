//! What the report says: codes, sources of errors, its text, its JSON.

use std::error::Error;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use lifespan_core::{InsideLoop, Lifespan, Report, StartError};

use crate::by_hand::{ByHand, run};

const SECOND: Duration = Duration::from_secs(1);

/// An error with another one behind it.
#[derive(Debug)]
struct Layer(&'static str, Option<Box<Self>>);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn layers(texts: &[&'static str]) -> Layer {
    let mut texts = texts.iter().rev();
    let last = Layer(texts.next().unwrap(), None);
    texts.fold(last, |source, text| Layer(text, Some(Box::new(source))))
}

fn lifespan() -> Lifespan<ByHand> {
    Lifespan::on(ByHand::new())
}

fn line(report: &Report, start: &str) -> String {
    let text = report.to_string();
    let line = text.lines().find(|line| line.trim_start().starts_with(start));
    String::from(line.unwrap_or_else(|| panic!("no {start:?} in {text}")).trim_start())
}

#[test]
fn a_run_inside_a_loop_is_told_its_async_form() {
    let text = StartError::Run(InsideLoop::new("Loop::run").into()).to_string();
    assert!(
        text.starts_with("Loop::run blocks") && text.contains("`Lifespan::attach(..)"),
        "{text}"
    );
}

#[test]
fn a_name_that_was_given_twice_may_be_that_of_handlers() {
    let twice = lifespan().component("db", |db| db.startup(async |_cx| {}).startup(async |_cx| {}));
    let text = line(&run(twice), "did not start");
    assert!(text.contains("\"db\" was given twice") && text.contains("two handlers"), "{text}");
}

#[test]
fn each_kind_of_end_has_a_code_of_its_own_and_the_first_that_applies_counts() {
    let clean = run(lifespan().serve(async |_cx| {}));
    let start = run(lifespan().startup("db", async |_cx| Err::<(), _>("no")));
    let task = |lifespan: Lifespan<ByHand>| {
        lifespan.task("fails", async |_cx| Err::<(), _>("no")).until_idle()
    };
    let stop = |lifespan: Lifespan<ByHand>| {
        lifespan.shutdown("db", async |_cx| Err::<(), _>("no")).serve(async |_cx| {})
    };
    let forced = |lifespan: Lifespan<ByHand>| {
        let deaf = lifespan.grace(SECOND).task("deaf", async |_cx| pending::<()>().await);
        deaf.serve(async |_cx| {})
    };
    let codes = [
        clean.exit_code(),
        start.exit_code(),
        run(task(lifespan())).exit_code(),
        run(stop(lifespan())).exit_code(),
        run(forced(lifespan())).exit_code(),
    ];
    assert_eq!(codes, [0, 3, 4, 5, 6]);
    assert_eq!(run(stop(forced(lifespan()))).exit_code(), 5);
    assert_eq!(run(task(stop(forced(lifespan())))).exit_code(), 4);
}

#[test]
fn an_error_is_shown_with_what_is_behind_it() {
    let failed = || layers(&["no pool", "no socket", "refused"]);
    let report = run(lifespan().startup("db", async move |_cx| Err::<(), _>(failed())));
    assert_eq!(
        line(&report, "did not start"),
        "did not start: the start of \"db\" failed: no pool, because: no socket, because: refused"
    );
    assert!(line(&report, "component db").contains("startup failed: no pool, because: no socket"));
    let report =
        run(lifespan().task("fails", async move |_cx| Err::<(), _>(failed())).until_idle());
    let task = line(&report, "task fails");
    assert!(
        task.starts_with(
            "task fails: failed: no pool, because: no socket, because: refused, after "
        )
    );
}

#[test]
fn a_source_that_the_error_says_itself_is_not_said_again() {
    let failed = || layers(&["no pool: no socket", "no socket", "refused"]);
    let report = run(lifespan().startup("db", async move |_cx| Err::<(), _>(failed())));
    let text = report.to_string();
    assert!(text.contains("no pool: no socket, because: refused\n"), "{text}");
}

/// Has itself as its source, without end.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl Error for Endless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[test]
fn an_error_that_is_behind_itself_is_shown() {
    let report = run(lifespan().startup("db", async move |_cx| Err::<(), _>(Endless)));
    assert!(report.to_string().contains("failed: again"));
}

#[cfg(feature = "json")]
#[test]
fn as_json_it_has_all_that_the_fields_have() {
    let report = run(lifespan()
        .component("db", |it| {
            it.startup(async |_cx| ()).shutdown(async |_cx| panic!("a \"quote\""))
        })
        .component("late", |it| it.stop_timeout(SECOND).shutdown(async |_cx| pending::<()>().await))
        .task("fails", async |_cx| Err::<(), _>(layers(&["no pool", "refused"])))
        .until_idle());
    let json = report.to_json();
    let has = |part: &str| assert!(json.contains(part), "no {part} in {json}");
    has(r#"{"is_clean":false,"exit_code":4,"reason":"every task has ended","start_error":null,"#);
    has(r#""phases":{"starting_seconds":0,"serving_seconds":"#);
    has(r#","draining_seconds":0,"stopping_seconds":1.0"#);
    has(r#""components":[{"name":"db","startup":{"outcome":"completed"},"start_took_seconds":0,"#);
    has(r#""shutdown":{"outcome":"panicked","panic":"a \"quote\""},"late_shutdowns":[]"#);
    has(r#""shutdown":{"outcome":"timed_out","budget_seconds":1}"#);
    has(
        r#""path":"fails","outcome":{"outcome":"failed","error":"no pool","sources":["refused"]},"#,
    );
    has(r#""serve":null"#);
    has(r#""stragglers":[],"loop_ended":false,"hard_ended":false,"stalled":null}"#);
    let failed = run(lifespan().startup("db", async |_cx| Err::<(), _>("no")));
    let json = failed.to_json();
    let start_error = r#""start_error":{"error":"the start of \"db\" failed: no","sources":[]}"#;
    assert!(json.contains(start_error), "{json}");
}
