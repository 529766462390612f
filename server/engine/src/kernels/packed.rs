//! Products by constant weights, packed once: dense layers, convolutions, depthwise convolutions, with what comes after them.

mod describe;

use super::access::output;
use super::convolve::{self, Algorithm, Weights};
use super::gemm::{self, Epilogue, Packed};
use super::spatial::Geometry;
use super::threads::threads;
use super::vector::depthwise::{Depthwise, depthwise};
use super::{Outcome, Value, activate, elements, elementwise, fail};
use crate::EngineError;
use crate::graph::{Activation, Binary, Conv, Product, Products};
use std::sync::OnceLock;

#[derive(Debug)]
enum Ready {
    Dense(Packed),
    Conv(Conv, [usize; 4], Weights),
    /// A convolution of images whose channels were not known: it is packed when the first one comes.
    Later(Conv, Value, OnceLock<(usize, Weights)>),
    Depthwise(Conv, Value),
}

/// A product that waits for its input.
#[derive(Debug)]
pub struct PackedProduct {
    ready: Ready,
    bias: Option<Value>,
    residual: bool,
    activation: Activation,
}

impl PackedProduct {
    /// Packs the weights; a convolution's by the algorithm and for the number of groups, if they are known.
    pub fn new(
        product: &Product,
        weights: &Value,
        bias: Option<&Value>,
        choice: Option<(Algorithm, usize)>,
    ) -> Result<Self, EngineError> {
        let w = weights.slice::<f32>()?;
        let (ready, outs) = match (&product.kind, weights.dims()) {
            (Products::Dense, [inner, columns]) => (Ready::Dense(Packed::new(w, *inner, *columns)), *columns),
            (Products::Conv(conv), [kh, kw, per_group, outs]) => {
                let dims = [*kh, *kw, *per_group, *outs];
                if dims.contains(&0) {
                    return Err(fail(format!("a filter of shape {dims:?}")));
                }
                let ready = match choice {
                    Some((algorithm, groups)) => {
                        Ready::Conv(*conv, dims, Weights::new(w, dims, groups, algorithm))
                    }
                    None => Ready::Later(*conv, weights.clone(), OnceLock::new()),
                };
                (ready, *outs)
            }
            (Products::Depthwise(conv), [_, _, channels, multiplier]) => {
                (Ready::Depthwise(*conv, weights.clone()), channels * multiplier)
            }
            (_, dims) => return Err(fail(format!("weights of shape {dims:?}"))),
        };
        if let Some(bias) = bias
            && bias.slice::<f32>()?.len() != outs
        {
            return Err(fail(format!("a bias of shape {:?} for {outs} channels", bias.dims())));
        }
        Ok(Self { ready, bias: bias.cloned(), residual: product.residual, activation: product.activation })
    }

    /// Bytes of weights and bias.
    pub fn bytes(&self) -> usize {
        let bias = self.bias.as_ref().map_or(0, Value::bytes);
        bias + match &self.ready {
            Ready::Dense(packed) => packed.bytes(),
            Ready::Conv(_, _, weights) => weights.bytes(),
            Ready::Later(_, filter, packed) => filter.bytes() + packed.get().map_or(0, |(_, w)| w.bytes()),
            Ready::Depthwise(_, weights) => weights.bytes(),
        }
    }

    /// The product with x, and with the other value that is added if there is one.
    pub fn run(&self, inputs: &[&Value]) -> Outcome {
        let x = *inputs.first().ok_or_else(|| fail("a product lacks its input"))?;
        let other = if self.residual { inputs.get(1).copied() } else { None };
        let shape = self.shape(x.dims())?;
        // A value of another shape is broadcast, after the product.
        let fits = other.is_none_or(|o| o.dims() == shape.as_slice());
        let epilogue = Epilogue {
            bias: self.bias.as_ref().map(Value::slice).transpose()?,
            residual: if fits { other.map(Value::slice).transpose()? } else { None },
            activation: if fits { self.activation } else { Activation::None },
        };
        let mut out = output::<f32>(&shape)?;
        self.multiply(x, &mut out, &shape, &epilogue)?;
        let out = Value::of(out, &shape)?;
        match other.filter(|_| !fits) {
            Some(other) => activate::value(self.activation, &elementwise::binary(Binary::Add, &out, other)?),
            None => Ok(out),
        }
    }

    /// The shape of the result for an input of this shape.
    pub fn shape(&self, x: &[usize]) -> Result<Vec<usize>, EngineError> {
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

    fn multiply(
        &self,
        x: &Value,
        out: &mut [f32],
        shape: &[usize],
        epilogue: &Epilogue<'_>,
    ) -> Result<(), EngineError> {
        let data = x.slice::<f32>()?;
        match &self.ready {
            Ready::Dense(packed) => {
                let rows = elements(&shape[..shape.len() - 1])?;
                let work = rows.saturating_mul(packed.inner()).saturating_mul(packed.columns());
                gemm::product(out, data, rows, packed.inner(), packed, epilogue, threads(work));
            }
            Ready::Conv(conv, [kh, kw, per_group, _], weights) => {
                let g = geometry(x.dims(), [*kh, *kw], conv)?;
                let work = out.len().saturating_mul(kh * kw * per_group);
                convolve::convolution(out, data, &g, weights, epilogue, threads(work));
            }
            Ready::Later(conv, filter, packed) => {
                let Ok(dims) = <[usize; 4]>::try_from(filter.dims()) else {
                    return Err(unfit(filter.dims(), x.dims()));
                };
                let g = geometry(x.dims(), [dims[0], dims[1]], conv)?;
                let groups = groups(g.channels, &dims).ok_or_else(|| unfit(&dims, x.dims()))?;
                let filter = filter.slice::<f32>()?;
                let pack = || Weights::new(filter, dims, groups, Algorithm::Direct);
                let work = out.len().saturating_mul(dims[0] * dims[1] * dims[2]);
                let (first, kept) = packed.get_or_init(|| (groups, pack()));
                // Images of several numbers of channels are rare enough to pack for each.
                let other = if *first == groups { None } else { Some(pack()) };
                let weights = other.as_ref().unwrap_or(kept);
                convolve::convolution(out, data, &g, weights, epilogue, threads(work));
            }
            Ready::Depthwise(conv, weights) => {
                let g = geometry(x.dims(), [weights.dims()[0], weights.dims()[1]], conv)?;
                let multiplier = weights.dims()[3];
                // A sum costs as much as several of a dense product's.
                let work = out.len().saturating_mul(4 * g.window[0] * g.window[1]);
                let conv = Depthwise {
                    geometry: &g,
                    filter: weights.slice()?,
                    multiplier,
                    bias: epilogue.bias,
                    activation: epilogue.activation,
                };
                if !depthwise(&conv, data, out, threads(work)) {
                    return Err(fail("a depthwise convolution of other sizes than its filter's"));
                }
            }
        }
        Ok(())
    }
}

fn geometry(x: &[usize], window: [usize; 2], conv: &Conv) -> Result<Geometry, EngineError> {
    Geometry::new(x, window, conv.strides, conv.dilations, conv.padding)
}

/// Bytes that whole panels take beyond those of a weight, if a product packs it.
pub fn packing_bytes(shape: &[usize]) -> usize {
    let [inner @ .., outs] = shape else { return 0 };
    // A filter with one result for each channel is a depthwise one, which lies as it is.
    if inner.is_empty() || !matches!(shape.len(), 2 | 4) || (shape.len() == 4 && *outs == 1) {
        return 0;
    }
    let rows = inner.iter().fold(1usize, |n, d| n.saturating_mul(*d));
    rows.saturating_mul(outs.saturating_add(gemm::PANEL - 1) / gemm::PANEL * gemm::PANEL - outs)
        .saturating_mul(size_of::<f32>())
}

/// Groups of channels, if the filter divides the image so.
fn groups(channels: usize, filter: &[usize]) -> Option<usize> {
    let groups = channels.checked_div(*filter.get(2)?)?;
    (groups > 0 && groups * filter[2] == channels && filter.get(3)?.is_multiple_of(groups)).then_some(groups)
}

fn unfit(filter: &[usize], x: &[usize]) -> EngineError {
    fail(format!("a filter {filter:?} on an image {x:?}"))
}
