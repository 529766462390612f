//! The optimised graph as a text: an operation a line, with the shape of its result, what it reads and what it holds.

use crate::units::show_bytes;
use berth_engine::{Listing, Operation, Place, Read};
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
    if let Some(device) = &listing.device {
        let count = |place| listing.in_place(place).count();
        let _ = writeln!(out, "  device    {device}: {}", counts(count));
    }
    let rows: Vec<[String; 3]> = listing.operations.iter().map(columns).collect();
    let width = |n: usize| rows.iter().map(|r| r[n].chars().count()).max().unwrap_or(0).min(60);
    let (made, done) = (width(0), width(1));
    for ([outputs, operation, rest], op) in rows.iter().zip(&listing.operations) {
        let place = mark(op.place);
        let _ = writeln!(out, "  {outputs:<made$}  {operation:<done$}  {rest}{place}  # {}", op.node);
    }
    let _ = writeln!(out, "  answers   {}", listing.outputs.iter().map(read).collect::<Vec<_>>().join(", "));
    out
}

/// How many operations run where.
fn counts(count: impl Fn(Place) -> usize) -> String {
    let (asking, aboard) = (count(Place::DeviceAsking), count(Place::Device) + count(Place::DeviceAsking));
    let (host, fallback) = (count(Place::Host), count(Place::Fallback));
    let mut text = format!("{aboard} operations on it, {host} on shapes, indices and texts on the host");
    if asking > 0 {
        let _ = write!(text, ", {asking} that read integers back (marked)");
    }
    match fallback {
        0 => text.push_str(", none falls back to the CPU"),
        n => {
            let _ = write!(text, ", {n} that FALL BACK to the CPU (marked), with copies both ways");
        }
    }
    text
}

/// What is said of an operation that does not simply run on the device.
fn mark(place: Option<Place>) -> &'static str {
    match place {
        None | Some(Place::Device) => "",
        Some(Place::DeviceAsking) => "  [reads integers back]",
        Some(Place::Host) => "  [host]",
        Some(Place::Fallback) => "  [FALLS BACK to the CPU]",
    }
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
