//! What each operation of a prediction costs, on standard error: the answer has standard output.

use crate::units::show_bytes;
use berth_engine::{Cost, EngineError, Model, Tensor};
use std::fmt::Write as _;

/// Runs that are measured, after one that is not.
const RUNS: usize = 10;

type Named = Vec<(String, Tensor)>;

pub fn run(model: &Model, signature: &str, inputs: Named) -> Result<Named, EngineError> {
    let (outputs, costs) = model.profile(signature, inputs, RUNS)?;
    eprint!("{}", table(&costs));
    Ok(outputs)
}

fn table(costs: &[Cost]) -> String {
    let total: f64 = costs.iter().map(|c| c.seconds).sum();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ =
        writeln!(out, "{:>10} {:>6} {:>10} {:>9} {:>10}  operation", "µs", "%", "MFLOP", "GFLOP/s", "bytes");
    for cost in costs {
        let share = if total > 0.0 { 100.0 * cost.seconds / total } else { 0.0 };
        let speed = if cost.seconds > 0.0 { cost.flops as f64 / cost.seconds / 1e9 } else { 0.0 };
        let _ = writeln!(
            out,
            "{:>10.1} {share:>6.1} {:>10.3} {speed:>9.1} {:>10}  {}  # {}",
            cost.seconds * 1e6,
            cost.flops as f64 / 1e6,
            show_bytes(cost.bytes),
            cost.operation,
            cost.node
        );
    }
    let flops: u64 = costs.iter().map(|c| c.flops).fold(0, u64::saturating_add);
    let _ = writeln!(
        out,
        "{:>10.1} {:>6.1} {:>10.3} {:>9.1}             in all, mean of {RUNS} runs",
        total * 1e6,
        100.0,
        flops as f64 / 1e6,
        if total > 0.0 { flops as f64 / total / 1e9 } else { 0.0 }
    );
    out
}
