//! The guide pages: "What the compiler told you" says what the compiler says, "Coming from" names tests
//! that are there, and shows what is compiled.

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/what-the-compiler-told-you.md");

/// The names of the cases that must not compile.
fn cases() -> Vec<String> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let names = fs::read_dir(ui).unwrap().map(|entry| entry.unwrap().path());
    let sources = names.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The first line of what the compiler says of a case.
fn first_error(case: &str) -> String {
    let said = format!("{}/ui/{case}.stderr", env!("CARGO_MANIFEST_DIR"));
    let said = fs::read_to_string(said).unwrap();
    said.lines().find(|line| line.starts_with("error")).unwrap().to_owned()
}

#[test]
fn every_mistake_is_on_the_page_with_its_first_line() {
    let cases = cases();
    assert!(cases.len() > 40, "the cases were not found: {cases:?}");
    for case in cases {
        let linked = format!("[`{case}`](../tests/ui/{case}.rs)");
        let section = PAGE.split("\n### ").find(|section| section.contains(&linked));
        let section = section.unwrap_or_else(|| panic!("{case} is not on the page"));
        let said = first_error(&case);
        assert!(section.lines().any(|line| line == said), "the section of {case} lacks: {said}");
    }
}

#[test]
fn every_quoted_line_is_said() {
    let said = cases().iter().map(|case| first_error(case)).collect::<Vec<_>>();
    let quoted = PAGE.lines().filter(|line| line.starts_with("error"));
    for line in quoted {
        assert!(said.iter().any(|said| said == line), "no case says: {line}");
    }
}

const COMING_FROM: &str = include_str!("../../docs/coming-from.md");

/// The sources of all tests here.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_tables_name_is_there() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    sources(&tests.join("it"), &mut all);
    let mut named = 0;
    let rows = COMING_FROM.lines().filter(|line| line.starts_with('|'));
    for row in rows.filter(|row| row.matches(" | ").count() == 2) {
        let (_, names) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for name in names.split('`').skip(1).step_by(2) {
            let is_there = match name.strip_prefix("ui/") {
                Some(file) => tests.join("ui").join(file).exists(),
                None => all.contains(&format!("fn {}", name.trim_end_matches(".."))),
            };
            assert!(is_there, "{name}: no test is named so, in the row {row}");
            named += 1;
        }
    }
    assert!(named > 60, "the rows were not found: {named}");
}

/// It is compiled where its crate is a dependency, and nowhere else.
const TOPLEVEL: &str = include_str!("../../benches/peers/src/bin/coming_from.rs");

#[test]
fn the_piece_that_is_not_compiled_on_the_page_is_compiled_elsewhere() {
    let mut pieces = COMING_FROM.split("\n```rust,ignore\n").skip(1);
    let (piece, rest) = pieces.next().unwrap().split_once("\n```\n").unwrap();
    assert!(rest.contains("```rust,no_run") && pieces.next().is_none(), "there is one such piece");
    let piece = piece.lines().map(|line| format!("    {line}\n")).collect::<String>();
    assert!(TOPLEVEL.contains(&piece), "`benches/peers` has another:\n{piece}");
}

const README: &str = include_str!("../../README.md");

/// Where the repository shows its files.
const FILES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// The README is the page of a crate, too, where nothing lies beside it.
#[test]
fn every_link_of_the_readme_leads_somewhere_from_anywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let inline = README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let defined = README.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    let (mut files, mut places) = (0, 0);
    for target in inline.chain(defined.map(|(_name, target)| target)) {
        if let Some(place) = target.strip_prefix('#') {
            let mut headings = README.lines().filter_map(|line| line.strip_prefix("## "));
            let is_there = headings.any(|it| it.to_lowercase().replace(' ', "-") == place);
            assert!(is_there, "no heading for {target}");
            places += 1;
        } else {
            let file = target.strip_prefix(FILES);
            let file = file.unwrap_or_else(|| panic!("{target} does not begin with {FILES}"));
            assert!(root.join(file).exists(), "there is no {file}");
            files += 1;
        }
    }
    assert!(files > 9 && places > 0, "the links were not found: {files}, {places}");
}
