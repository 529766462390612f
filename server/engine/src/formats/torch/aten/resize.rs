//! Images scaled to another size.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::graph::{Op, Resize, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let (bilinear, exact) = match c.name.as_str() {
        "upsample_bilinear2d" | "upsample_linear1d" => (true, false),
        "upsample_nearest2d" | "upsample_nearest1d" => (false, false),
        "_upsample_nearest_exact2d" | "_upsample_nearest_exact1d" => (false, true),
        name if name.contains("upsample_") => return unsupported("this way of scaling"),
        _ => return Ok(None),
    };
    let axes = if c.name.ends_with("1d") { 1 } else { 2 };
    let align_corners = bilinear && c.flag(2, "align_corners", false)?;
    let how = Resize { bilinear, align_corners, half_pixel: exact || (bilinear && !align_corners) };
    let x = c.x(b)?;
    let rank = b.rank(x)?;
    if rank != axes + 2 {
        return broken(format!("a scaling of an image with {rank} axes"));
    }
    let sizes = sizes(b, c, x, axes, align_corners)?;
    let y = scaled(b, x, &sizes, how, axes)?;
    b.give(y)
}

/// The size that is told, or follows from factors.
fn sizes(b: &mut Builder, c: &Call, x: ValueId, axes: usize, align_corners: bool) -> Result<Vec<Val>> {
    let factors = factors(c, axes)?;
    let told = if c.some(1, "output_size").is_some() { Some(c.sizes(1, "output_size")?) } else { None };
    let Some(factors) = factors else {
        return told.map_or_else(|| c.wrong("output_size", "a size"), Ok);
    };
    let mut sizes = Vec::new();
    for (axis, factor) in factors.into_iter().enumerate() {
        let extent = b.extent(x, axis as i64 + 2)?;
        let whole = factor.fract() == 0.0 && factor >= 1.0;
        sizes.push(match (b.known(&extent), told.as_ref().and_then(|t| t.get(axis))) {
            (Some(extent), size) => {
                let product = extent as f64 * factor;
                // Where the factor is not what the sizes are to each other, places are counted by the factor.
                if product.fract() != 0.0 && !align_corners {
                    return unsupported("by a factor that leaves a rest");
                }
                size.cloned().unwrap_or(Val::Int(product.floor() as i64))
            }
            (None, Some(size)) if whole => size.clone(),
            (None, None) if whole => super::scalars::combine(b, "mul", &extent, &Val::Int(factor as i64))?,
            _ => return unsupported("of an image whose size is not known by a broken factor"),
        });
    }
    Ok(sizes)
}

fn factors(c: &Call, axes: usize) -> Result<Option<Vec<f64>>> {
    let number = |v: &Val| match v {
        Val::Float(x) => Some(*x),
        Val::Int(n) => Some(*n as f64),
        _ => None,
    };
    let aligned = usize::from(c.name.contains("linear"));
    if let Some(list) = c.some(2 + aligned, "scale_factors").and_then(Val::items) {
        let all: Option<Vec<f64>> = list.iter().map(number).collect();
        return Ok(all.filter(|all| all.len() == axes));
    }
    let names: &[&str] = if axes == 1 { &["scales"] } else { &["scales_h", "scales_w"] };
    let found: Option<Vec<f64>> =
        names.iter().enumerate().map(|(n, name)| c.some(2 + aligned + n, name).and_then(number)).collect();
    Ok(found)
}

fn scaled(b: &mut Builder, x: ValueId, sizes: &[Val], how: Resize, axes: usize) -> Result<ValueId> {
    let dtype = b.dtype(x);
    let sizes = if axes == 1 { [&[Val::Int(1)], sizes].concat() } else { sizes.to_vec() };
    let image = if axes == 1 { b.expand_dims(x, 2)? } else { x };
    let size = b.vector(&sizes)?;
    let y = b.made(dtype, |to| {
        let last = to.channels_last(image, 4)?;
        let made = to.add(Op::Resize(how), &[last, size])?;
        to.channels_first(made, 4)
    })?;
    if axes == 1 { b.squeeze(y, vec![2]) } else { Ok(y) }
}
