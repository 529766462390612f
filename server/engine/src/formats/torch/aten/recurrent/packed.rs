//! Packed sequences: the steps of all sequences of a batch, the first steps first, and of how many sequences each step is. The longest
//! sequence comes first.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val};
use super::super::Outcome;
use super::{Layers, Within, stacked};
use crate::graph::ValueId;

/// Sequences packed, and the way back.
pub fn moved(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "_pack_padded_sequence" => {
            let (Some(x), Some(lengths)) = (c.get(0, "input").cloned(), c.get(1, "lengths").cloned()) else {
                return c.wrong("lengths", "a tensor");
            };
            let x = turned(b, x, c.flag(2, "batch_first", false)?)?;
            let steps = b.apply("size", &[&x, &Val::Int(0)])?;
            let steps = b.apply("arange", &[&steps])?;
            let steps = b.apply("unsqueeze", &[&steps, &Val::Int(1)])?;
            let mask = b.apply("lt", &[&steps, &lengths])?;
            let most = b.apply("max", &[&lengths])?;
            let most = b.apply("Int", &[&most])?;
            let sizes = b.apply("sum", &[&mask, &Val::list(vec![Val::Int(1)])])?;
            let sizes = b.apply("narrow", &[&sizes, &Val::Int(0), &Val::Int(0), &most])?;
            Ok(Some(vec![rows(b, &x, &mask)?, sizes]))
        }
        "_pad_packed_sequence" => {
            let (Some(data), Some(sizes)) = (c.get(0, "data").cloned(), c.get(1, "batch_sizes").cloned())
            else {
                return c.wrong("batch_sizes", "a tensor");
            };
            let fill = Val::Float(c.float_or(3, "padding_value", 0.0)?);
            let padded = Padded::new(b, &data, &sizes, &fill)?;
            let mut x = padded.x;
            let total =
                c.some(4, "total_length").filter(|total| b.known(total).is_none_or(|n| n > 0)).cloned();
            if let Some(total) = total {
                let own = b.apply("size", &[&x, &Val::Int(0)])?;
                let more = super::super::combined(b, "sub", &total, &own)?;
                let pads = Val::list([0, 0, 0, 0, 0].map(Val::Int).into_iter().chain([more]).collect());
                x = b.apply("constant_pad_nd", &[&x, &pads, &fill])?;
            }
            Ok(Some(vec![turned(b, x, c.flag(2, "batch_first", false)?)?, padded.lengths]))
        }
        _ => Ok(None),
    }
}

/// A layer over packed sequences.
pub fn lower(b: &mut Builder, c: &Call, data: ValueId, layers: &Layers) -> Outcome {
    let Some(sizes) = c.get(1, "batch_sizes").cloned() else { return c.wrong("batch_sizes", "a tensor") };
    let data = b.as_tensor(data);
    let padded = Padded::new(b, &data, &sizes, &Val::Float(0.0))?;
    let wide = b.apply("unsqueeze", &[&padded.mask, &Val::Int(-1)])?;
    let within = Within { mask: b.of(&wide)?, lengths: b.of(&padded.lengths)? };
    let x = b.of(&padded.x)?;
    let made = stacked(b, layers, x, Some(&within))?;
    let y = b.as_tensor(made[0]);
    let mut results = vec![rows(b, &y, &padded.mask)?];
    for state in &made[1..] {
        results.push(b.as_tensor(*state));
    }
    Ok(Some(results))
}

fn turned(b: &mut Builder, x: Val, batch_first: bool) -> Result<Val> {
    if batch_first { b.apply("transpose", &[&x, &Val::Int(0), &Val::Int(1)]) } else { Ok(x) }
}

/// The steps that a mask `[steps, batch]` holds for, one after another.
fn rows(b: &mut Builder, x: &Val, mask: &Val) -> Result<Val> {
    let flat = b.apply("flatten", &[mask])?;
    let places = b.apply("nonzero", &[&flat])?;
    let places = b.apply("flatten", &[&places])?;
    let steps = b.apply("flatten", &[x, &Val::Int(0), &Val::Int(1)])?;
    b.apply("index_select", &[&steps, &Val::Int(0), &places])
}

/// Sequences beside each other, `[steps, batch, …]`.
struct Padded {
    x: Val,
    mask: Val,
    lengths: Val,
}

impl Padded {
    fn new(b: &mut Builder, data: &Val, sizes: &Val, fill: &Val) -> Result<Self> {
        let batch = b.apply("select", &[sizes, &Val::Int(0), &Val::Int(0)])?;
        let batch = b.apply("Int", &[&batch])?;
        let sequences = b.apply("arange", &[&batch])?;
        let column = b.apply("unsqueeze", &[sizes, &Val::Int(1)])?;
        let mask = b.apply("lt", &[&sequences, &column])?;
        let ends = b.apply("cumsum", &[sizes, &Val::Int(0)])?;
        let begins = b.apply("sub", &[&ends, sizes])?;
        let begins = b.apply("unsqueeze", &[&begins, &Val::Int(1)])?;
        let places = b.apply("add", &[&begins, &sequences])?;
        // What is not there is read somewhere and filled.
        let places = b.apply("where", &[&mask, &places, &Val::Int(0)])?;
        let flat = b.apply("flatten", &[&places])?;
        let found = b.apply("index_select", &[data, &Val::Int(0), &flat])?;
        let shape = b.apply("size", &[&places])?.items().unwrap_or_default();
        let found = b.apply("unflatten", &[&found, &Val::Int(0), &Val::list(shape)])?;
        let is_gone = b.apply("logical_not", &[&mask])?;
        let is_gone = b.apply("unsqueeze", &[&is_gone, &Val::Int(-1)])?;
        let x = b.apply("masked_fill", &[&found, &is_gone, fill])?;
        let lengths = b.apply("sum", &[&mask, &Val::list(vec![Val::Int(0)])])?;
        Ok(Self { x, mask, lengths })
    }
}
