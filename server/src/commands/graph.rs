//! The optimised graph as a text: an operation a line, with the shape of its result, what it reads and what it holds.

use crate::units::show_bytes;
use berth_engine::{Listing, Operation, Read};
use std::fmt::Write as _;

pub fn text(listings: &[Listing]) -> String {
    listings.iter().map(plan).collect()
}

fn plan(listing: &Listing) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let inputs = listing.inputs.iter().map(|n| format!("%{n}")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "\nplan        {}", listing.signatures.join(", "));
    let _ = writeln!(out, "  reads     {inputs}");
    let rows: Vec<[String; 3]> = listing.operations.iter().map(columns).collect();
    let width = |n: usize| rows.iter().map(|r| r[n].chars().count()).max().unwrap_or(0).min(60);
    let (made, done) = (width(0), width(1));
    for ([outputs, operation, rest], op) in rows.iter().zip(&listing.operations) {
        let _ = writeln!(out, "  {outputs:<made$}  {operation:<done$}  {rest}  # {}", op.node);
    }
    let _ = writeln!(out, "  answers   {}", listing.outputs.iter().map(read).collect::<Vec<_>>().join(", "));
    out
}

fn columns(op: &Operation) -> [String; 3] {
    let outputs = op.outputs.iter().map(|n| format!("%{n}")).collect::<Vec<_>>().join(", ");
    let shape = op.shape.as_ref().map(|s| format!(" {}", extents(s))).unwrap_or_default();
    let inputs = op.inputs.iter().map(read).collect::<Vec<_>>().join(", ");
    let held = match op.constant_bytes {
        0 => String::new(),
        n => format!(" holding {}", show_bytes(n as u64)),
    };
    [format!("{outputs}{shape}"), format!("= {}", op.operation), format!("({inputs}){held}")]
}

fn read(read: &Read) -> String {
    match read {
        Read::Value(n) => format!("%{n}"),
        Read::Constant(dims) => format!("const{dims:?}"),
    }
}

fn extents(shape: &[Option<usize>]) -> String {
    let all: Vec<String> =
        shape.iter().map(|d| d.map_or_else(|| "?".to_owned(), |d| d.to_string())).collect();
    format!("[{}]", all.join(", "))
}
