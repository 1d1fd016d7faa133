//! The fault matrix: each phase, each fault, each loop, in a process of its own.
//!
//! `cargo test -p lifespan-tests --test faults -- --nocapture` prints the table. What is expected of a
//! cell comes from the rules in `model.rs`. With `LIFESPAN_WRITE_TABLE=1` the page
//! `docs/fault-matrix.md` is written anew.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a panic says what broke")]

mod child;
mod model;
mod table;

use std::sync::Mutex;
use std::thread;

use child::Ended;
use lifespan_tests::faults::Cell;
use model::Ending;

/// Most of them wait most of the time.
const AT_ONCE: usize = 4;

#[test]
fn every_cell_ends_as_the_model_says() {
    let cells = Cell::all();
    assert!(cells.len() >= 120, "{} cells", cells.len());
    let (next, ended) = (Mutex::new(cells.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(&cell) = next.lock().unwrap().next() else { return };
                    let result = child::run(cell);
                    ended.lock().unwrap().push((cell, result));
                }
            });
        }
    });
    let mut ended = ended.into_inner().unwrap();
    let place = |cell: &Cell| (cell.phase as u8, cell.fault as u8, cell.flavour as u8);
    ended.sort_by_key(|(cell, _)| place(cell));
    print!("{}", table::of_a_run(&ended));
    let wrong = ended.iter().filter_map(|(cell, ended)| difference(*cell, ended));
    let wrong = wrong.collect::<Vec<_>>();
    println!("{} cells, {} wrong", ended.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_shows_what_the_model_says() {
    let page = table::page();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fault-matrix.md");
    if std::env::var_os("LIFESPAN_WRITE_TABLE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written == page, "write it anew with LIFESPAN_WRITE_TABLE=1");
}

/// How a cell differs from each of the ways in which it may end.
fn difference(cell: Cell, ended: &Ended) -> Option<String> {
    let endings = model::endings(cell);
    if endings.iter().any(|ending| agrees(ending, ended)) {
        return None;
    }
    let Ended { status, log, text, took } = ended;
    let words = cell.words().join(", ");
    Some(format!(
        "{words}: expected {endings:#?}\nbut it ended as {status:?} after {took:.1?}\n{log:#?}\n{text}"
    ))
}

fn agrees(ending: &Ending, ended: &Ended) -> bool {
    let is_of_handlers = |line: &&String| {
        ["start ", "stop ", "cleaned up"].iter().any(|word| line.starts_with(word))
    };
    ended.status == ending.status
        && ended.log.iter().filter(is_of_handlers).eq(ending.ran.iter())
        && ended.text.contains(ending.says)
}
