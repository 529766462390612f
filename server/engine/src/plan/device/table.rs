//! The table: which operations candle's tensors can do, with elements of which kind, and what of their operands the host reads. What
//! is not in it runs by the engine's own kernels.
//!
//! Left out: what candle lacks (sorting, products over axes, decision trees, texts, recurrent layers and other loops), what it does
//! otherwise (powers of negative numbers, integer division, casts that cut integers), and all that is rare.

use super::activation;
use super::form::{Form, Operand, Task, fail};
use super::{blocks, convolution, elementwise, gather, moves, pooling, products, reduce, rows};
use crate::graph::{Binary, Op};
use crate::value::Kind;
use candle_core::Tensor;

/// How an operation is done with such operands; None: not on the device.
pub fn find(op: &Op, operands: &[Operand<'_>]) -> Option<Form> {
    let of = Operands(operands);
    match op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Activate(_)
        | Op::Chain(_) => by_element(op, &of),
        Op::MatMul { .. }
        | Op::Dense(_)
        | Op::Product(_)
        | Op::Conv(_)
        | Op::Depthwise(_)
        | Op::ConvTranspose(_)
        | Op::Pool(_)
        | Op::Resize(_)
        | Op::Softmax { .. }
        | Op::LayerNorm(_)
        | Op::Attention(_) => layer(op, &of),
        Op::Reduce { kind, keep } => {
            let (kind, keep) = (*kind, *keep);
            let form = Form::one(move |t| reduce::reduce(kind, keep, t)).told(&[1]);
            of.kind(0).is_some_and(|of| reduce::has(kind, of)).then_some(form)
        }
        Op::ArgExtreme { max } => {
            let max = *max;
            of.are_floats(&[0]).then(|| Form::one(move |t| reduce::arg_extreme(max, t)).told(&[1]))
        }
        _ => moving(op, &of),
    }
}

/// What is known of the operands.
struct Operands<'a>(&'a [Operand<'a>]);

impl Operands<'_> {
    /// What an operand is made of, if that is numbers or truths.
    fn kind(&self, n: usize) -> Option<Kind> {
        self.0.get(n)?.kind.filter(|k| !matches!(k, Kind::Text | Kind::List))
    }

    /// Whether operands are there and all of one kind, of numbers or truths.
    fn alike(&self, operands: &[usize]) -> Option<Kind> {
        let first = self.kind(*operands.first()?)?;
        operands.iter().all(|n| self.kind(*n) == Some(first)).then_some(first)
    }

    fn are_floats(&self, operands: &[usize]) -> bool {
        matches!(self.alike(operands), Some(Kind::F32 | Kind::F64))
    }

    /// Whether operands are there and of `float32`.
    fn are_f32(&self, operands: &[usize]) -> bool {
        self.alike(operands) == Some(Kind::F32)
    }

    /// Whether all operands are floats of one kind.
    fn all_floats(&self) -> bool {
        self.are_floats(&(0..self.0.len()).collect::<Vec<_>>())
    }

    fn all_f32(&self) -> bool {
        self.are_f32(&(0..self.0.len()).collect::<Vec<_>>())
    }

    /// A constant of one float.
    fn number(&self, n: usize) -> Option<f64> {
        let value = self.0.get(n)?.constant?;
        match (value.slice::<f32>(), value.slice::<f64>()) {
            (Ok([number]), _) => Some(f64::from(*number)),
            (_, Ok([number])) => Some(*number),
            _ => None,
        }
    }
}

/// Element by element.
fn by_element(op: &Op, of: &Operands<'_>) -> Option<Form> {
    Some(match op {
        Op::Unary(crate::graph::Unary::LogicalNot) if of.kind(0) == Some(Kind::Bool) => {
            Form::one(|t| elementwise::not(t.tensor(0)?))
        }
        Op::Unary(f) if elementwise::has_unary(*f) && of.are_floats(&[0]) => {
            let f = *f;
            Form::one(move |t| elementwise::unary(f, t.tensor(0)?))
        }
        // A power by a value is candle's logarithm times it, which negative numbers do not have.
        Op::Binary(Binary::Pow) if of.are_floats(&[0, 1]) => {
            let exponent = of.number(1)?;
            Form::one(move |t| elementwise::power(t.tensor(0)?, exponent)).told(&[1])
        }
        Op::Binary(f) if elementwise::has_binary(*f, of.alike(&[0, 1])?) => {
            let f = *f;
            Form::one(move |t| elementwise::binary(f, t.tensor(0)?, t.tensor(1)?))
        }
        Op::Compare(f) if of.alike(&[0, 1]).is_some() => {
            let f = *f;
            Form::one(move |t| elementwise::compare(f, t.tensor(0)?, t.tensor(1)?))
        }
        Op::Select if of.kind(0) == Some(Kind::Bool) && of.alike(&[1, 2]).is_some() => {
            Form::one(|t| elementwise::select(t.tensor(0)?, t.tensor(1)?, t.tensor(2)?))
        }
        Op::Cast(to) if elementwise::has_cast(of.kind(0)?, *to) => {
            let to = *to;
            Form::one(move |t| elementwise::cast(t.tensor(0)?, to))
        }
        Op::Activate(f) if of.are_floats(&[0]) => {
            let f = *f;
            Form::one(move |t| activation::activate(f, t.tensor(0)?))
        }
        Op::Chain(chain) if of.all_floats() && elementwise::has_chain(chain, of.kind(0)?) => {
            let chain = chain.clone();
            Form::one(move |t| elementwise::chain(&chain, &t.tensors()))
        }
        _ => return None,
    })
}

/// An operand that may be left out.
fn maybe<'t>(task: &'t Task<'_>, n: usize) -> Option<&'t Tensor> {
    task.tensor(n).ok()
}

/// Products, windows, images, rows.
fn layer(op: &Op, of: &Operands<'_>) -> Option<Form> {
    Some(match op {
        Op::MatMul { transpose_a, transpose_b } if of.are_floats(&[0, 1]) => {
            let (a, b) = (*transpose_a, *transpose_b);
            Form::one(move |t| products::matmul(t.tensor(0)?, t.tensor(1)?, a, b))
        }
        Op::Dense(f) if of.all_f32() => {
            let f = *f;
            Form::one(move |t| products::dense(t.tensor(0)?, t.tensor(1)?, maybe(t, 2), f))
        }
        Op::Product(product) if of.all_f32() => {
            let product = product.clone();
            Form::one(move |t| products::product(&product, t))
        }
        Op::Conv(conv) if of.all_f32() => {
            let conv = *conv;
            Form::one(move |t| {
                let filter = convolution::filter(t.tensor(1)?)?;
                let made = convolution::conv(t.tensor(0)?, &filter, maybe(t, 2), &conv)?;
                activation::activate(conv.activation, &made)
            })
        }
        Op::Depthwise(conv) if of.all_f32() => {
            let conv = *conv;
            Form::one(move |t| {
                let made = convolution::depthwise(t.tensor(0)?, t.tensor(1)?, maybe(t, 2), &conv)?;
                activation::activate(conv.activation, &made)
            })
        }
        Op::ConvTranspose(conv) if of.are_f32(&[1, 2]) && convolution::has_transposed(conv) => {
            let conv = *conv;
            let form = move |t: &Task<'_>| {
                let shape: Option<Vec<usize>> = t.ints(0)?.iter().map(|n| usize::try_from(*n).ok()).collect();
                let shape = shape.ok_or_else(|| fail("a size is negative"))?;
                let made = convolution::transposed(&shape, t.tensor(1)?, t.tensor(2)?, &conv)?;
                activation::activate(conv.activation, &made)
            };
            Form::one(form).told(&[0])
        }
        Op::Pool(pool) if of.are_f32(&[0]) => {
            let pool = *pool;
            Form::one(move |t| pooling::pool(t.tensor(0)?, &pool))
        }
        // The engine makes `float32` of what is scaled smoothly.
        Op::Resize(how) if of.are_f32(&[0]) || (!how.bilinear && of.kind(0).is_some()) => {
            let how = *how;
            Form::one(move |t| gather::resize(t, &how)).told(&[1])
        }
        Op::Softmax { log } if of.are_floats(&[0]) => {
            let log = *log;
            Form::one(move |t| rows::softmax(t.tensor(0)?, log))
        }
        Op::LayerNorm(norm) if of.all_floats() => {
            let norm = *norm;
            Form::one(move |t| {
                let gamma = maybe(t, 1).filter(|_| norm.gamma);
                let beta = maybe(t, 1 + usize::from(norm.gamma)).filter(|_| norm.beta);
                rows::layer_norm(&norm, t.tensor(0)?, gamma, beta)
            })
        }
        Op::Attention(attention) if of.all_floats() => {
            let attention = *attention;
            Form::one(move |t| {
                let mask = if attention.mask { Some(t.tensor(3)?) } else { None };
                rows::attention(&attention, [t.tensor(0)?, t.tensor(1)?, t.tensor(2)?], mask)
            })
        }
        _ => return None,
    })
}

/// Operations that compute nothing but places and shapes, of any numbers and of truths.
fn moving(op: &Op, of: &Operands<'_>) -> Option<Form> {
    let whole = |n: usize| of.kind(n).is_some();
    Some(match op {
        Op::Reshape | Op::ExpandDims if whole(0) => Form::one(moves::reshape).told(&[1]),
        Op::Squeeze(_) if whole(0) => Form::one(moves::reshape),
        Op::BroadcastTo if whole(0) => Form::one(|t| moves::spread(t, 0)).told(&[1]),
        Op::Fill if whole(1) => Form::one(|t| moves::spread(t, 1)).told(&[0]),
        Op::Transpose if whole(0) => Form::one(moves::transpose).told(&[1]),
        Op::Concat => {
            let last = of.0.len().checked_sub(1)?;
            of.alike(&(0..last).collect::<Vec<_>>())?;
            Form::one(moves::concat).told(&[last])
        }
        Op::Pack(at) => {
            let at = *at;
            of.alike(&(0..of.0.len()).collect::<Vec<_>>())?;
            Form::one(move |t| moves::pack(t, at))
        }
        Op::Split(_) | Op::SplitSizes(_) | Op::Unpack(..) if whole(0) => {
            let op = op.clone();
            Form::many(move |t| moves::split(&op, t)).told(&[1, 2])
        }
        Op::StridedSlice(masks) if whole(0) => {
            let masks = *masks;
            Form::one(move |t| moves::strided(t, &masks)).told(&[1, 2, 3])
        }
        Op::Slice if whole(0) => Form::one(moves::slice).told(&[1, 2]),
        Op::Reverse if whole(0) => Form::one(moves::reverse).told(&[1]),
        Op::Tile if whole(0) => Form::one(moves::tile).told(&[1]),
        Op::Pad if whole(0) => Form::one(moves::pad).told(&[1, 2]),
        Op::MirrorPad { symmetric } if whole(0) => {
            let symmetric = *symmetric;
            Form::one(move |t| moves::mirror(t, symmetric)).told(&[1])
        }
        Op::Gather { batch_dims: 0 } if whole(0) => Form::one(gather::gather).told(&[1, 2]),
        Op::OneHot(at) if of.kind(0) == Some(Kind::I64) && of.alike(&[2, 3]).is_some() => {
            let at = *at;
            Form::one(move |t| moves::one_hot(t, at)).told(&[1])
        }
        Op::SpaceToBatch if whole(0) => Form::one(blocks::space_to_batch).told(&[1, 2]),
        Op::BatchToSpace if whole(0) => Form::one(blocks::batch_to_space).told(&[1, 2]),
        _ => return None,
    })
}
