//! Products by constant weights, packed once: dense layers, convolutions, depthwise convolutions, with what comes after them.

mod describe;

use super::access::output;
use super::convolve::{self, Weights};
use super::gemm::{self, Epilogue, Packed};
use super::spatial::Geometry;
use super::threads::threads;
use super::vector::depthwise::{Depthwise, depthwise};
use super::{Form, Outcome, Value, activate, elements, elementwise, fail};
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

/// Weights in the form that a product asks for.
#[derive(Debug)]
pub enum Made {
    /// Packed matrices.
    Packed(Vec<Packed>),
    /// As the artifact has them.
    Plain(Value),
}

impl PackedProduct {
    /// Puts a product and its weights together.
    pub fn new(product: &Product, form: Form, made: Made, bias: Option<&Value>) -> Result<Self, EngineError> {
        let unfit = || fail(format!("weights of another form than {form:?}"));
        let (ready, outs) = match (&product.kind, form, made) {
            (Products::Dense, Form::Dense([_, columns]), Made::Packed(mut packed)) => {
                (Ready::Dense(packed.pop().ok_or_else(unfit)?), columns)
            }
            (Products::Conv(conv), Form::Conv { dims, groups }, Made::Packed(packed)) => {
                let weights = Weights::from_parts(dims, groups, packed).ok_or_else(unfit)?;
                (Ready::Conv(*conv, dims, weights), dims[3])
            }
            (Products::Conv(conv), Form::Plain, Made::Plain(filter)) => {
                let outs = filter.dims().last().copied().unwrap_or(0);
                (Ready::Later(*conv, filter, OnceLock::new()), outs)
            }
            (Products::Depthwise(conv), Form::Plain, Made::Plain(filter)) => {
                let [_, _, channels, multiplier] = *filter.dims() else { return Err(unfit()) };
                (Ready::Depthwise(*conv, filter), channels * multiplier)
            }
            _ => return Err(unfit()),
        };
        if let Some(bias) = bias
            && bias.slice::<f32>()?.len() != outs
        {
            return Err(fail(format!("a bias of shape {:?} for {outs} channels", bias.dims())));
        }
        Ok(Self { ready, bias: bias.cloned(), residual: product.residual, activation: product.activation })
    }

    /// Where its buffers begin, and their bytes.
    pub fn buffers(&self) -> Vec<(usize, usize)> {
        let plain = |v: &Value| (v.place(), v.bytes());
        let packed = |p: &Packed| (p.as_slice().as_ptr().addr(), p.bytes());
        let mut all: Vec<_> = self.bias.iter().map(plain).collect();
        match &self.ready {
            Ready::Dense(matrix) => all.push(packed(matrix)),
            Ready::Conv(_, _, weights) => all.extend(weights.parts().iter().map(packed)),
            Ready::Later(_, filter, packed) => {
                all.push(plain(filter));
                // The first request packs it.
                if let Ok(dims) = <[usize; 4]>::try_from(filter.dims()) {
                    let form = Form::Conv { dims, groups: 1 };
                    all.push((std::ptr::from_ref(packed).addr(), form.bytes()));
                }
            }
            Ready::Depthwise(_, filter) => all.push(plain(filter)),
        }
        all
    }

    /// Whether it may change its inputs.
    pub fn takes(&self) -> bool {
        self.residual
    }

    /// The product with x, and with the other value that is added if there is one. If nobody else has that one, the result lies in its
    /// memory: so it is read and written in one place.
    pub fn run(&self, x: &Value, other: Option<Value>) -> Outcome {
        let shape = self.shape(x.dims())?;
        let other = other.filter(|_| self.residual);
        // A value of another shape is broadcast, after the product.
        let (here, later) = match other {
            Some(other) if other.dims() == shape.as_slice() => (Some(other), None),
            other => (None, other),
        };
        let epilogue = Epilogue {
            bias: self.bias.as_ref().map(Value::slice).transpose()?,
            adds: here.is_some(),
            activation: if later.is_none() { self.activation } else { Activation::None },
        };
        let mut out = match here {
            Some(value) => value.into_output()?,
            None => output::<f32>(&shape)?,
        };
        self.multiply(x, &mut out, &shape, &epilogue)?;
        let out = Value::of(out, &shape)?;
        match later {
            Some(other) => activate::value(self.activation, &elementwise::binary(Binary::Add, &out, &other)?),
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
                let pack = || Weights::new(filter, dims, groups);
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

/// Groups of channels, if the filter divides the image so.
fn groups(channels: usize, filter: &[usize]) -> Option<usize> {
    let groups = channels.checked_div(*filter.get(2)?)?;
    (groups > 0 && groups * filter[2] == channels && filter.get(3)?.is_multiple_of(groups)).then_some(groups)
}

fn unfit(filter: &[usize], x: &[usize]) -> EngineError {
    fail(format!("a filter {filter:?} on an image {x:?}"))
}
