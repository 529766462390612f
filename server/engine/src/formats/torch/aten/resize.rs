//! Images scaled to another size.

use super::super::arguments::Call;
use super::super::build::{Builder, kind};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::DType;
use crate::graph::{
    Aspect, Coordinates, Imaging, Literal, Method, Nearest, Op, Rare, Resample, Resize, ValueId,
};
use crate::value::Kind;

/// Places along an axis that are listed.
const MOST_PLACES: i64 = 1 << 20;

/// How an image is scaled.
struct Way {
    method: Method,
    align_corners: bool,
    antialias: bool,
    /// Spatial ones.
    axes: usize,
    /// Where the factors are among the arguments.
    factors_at: usize,
}

/// What an image becomes.
enum Target {
    Sizes(Vec<Val>),
    /// Factors whose product with the size leaves a rest: places are counted by them.
    Factors(Vec<f64>),
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(way) = way(c)? else { return Ok(None) };
    let x = c.x(b)?;
    let rank = b.rank(x)?;
    if rank != way.axes + 2 {
        return broken(format!("a scaling of an image with {rank} axes"));
    }
    let plain = way.axes < 3
        && !way.antialias
        && !matches!(way.method, Method::Cubic(_))
        && kind(b.dtype(x)) == Kind::F32;
    let y = match target(b, c, x, &way)? {
        Target::Sizes(sizes) if plain => scaled(b, x, &sizes, &way)?,
        Target::Factors(factors) if matches!(way.method, Method::Nearest(_)) => {
            picked(b, x, &factors, way.method == Method::Nearest(Nearest::HalfUp))?
        }
        target => resampled(b, x, target, &way)?,
    };
    b.give(y)
}

fn way(c: &Call) -> Result<Option<Way>> {
    let name = c.name.trim_start_matches('_');
    let Some(rest) = name.strip_prefix("upsample_") else { return Ok(None) };
    let antialias = rest.ends_with("_aa");
    let rest = rest.trim_end_matches("_aa");
    let axes = match rest.trim_end_matches('d').bytes().last() {
        Some(digit @ b'1'..=b'3') => usize::from(digit - b'0'),
        _ => return unsupported("this way of scaling"),
    };
    let method = match &rest[..rest.len() - 2] {
        "nearest" => Method::Nearest(Nearest::Floor),
        "nearest_exact" => Method::Nearest(Nearest::HalfUp),
        "linear" | "bilinear" | "trilinear" => Method::Linear,
        // The polynomial is another one where neighbourhoods are widened.
        "bicubic" => Method::Cubic(if antialias { -0.5 } else { -0.75 }),
        _ => return unsupported("this way of scaling"),
    };
    let nearest = matches!(method, Method::Nearest(_));
    let align_corners = !nearest && c.flag(2, "align_corners", false)?;
    Ok(Some(Way { method, align_corners, antialias, axes, factors_at: if nearest { 2 } else { 3 } }))
}

/// The size that is told, or follows from factors.
fn target(b: &mut Builder, c: &Call, x: ValueId, way: &Way) -> Result<Target> {
    let told = if c.some(1, "output_size").is_some() { Some(c.sizes(1, "output_size")?) } else { None };
    let Some(factors) = factors(c, way) else {
        return told.map_or_else(|| c.wrong("output_size", "a size"), |sizes| Ok(Target::Sizes(sizes)));
    };
    let mut sizes = Vec::new();
    for (axis, factor) in factors.iter().enumerate() {
        let extent = b.extent(x, axis as i64 + 2)?;
        let whole = factor.fract() == 0.0 && *factor >= 1.0;
        match (b.known(&extent), told.as_ref().and_then(|t| t.get(axis))) {
            (Some(extent), told) => {
                let product = extent as f64 * factor;
                if product.fract() != 0.0 && !way.align_corners {
                    return Ok(Target::Factors(factors));
                }
                sizes.push(told.cloned().unwrap_or(Val::Int(product.floor() as i64)));
            }
            (None, Some(size)) if whole || way.align_corners => sizes.push(size.clone()),
            (None, None) if whole => {
                sizes.push(super::combined(b, "mul", &extent, &Val::Int(*factor as i64))?);
            }
            _ if way.align_corners => {
                return unsupported("of an image whose size is not known by a broken factor");
            }
            _ => return Ok(Target::Factors(factors)),
        }
    }
    Ok(Target::Sizes(sizes))
}

fn factors(c: &Call, way: &Way) -> Option<Vec<f64>> {
    let number = |v: &Val| match v {
        Val::Float(x) => Some(*x),
        Val::Int(n) => Some(*n as f64),
        _ => None,
    };
    let sound = |all: Vec<f64>| {
        (all.len() == way.axes && all.iter().all(|f| f.is_finite() && *f > 0.0)).then_some(all)
    };
    if let Some(list) = c.some(way.factors_at, "scale_factors").and_then(Val::items) {
        return list.iter().map(number).collect::<Option<_>>().and_then(sound);
    }
    let names: &[&str] = match way.axes {
        1 => &["scales"],
        2 => &["scales_h", "scales_w"],
        _ => &["scales_d", "scales_h", "scales_w"],
    };
    let one = |(n, name): (usize, &&str)| c.some(way.factors_at + n, name).and_then(number);
    names.iter().enumerate().map(one).collect::<Option<_>>().and_then(sound)
}

fn scaled(b: &mut Builder, x: ValueId, sizes: &[Val], way: &Way) -> Result<ValueId> {
    let bilinear = way.method == Method::Linear;
    let exact = way.method == Method::Nearest(Nearest::HalfUp);
    let how = Resize {
        bilinear,
        align_corners: way.align_corners,
        half_pixel: exact || (bilinear && !way.align_corners),
    };
    let dtype = b.dtype(x);
    let line = way.axes == 1;
    let sizes = if line { [&[Val::Int(1)], sizes].concat() } else { sizes.to_vec() };
    let image = if line { b.expand_dims(x, 2)? } else { x };
    let size = b.vector(&sizes)?;
    let y = b.made(dtype, |to| {
        let last = to.channels_last(image, 4)?;
        let made = to.add(Op::Resize(how), &[last, size])?;
        to.channels_first(made, 4)
    })?;
    if line { b.squeeze(y, vec![2]) } else { Ok(y) }
}

/// The nearest elements, whose places are counted in 32 bits.
fn picked(b: &mut Builder, x: ValueId, factors: &[f64], exact: bool) -> Result<ValueId> {
    let mut y = x;
    for (axis, factor) in factors.iter().enumerate() {
        let at = axis + 2;
        let Some(extent) = b.shape(x).and_then(|s| s[at]) else {
            return unsupported("of an image whose size is not known by a broken factor");
        };
        let count = (extent as f64 * factor).floor() as i64;
        if !(1..=MOST_PLACES).contains(&count) || extent == 0 {
            return broken(format!("an image scaled from {extent} to {count}"));
        }
        let step = (1.0 / factor) as f32;
        let shift = if exact { 0.5 } else { 0.0 };
        let places: Vec<i64> =
            (0..count).map(|n| (((n as f32 + shift) * step) as i64).min(extent as i64 - 1)).collect();
        let (places, axis, dtype) = (b.ints(&places)?, b.int(at as i64)?, b.dtype(x));
        y = b.op(Op::Gather { batch_dims: 0 }, &[y, places, axis], dtype)?;
    }
    Ok(y)
}

fn resampled(b: &mut Builder, x: ValueId, target: Target, way: &Way) -> Result<ValueId> {
    let how = Resample {
        axes: (2..way.axes as i64 + 2).collect(),
        by_sizes: matches!(target, Target::Sizes(_)),
        aspect: Aspect::Stretch,
        method: way.method,
        coordinates: match way.method {
            _ if way.align_corners => Coordinates::AlignCorners,
            Method::Nearest(Nearest::Floor) => Coordinates::Asymmetric,
            _ => Coordinates::HalfPixel,
        },
        antialias: way.antialias,
        exclude_outside: way.antialias,
        beyond: 0.0,
    };
    let dtype = b.dtype(x);
    let mut shape = b.shape(x).map_or_else(|| vec![None; way.axes + 2], <[_]>::to_vec);
    shape[2..].fill(None);
    let target = match target {
        Target::Factors(factors) => {
            let count = factors.len();
            b.literal(Literal::F64(factors, vec![count]), DType::F64)?
        }
        Target::Sizes(sizes) => {
            for (extent, size) in shape[2..].iter_mut().zip(&sizes) {
                *extent = b.known(size).and_then(|n| usize::try_from(n).ok());
            }
            b.vector(&sizes)?
        }
    };
    let region = b.literal(Literal::F32(Vec::new(), vec![0]), DType::F32)?;
    let op = Op::Rare(Box::new(Rare::Image(Imaging::Resample(Box::new(how)))));
    let made = b.op(op, &[x, region, target], dtype)?;
    Ok(b.shaped(made, shape))
}
