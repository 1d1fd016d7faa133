//! Without the feature of a runtime, the ticker says which feature it wants.
#![cfg(not(all(feature = "tokio", feature = "smol")))]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(dead_code, reason = "shared with the test of the whole program")]

mod program;

use program::Program;

#[test]
fn a_runtime_without_its_feature_is_one_line_that_names_it_and_status_2() {
    let missing = if cfg!(feature = "tokio") { "smol" } else { "tokio" };
    let says = refusal(&["--runtime", missing]);
    assert!(says.contains(&format!("`--features {missing}`")), "{says}");
}

#[cfg(not(any(feature = "tokio", feature = "async-io-sockets", feature = "sim")))]
#[test]
fn without_any_runtime_it_says_which_features_there_are() {
    let says = refusal(&[]);
    assert!(says.contains("`--features tokio`") && says.contains("`smol`"), "{says}");
}

fn refusal(args: &[&str]) -> String {
    let mut program = Program::start(args);
    let (status, lines) = program.end();
    assert_eq!(status.code(), Some(2), "{lines:?}");
    let stderr = program.stderr();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}
