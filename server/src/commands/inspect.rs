//! What an artifact holds.

use super::Failure;
use crate::loader::local_dir;
use crate::units::show_bytes;
use berth_engine::{Device, Listing, OnDevice, Prepared, Report, Signature, TensorSpec};
use std::fmt::Write as _;
use std::path::Path;

/// As JSON.
#[derive(serde::Serialize)]
struct All<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    plans: Option<&'a [Listing]>,
}

pub fn run(artifact: &Path, json: bool, graph: bool, device: Device) -> Result<(), Failure> {
    let temporary = crate::temporary::Directory::new()
        .map_err(|e| format!("cannot make a directory to unpack to: {e}"))?;
    let dir = local_dir(artifact, temporary.path()).map_err(|e| e.to_string())?;
    let mut report = berth_engine::inspect(&dir).map_err(|e| e.to_string())?;
    let mut listings = None;
    if report.unsupported.is_empty() && (graph || device != Device::Cpu) {
        let prepared = Prepared::open(&dir).and_then(|p| p.on(device)).map_err(|e| e.to_string())?;
        report = prepared.report().clone();
        if graph {
            listings = Some(prepared.load().map_err(|e| e.to_string())?.listings());
        }
    }
    if json {
        let all = All { report: &report, plans: listings.as_deref() };
        println!("{}", serde_json::to_string_pretty(&all).map_err(|e| e.to_string())?);
    } else {
        print!("{}{}", text(&report), listings.as_deref().map(super::graph::text).unwrap_or_default());
    }
    match report.unsupported.len() {
        0 => Ok(()),
        n => Err(format!("{n} operations are not supported: this model cannot be loaded")),
    }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format!("format      {}", report.format));
    line(format!("memory      {} ({} bytes)", show_bytes(report.resident_bytes), report.resident_bytes));
    if let Some(OnDevice { name, bytes }) = &report.device {
        line(format!("  of it on  {name} {} ({bytes} bytes)", show_bytes(*bytes)));
    }
    line(format!("nodes       {}", report.nodes));
    for Signature { name, inputs, outputs } in &report.signatures {
        line(format!("signature   {name}"));
        for (kind, specs) in [("input", inputs), ("output", outputs)] {
            for spec in specs {
                line(format!("  {kind:<8}  {} {}", spec.name, TensorSpec::describe(spec)));
            }
        }
    }
    for op in &report.unsupported {
        let detail = op.detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default();
        line(format!("unsupported {} (node {}){detail}", op.op, op.node));
    }
    out
}
