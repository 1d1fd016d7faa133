//! No behaviour is forgotten: each public function of a subject is a test of the suite.

use std::fs;
use std::path::Path;

/// Not subjects: what the macro is made of.
const MACHINERY: [&str; 4] = ["lacking", "lib", "suite", "support"];

#[test]
fn every_behaviour_is_in_the_suite() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let suite = fs::read_to_string(sources.join("suite.rs")).unwrap();
    let mut count = 0;
    for file in fs::read_dir(&sources).unwrap() {
        let path = file.unwrap().path();
        let subject = path.file_stem().unwrap().to_str().unwrap();
        if MACHINERY.contains(&subject) {
            continue;
        }
        let (_, listed) = suite.split_once(&format!(" {subject} {{\n")).unwrap();
        let (listed, _) = listed.split_once('}').unwrap();
        let listed: Vec<&str> = listed.split([',', ' ', '\n']).collect();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(behaviour) = line.strip_prefix("pub fn ") else { continue };
            let name = behaviour.split(['<', '(']).next().unwrap();
            assert!(listed.contains(&name), "{subject}::{name} is in no suite");
            count += 1;
        }
    }
    assert!(count >= 80, "only {count} behaviours");
}
