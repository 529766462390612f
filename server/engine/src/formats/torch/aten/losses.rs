//! Losses, which some programs give as scores.

mod labels;
mod margins;

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val};
use super::Outcome;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    if name.ends_with("_loss")
        && let Some((_, x)) = c.arguments.first().cloned()
        && let Some((each, reduction_at)) = margins::each(b, c, &x)?
    {
        return settled(b, c, each, reduction_at).map(|loss| Some(vec![loss]));
    }
    match (name, c.arguments.first().map(|(_, x)| x.clone())) {
        ("ctc_loss", Some(x)) => {
            let each = labels::sequences(b, c, &x)?;
            return settled(b, c, each, 5).map(|loss| Some(vec![loss]));
        }
        ("_ctc_loss", Some(x)) => return Ok(Some(vec![labels::sequences(b, c, &x)?, Val::None])),
        ("multilabel_margin_loss" | "multilabel_margin_loss_forward", Some(x)) => {
            let each = labels::several(b, c, &x)?;
            let loss = settled(b, c, each, 2)?;
            let alone = name.ends_with("_loss");
            return Ok(Some(if alone { vec![loss] } else { vec![loss, Val::None] }));
        }
        _ => {}
    }
    let (given, wanted) = match name {
        "mse_loss"
        | "l1_loss"
        | "smooth_l1_loss"
        | "huber_loss"
        | "binary_cross_entropy"
        | "binary_cross_entropy_with_logits"
        | "kl_div"
        | "nll_loss"
        | "nll_loss_nd"
        | "cross_entropy_loss" => (c.get(0, "self").cloned(), c.get(1, "target").cloned()),
        _ => return Ok(None),
    };
    let (Some(x), Some(y)) = (given, wanted) else { return c.wrong("target", "a tensor") };
    let (each, reduction_at) = match name {
        "mse_loss" | "l1_loss" => {
            let difference = b.apply("sub", &[&x, &y])?;
            (b.apply(if name == "l1_loss" { "abs" } else { "square" }, &[&difference])?, 2)
        }
        "smooth_l1_loss" => (bent(b, &x, &y, c.float_or(3, "beta", 1.0)?, true)?, 2),
        "huber_loss" => (bent(b, &x, &y, c.float_or(3, "delta", 1.0)?, false)?, 2),
        "binary_cross_entropy" => {
            let each = binary(b, &x, &y)?;
            (weighed(b, c, each)?, 3)
        }
        "binary_cross_entropy_with_logits" => {
            let each = logits(b, c, &x, &y)?;
            (weighed(b, c, each)?, 4)
        }
        "kl_div" => (divergence(b, c, &x, &y)?, 2),
        _ => return classes(b, c, &x, &y).map(|loss| Some(vec![loss])),
    };
    settled(b, c, each, reduction_at).map(|loss| Some(vec![loss]))
}

/// The losses as they are, their mean or their sum.
fn settled(b: &mut Builder, c: &Call, each: Val, reduction_at: usize) -> Result<Val> {
    match c.int_or(b, reduction_at, "reduction", 1)? {
        0 => Ok(each),
        1 => b.apply("mean", &[&each]),
        _ => b.apply("sum", &[&each]),
    }
}

fn weighed(b: &mut Builder, c: &Call, each: Val) -> Result<Val> {
    match c.some(2, "weight") {
        Some(weight) => b.apply("mul", &[&each, weight]),
        None => Ok(each),
    }
}

/// A parabola near zero, straight beyond it.
fn bent(b: &mut Builder, x: &Val, y: &Val, bend: f64, smooth: bool) -> Result<Val> {
    let difference = b.apply("sub", &[x, y])?;
    let size = b.apply("abs", &[&difference])?;
    let square = b.apply("square", &[&size])?;
    let (curve, slope) = if smooth { (0.5 / bend, 1.0) } else { (0.5, bend) };
    let near = b.apply("mul", &[&square, &Val::Float(curve)])?;
    let far = b.apply("sub", &[&size, &Val::Float(0.5 * bend)])?;
    let far = b.apply("mul", &[&far, &Val::Float(slope)])?;
    let is_near = b.apply("lt", &[&size, &Val::Float(bend)])?;
    b.apply("where", &[&is_near, &near, &far])
}

fn binary(b: &mut Builder, x: &Val, y: &Val) -> Result<Val> {
    let (rest, others) = (b.apply("rsub", &[x, &Val::Int(1)])?, b.apply("rsub", &[y, &Val::Int(1)])?);
    let (yes, no) = (likelihood(b, x, y)?, likelihood(b, &rest, &others)?);
    let sum = b.apply("add", &[&yes, &no])?;
    b.apply("neg", &[&sum])
}

/// The logarithm, which is no less than -100, times a weight.
fn likelihood(b: &mut Builder, chance: &Val, weight: &Val) -> Result<Val> {
    let log = b.apply("log", &[chance])?;
    let log = b.apply("clamp_min", &[&log, &Val::Int(-100)])?;
    b.apply("mul", &[weight, &log])
}

fn logits(b: &mut Builder, c: &Call, x: &Val, y: &Val) -> Result<Val> {
    let yes = b.apply("log_sigmoid", &[x])?;
    let turned = b.apply("neg", &[x])?;
    let no = b.apply("log_sigmoid", &[&turned])?;
    let mut yes = b.apply("mul", &[y, &yes])?;
    if let Some(weight) = c.some(3, "pos_weight") {
        yes = b.apply("mul", &[&yes, weight])?;
    }
    let others = b.apply("rsub", &[y, &Val::Int(1)])?;
    let no = b.apply("mul", &[&others, &no])?;
    let sum = b.apply("add", &[&yes, &no])?;
    b.apply("neg", &[&sum])
}

fn divergence(b: &mut Builder, c: &Call, x: &Val, y: &Val) -> Result<Val> {
    if c.flag(3, "log_target", false)? {
        let (weight, rest) = (b.apply("exp", &[y])?, b.apply("sub", &[y, x])?);
        return b.apply("mul", &[&weight, &rest]);
    }
    let own = b.apply("xlogy", &[y, y])?;
    let cross = b.apply("mul", &[y, x])?;
    b.apply("sub", &[&own, &cross])
}

/// Of classes along the second axis, which are named by numbers or have shares.
fn classes(b: &mut Builder, c: &Call, x: &Val, y: &Val) -> Result<Val> {
    let (logits, target) = (b.of(x)?, b.of(y)?);
    let rank = b.rank(logits)?;
    let at = Val::Int(i64::from(rank > 1));
    let logs = if c.name == "cross_entropy_loss" { b.apply("log_softmax", &[x, &at])? } else { x.clone() };
    let smoothing = if c.name == "cross_entropy_loss" { c.float_or(5, "label_smoothing", 0.0)? } else { 0.0 };
    let weights = match c.some(2, "weight").cloned() {
        Some(weights) => {
            let mut shape = vec![Val::Int(1); rank];
            shape[usize::from(rank > 1)] = Val::Int(-1);
            Some(b.apply("reshape", &[&weights, &Val::list(shape)])?)
        }
        None => None,
    };
    let weighed = match &weights {
        Some(weights) => b.apply("mul", &[&logs, weights])?,
        None => logs.clone(),
    };
    let axes = Val::list(vec![at.clone()]);
    let spread = if smoothing == 0.0 {
        None
    } else {
        let all = b.apply("sum", &[&weighed, &axes])?;
        let count = b.apply("size", &[&logs, &at])?;
        let share = b.apply("div", &[&all, &count])?;
        Some(b.apply("mul", &[&share, &Val::Float(-smoothing)])?)
    };
    let reduction = c.int_or(b, 3, "reduction", 1)?;
    if super::super::build::is_float(b.dtype(target)) {
        let product = b.apply("mul", &[&weighed, y])?;
        let sum = b.apply("sum", &[&product, &axes])?;
        let each = smoothed(b, &sum, spread.as_ref(), smoothing)?;
        let sum = if reduction == 0 { return Ok(each) } else { b.apply("sum", &[&each])? };
        if reduction == 2 {
            return Ok(sum);
        }
        let count = b.apply("numel", &[&each])?;
        return b.apply("div", &[&sum, &count]);
    }
    let ignored = b.apply("eq", &[y, &Val::Int(c.int_or(b, 4, "ignore_index", -100)?)])?;
    let place = b.apply("masked_fill", &[y, &ignored, &Val::Int(0)])?;
    let place = b.apply("unsqueeze", &[&place, &at])?;
    let picked = |b: &mut Builder, from: &Val| {
        let found = b.apply("gather", &[from, &at, &place])?;
        b.apply("squeeze", &[&found, &at])
    };
    let found = picked(b, &weighed)?;
    let own = match &weights {
        Some(weights) => {
            let wide = b.apply("expand_as", &[weights, &logs])?;
            Some(picked(b, &wide)?)
        }
        None => None,
    };
    let each = smoothed(b, &found, spread.as_ref(), smoothing)?;
    let each = b.apply("masked_fill", &[&each, &ignored, &Val::Int(0)])?;
    if reduction == 0 {
        return Ok(each);
    }
    let sum = b.apply("sum", &[&each])?;
    if reduction == 2 {
        return Ok(sum);
    }
    let counted = b.apply("logical_not", &[&ignored])?;
    let counted = match own {
        Some(own) => b.apply("mul", &[&own, &counted])?,
        None => counted,
    };
    let count = b.apply("sum", &[&counted])?;
    b.apply("div", &[&sum, &count])
}

/// The loss of the right class, and a part of that of all.
fn smoothed(b: &mut Builder, found: &Val, spread: Option<&Val>, smoothing: f64) -> Result<Val> {
    let each = b.apply("mul", &[found, &Val::Float(smoothing - 1.0)])?;
    match spread {
        Some(spread) => b.apply("add", &[&each, spread]),
        None => Ok(each),
    }
}
