//! The engine beside TensorFlow: layer by layer, by every way of saving, whole networks. `parity/main.py` makes the models; what
//! each row came to stands in `PARITY.md`, and what passed once must pass. Rows are printed, and written where that is asked for,
//! as they come: all applications take an hour. Where a model says that requests may be run together, they are.
//! `parity/gaps.py` lists the operations that are refused.
//!
//!     BERTH_PARITY_WRITE=1 cargo test -p berth-engine --test parity     rewrites the table
//!     BERTH_PARITY_ONLY='LSTM|GRU' …                                    rows whose name or way has one of these texts
//!     BERTH_PARITY_RESUME=1 …                                           rows that do not pass in the table yet
//!     BERTH_PARITY_NETWORKS=300 …                                       how many random networks
//!     BERTH_PARITY_ALL=1 …                                              every application of Keras at full size

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/joined.rs"]
mod joined;
#[path = "parity/rows.rs"]
mod rows;
#[path = "parity/table.rs"]
mod table;
#[path = "parity/values.rs"]
mod values;

use rows::{Outcome, python};
use std::sync::Mutex;

/// One TensorFlow at a time: memory, and the table is one file.
static ONE: Mutex<()> = Mutex::new(());

fn outcomes(arguments: &[&str], section: Option<&str>) -> Option<Vec<Outcome>> {
    let python = match python() {
        Ok(python) => python,
        Err(why) if std::env::var_os("CI").is_none() => {
            println!("SKIPPED: needs python3 with venv and TensorFlow from PyPI: {why}");
            return None;
        }
        Err(why) => panic!("needs python3 with venv and TensorFlow from PyPI: {why}"),
    };
    let done = section.map(table::done).unwrap_or_default();
    Some(rows::all(&python, arguments, &done, |row| {
        let alone = row.alone.as_ref().map_or_else(String::new, |why| format!(", requests alone: {why}"));
        println!("{}: {} ({} cases){alone}", row.name, row.verdict(), row.cases);
        section.into_iter().for_each(|section| table::note(section, row));
    }))
}

#[test]
fn layers_and_ways_of_saving() {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for part in ["layers", "saving"] {
        let Some(found) = outcomes(&[part], Some(part)) else { return };
        table::compare(part, &found);
    }
}

#[test]
fn random_networks() {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let usual = if std::env::var_os("CI").is_some() { 300 } else { 40 };
    let count = std::env::var("BERTH_PARITY_NETWORKS").map_or(usual, |n| n.parse().unwrap());
    let (mut wrong, mut missing) = (Vec::new(), 0);
    for first in (0..count).step_by(100) {
        let many = (count - first).min(100);
        let numbers = [first.to_string(), many.to_string()];
        let Some(found) = outcomes(&["networks", &numbers[0], &numbers[1]], None) else { return };
        missing += found.iter().filter(|row| row.lacks_operations()).count();
        wrong.extend(found.into_iter().filter(|row| !row.passes() && !row.lacks_operations()));
    }
    println!("{missing} of {count} networks have operations that the engine lacks");
    let lines: Vec<String> = wrong.iter().map(|row| format!("{}: {}", row.name, row.verdict())).collect();
    assert!(wrong.is_empty(), "{} of {count} networks:\n{}", wrong.len(), lines.join("\n"));
}

#[test]
fn applications() {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let all = std::env::var_os("BERTH_PARITY_ALL").is_some();
    let section = if all { "applications" } else { "small applications" };
    let which = if all { "all" } else { "small" };
    let Some(found) = outcomes(&["applications", which], Some(section)) else { return };
    table::compare(section, &found);
}
