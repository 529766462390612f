//! Tensors of whole steps, as eager quantisation has them. Their values here are the numbers that the steps mean; beside each stands how
//! large its steps are, so that what makes other numbers of them rounds these to steps again.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, Steps};
use super::super::super::value::{Handle, Result, Val, broken, unsupported};
use super::super::{Outcome, lower};
use crate::DType;

/// What moves elements or compares them, so that steps stay steps.
const MOVES: [&str; 43] = [
    "alias",
    "channel_shuffle",
    "chunk",
    "clone",
    "contiguous",
    "detach",
    "dropout",
    "expand",
    "expand_as",
    "feature_dropout",
    "flatten",
    "flip",
    "index_select",
    "max",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "min",
    "movedim",
    "narrow",
    "permute",
    "pixel_shuffle",
    "pixel_unshuffle",
    "relu",
    "repeat",
    "reshape",
    "reshape_as",
    "select",
    "slice",
    "sort",
    "split",
    "split_with_sizes",
    "squeeze",
    "t",
    "topk",
    "transpose",
    "unbind",
    "unflatten",
    "unsqueeze",
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "view",
];

/// What makes other numbers, which are rounded to steps of the same size.
const ROUNDED: [&str; 17] = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "avg_pool2d",
    "avg_pool3d",
    "cat",
    "clamp",
    "concat",
    "elu",
    "hardtanh",
    "leaky_relu",
    "mean",
    "relu6",
    "stack",
    "upsample_bilinear2d",
    "upsample_bicubic2d",
    "upsample_linear1d",
    "upsample_trilinear3d",
];

/// What only asks of a tensor.
const ASKS: [&str; 7] = ["dim", "is_floating_point", "len", "numel", "size", "stride", "is_contiguous"];

impl Builder {
    /// A tensor as one of steps.
    pub fn stepped(&mut self, value: &Val, steps: Steps) -> Val {
        if let Val::Tensor(handle) = value {
            self.tensors[*handle].steps = Some(steps);
        }
        value.clone()
    }

    /// Numbers as the nearest ones of steps.
    pub fn rounded(&mut self, value: &Val, steps: Steps) -> Result<Val> {
        let Some((low, high)) = range(steps.dtype) else {
            return unsupported(format!("of steps of {}", steps.dtype));
        };
        let all = [value, &steps.scale, &steps.zero, &Val::Int(low), &Val::Int(high)];
        let made = self.apply("fake_quantize_per_tensor_affine", &all)?;
        Ok(self.stepped(&made, steps))
    }

    /// The steps of a tensor, or of the first one in a list.
    fn steps(&self, value: &Val) -> Option<Steps> {
        match value {
            Val::Tensor(handle) => self.tensors.get(*handle)?.steps.clone(),
            list => list.items()?.iter().find_map(|item| self.steps(item)),
        }
    }

    /// A value of which nothing says that it is of steps.
    pub fn plain(&mut self, value: &Val) -> Result<Val> {
        Ok(match value {
            Val::Tensor(handle) if self.tensors[*handle].steps.is_some() => {
                let value = self.value(*handle)?;
                let plain: Handle = self.tensor(value);
                Val::Tensor(plain)
            }
            Val::List(_) | Val::Tuple(_) => {
                let items = value.items().unwrap_or_default();
                Val::list(items.iter().map(|item| self.plain(item)).collect::<Result<_>>()?)
            }
            other => other.clone(),
        })
    }
}

/// The least and the largest number of steps.
pub fn range(dtype: DType) -> Option<(i64, i64)> {
    match dtype {
        DType::I8 => Some((-128, 127)),
        DType::U8 => Some((0, 255)),
        DType::I32 => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        _ => None,
    }
}

/// An operation on tensors of steps; none: it has none of these.
pub fn on_steps(b: &mut Builder, c: &Call) -> Outcome {
    let Some(steps) = c.arguments.iter().take(2).find_map(|(_, value)| b.steps(value)) else {
        return Ok(None);
    };
    let name = c.name.as_str();
    if name.starts_with(super::eager::LIBRARY) {
        return Ok(None);
    }
    let arguments: Vec<(Option<String>, Val)> =
        c.arguments.iter().map(|(name, value)| Ok((name.clone(), b.plain(value)?))).collect::<Result<_>>()?;
    let x = arguments.first().map_or(Val::None, |(_, x)| x.clone());
    let fixed = |scale: f64, unsigned: i64| Steps {
        scale: Val::Float(scale),
        zero: Val::Int(if steps.dtype == DType::I8 { unsigned - 128 } else { unsigned }),
        dtype: steps.dtype,
    };
    let is_fixed = matches!(name, "sigmoid" | "hardsigmoid" | "tanh");
    let after = match name {
        "dequantize" => return Ok(Some(vec![x])),
        "q_scale" => return Ok(Some(vec![steps.scale])),
        "q_zero_point" => return Ok(Some(vec![steps.zero])),
        "int_repr" => {
            let whole = b.apply("div", &[&x, &steps.scale])?;
            let whole = b.apply("round", &[&whole])?;
            let whole = b.apply("add", &[&whole, &steps.zero])?;
            return Ok(Some(vec![b.apply("to", &[&whole, &Val::Type(steps.dtype)])?]));
        }
        "sigmoid" | "hardsigmoid" => fixed(1.0 / 256.0, 0),
        "tanh" => fixed(2.0 / 256.0, 128),
        _ => steps.clone(),
    };
    let call = Call { arguments, ..c.clone() };
    if ASKS.contains(&name) {
        return lower(b, &call).map(Some);
    }
    let moves = MOVES.contains(&name);
    if !moves && !ROUNDED.contains(&name) && !is_fixed {
        return unsupported("of a quantised tensor");
    }
    if is_mean(name) {
        return mean(b, &call, &x, &steps).map(|made| Some(vec![made]));
    }
    let made = lower(b, &call)?;
    let mut all = Vec::new();
    for value in &made {
        all.push(marked(b, value, &after, moves)?);
    }
    Ok(Some(all))
}

fn is_mean(name: &str) -> bool {
    name == "mean" || name.starts_with("avg_pool") || name.starts_with("adaptive_avg_pool")
}

/// A mean of whole steps: half a step is met often, and only whole numbers tell it.
fn mean(b: &mut Builder, c: &Call, x: &Val, steps: &Steps) -> Result<Val> {
    let whole = b.apply("div", &[x, &steps.scale])?;
    let whole = b.apply("round", &[&whole])?;
    let mut call = c.clone();
    if let Some((_, first)) = call.arguments.first_mut() {
        *first = whole;
    }
    let Some(made) = lower(b, &call)?.into_iter().next() else { return broken("a mean of nothing") };
    let made = b.rounded(&made, Steps { scale: Val::Float(1.0), ..steps.clone() })?;
    let made = b.plain(&made)?;
    let made = b.apply("mul", &[&made, &steps.scale])?;
    Ok(b.stepped(&made, steps.clone()))
}

/// Results as tensors of steps, those of floats in lists too.
fn marked(b: &mut Builder, value: &Val, steps: &Steps, moves: bool) -> Result<Val> {
    match value {
        Val::Tensor(handle) if b.dtype(b.value(*handle)?) != DType::F32 => Ok(value.clone()),
        Val::Tensor(_) if moves => Ok(b.stepped(value, steps.clone())),
        Val::Tensor(_) => b.rounded(value, steps.clone()),
        Val::List(_) => {
            let items = value.items().unwrap_or_default();
            Ok(Val::list(items.iter().map(|item| marked(b, item, steps, moves)).collect::<Result<_>>()?))
        }
        other => Ok(other.clone()),
    }
}

/// The numbers that steps mean: told are how large they are and which one is zero, for all of them or, with an axis, for each slice.
pub fn meant(b: &mut Builder, steps: &Val, told: &[Val]) -> Result<Val> {
    let dtype = b.dtype(b.of(steps)?);
    let none = Val::Int(0);
    match told {
        [scale, zero] => {
            let all = [steps, scale, zero, &none, &none, &none];
            let made = b.apply("quantized_decomposed.dequantize_per_tensor", &all)?;
            Ok(b.stepped(&made, Steps { scale: scale.clone(), zero: zero.clone(), dtype }))
        }
        [scales, zeros, axis] => b.apply(
            "quantized_decomposed.dequantize_per_channel",
            &[steps, scales, zeros, axis, &none, &none, &none],
        ),
        _ => broken("a quantised tensor whose steps are not told"),
    }
}
