//! The manifests in `docs/deploy` wait for longer than the program that they run, and
//! `docs/deploy.md` tells the same numbers.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../health_server/budgets.rs"]
mod budgets;

use std::time::Duration;

use budgets::{DEADLINE, DRAIN, GRACE, LAST_REQUEST, START};

const UNIT: &str = include_str!("../../docs/deploy/health-server.service");
const MANIFEST: &str = include_str!("../../docs/deploy/health-server.yaml");
const PAGE: &str = include_str!("../../docs/deploy.md");

/// What is between the program's own end and the end by force.
const SPARE: Duration = Duration::from_secs(5);

/// The seconds, or the count, after a key; the first after a heading.
fn number(text: &str, heading: &str, key: &str) -> u32 {
    let after = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}")).1;
    let value = after.split_once(key).unwrap_or_else(|| panic!("no {key}")).1.trim_start();
    let end = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    value[..end].parse().unwrap()
}

fn seconds(text: &str, heading: &str, key: &str) -> Duration {
    Duration::from_secs(number(text, heading, key).into())
}

#[test]
fn the_times_of_the_program_nest() {
    assert!(LAST_REQUEST < GRACE);
    assert!(GRACE < DEADLINE);
}

#[test]
fn systemd_waits_for_longer_than_the_program() {
    let service = "[Service]";
    assert!(seconds(UNIT, service, "\nTimeoutStartSec=") >= START + SPARE);
    assert!(seconds(UNIT, service, "\nTimeoutStopSec=") >= DRAIN + DEADLINE + SPARE);
    assert!(UNIT.contains("\nType=notify\n"));
}

#[test]
fn kubernetes_waits_for_longer_than_the_program() {
    let grace = seconds(MANIFEST, "spec:", "terminationGracePeriodSeconds:");
    let pre_stop = seconds(MANIFEST, "preStop:", "sleep: { seconds:");
    assert!(grace >= pre_stop + DRAIN + DEADLINE + SPARE);
    let start = looks(MANIFEST, "startupProbe:");
    assert!(start >= START + SPARE);
    assert!(DRAIN > looks(MANIFEST, "readinessProbe:") + timeout(MANIFEST, "readinessProbe:"));
}

/// How long until a probe that says no is believed.
fn looks(text: &str, probe: &str) -> Duration {
    seconds(text, probe, "periodSeconds:") * number(text, probe, "failureThreshold:")
}

fn timeout(text: &str, probe: &str) -> Duration {
    seconds(text, probe, "timeoutSeconds:")
}

#[test]
fn the_page_tells_the_times_of_the_program() {
    for (name, time) in [
        ("START", START),
        ("DRAIN", DRAIN),
        ("LAST_REQUEST", LAST_REQUEST),
        ("GRACE", GRACE),
        ("DEADLINE", DEADLINE),
    ] {
        let row = format!("\n| `{name}` | {} |", time.as_secs());
        assert!(PAGE.contains(&row), "no row {row:?}");
    }
    let sum = format!(
        "{} >=       {} +     {} +       {} + {}",
        number(MANIFEST, "spec:", "terminationGracePeriodSeconds:"),
        number(MANIFEST, "preStop:", "sleep: { seconds:"),
        DRAIN.as_secs(),
        DEADLINE.as_secs(),
        SPARE.as_secs(),
    );
    assert!(PAGE.contains(&sum), "no {sum:?}");
}
