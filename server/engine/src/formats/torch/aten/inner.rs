//! Operations that PyTorch's own code calls: programs do not name them, but exports and traces show them.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::matrices::argument;
use super::{Outcome, combined};
use crate::DType;

/// What the exponent of a number in 64 bits is counted from, less one.
const BIAS: i64 = 1022;
/// Numbers below this have no exponent of their own, until they are made this many powers of two larger.
const SMALL: f64 = 1e-290;
const LARGER: i32 = 60;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    let made = match c.name.as_str() {
        "_add_relu" => {
            let sum = super::lower(b, &Call { name: "add".to_owned(), ..c.clone() })?;
            sum.first().map_or_else(|| broken("a sum of nothing"), |sum| b.apply("relu", &[sum]))?
        }
        "_addmm_activation" => {
            let sum = super::lower(b, &Call { name: "addmm".to_owned(), ..c.clone() })?;
            let name = if c.flag(usize::MAX, "use_gelu", false)? { "gelu" } else { "relu" };
            sum.first().map_or_else(|| broken("a sum of nothing"), |sum| b.apply(name, &[sum]))?
        }
        "_int_mm" => {
            let (x, y) = (b.apply("int", &[&x])?, b.apply("int", &[argument(c, 1, "mat2")?])?);
            b.apply("mm", &[&x, &y])?
        }
        "_trilinear" => trilinear(b, c, &x)?,
        "_masked_softmax" => masked_softmax(b, c, &x)?,
        "_unsafe_masked_index" => masked_index(b, c, &x)?,
        "_pad_circular" => b.apply("pad", &[&x, argument(c, 1, "pad")?, &Val::text("circular")])?,
        "_pad_enum" => {
            let modes = ["reflect", "replicate", "circular", "constant"];
            let mode = usize::try_from(c.int(b, 2, "mode")?).ok().and_then(|n| modes.get(n));
            let Some(mode) = mode else { return broken("a border of no kind") };
            let number = c.some(3, "value").cloned().unwrap_or(Val::None);
            b.apply("pad", &[&x, argument(c, 1, "pad")?, &Val::text(mode), &number])?
        }
        "_unique" => {
            let mut found = b.apply_all("_unique2", &[&x])?;
            found.truncate(2);
            return Ok(Some(found));
        }
        "as_strided_scatter" => onto_strided(b, c, &x)?,
        "frexp" => return parts(b, &x).map(Some),
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

/// The product of three tensors, to which axes are added, summed over others.
fn trilinear(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let mut product = None;
    for (n, (own, axes)) in [("i1", "expand1"), ("i2", "expand2"), ("i3", "expand3")].into_iter().enumerate()
    {
        let mut factor = if n == 0 { x.clone() } else { argument(c, n, own)?.clone() };
        let mut axes = c.ints(b, 3 + n, axes)?;
        axes.sort_unstable();
        for at in axes {
            factor = b.apply("unsqueeze", &[&factor, &Val::Int(at)])?;
        }
        product = Some(match product {
            None => factor,
            Some(product) => b.apply("mul", &[&product, &factor])?,
        });
    }
    let over = Val::list(c.sizes(6, "sumdim")?);
    product.map_or_else(|| broken("a product of nothing"), |product| b.apply("sum", &[&product, &over]))
}

/// Shares of what is not masked.
fn masked_softmax(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let mut mask = argument(c, 1, "mask")?.clone();
    let value = b.of(&mask)?;
    if c.int_or(b, 3, "mask_type", 2)? == 1 && b.rank(value)? == 2 {
        // Of the keys of each row.
        for _ in 0..2 {
            mask = b.apply("unsqueeze", &[&mask, &Val::Int(1)])?;
        }
    }
    let left = b.apply("masked_fill", &[x, &mask, &Val::Float(f64::NEG_INFINITY)])?;
    b.apply("_safe_softmax", &[&left, &Val::Int(c.int_or(b, 2, "dim", -1)?)])
}

/// Elements by their numbers where a mask holds, whatever the numbers are elsewhere.
fn masked_index(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let mask = argument(c, 1, "mask")?.clone();
    let Some(indices) = argument(c, 2, "indices")?.items() else {
        return c.wrong("indices", "a list of tensors");
    };
    let mut within = Vec::new();
    for (at, index) in indices.into_iter().enumerate() {
        within.push(if matches!(index, Val::Tensor(_)) {
            let extent = b.apply("size", &[x, &Val::Int(at as i64)])?;
            let last = combined(b, "sub", &extent, &Val::Int(1))?;
            b.apply("clamp", &[&index, &Val::Int(0), &last])?
        } else {
            index
        });
    }
    let picked = b.apply("index", &[x, &Val::list(within)])?;
    let rest = b.apply("logical_not", &[&mask])?;
    b.apply("masked_fill", &[&picked, &rest, argument(c, 3, "fill")?])
}

/// Elements put where extents and steps say.
fn onto_strided(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let all = b.apply("numel", &[x])?;
    let numbers = b.apply("arange", &[&all])?;
    let offset = c.some(4, "storage_offset").cloned().unwrap_or(Val::Int(0));
    let (size, stride) = (Val::list(c.sizes(2, "size")?), Val::list(c.sizes(3, "stride")?));
    let places = b.apply("as_strided", &[&numbers, &size, &stride, &offset])?;
    b.apply("put", &[x, &places, argument(c, 1, "src")?])
}

/// A number from a half to one, and the power of two that it is multiplied with.
fn parts(b: &mut Builder, x: &Val) -> Result<Vec<Val>> {
    let value = b.of(x)?;
    if !super::super::build::is_float(b.dtype(value)) {
        return unsupported("of integers");
    }
    let wide = b.apply("double", &[x])?;
    let size = b.apply("abs", &[&wide])?;
    let is_small = b.apply("lt", &[&size, &Val::Float(SMALL)])?;
    let larger = b.apply("mul", &[&wide, &Val::Float(2f64.powi(LARGER))])?;
    let wide = b.apply("where", &[&is_small, &larger, &wide])?;
    let bits = b.apply("view", &[&wide, &Val::Type(DType::I64)])?;
    let bits = b.apply("bitwise_right_shift", &[&bits, &Val::Int(52)])?;
    let bits = b.apply("bitwise_and", &[&bits, &Val::Int(0x7ff)])?;
    let power = b.apply("bitwise_left_shift", &[&bits, &Val::Int(52)])?;
    let power = b.apply("view", &[&power, &Val::Type(DType::F64)])?;
    let share = b.apply("div", &[&wide, &power])?;
    let share = b.apply("mul", &[&share, &Val::Float(0.5)])?;
    let share = b.apply("type_as", &[&share, x])?;
    let exponent = b.apply("sub", &[&bits, &Val::Int(BIAS)])?;
    let moved = b.apply("mul", &[&is_small, &Val::Int(i64::from(LARGER))])?;
    let exponent = b.apply("sub", &[&exponent, &moved])?;
    // Zero and what is no number stay what they are.
    let is_finite = b.apply("isfinite", &[x])?;
    let is_some = b.apply("ne", &[x, &Val::Int(0)])?;
    let has_parts = b.apply("logical_and", &[&is_finite, &is_some])?;
    let exponent = b.apply("where", &[&has_parts, &exponent, &Val::Int(0)])?;
    Ok(vec![b.apply("where", &[&has_parts, &share, x])?, b.apply("int", &[&exponent])?])
}
