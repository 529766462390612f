//! Products, windows and images.

use super::{Extents, Found, Known, moves, numbers, show};
use crate::EngineError;
use crate::graph::{Conv, Imaging, Padding, Pool, Product, Products, Prologue, RoiAlign};
use crate::kernels::{Geometry, fail};

pub fn matmul(a: &Known, b: &Known, transpose_a: bool, transpose_b: bool) -> Found {
    let (Some(x), Some(y)) = (&a.shape, &b.shape) else { return Ok(Known::default()) };
    let ([batch_x @ .., r0, r1], [batch_y @ .., c0, c1]) = (&x[..], &y[..]) else {
        return Err(fail(format!("a matrix product of shapes {} and {}", show(x), show(y))));
    };
    let (rows, inner) = if transpose_a { (r1, r0) } else { (r0, r1) };
    let (other, columns) = if transpose_b { (c1, c0) } else { (c0, c1) };
    if let (Some(inner), Some(other)) = (inner, other)
        && inner != other
    {
        return Err(fail(format!("a matrix product of shapes {} and {}", show(x), show(y))));
    }
    let mut shape = numbers::broadcast(batch_x, batch_y)?;
    shape.extend([*rows, *columns]);
    Ok(Known::shaped(shape))
}

pub fn dense(x: &Known, weights: &Known) -> Found {
    let (Some(shape), Some(w)) = (&x.shape, &weights.shape) else { return Ok(Known::default()) };
    let ([outer @ .., inner], [rows, columns]) = (&shape[..], &w[..]) else {
        return Err(fail(format!("a dense layer of {} on {}", show(w), show(shape))));
    };
    if let (Some(inner), Some(rows)) = (inner, rows)
        && inner != rows
    {
        return Err(fail(format!("a dense layer of {} on {}", show(w), show(shape))));
    }
    Ok(Known::shaped([outer, &[*columns]].concat()))
}

pub fn forest(x: &Known, features: usize, outputs: usize) -> Found {
    let Some(shape) = &x.shape else { return Ok(Known::default()) };
    match shape[..] {
        [rows, given] if given.is_none_or(|given| given == features) => {
            Ok(Known::shaped(vec![rows, Some(outputs)]))
        }
        _ => Err(fail(format!("trees over {features} features on {}", show(shape)))),
    }
}

pub fn scores(x: &Known, dimensions: usize) -> Found {
    let Some(shape) = &x.shape else { return Ok(Known::default()) };
    match shape[..] {
        [rows, given] if given.is_none_or(|given| given == dimensions) => Ok(Known::shaped(vec![rows])),
        _ => Err(fail(format!("a cut forest over {dimensions} dimensions on {}", show(shape)))),
    }
}

pub fn neighbours(inputs: &[&Known], width: usize, outputs: usize) -> Result<Vec<Known>, EngineError> {
    let k = inputs.get(1).and_then(|k| usize::try_from(k.number()?).ok());
    let Some(shape) = inputs.first().and_then(|x| x.shape.as_ref()) else {
        return Ok(vec![Known::default(); outputs]);
    };
    match shape[..] {
        [rows, given] if given.is_none_or(|given| given == width) => {
            Ok(vec![Known::shaped(vec![rows, k]); outputs])
        }
        _ => Err(fail(format!("neighbours among vectors of {width} numbers of {}", show(shape)))),
    }
}

pub fn product(inputs: &[&Known], product: &Product) -> Found {
    let nothing = Known::default();
    let at = |n: usize| inputs.get(n).copied().unwrap_or(&nothing);
    let rest = inputs.get(product.entry()..).unwrap_or_default();
    let (x, weights) = (&entered(product.prologue.as_ref(), at(0), rest)?, at(1));
    let made = match &product.kind {
        Products::Dense => dense(x, weights),
        Products::Conv(options) => conv(x, weights, options),
        Products::Depthwise(options) => depthwise(x, weights, options),
    }?;
    // What is added may be broadcast, or the product to it.
    let made =
        if product.residual { numbers::broadcast_all(&[&made, at(product.entry() - 1)])? } else { made };
    if product.pool { pool(&made, &Pool::HALVES) } else { Ok(made) }
}

/// What a product multiplies, by what its prologue reads.
pub fn entered(prologue: Option<&Prologue>, x: &Known, rest: &[&Known]) -> Found {
    let Some(prologue) = prologue else { return Ok(x.clone()) };
    let entry = prologue.entry(x, rest).ok_or_else(|| fail("a product lacks what its prologue reads"))?;
    let mut parts = entry.parts;
    let made = if parts.len() == 1 {
        x.clone()
    } else {
        let last = Known::integers([Some(-1)].into_iter().collect(), Extents::new());
        parts.push(&last);
        super::parts::concat(&parts)?
    };
    let all: Vec<&Known> = std::iter::once(&made).chain(entry.scale).chain(entry.shift).collect();
    numbers::broadcast_all(&all)
}

/// The four extents of an image; None: nothing is known.
fn image(x: &Known) -> Result<Option<[Option<usize>; 4]>, EngineError> {
    let Some(shape) = &x.shape else { return Ok(None) };
    match shape[..] {
        [batch, height, width, channels] => Ok(Some([batch, height, width, channels])),
        _ => Err(fail(format!("an image needs 4 dimensions, got shape {}", show(shape)))),
    }
}

/// Height and width of what a window gives.
fn windows(
    image: [Option<usize>; 4],
    window: [usize; 2],
    conv: &Conv,
) -> Result<[Option<usize>; 2], EngineError> {
    // The axes do not depend on each other: a side that is not known stands in for itself.
    let side = |axis: usize| {
        let Some(size) = image[axis + 1] else { return Ok(None) };
        let (window, stride, dilation) = (window[axis], conv.strides[axis], conv.dilations[axis]);
        let padding = match conv.padding {
            Padding::Explicit([top, bottom, left, right]) => {
                let [before, after] = if axis == 0 { [top, bottom] } else { [left, right] };
                Padding::Explicit([before, after, 0, 0])
            }
            other => other,
        };
        let g = Geometry::of([1, size, 1, 1], [window, 1], [stride, 1], [dilation, 1], padding)?;
        Ok(Some(g.out_height))
    };
    Ok([side(0)?, side(1)?])
}

/// A filter's extents, if all are known.
fn filter(weights: &Known) -> Result<Option<[usize; 4]>, EngineError> {
    let Some(dims) = weights.dims() else { return Ok(None) };
    let dims = <[usize; 4]>::try_from(dims);
    dims.map(Some).map_err(|dims| fail(format!("a filter of shape {dims:?}")))
}

pub fn conv(x: &Known, weights: &Known, options: &Conv) -> Found {
    let (Some(image), Some([height, width, ins, outs])) = (image(x)?, filter(weights)?) else {
        return Ok(Known::default());
    };
    if let Some(channels) = image[3]
        && (ins == 0 || !channels.is_multiple_of(ins) || !outs.is_multiple_of((channels / ins).max(1)))
    {
        let filter = [height, width, ins, outs];
        return Err(fail(format!("a filter {filter:?} on an image of {channels} channels")));
    }
    let [rows, columns] = windows(image, [height, width], options)?;
    Ok(Known::shaped(vec![image[0], rows, columns, Some(outs)]))
}

pub fn depthwise(x: &Known, weights: &Known, options: &Conv) -> Found {
    let (Some(image), Some([height, width, ins, each])) = (image(x)?, filter(weights)?) else {
        return Ok(Known::default());
    };
    if let Some(channels) = image[3]
        && channels != ins
    {
        return Err(fail(format!("a depthwise filter of {ins} channels on an image of {channels}")));
    }
    let [rows, columns] = windows(image, [height, width], options)?;
    Ok(Known::shaped(vec![image[0], rows, columns, ins.checked_mul(each)]))
}

pub fn pool(x: &Known, pool: &Pool) -> Found {
    let Some(image) = image(x)? else { return Ok(Known::default()) };
    let as_conv = Conv {
        strides: pool.strides,
        dilations: [1, 1],
        padding: pool.padding,
        activation: crate::graph::Activation::None,
    };
    let [rows, columns] = windows(image, pool.window, &as_conv)?;
    Ok(Known::shaped(vec![image[0], rows, columns, image[3]]))
}

/// The shape is told, or its inner extents are.
pub fn conv_transposed(size: &Known, weights: &Known, x: &Known) -> Known {
    // Some tell all extents, some those of the image alone.
    let (told, Some(rank)) = (moves::as_told(size), x.rank()) else { return Known::default() };
    match told.shape {
        Some(inner) if rank > 2 && inner.len() == rank - 2 => {
            let batch = x.shape.as_ref().and_then(|s| s.first().copied().flatten());
            let outs = weights.shape.as_ref().and_then(|w| w.get(rank - 2).copied().flatten());
            Known::shaped([&[batch], &inner[..], &[outs]].concat())
        }
        shape => Known { shape, numbers: None },
    }
}

/// What is known of volumes: their axes, batch and channels.
pub fn imaging(op: &Imaging, x: &Known, second: &Known, third: &Known) -> Known {
    let Some([batch, .., channels]) = x.shape.as_deref() else { return Known::default() };
    let inner = |last: Option<usize>| {
        let between = vec![None; x.rank().unwrap_or(2) - 2];
        Known::shaped([&[*batch], &between[..], &[last]].concat())
    };
    match op {
        Imaging::Conv3d(_) => inner(second.shape.as_ref().and_then(|w| w.last().copied().flatten())),
        Imaging::Pool3d { .. } => inner(*channels),
        Imaging::ConvTranspose3d(_) => conv_transposed(x, second, third),
        Imaging::Lrn { .. } | Imaging::SuppressRows(_) => Known { shape: x.shape.clone(), numbers: None },
        Imaging::DetectAnchors(_) => Known::shaped(vec![*batch, *channels, Some(6)]),
        Imaging::RoiAlign(RoiAlign { size, .. }) | Imaging::RoiMax { size, .. } => {
            let first = |x: &Known, axis: usize| x.shape.as_ref().and_then(|shape| *shape.get(axis)?);
            Known::shaped(vec![first(second, 0), first(x, 1), Some(size[0]), Some(size[1])])
        }
        _ => Known::default(),
    }
}

pub fn resize(x: &Known, size: &Known) -> Found {
    let Some([batch, .., channels]) = image(x)? else { return Ok(Known::default()) };
    let side = |n: usize| size.numbers.as_ref().and_then(|s| usize::try_from((*s.get(n)?)?).ok());
    let shape: Extents = vec![batch, side(0), side(1), channels];
    Ok(Known::shaped(shape))
}
