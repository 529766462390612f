//! Layers of eagerly quantised programs: they are called with packed weights, and with the steps of what they give.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, Steps};
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::Outcome;
use super::super::matrices::argument;
use crate::DType;

/// How names of these operations begin.
pub const LIBRARY: &str = "quantized.";

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "quantize_per_tensor" => {
            let Some(dtype) = c.get(3, "dtype").and_then(|v| b.known(v)).and_then(of_number) else {
                return unsupported("to steps of this type");
            };
            let (scale, zero) = (argument(c, 1, "scale")?.clone(), argument(c, 2, "zero_point")?.clone());
            let x = argument(c, 0, "input")?.clone();
            return Ok(Some(vec![b.rounded(&x, Steps { scale, zero, dtype })?]));
        }
        "dequantize" => return Ok(Some(vec![argument(c, 0, "self")?.clone()])),
        _ => {}
    }
    let Some(name) = c.name.strip_prefix(LIBRARY) else { return Ok(None) };
    if name.contains("_prepack") {
        let all: Vec<Val> = c.arguments.iter().map(|(_, value)| value.clone()).collect();
        let kind = Val::text(name);
        return Ok(Some(vec![Val::Tuple(std::iter::once(kind).chain(all).collect())]));
    }
    if name.ends_with("_unpack") {
        let layer = layer(b, argument(c, 0, "packed")?)?;
        return Ok(Some(vec![layer.weight, layer.bias]));
    }
    let (name, is_dynamic) = name.strip_suffix("_dynamic").map_or((name, false), |name| (name, true));
    let (name, relu) = name.strip_suffix("_relu").map_or((name, false), |name| (name, true));
    let x = b.plain(argument(c, 0, "X")?)?;
    if is_dynamic {
        let x = in_steps_of_its_own(b, c.flag(2, "reduce_range", false)?, &x)?;
        let layer = layer(b, argument(c, 1, "packed")?)?;
        let made = layer.applied(b, name, &x)?;
        return Ok(Some(vec![if relu { b.apply("relu", &[&made])? } else { made }]));
    }
    if name == "dropout" {
        return Ok(Some(vec![argument(c, 0, "self")?.clone()]));
    }
    let (made, at) = unrounded(b, c, name, &x)?;
    let made = if relu { b.apply("relu", &[&made])? } else { made };
    let steps = Steps {
        scale: argument(c, at, "output_scale")?.clone(),
        zero: argument(c, at + 1, "output_zero_point")?.clone(),
        dtype: DType::U8,
    };
    Ok(Some(vec![b.rounded(&made, steps)?]))
}

/// What a layer gives before it is rounded to its steps, and where these are among its arguments.
fn unrounded(b: &mut Builder, c: &Call, name: &str, x: &Val) -> Result<(Val, usize)> {
    Ok(match name {
        "linear" | "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d" | "conv_transpose2d"
        | "conv_transpose3d" => {
            let layer = layer(b, argument(c, 1, "packed")?)?;
            (layer.applied(b, name, x)?, 2)
        }
        "add" | "mul" | "matmul" if c.arguments.len() > 2 => {
            let y = b.plain(argument(c, 1, "qb")?)?;
            (b.apply(name, &[x, &y])?, 2)
        }
        "cat" => (b.apply("cat", &[x, argument(c, 1, "dim")?])?, 2),
        "hardswish" | "sigmoid" => (b.apply(name, &[x])?, 1),
        "leaky_relu" => (b.apply("leaky_relu", &[x, argument(c, 1, "negative_slope")?])?, 3),
        "elu" => {
            let more = [3, 4, 5].map(|at| c.get(at, "alpha").cloned().unwrap_or(Val::Int(1)));
            (b.apply("elu", &[x, &more[0], &more[1], &more[2]])?, 1)
        }
        "prelu" => {
            let weight = b.plain(argument(c, 1, "weight")?)?;
            (b.apply("prelu", &[x, &weight])?, 2)
        }
        "softmax" => (b.apply("softmax", &[x, argument(c, 1, "dim")?])?, 2),
        "batch_norm" | "batch_norm1d" | "batch_norm2d" | "batch_norm3d" => {
            let (scale, bias) = (argument(c, 1, "weight")?, argument(c, 2, "bias")?);
            let (mean, variance, least) =
                (argument(c, 3, "mean")?, argument(c, 4, "var")?, argument(c, 5, "eps")?);
            let never = Val::Bool(false);
            (
                b.apply(
                    "batch_norm",
                    &[x, scale, bias, mean, variance, &never, &Val::Float(0.1), least, &never],
                )?,
                6,
            )
        }
        "layer_norm" | "group_norm" => {
            let all = [
                argument(c, 1, if name == "layer_norm" { "shape" } else { "groups" })?,
                argument(c, 2, "weight")?,
                argument(c, 3, "bias")?,
                argument(c, 4, "eps")?,
            ];
            (b.apply(name, &[x, all[0], all[1], all[2], all[3]])?, 5)
        }
        _ => return unsupported(""),
    })
}

/// The element type of steps, by the number that programs in text use.
fn of_number(number: i64) -> Option<DType> {
    match number {
        12 => Some(DType::I8),
        13 => Some(DType::U8),
        14 => Some(DType::I32),
        _ => None,
    }
}

/// A layer whose weights were packed.
struct Layer {
    weight: Val,
    bias: Val,
    /// Stride, padding, dilation, further output and groups of a convolution.
    places: Option<[Val; 5]>,
}

impl Layer {
    fn applied(&self, b: &mut Builder, name: &str, x: &Val) -> Result<Val> {
        let weight = b.plain(&self.weight)?;
        let first = [x, &weight, &self.bias];
        match (&self.places, name) {
            (None, _) => b.apply("linear", &first),
            (Some([stride, padding, dilation, further, groups]), name)
                if name.starts_with("conv_transpose") =>
            {
                b.apply(name, &[&first[..], &[stride, padding, further, groups, dilation]].concat())
            }
            (Some([stride, padding, dilation, _, groups]), _) => {
                b.apply(name, &[&first[..], &[stride, padding, dilation, groups]].concat())
            }
        }
    }
}

/// What was packed: by the program when its data were read, or in its data.
fn layer(b: &Builder, packed: &Val) -> Result<Layer> {
    let items = packed.items().unwrap_or_default();
    let plain = |weight: &Val, bias: &Val| Layer { weight: weight.clone(), bias: bias.clone(), places: None };
    let of = |all: &[Val; 7]| {
        let [weight, bias, places @ ..] = all.clone();
        Layer { weight, bias, places: Some(places) }
    };
    match &items[..] {
        [Val::Text(kind), weight, bias] if kind.starts_with("linear") => Ok(plain(weight, bias)),
        [weight @ Val::Tensor(_), bias] => Ok(plain(weight, bias)),
        [Val::Text(kind), w, bias, stride, padding, further, dilation, groups]
            if kind.starts_with("conv_transpose") =>
        {
            Ok(of(&[w, bias, stride, padding, dilation, further, groups].map(Clone::clone)))
        }
        [Val::Text(kind), w, bias, stride, padding, dilation, groups] if kind.starts_with("conv") => {
            Ok(of(&[w, bias, stride, padding, dilation, &Val::Int(0), groups].map(Clone::clone)))
        }
        [Val::Text(_), told, maybe] => told_by_numbers(b, told, maybe),
        _ => unsupported("packed weights of this form"),
    }
}

/// A convolution as data keep it: a tensor of its numbers, its weight, and perhaps a bias.
fn told_by_numbers(b: &Builder, told: &Val, maybe: &Val) -> Result<Layer> {
    let (told, maybe) = (told.items().unwrap_or_default(), maybe.items().unwrap_or_default());
    let [numbers, weight, ..] = &told[..] else { return broken("a packed convolution that is not told") };
    let Some(numbers) = b.to.numbers(b.of(numbers)?) else {
        return unsupported("packed weights of this form");
    };
    let axes = numbers.first().and_then(|n| usize::try_from(*n).ok()).unwrap_or(0);
    if !(1..=3).contains(&axes) || numbers.len() < 2 + 4 * axes {
        return broken("a packed convolution whose numbers are not told");
    }
    let list =
        |at: usize| Val::list(numbers[1 + at * axes..][..axes].iter().copied().map(Val::Int).collect());
    let places = [list(0), list(1), list(2), list(3), Val::Int(numbers[1 + 4 * axes])];
    let bias = maybe.first().cloned().unwrap_or(Val::None);
    Ok(Layer { weight: weight.clone(), bias, places: Some(places) })
}

/// A dense layer of numbers that are rounded to steps first.
pub fn dynamic_linear(b: &mut Builder, x: &Val, packed: &Val, reduce_range: bool) -> Result<Val> {
    let x = in_steps_of_its_own(b, reduce_range, x)?;
    layer(b, packed)?.applied(b, "linear", &x)
}

/// Numbers in steps that reach from the least to the largest of them.
fn in_steps_of_its_own(b: &mut Builder, reduce_range: bool, x: &Val) -> Result<Val> {
    let most = if reduce_range { 127 } else { 255 };
    let (low, high, dtype) = (Val::Int(0), Val::Int(most), Val::Type(DType::U8));
    let least = Val::Float(f64::from(f32::EPSILON));
    let told = b.apply_all("quantized_decomposed.choose_qparams", &[x, &low, &high, &least, &dtype])?;
    let [scale, zero] = &told[..] else { return broken("steps that are not told") };
    let steps =
        b.apply("quantized_decomposed.quantize_per_tensor", &[x, scale, zero, &low, &high, &dtype])?;
    b.apply("quantized_decomposed.dequantize_per_tensor", &[&steps, scale, zero, &low, &high, &dtype])
}
