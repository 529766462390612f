//! Hostile bodies of requests: those that fuzzing found and began with, and changed ones. An error or tensors are fine; a panic, more than a
//! second and more than 64 MiB of tensors are not.
//!
//!     BERTH_BODIES=20000 cargo test -p berth-server --test codecs       more of them
//!     BERTH_BODIES_FIRST=77 BERTH_BODIES=1 …                            one again, by its number
//!     BERTH_BODIES_TARGET=json …                                        of one kind alone
//!     BERTH_BODIES_SHOW=1 …                                             what the server says of each
//!
//! Bodies lie in `../fuzz/corpus`, by kinds; `../fuzz/README.md` says more.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../engine/tests/mutants/alter.rs"]
mod alter;
#[path = "codecs/attempt.rs"]
mod attempt;
#[path = "../engine/tests/mutants/change.rs"]
mod change;
#[path = "../engine/tests/mutants/index.rs"]
#[allow(dead_code, reason = "codecs have no index to be sealed anew")]
mod index;
#[path = "../engine/tests/mutants/wire.rs"]
mod wire;

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

/// What reading one body may take.
const LONGEST: Duration = Duration::from_secs(1);
/// Changes to one body.
const MOST_CHANGES: usize = 4;

/// The bodies of a kind, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = dir.read_dir().unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let read = |path: &Path| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
    };
    let mut all: Vec<_> = files.map(|entry| read(&entry.unwrap().path())).collect();
    all.sort();
    all
}

/// What is wrong with how a body is taken.
fn find(target: &str, body: &[u8]) -> Option<String> {
    let begun = Instant::now();
    match catch_unwind(|| attempt::attempt(target, body)) {
        Err(_) => Some("it panics".to_owned()),
        Ok(_) if begun.elapsed() > LONGEST => Some(format!("it takes {} ms", begun.elapsed().as_millis())),
        Ok(said) => {
            if std::env::var_os("BERTH_BODIES_SHOW").is_some() {
                println!("{target}: {said}");
            }
            None
        }
    }
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |n| n.parse().unwrap())
}

fn targets() -> Vec<&'static str> {
    let only = std::env::var("BERTH_BODIES_TARGET").ok();
    attempt::TARGETS.into_iter().filter(|t| only.as_deref().is_none_or(|only| only == *t)).collect()
}

#[test]
fn bodies_that_were_found_are_errors_or_tensors() {
    // Models are loaded once, before anything is timed.
    attempt::attempt("json", b"");
    let mut wrong = Vec::new();
    for target in targets() {
        for (name, body) in corpus(target) {
            wrong.extend(find(target, &body).map(|what| format!("{target}/{name}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn changed_bodies_are_errors_or_tensors() {
    attempt::attempt("json", b"");
    let first = setting("BERTH_BODIES_FIRST", 0);
    let mut wrong = Vec::new();
    for target in targets() {
        let corpus = corpus(target);
        for number in first..first + setting("BERTH_BODIES", 300) {
            let mut random = change::Random::new(number);
            let mut body = vec![corpus[random.below(corpus.len())].clone()];
            for _ in 0..1 + random.below(MOST_CHANGES) {
                if !body[0].1.is_empty() {
                    alter::alter(&mut body, &mut random);
                }
            }
            wrong.extend(find(target, &body[0].1).map(|what| format!("{target} {number}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
