//! A network on its way: layers by the names of their weights.

use super::config::Config;
use crate::formats::builder::Builder;
use crate::formats::safetensors::Tensors;
use crate::graph::{Activation, Binary, LayerNorm, Literal, Op, Rare, ValueId};
use crate::{DType, EngineError};

type Made = Result<ValueId, EngineError>;

/// Builds one program of a model.
pub struct Network<'m> {
    pub b: Builder,
    pub tensors: &'m mut Tensors,
    pub config: &'m Config,
}

impl<'m> Network<'m> {
    pub fn new(tensors: &'m mut Tensors, config: &'m Config) -> Self {
        Self { b: Builder::default(), tensors, config }
    }

    /// Whether there is a weight of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.shape(name).is_some()
    }

    /// The extents of a weight of so many axes.
    pub fn sizes<const N: usize>(&self, name: &str) -> Result<[usize; N], EngineError> {
        let shape = self.tensors.shape(name);
        let shape = shape.ok_or_else(|| EngineError::broken(format!("tensor {name:?} is missing")))?;
        shape.try_into().map_err(|_| {
            EngineError::broken(format!("tensor {name:?} has the shape {shape:?}, not {N} axes"))
        })
    }

    /// A weight of this shape.
    pub fn weight(&mut self, name: &str, shape: &[usize]) -> Made {
        let own = self.tensors.shape(name);
        let own = own.ok_or_else(|| EngineError::broken(format!("tensor {name:?} is missing")))?;
        if own != shape {
            return Err(EngineError::broken(format!("tensor {name:?} has the shape {own:?}, not {shape:?}")));
        }
        let number = self.tensors.weight(name)?;
        let weight = self.tensors.used(number);
        name.clone_into(&mut self.b.name);
        let value = self.b.weight(number, weight)?;
        match weight.dtype {
            DType::F32 | DType::F16 | DType::BF16 => Ok(value),
            DType::F64 => self.b.add(Op::Cast(DType::F32), &[value]),
            dtype => Err(EngineError::broken(format!("tensor {name:?} is of {dtype}, not of floats"))),
        }
    }

    /// The extent of a value's last axis.
    pub fn width(&self, x: ValueId) -> Result<usize, EngineError> {
        let last = self.b.shape(x).and_then(|shape| shape.last().copied().flatten());
        last.ok_or_else(|| EngineError::broken("a layer whose width is not known"))
    }

    /// Says what the axes of a value are.
    fn shaped(&mut self, value: ValueId, last: &[usize]) -> ValueId {
        let shape = [None, None].into_iter().chain(last.iter().map(|n| Some(*n))).collect();
        self.b.tell(value, shape);
        value
    }

    /// `x · wᵀ + b`, as torch keeps weights; the bias is left out where there is none.
    pub fn linear(&mut self, x: ValueId, name: &str) -> Made {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let product = self.product(x, &weight)?;
        if !self.has(&bias) {
            return Ok(product);
        }
        self.biased(product, &bias)
    }

    /// `x · wᵀ`.
    pub fn product(&mut self, x: ValueId, weight: &str) -> Made {
        let [outs, ins] = self.sizes(weight)?;
        let width = self.width(x)?;
        if ins != width {
            return Err(EngineError::broken(format!("tensor {weight:?} takes {ins} numbers, not {width}")));
        }
        let matrix = self.weight(weight, &[outs, ins])?;
        self.b.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[x, matrix])
    }

    /// Adds a bias.
    pub fn biased(&mut self, x: ValueId, bias: &str) -> Made {
        let width = self.width(x)?;
        let bias = self.weight(bias, &[width])?;
        self.b.binary(Binary::Add, x, bias)
    }

    pub fn activate(&mut self, activation: Activation, x: ValueId) -> Made {
        self.b.add(Op::Activate(activation), &[x])
    }

    /// Rows normalised; the weights are called gamma and beta in older files.
    pub fn norm(&mut self, x: ValueId, name: &str, epsilon: f32) -> Made {
        let width = self.width(x)?;
        let called = |network: &Self, new: &str, old: &str| {
            let older = format!("{name}.{old}");
            if network.has(&older) { older } else { format!("{name}.{new}") }
        };
        let (gamma, beta) = (called(self, "weight", "gamma"), called(self, "bias", "beta"));
        let (gamma, beta) = (self.weight(&gamma, &[width])?, self.weight(&beta, &[width])?);
        let norm = LayerNorm { axis: -1, epsilon, centred: true, gamma: true, beta: true };
        self.b.add(Op::LayerNorm(norm), &[x, gamma, beta])
    }

    /// Rows divided by the root of their mean square.
    pub fn mean_square_norm(&mut self, x: ValueId, name: &str, epsilon: f32) -> Made {
        let width = self.width(x)?;
        let gamma = self.weight(&format!("{name}.weight"), &[width])?;
        let norm = LayerNorm { axis: -1, epsilon, centred: false, gamma: true, beta: false };
        self.b.add(Op::LayerNorm(norm), &[x, gamma])
    }

    /// Rows of a table.
    pub fn look_up(&mut self, name: &str, places: ValueId) -> Made {
        let [rows, width] = self.sizes(name)?;
        let table = self.weight(name, &[rows, width])?;
        let axis = self.b.int(0)?;
        self.b.add(Op::Gather { batch_dims: 0 }, &[table, places, axis])
    }

    /// One place along the second axis: [n, places, width] → [n, width].
    pub fn place(&mut self, x: ValueId, at: i64) -> Made {
        let (at, axis) = (self.b.int(at)?, self.b.int(1)?);
        self.b.add(Op::Gather { batch_dims: 0 }, &[x, at, axis])
    }

    /// A part of a shape.
    pub fn extents(&mut self, shape: ValueId, from: i64, count: i64) -> Made {
        let (from, count) = (self.b.ints(&[from])?, self.b.ints(&[count])?);
        self.b.add(Op::Slice, &[shape, from, count])
    }

    /// A shape with more extents behind it.
    pub fn extended(&mut self, shape: ValueId, more: &[usize]) -> Made {
        let more: Vec<i64> = more.iter().map(|n| *n as i64).collect();
        let (more, axis) = (self.b.ints(&more)?, self.b.int(0)?);
        self.b.add(Op::Concat, &[shape, more, axis])
    }

    /// `softmax(q kᵀ · scale + mask) v` by heads; `rows` is the shape before the last axis.
    pub fn attend(
        &mut self,
        [q, k, v]: [ValueId; 3],
        rows: ValueId,
        scaled: bool,
        mask: Option<ValueId>,
    ) -> Made {
        let heads = self.config.heads()?;
        let width = self.width(q)?;
        if width % heads != 0 || self.width(k)? != width || self.width(v)? != width {
            return Err(EngineError::broken(format!("{width} numbers cannot be shared by {heads} heads")));
        }
        let each = width / heads;
        let shape = self.extended(rows, &[heads, each])?;
        let mut split = |x| {
            let x = self.b.add(Op::Reshape, &[x, shape])?;
            Ok::<ValueId, EngineError>(self.shaped(x, &[heads, each]))
        };
        let (q, k, v) = (split(q)?, split(k)?, split(v)?);
        let einsum = |equation: &str| Op::Rare(Box::new(Rare::Einsum(equation.to_owned())));
        let mut scores = self.b.add(einsum("bqhd,bkhd->bhqk"), &[q, k])?;
        if scaled {
            let scale = self.b.float(1.0 / (each as f32).sqrt())?;
            scores = self.b.binary(Binary::Mul, scores, scale)?;
        }
        if let Some(mask) = mask {
            scores = self.b.binary(Binary::Add, scores, mask)?;
        }
        let weights = self.b.add(Op::Softmax { log: false }, &[scores])?;
        let mixed = self.b.add(einsum("bhqk,bkhd->bqhd"), &[weights, v])?;
        let shape = self.extended(rows, &[width])?;
        let mixed = self.b.add(Op::Reshape, &[mixed, shape])?;
        Ok(self.shaped(mixed, &[width]))
    }

    /// What is added to scores: nothing where the mask is, and so much less where it is not that nothing is left.
    pub fn additive(&mut self, mask: ValueId) -> Made {
        let nothing = self.b.int(0)?;
        let there = self.b.add(Op::Compare(crate::graph::Compare::NotEqual), &[mask, nothing])?;
        let (zero, least) = (self.b.float(0.0)?, self.b.float(f32::MIN)?);
        let added = self.b.add(Op::Select, &[there, zero, least])?;
        let mut wide = added;
        for _ in 0..2 {
            let axis = self.b.int(1)?;
            wide = self.b.add(Op::ExpandDims, &[wide, axis])?;
        }
        Ok(wide)
    }

    /// A row of texts as a constant.
    pub fn texts(&mut self, texts: Vec<String>) -> Made {
        let count = texts.len();
        self.b.literal(Literal::Text(texts.into_iter().map(String::into_bytes).collect(), vec![count]))
    }
}
