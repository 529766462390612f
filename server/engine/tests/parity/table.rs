//! `PARITY.md`: what every row came to. A row that stands there as passing must pass.

use crate::rows::Outcome;
use std::path::{Path, PathBuf};

const HEAD: &str = "# Parity with TensorFlow\n\n\
    What `cargo test -p berth-engine --test parity` finds: the engine's answers against TensorFlow 2.21's on the same saved model, \
    two shapes each. The error is `max|Δ| / max|y|`; integers, strings and truth values must be equal. A row that passes here must \
    pass; `BERTH_PARITY_WRITE=1` rewrites the table.\n";

struct Section {
    name: String,
    rows: Vec<String>,
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("PARITY.md")
}

fn read() -> Vec<Section> {
    let text = std::fs::read_to_string(place()).unwrap_or_default();
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            sections
                .push(Section { name: name.split(':').next().unwrap_or(name).to_owned(), rows: Vec::new() });
        } else if line.starts_with("| ") && !line.starts_with("| row ") && !line.starts_with("| ---") {
            sections.last_mut().unwrap().rows.push(line.to_owned());
        }
    }
    sections
}

fn line(row: &Outcome) -> String {
    let plain = |text: &str| text.replace('|', "/").replace(['\n', '\r'], " ");
    let verdict: String = without_nodes(&plain(&row.verdict())).chars().take(400).collect();
    let mark = if row.passes() { "yes" } else { "no" };
    format!("| {} | {} | {} | {mark} | {verdict} |", plain(&row.name), plain(&row.way), row.cases)
}

/// Which node it was changes with every version of Keras; which operation does not.
fn without_nodes(text: &str) -> String {
    let mut parts = text.split(" (node ");
    let mut kept = parts
        .next()
        .unwrap_or_default()
        .replace("the model needs operations that are not supported", "missing");
    for part in parts {
        kept += part.split_once(')').map_or(part, |(_, rest)| rest);
    }
    kept
}

fn key(line: &str) -> Vec<&str> {
    line.split('|').skip(1).take(2).map(str::trim).collect()
}

fn passed(line: &str) -> bool {
    line.split('|').nth(4).is_some_and(|mark| mark.trim() == "yes")
}

/// Name and way of the rows of a section that need not be run again.
pub fn done(name: &str) -> Vec<String> {
    if std::env::var_os("BERTH_PARITY_RESUME").is_none() {
        return Vec::new();
    }
    let rows = read().into_iter().find(|s| s.name == name).map_or_else(Vec::new, |s| s.rows);
    rows.iter().filter(|row| passed(row)).map(|row| key(row).join("\t")).collect()
}

/// Writes one row as soon as it is known, if the table is to be written: what was found stays when the rest is broken off.
pub fn note(name: &str, row: &Outcome) {
    if std::env::var_os("BERTH_PARITY_WRITE").is_some() {
        let mut sections = read();
        replace(section(&mut sections, name), vec![line(row)]);
        write(&sections);
    }
}

/// Fails where a row that passed does not; writes the section anew when asked to.
pub fn compare(name: &str, found: &[Outcome]) {
    let mut sections = read();
    if std::env::var_os("BERTH_PARITY_WRITE").is_some() {
        update(&mut sections, name, found);
        write(&sections);
        return;
    }
    let known = sections.iter().find(|s| s.name == name).map_or(&[][..], |s| &s.rows);
    let new: Vec<String> = found.iter().map(line).collect();
    let worse: Vec<&String> =
        new.iter().filter(|n| !passed(n) && known.iter().any(|k| passed(k) && key(k) == key(n))).collect();
    assert!(worse.is_empty(), "these passed once:\n{worse:#?}");
}

/// All rows of a section, unless only some of them were run.
fn update(sections: &mut Vec<Section>, name: &str, found: &[Outcome]) {
    let rows: Vec<String> = found.iter().map(line).collect();
    let section = section(sections, name);
    let some = ["BERTH_PARITY_ONLY", "BERTH_PARITY_RESUME"].iter().any(|n| std::env::var_os(n).is_some());
    if some {
        replace(section, rows);
    } else {
        section.rows = rows;
    }
}

fn section<'s>(sections: &'s mut Vec<Section>, name: &str) -> &'s mut Section {
    let at = sections.iter().position(|s| s.name == name).unwrap_or_else(|| {
        sections.push(Section { name: name.to_owned(), rows: Vec::new() });
        sections.len() - 1
    });
    &mut sections[at]
}

fn replace(section: &mut Section, rows: Vec<String>) {
    for new in rows {
        match section.rows.iter_mut().find(|old| key(old) == key(&new)) {
            Some(old) => *old = new,
            None => section.rows.push(new),
        }
    }
}

fn write(sections: &[Section]) {
    let mut text = HEAD.to_owned();
    for section in sections {
        let good = section.rows.iter().filter(|r| passed(r)).count();
        text += &format!("\n## {}: {good} of {}\n\n", section.name, section.rows.len());
        text += "| row | way of saving | cases | passes | worst error, or why not |\n| --- | --- | --- | --- | --- |\n";
        for row in &section.rows {
            text += row;
            text.push('\n');
        }
    }
    std::fs::write(place(), text).unwrap();
}
