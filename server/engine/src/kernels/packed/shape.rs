//! The shapes of products' results.

use super::super::fail;
use super::super::spatial::Geometry;
use super::{PackedProduct, Ready};
use crate::EngineError;
use crate::graph::{Conv, Pool};

impl PackedProduct {
    /// The shape of the result for an input of this shape.
    pub fn shape(&self, x: &[usize]) -> Result<Vec<usize>, EngineError> {
        let whole = self.whole(x)?;
        if self.pool { halves(&whole) } else { Ok(whole) }
    }

    /// The same, before anything is pooled.
    pub(super) fn whole(&self, x: &[usize]) -> Result<Vec<usize>, EngineError> {
        match &self.ready {
            Ready::Dense(packed) => match x.split_last() {
                Some((inner, outer)) if *inner == packed.inner() && !outer.is_empty() => {
                    Ok([outer, &[packed.columns()]].concat())
                }
                _ => {
                    let weights = [packed.inner(), packed.columns()];
                    Err(fail(format!("a dense layer of {weights:?} on {x:?}")))
                }
            },
            Ready::Conv(conv, filter, weights) => {
                let g = geometry(x, [filter[0], filter[1]], conv)?;
                if g.channels != filter[2] * weights.groups() {
                    return Err(unfit(filter, x));
                }
                Ok(vec![g.batch, g.out_height, g.out_width, filter[3]])
            }
            Ready::Later(conv, filter, _) => {
                let filter = filter.dims();
                let g = geometry(x, [filter[0], filter[1]], conv)?;
                if groups(g.channels, filter).is_none() {
                    return Err(unfit(filter, x));
                }
                Ok(vec![g.batch, g.out_height, g.out_width, filter[3]])
            }
            Ready::Depthwise(conv, weights) => {
                let [kh, kw, channels, multiplier] = *weights.dims() else {
                    return Err(fail(format!("a depthwise filter has shape {:?}", weights.dims())));
                };
                let g = geometry(x, [kh, kw], conv)?;
                if channels != g.channels || multiplier == 0 {
                    let filter = weights.dims();
                    return Err(fail(format!("a depthwise filter {filter:?} on an image {x:?}")));
                }
                Ok(vec![g.batch, g.out_height, g.out_width, channels * multiplier])
            }
        }
    }
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
