//! Hostile models: fixtures changed in their structure, each loaded and run by a worker process. An error or an answer is fine;
//! a panic, a death, more than a second or more than 512 MiB is not.
//!
//!     BERTH_MUTANTS=20000 cargo test -p berth-engine --test mutants       more of them
//!     BERTH_MUTANTS_FIRST=77 BERTH_MUTANTS=1 …                            one again, by its number
//!     BERTH_MUTANTS_SHOW=1 …                                              what the engine says of each
//!
//! `mutants/corpus/numbers.txt` holds the numbers of past finds; they are replayed first. A line that begins with `open` is a
//! find that the engine has yet to learn, and fails nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "mutants/alter.rs"]
mod alter;
#[path = "../fuzz/src/archive.rs"]
mod archive;
#[path = "../fuzz/src/artifact.rs"]
mod artifact;
#[path = "shared/attempt.rs"]
mod attempt;
#[path = "mutants/change.rs"]
mod change;
#[path = "mutants/files.rs"]
mod files;
#[path = "mutants/index.rs"]
mod index;
#[path = "mutants/wire.rs"]
mod wire;
#[path = "mutants/worker.rs"]
mod worker;

use std::path::{Path, PathBuf};
use worker::Worker;

const FIXTURES: [&str; 8] =
    ["several", "classic", "embedding", "functional", "shapes", "sequence", "convolutions", "activations"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Writes the mutant of a number, and says what was done.
fn write(number: u64, to: &Path) -> String {
    let mut random = change::Random::new(number);
    let name = FIXTURES[random.below(FIXTURES.len())];
    let from = fixture(name).join("1");
    let read = |file: &str| std::fs::read(from.join(file)).unwrap();
    let (mut graph, mut index) = (read("saved_model.pb"), read("variables/variables.index"));
    let mut weights = read("variables/variables.data-00000-of-00001");
    let done = match random.below(10) {
        0 => {
            let file = [&mut graph, &mut index, &mut weights][random.below(3)].len();
            let keep = random.below(file);
            [&mut graph, &mut index, &mut weights]
                .into_iter()
                .find(|f| f.len() == file)
                .unwrap()
                .truncate(keep);
            format!("cut to {keep}")
        }
        1 | 2 => index::change(&mut index, &mut random),
        _ => change::change(&mut graph, &mut random),
    };
    std::fs::create_dir_all(to.join("1/variables")).unwrap();
    std::fs::write(to.join("1/saved_model.pb"), graph).unwrap();
    std::fs::write(to.join("1/variables/variables.index"), index).unwrap();
    std::fs::write(to.join("1/variables/variables.data-00000-of-00001"), weights).unwrap();
    format!("{name}: {done}")
}

/// Writes the mutant of a number of a model that is no SavedModel, and says what was done.
fn write_other(models: &[(String, alter::Model)], number: u64, to: &Path) -> String {
    let mut random = change::Random::new(number);
    let (name, model) = &models[random.below(models.len())];
    let mut model = model.clone();
    let done = alter::alter(&mut model, &mut random);
    std::fs::create_dir_all(to).unwrap();
    for (file, bytes) in model {
        std::fs::write(to.join(file), bytes).unwrap();
    }
    format!("{name}: {done}")
}

/// What went wrong with the mutant of a number; it stays under `target/mutants`.
fn find(number: u64, write: &dyn Fn(u64, &Path) -> String, worker: &mut Option<Worker>) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let done = write(number, dir.path());
    let ready = worker.get_or_insert_with(|| Worker::start(&fixture("several")));
    let fault = match ready.run(dir.path()) {
        Ok(reply) => {
            if std::env::var_os("BERTH_MUTANTS_SHOW").is_some() {
                println!("{number} ({done}): {reply}");
            }
            return None;
        }
        Err(fault) => fault,
    };
    *worker = None;
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutants/{number}"));
    let _ = std::fs::remove_dir_all(&kept);
    write(number, &kept);
    Some(format!("{number} ({done}): {fault}; kept in {}", kept.display()))
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |n| n.parse().unwrap())
}

#[test]
fn hostile_models_of_other_formats_are_errors_or_answers() {
    let models = files::models();
    let write = |number: u64, to: &Path| write_other(&models, number, to);
    let mut worker = None;
    let mut wrong = Vec::new();
    let first = setting("BERTH_MUTANTS_FIRST", 0);
    for number in first..first + setting("BERTH_MUTANTS", 2_000) {
        if let Some(found) = find(number, &write, &mut worker) {
            println!("{found}");
            wrong.push(found);
        }
    }
    assert!(wrong.is_empty(), "{} mutants:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn hostile_models_are_errors_or_answers() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants/corpus/numbers.txt");
    let corpus = std::fs::read_to_string(corpus).unwrap();
    let mut worker = None;
    let mut wrong = Vec::new();
    let mut open = Vec::new();
    for line in corpus.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let is_open = line.starts_with("open ");
        let number: u64 =
            line.trim_start_matches("open ").split_whitespace().next().unwrap().parse().unwrap();
        if is_open {
            open.push(number);
            continue;
        }
        wrong.extend(find(number, &write, &mut worker));
    }
    let first = setting("BERTH_MUTANTS_FIRST", 0);
    for number in first..first + setting("BERTH_MUTANTS", 2_000) {
        let found =
            if open.contains(&number) && first == 0 { None } else { find(number, &write, &mut worker) };
        if let Some(found) = found {
            println!("{found}");
            wrong.push(found);
        }
    }
    println!("{} finds are open", open.len());
    assert!(wrong.is_empty(), "{} mutants:\n{}", wrong.len(), wrong.join("\n"));
}

/// What fuzzing found: `../fuzz/corpus` has a directory for each target.
#[test]
fn what_was_found_by_fuzzing_are_errors_or_answers() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut worker = None;
    let mut wrong = Vec::new();
    for target in corpus.read_dir().unwrap().map(|e| e.unwrap()) {
        let layout = artifact::layout(target.file_name().to_str().unwrap()).unwrap();
        for found in target.path().read_dir().unwrap().map(|e| e.unwrap().path()) {
            let bytes = std::fs::read(&found).unwrap();
            let write = |_: u64, to: &Path| {
                std::fs::create_dir_all(to).unwrap();
                layout.write(&bytes, to);
                found.display().to_string()
            };
            wrong.extend(find(0, &write, &mut worker));
        }
    }
    assert!(wrong.is_empty(), "{} finds:\n{}", wrong.len(), wrong.join("\n"));
}

/// The process that loads and runs mutants: this binary again. Does nothing by itself.
#[test]
fn work() {
    if std::env::var_os("BERTH_MUTANT_WORKER").is_some() {
        worker::serve();
    }
}

#[test]
fn unchanged_files_survive_decoding() {
    for name in FIXTURES {
        let bytes = std::fs::read(fixture(name).join("1/saved_model.pb")).unwrap();
        assert_eq!(wire::encode(&wire::decode(&bytes, 0).unwrap()), bytes, "{name}");
    }
}
