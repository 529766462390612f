//! Normalisations: of batches, of rows, of groups of channels.

use super::super::arguments::Call;
use super::super::build::{Builder, kind};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::pointwise::{one, with};
use super::reduce::reduced;
use crate::graph::{Binary as B, LayerNorm, Op, Reduce, Unary as U, ValueId};
use crate::value::Kind;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "batch_norm"
        | "native_batch_norm"
        | "_native_batch_norm_legit"
        | "cudnn_batch_norm"
        | "_batch_norm_impl_index" => {
            if c.some(3, "running_mean").is_none() || c.overload == "no_stats" {
                let y = by_own_statistics(b, c)?;
                return batch_results(b, c, y);
            }
            if c.flag(5, "training", false)? {
                return unsupported("in training; call eval() on the model before it is exported");
            }
            let y = batch_norm(b, c, 7)?;
            batch_results(b, c, y)
        }
        "_native_batch_norm_legit_no_training" | "_batch_norm_no_update" => {
            let y = batch_norm(b, c, 6)?;
            batch_results(b, c, y)
        }
        "layer_norm" | "native_layer_norm" | "rms_norm" | "_fused_rms_norm" => layer_norm(b, c),
        "group_norm" | "native_group_norm" => group_norm(b, c),
        "instance_norm" => {
            if !c.flag(5, "use_input_stats", true)? {
                let y = batch_norm(b, c, 7)?;
                return b.give(y);
            }
            let x = c.value(b, 0, "input")?;
            let Some(channels) = b.shape(x).and_then(|s| s.get(1).copied().flatten()) else {
                return unsupported("of channels whose number is not known");
            };
            let y = grouped(b, c, x, channels as i64, [1, 2], c.float_or(7, "eps", 1e-5)?)?;
            b.give(y)
        }
        _ => Ok(None),
    }
}

fn batch_results(b: &mut Builder, c: &Call, y: ValueId) -> Outcome {
    if c.name == "batch_norm" {
        return b.give(y);
    }
    // The statistics of the batch are those of training, which nothing reads.
    let y = Val::Tensor(b.tensor(y));
    let more = match c.name.as_str() {
        "_batch_norm_impl_index" => 4,
        "cudnn_batch_norm" | "_batch_norm_no_update" => 3,
        _ => 2,
    };
    Ok(Some([vec![y], vec![Val::None; more]].concat()))
}

fn batch_norm(b: &mut Builder, c: &Call, epsilon_at: usize) -> Result<ValueId> {
    let x = c.value(b, 0, "input")?;
    let dtype = b.dtype(x);
    let rank = b.rank(x)?;
    let (Some(mean), Some(variance)) = (c.maybe(b, 3, "running_mean")?, c.maybe(b, 4, "running_var")?) else {
        return unsupported("by the batch's own statistics");
    };
    let scale = match c.maybe(b, 1, "weight")? {
        Some(scale) => scale,
        None => b.number(1.0, dtype)?,
    };
    let offset = match c.maybe(b, 2, "bias")? {
        Some(offset) => offset,
        None => b.number(0.0, dtype)?,
    };
    let name = if c.get(usize::MAX, "epsilon").is_some() { "epsilon" } else { "eps" };
    let epsilon = b.number(c.float_or(epsilon_at, name, 1e-5)?, dtype)?;
    b.made(dtype, |to| to.batch_norm(x, rank, [scale, offset, mean, variance], epsilon))
}

/// A batch normalised by its own mean and variance, as it is where none were kept.
fn by_own_statistics(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.value(b, 0, "input")?;
    let (rank, dtype) = (b.rank(x)?, b.dtype(x));
    let axes: Vec<i64> = std::iter::once(0).chain(2..rank as i64).collect();
    let mean = reduced(b, Reduce::Mean, x, Some(&axes), true)?;
    let centred = b.binary(B::Sub, x, mean)?;
    let square = one(b, U::Square, centred)?;
    let variance = reduced(b, Reduce::Mean, square, Some(&axes), true)?;
    let epsilon = c.float_or(if c.overload == "no_stats" { 5 } else { 7 }, "eps", 1e-5)?;
    let sum = with(b, B::Add, variance, epsilon)?;
    let inverse = one(b, U::Rsqrt, sum)?;
    let y = b.binary(B::Mul, centred, inverse)?;
    let y = b.typed(y, dtype);
    scaled(b, c, y, [1, 2])
}

fn layer_norm(b: &mut Builder, c: &Call) -> Outcome {
    let x = c.value(b, 0, "input")?;
    let axes = c.sizes(1, "normalized_shape")?.len();
    let centred = c.name.contains("layer_norm");
    let gamma = c.maybe(b, 2, "weight")?;
    let beta = if centred { c.maybe(b, 3, "bias")? } else { None };
    let default = if centred {
        1e-5
    } else if kind(b.dtype(x)) == Kind::F64 {
        f64::EPSILON
    } else {
        f64::from(f32::EPSILON)
    };
    let epsilon = c.float_or(if centred { 4 } else { 3 }, "eps", default)?;
    let (mut rows, mut gamma, mut beta) = (x, gamma, beta);
    if axes != 1 {
        // Several axes are one long row.
        let mut shape = b.extents(x)?;
        let Some(outer) = shape.len().checked_sub(axes) else {
            return broken("a row of more axes than there are");
        };
        shape.truncate(outer);
        shape.push(Val::Int(-1));
        let inner: Option<i64> =
            c.ints(b, 1, "normalized_shape")?.iter().try_fold(1i64, |n, d| n.checked_mul(*d));
        if let (Some(inner), Some(last)) = (inner, shape.last_mut()) {
            *last = Val::Int(inner);
        }
        rows = b.reshape(x, &shape)?;
        for parameter in [&mut gamma, &mut beta].into_iter().flatten() {
            *parameter = b.reshape(*parameter, &[Val::Int(-1)])?;
        }
    }
    let mut y = normalised(b, rows, gamma, beta, epsilon, centred)?;
    if axes != 1 {
        let shape = b.extents(x)?;
        y = b.reshape(y, &shape)?;
    }
    if matches!(c.name.as_str(), "native_layer_norm" | "_fused_rms_norm") {
        let y = Val::Tensor(b.tensor(y));
        let more = 1 + usize::from(centred);
        return Ok(Some([vec![y], vec![Val::None; more]].concat()));
    }
    b.give(y)
}

/// Rows along the last axis, normalised.
pub fn normalised(
    b: &mut Builder,
    x: ValueId,
    gamma: Option<ValueId>,
    beta: Option<ValueId>,
    epsilon: f64,
    centred: bool,
) -> Result<ValueId> {
    let dtype = b.dtype(x);
    if kind(dtype) == Kind::F32 {
        let norm = LayerNorm {
            axis: -1,
            epsilon: epsilon as f32,
            centred,
            gamma: gamma.is_some(),
            beta: beta.is_some(),
        };
        let inputs: Vec<ValueId> = [Some(x), gamma, beta].into_iter().flatten().collect();
        return b.op(Op::LayerNorm(norm), &inputs, dtype);
    }
    let mut centre = x;
    if centred {
        let mean = reduced(b, Reduce::Mean, x, Some(&[-1]), true)?;
        centre = b.binary(B::Sub, x, mean)?;
    }
    let square = one(b, U::Square, centre)?;
    let variance = reduced(b, Reduce::Mean, square, Some(&[-1]), true)?;
    let sum = with(b, B::Add, variance, epsilon)?;
    let inverse = one(b, U::Rsqrt, sum)?;
    let mut y = b.binary(B::Mul, centre, inverse)?;
    if let Some(gamma) = gamma {
        y = b.binary(B::Mul, y, gamma)?;
    }
    if let Some(beta) = beta {
        y = b.binary(B::Add, y, beta)?;
    }
    Ok(y)
}

fn group_norm(b: &mut Builder, c: &Call) -> Outcome {
    let x = c.value(b, 0, "input")?;
    if c.name == "native_group_norm" {
        let groups = c.int(b, 6, "group")?;
        let y = grouped(b, c, x, groups, [1, 2], c.float_or(7, "eps", 1e-5)?)?;
        let y = Val::Tensor(b.tensor(y));
        return Ok(Some(vec![y, Val::None, Val::None]));
    }
    let groups = c.int(b, 1, "num_groups")?;
    let y = grouped(b, c, x, groups, [2, 3], c.float_or(4, "eps", 1e-5)?)?;
    b.give(y)
}

/// Channels normalised in groups, then scaled one by one.
fn grouped(
    b: &mut Builder,
    c: &Call,
    x: ValueId,
    groups: i64,
    at: [usize; 2],
    epsilon: f64,
) -> Result<ValueId> {
    let shape = b.extents(x)?;
    let rank = shape.len();
    if rank < 2 || groups < 1 {
        return broken("groups of channels where there are none");
    }
    let rows = b.reshape(x, &[shape[0].clone(), Val::Int(groups), Val::Int(-1)])?;
    let rows = normalised(b, rows, None, None, epsilon, true)?;
    let y = b.reshape(rows, &shape)?;
    scaled(b, c, y, at)
}

/// Channels, each with a factor and an offset, if there are any.
fn scaled(b: &mut Builder, c: &Call, y: ValueId, at: [usize; 2]) -> Result<ValueId> {
    let (mut y, rank) = (y, b.rank(y)?);
    for (place, name, op) in [(at[0], "weight", B::Mul), (at[1], "bias", B::Add)] {
        if let Some(parameter) = c.maybe(b, place, name)? {
            let mut by_channel = vec![Val::Int(1); rank - 1];
            by_channel[0] = Val::Int(-1);
            let parameter = b.reshape(parameter, &by_channel)?;
            y = b.binary(op, y, parameter)?;
        }
    }
    Ok(y)
}
