//! One operation on its values.

use super::access::{axis, int, ints, make};
use super::{
    Value, conv, depthwise, elementwise, fail, indexing, moves, pool, product, reduce, resize, shapes,
    slices, transposed,
};
use crate::EngineError;
use crate::graph::{Compare, Op};
use crate::value::Kind;

/// What an operation gives.
type Values = Result<Vec<Value>, EngineError>;

/// Runs one operation. The number of inputs was checked when the graph was made only as far as TensorFlow's own rules go:
/// here a missing one is an error too.
pub fn run(op: &Op, inputs: &[&Value]) -> Values {
    match op {
        Op::Split(_) | Op::SplitSizes(_) | Op::Unpack(..) => split(op, inputs),
        Op::Compare(compare @ (Compare::Equal | Compare::NotEqual))
            if at(inputs, 0)?.kind() == Kind::Text =>
        {
            let (a, b) = (at(inputs, 0)?, at(inputs, 1)?);
            super::text::equal(a, b, *compare == Compare::Equal).map(|v| vec![v])
        }
        Op::Text(text) => super::text::run(text, inputs),
        Op::Lookup(table) => super::text::lookup(table, at(inputs, 0)?, at(inputs, 1)?).map(|v| vec![v]),
        Op::Neighbours(index) => super::neighbours::run(index, at(inputs, 0)?, at(inputs, 1)?),
        Op::TopK => super::rare::top_k(at(inputs, 0)?, at(inputs, 1)?),
        Op::List(op) => super::control::listing(op, inputs.iter().map(|v| (*v).clone()).collect()),
        Op::Rare(rare) => super::rare::run(rare, inputs),
        _ => single(op, inputs).map(|v| vec![v]),
    }
}

fn at<'v>(inputs: &[&'v Value], n: usize) -> Result<&'v Value, EngineError> {
    inputs.get(n).copied().ok_or_else(|| fail("an operation lacks an input"))
}

fn single(op: &Op, inputs: &[&Value]) -> super::Outcome {
    let x = at(inputs, 0);
    let second = || at(inputs, 1);
    let third = inputs.get(2).copied();
    match op {
        Op::Unary(unary) => elementwise::unary(*unary, x?),
        Op::Binary(binary) => elementwise::binary(*binary, x?, second()?),
        Op::Compare(compare) => elementwise::compare(*compare, x?, second()?),
        Op::Select => shapes::select(x?, second()?, at(inputs, 2)?),
        Op::Cast(to) => shapes::cast(x?, *to),
        Op::MatMul { transpose_a, transpose_b } => product::matmul(x?, second()?, *transpose_a, *transpose_b),
        Op::Dense(activation) => product::dense(x?, second()?, third, *activation),
        Op::Conv(options) => conv::conv(x?, second()?, third, options),
        Op::Depthwise(options) => depthwise::depthwise(x?, second()?, third, options),
        Op::ConvTranspose(options) => transposed::transposed(x?, second()?, at(inputs, 2)?, options),
        Op::Pool(options) => pool::pool(x?, options),
        Op::Reduce { kind, keep } => reduce::reduce(*kind, *keep, x?, second()?),
        Op::Softmax { log } => reduce::softmax(x?, *log),
        Op::ArgExtreme { max } => reduce::arg_extreme(*max, x?, second()?),
        Op::Resize(how) => resize::resize(x?, second()?, how),
        Op::Forest(forest) => super::forest::run(forest, x?),
        Op::CutForest(forest) => super::cuts::run(forest, x?),
        Op::Activate(activation) => super::activate::value(*activation, x?),
        Op::Chain(chain) => super::chain::chain(chain, inputs),
        Op::LayerNorm(norm) => super::layer_norm::layer_norm(norm, inputs),
        Op::Attention(attention) => super::attention::attention(attention, inputs),
        _ => moving(op, inputs),
    }
}

/// Operations that compute nothing but places and shapes.
fn moving(op: &Op, inputs: &[&Value]) -> super::Outcome {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    let third = || at(inputs, 2);
    match op {
        Op::Reshape => shapes::reshape(x, second()?),
        Op::BroadcastTo => shapes::broadcast_to(x, second()?),
        Op::Transpose => shapes::transpose(x, second()?),
        Op::Concat => concat(inputs),
        Op::Pack(along) => pack(inputs, *along),
        Op::ExpandDims => shapes::expand_dims(x, second()?),
        Op::Squeeze(dims) => shapes::squeeze(x, dims),
        Op::StridedSlice(masks) => slices::strided(x, second()?, third()?, at(inputs, 3)?, masks),
        Op::Slice => slices::slice(x, second()?, third()?),
        Op::Reverse => slices::reverse(x, second()?),
        Op::Tile => indexing::tile(x, second()?),
        Op::Gather { batch_dims } => indexing::gather(x, second()?, third()?, *batch_dims),
        Op::Pad => indexing::pad(x, second()?, inputs.get(2).copied()),
        Op::MirrorPad { symmetric } => indexing::mirror_pad(x, second()?, *symmetric),
        Op::Fill => shapes::fill(x, second()?),
        Op::Shape => shapes::shape_of(x),
        Op::Size => make(vec![x.elem_count() as i64], &[]),
        Op::Rank => make(vec![x.rank() as i64], &[]),
        Op::Range => shapes::range(x, second()?, third()?),
        Op::OneHot(along) => shapes::one_hot(x, second()?, third()?, at(inputs, 3)?, *along),
        Op::SpaceToBatch => indexing::space_to_batch(x, second()?, third()?),
        Op::BatchToSpace => indexing::batch_to_space(x, second()?, third()?),
        other => Err(fail(format!("{other:?} cannot be run"))),
    }
}

fn concat(inputs: &[&Value]) -> super::Outcome {
    let Some((along, parts)) = inputs.split_last().filter(|(_, p)| !p.is_empty()) else {
        return Err(fail("a concatenation of nothing"));
    };
    let at = axis(int(along)?, parts[0].rank())?;
    moves::cat(parts, at)
}

fn pack(inputs: &[&Value], along: i64) -> super::Outcome {
    let rank = inputs.first().map_or(0, |x| x.rank());
    moves::stack(inputs, axis(along, rank + 1)?)
}

fn split(op: &Op, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let (at, sizes, squeeze) = match op {
        Op::Split(count) => {
            let at = axis(int(at(inputs, 1)?)?, x.rank())?;
            let size = x.dims()[at];
            if *count == 0 || size % count != 0 {
                return Err(fail(format!("cannot split {size} into {count} equal parts")));
            }
            (at, vec![size / count; *count], false)
        }
        Op::SplitSizes(count) => {
            let along = axis(int(at(inputs, 2)?)?, x.rank())?;
            let sizes = shapes::split_sizes(x.dims()[along], &ints(at(inputs, 1)?)?)?;
            if sizes.len() != *count {
                return Err(fail("a split with another number of parts than outputs"));
            }
            (along, sizes, false)
        }
        Op::Unpack(along, count) => {
            let along = axis(*along, x.rank())?;
            if x.dims()[along] != *count {
                return Err(fail(format!("cannot unpack {:?} into {count}", x.dims())));
            }
            (along, vec![1; *count], true)
        }
        _ => return Err(fail("not a split")),
    };
    let mut from = 0;
    let mut parts = Vec::new();
    for size in sizes {
        let part = moves::narrow(x, at, from, size)?;
        parts.push(if squeeze { shapes::squeeze(&part, &[at as i64])? } else { part });
        from += size;
    }
    Ok(parts)
}
