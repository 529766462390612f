//! Products by constant weights, packed once: dense layers, convolutions, depthwise convolutions, with what comes after them.

mod describe;
mod pool;
mod prologue;
mod shape;

use super::access::output;
use super::convolve::{self, Weights};
use super::gemm::{self, Dense, Epilogue, Packed, Right, Stored};
use super::threads::threads;
use super::vector::depthwise::{Depthwise, depthwise};
use super::{Form, Outcome, Value, activate, elements, elementwise, fail};
use crate::EngineError;
use crate::graph::{Activation, Binary, Conv, Product, Products, Prologue};
use prologue::Entered;
use shape::{geometry, groups, unfit};
use std::sync::OnceLock;

#[derive(Debug)]
enum Ready {
    Dense(Dense),
    Conv(Conv, [usize; 4], Weights),
    /// A convolution of images whose channels were not known: it is packed when the first one comes.
    Later(Conv, Value, OnceLock<(usize, Weights)>),
    Depthwise(Conv, Value),
    /// The weights, of this shape, are on a device, where the product is made.
    Elsewhere(Products, Vec<usize>),
}

/// A product that waits for its input.
#[derive(Debug)]
pub struct PackedProduct {
    ready: Ready,
    prologue: Option<Prologue>,
    bias: Option<Value>,
    residual: bool,
    activation: Activation,
    pool: bool,
}

/// Weights in the form that a product asks for.
#[derive(Debug)]
pub enum Made {
    /// Packed matrices.
    Packed(Vec<Packed>),
    /// A matrix that stays where it is.
    Stored(Stored),
    /// As the artifact has them.
    Plain(Value),
}

impl PackedProduct {
    /// Puts a product and its weights together.
    pub fn new(product: &Product, form: Form, made: Made, bias: Option<&Value>) -> Result<Self, EngineError> {
        let unfit = || fail(format!("weights of another form than {form:?}"));
        let (ready, outs) = match (&product.kind, form, made) {
            (Products::Dense, Form::Dense([_, columns]), Made::Packed(mut packed)) => {
                (Ready::Dense(Dense::Packed(packed.pop().ok_or_else(unfit)?)), columns)
            }
            (Products::Dense, Form::Dense([_, columns]), Made::Stored(stored)) => {
                (Ready::Dense(Dense::Stored(stored)), columns)
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
        let Product { prologue, residual, activation, pool, .. } = *product;
        Ok(Self { ready, prologue, bias: bias.cloned(), residual, activation, pool })
    }

    /// A product whose weights, of a shape, are on a device.
    pub fn elsewhere(product: &Product, weights: &[usize]) -> Self {
        let Product { kind, prologue, residual, activation, pool, .. } = *product;
        let ready = Ready::Elsewhere(kind, weights.to_vec());
        Self { ready, prologue, bias: None, residual, activation, pool }
    }

    /// Where its buffers begin, and their bytes.
    pub fn buffers(&self) -> Vec<(usize, usize)> {
        let plain = |v: &Value| (v.place(), v.bytes());
        let packed = |p: &Packed| (p.as_slice().as_ptr().addr(), p.bytes());
        let mut all: Vec<_> = self.bias.iter().map(plain).collect();
        match &self.ready {
            Ready::Dense(weights) => all.push((weights.place(), weights.bytes())),
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
            Ready::Elsewhere(..) => {}
        }
        all
    }

    /// Bytes of weights that are read for it, wherever they are.
    pub fn weight_bytes(&self) -> usize {
        match &self.ready {
            Ready::Elsewhere(_, dims) => dims.iter().product::<usize>().saturating_mul(size_of::<f32>()),
            _ => self.buffers().iter().map(|(_, bytes)| bytes).sum(),
        }
    }

    /// Whether it may change its inputs.
    pub fn takes(&self) -> bool {
        self.residual
    }

    /// What becomes of x on its way in.
    pub fn prologue(&self) -> Option<&Prologue> {
        self.prologue.as_ref()
    }

    /// The product with x, and with the other value that is added if there is one. If nobody else has that one, the result lies in its
    /// memory: so it is read and written in one place. `rest`: what else the prologue reads.
    pub fn run(&self, x: &Value, other: Option<Value>, rest: &[&Value]) -> Outcome {
        let Some(prologue) = &self.prologue else {
            return if self.pool { self.pooled(x) } else { self.run_on(Left::Value(x), other) };
        };
        let entered = Entered::new(prologue, x, rest)?;
        if let Some(weights) = self.by_points()
            && let Some((shape, rows)) = entered.rows(weights.inner())?
        {
            return self.run_on(Left::Made(weights, &shape, &rows), other);
        }
        self.run_on(Left::Value(&entered.value()?), other)
    }

    /// The weights, if each row of the result is made of one row of x.
    fn by_points(&self) -> Option<Right<'_>> {
        match &self.ready {
            Ready::Dense(weights) => Some(weights.right()),
            Ready::Conv(conv, _, weights) if conv.is_pointwise(weights.dims()) => match weights.parts() {
                [packed] => Some(packed.into()),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is done to a product, if nothing is added.
    fn epilogue(&self) -> Result<Epilogue<'_>, EngineError> {
        let bias = self.bias.as_ref().map(Value::slice).transpose()?;
        Ok(Epilogue { bias, adds: false, activation: self.activation })
    }

    fn run_on(&self, x: Left<'_>, other: Option<Value>) -> Outcome {
        let shape = self.whole(x.dims())?;
        let other = other.filter(|_| self.residual);
        // A value of another shape is broadcast, after the product.
        let (here, later) = match other {
            Some(other) if other.dims() == shape.as_slice() => (Some(other), None),
            other => (None, other),
        };
        let activation = if later.is_none() { self.activation } else { Activation::None };
        let epilogue = Epilogue { adds: here.is_some(), activation, ..self.epilogue()? };
        let mut out = match here {
            Some(value) => value.into_output()?,
            None => output::<f32>(&shape)?,
        };
        match x {
            Left::Value(x) => self.multiply(x, &mut out, &shape, &epilogue)?,
            Left::Made(weights, _, rows) => {
                let work = out.len().saturating_mul(weights.inner());
                gemm::product_of(&mut out, rows, weights, &epilogue, threads(work));
            }
        }
        let out = Value::of(out, &shape)?;
        match later {
            Some(other) => activate::value(self.activation, &elementwise::binary(Binary::Add, &out, &other)?),
            None => Ok(out),
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
            Ready::Dense(weights) => {
                let weights = weights.right();
                let rows = elements(&shape[..shape.len() - 1])?;
                let work = rows.saturating_mul(weights.inner()).saturating_mul(weights.columns());
                gemm::product(out, data, rows, weights.inner(), weights, epilogue, threads(work));
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
            Ready::Elsewhere(..) => return Err(fail("the weights of a product are not on the host")),
        }
        Ok(())
    }
}

/// What is multiplied by the weights.
#[derive(Clone, Copy)]
enum Left<'a> {
    Value(&'a Value),
    /// Rows of a shape that are made on the way, and the matrix that they are multiplied by.
    Made(Right<'a>, &'a [usize], &'a gemm::Prologued<'a>),
}

impl Left<'_> {
    fn dims(&self) -> &[usize] {
        match self {
            Self::Value(x) => x.dims(),
            Self::Made(_, shape, _) => shape,
        }
    }
}
