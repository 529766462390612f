//! The shapes of products' results.

use super::super::fail;
use super::super::spatial::Geometry;
use super::{PackedProduct, Ready};
use crate::EngineError;
use crate::graph::{Conv, Pool, Products};

impl PackedProduct {
    /// The shape of the result for an input of this shape.
    pub fn shape(&self, x: &[usize]) -> Result<Vec<usize>, EngineError> {
        let whole = self.whole(x)?;
        if self.pool { halves(&whole) } else { Ok(whole) }
    }

    /// The same, before anything is pooled.
    pub(super) fn whole(&self, x: &[usize]) -> Result<Vec<usize>, EngineError> {
        match &self.ready {
            Ready::Dense(weights) => dense(x, [weights.right().inner(), weights.right().columns()]),
            Ready::Conv(conv, filter, weights) => {
                let g = geometry(x, [filter[0], filter[1]], conv)?;
                if g.channels != filter[2] * weights.groups() {
                    return Err(unfit(filter, x));
                }
                Ok(vec![g.batch, g.out_height, g.out_width, filter[3]])
            }
            Ready::Later(conv, filter, _) => grouped(x, filter.dims(), conv),
            Ready::Depthwise(conv, weights) => depthwise(x, weights.dims(), conv),
            Ready::Elsewhere(kind, dims) => match (kind, &dims[..]) {
                (Products::Dense, [inner, columns]) => dense(x, [*inner, *columns]),
                (Products::Conv(conv), [_, _, _, _]) => grouped(x, dims, conv),
                (Products::Depthwise(conv), _) => depthwise(x, dims, conv),
                _ => Err(unfit(dims, x)),
            },
        }
    }
}

fn dense(x: &[usize], [inner, columns]: [usize; 2]) -> Result<Vec<usize>, EngineError> {
    match x.split_last() {
        Some((last, outer)) if *last == inner && !outer.is_empty() => Ok([outer, &[columns]].concat()),
        _ => Err(fail(format!("a dense layer of {:?} on {x:?}", [inner, columns]))),
    }
}

/// Of a convolution whose groups the image decides; the filter has four axes.
fn grouped(x: &[usize], filter: &[usize], conv: &Conv) -> Result<Vec<usize>, EngineError> {
    let g = geometry(x, [filter[0], filter[1]], conv)?;
    if groups(g.channels, filter).is_none() {
        return Err(unfit(filter, x));
    }
    Ok(vec![g.batch, g.out_height, g.out_width, filter[3]])
}

fn depthwise(x: &[usize], filter: &[usize], conv: &Conv) -> Result<Vec<usize>, EngineError> {
    let [kh, kw, channels, multiplier] = *filter else {
        return Err(fail(format!("a depthwise filter has shape {filter:?}")));
    };
    let g = geometry(x, [kh, kw], conv)?;
    if channels != g.channels || multiplier == 0 {
        return Err(fail(format!("a depthwise filter {filter:?} on an image {x:?}")));
    }
    Ok(vec![g.batch, g.out_height, g.out_width, channels * multiplier])
}

/// The shape of what is left of an image by pooling.
pub fn halves(whole: &[usize]) -> Result<Vec<usize>, EngineError> {
    let Pool { window, strides, padding, .. } = Pool::HALVES;
    let g = Geometry::new(whole, window, strides, [1, 1], padding)?;
    Ok(vec![g.batch, g.out_height, g.out_width, g.channels])
}

pub fn geometry(x: &[usize], window: [usize; 2], conv: &Conv) -> Result<Geometry, EngineError> {
    Geometry::new(x, window, conv.strides, conv.dilations, conv.padding)
}

/// Groups of channels, if the filter divides the image so.
pub fn groups(channels: usize, filter: &[usize]) -> Option<usize> {
    let groups = channels.checked_div(*filter.get(2)?)?;
    (groups > 0 && groups * filter[2] == channels && filter.get(3)?.is_multiple_of(groups)).then_some(groups)
}

pub fn unfit(filter: &[usize], x: &[usize]) -> EngineError {
    fail(format!("a filter {filter:?} on an image {x:?}"))
}
