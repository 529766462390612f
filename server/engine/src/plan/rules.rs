//! What follows from shapes alone: for each operation, the shapes of its results, and an error where its inputs cannot fit.
//!
//! An extent that a request decides is unknown, and so is a whole shape where an operation makes it of values. Short integer values
//! are followed too, number by number, because models compute shapes with them. What an operation is not known to do to shapes
//! leaves its results unknown; it is never an error.

mod layers;
mod moves;
mod numbers;
mod parts;
mod seldom;
#[cfg(test)]
mod tests;

use crate::EngineError;
use crate::graph::{Op, Prologue, Rare, Text};
use crate::kernels::fail;
use crate::value::{Kind, Value};

/// Extents as far as they are known.
pub type Extents = Vec<Option<usize>>;
/// The numbers of an integer value as far as they are known, row by row.
pub type Numbers = Vec<Option<i64>>;
/// What a rule finds.
pub type Found = Result<Known, EngineError>;

/// Integer values longer than this are not followed.
const MOST_NUMBERS: usize = 64;

/// What is known of a value before it is computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub shape: Option<Extents>,
    pub numbers: Option<Numbers>,
}

impl Known {
    /// Nothing but the shape.
    pub fn shaped(shape: Extents) -> Self {
        Self { shape: Some(shape), numbers: None }
    }

    /// All of a constant.
    pub fn constant(value: &Value) -> Self {
        let numbers = (value.kind() == Kind::I64 && value.elem_count() <= MOST_NUMBERS)
            .then(|| value.slice::<i64>().ok().map(|v| v.iter().copied().map(Some).collect()))
            .flatten();
        Self { shape: Some(value.dims().iter().copied().map(Some).collect()), numbers }
    }

    /// Integers of a shape that is known.
    fn integers(numbers: Numbers, shape: Extents) -> Self {
        let numbers = (numbers.len() <= MOST_NUMBERS).then_some(numbers);
        Self { shape: Some(shape), numbers }
    }

    /// The shape, if all of it is known.
    pub fn dims(&self) -> Option<Vec<usize>> {
        self.shape.as_ref()?.iter().copied().collect()
    }

    /// The numbers, if all of them are known.
    fn whole(&self) -> Option<Vec<i64>> {
        self.numbers.as_ref()?.iter().copied().collect()
    }

    /// Whether a value is what was known of it.
    pub fn holds(&self, value: &Value) -> bool {
        let extents = |shape: &Extents| {
            shape.len() == value.rank()
                && shape.iter().zip(value.dims()).all(|(d, is)| d.is_none_or(|d| d == *is))
        };
        let numbers = |numbers: &Numbers| match value.slice::<i64>() {
            Ok(are) => {
                are.len() == numbers.len()
                    && numbers.iter().zip(are).all(|(n, is)| n.is_none_or(|n| n == *is))
            }
            Err(_) => false,
        };
        self.shape.as_ref().is_none_or(extents) && self.numbers.as_ref().is_none_or(numbers)
    }

    /// The one number of a value, if it is known.
    fn number(&self) -> Option<i64> {
        match self.numbers.as_deref() {
            Some([number]) => *number,
            _ => None,
        }
    }

    fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }
}

/// What an operation makes of its inputs: one for each of `outputs` results.
pub fn results(op: &Op, inputs: &[&Known], outputs: usize) -> Result<Vec<Known>, EngineError> {
    match op {
        Op::Split(parts) => return parts::split(inputs, *parts, outputs),
        Op::SplitSizes(_) => return parts::split_sizes(inputs, outputs),
        Op::Unpack(axis, count) => return parts::unpack(inputs, *axis, *count, outputs),
        Op::TopK => return parts::top_k(inputs, outputs),
        Op::Neighbours(index) => return layers::neighbours(inputs, index.width(), outputs),
        Op::Text(Text::Tokenize(_)) => {
            let rows = inputs.first().and_then(|x| x.shape.as_ref()?.first().copied().flatten());
            return Ok(vec![Known::shaped(vec![rows, None]); outputs]);
        }
        _ => {}
    }
    let first = one(op, inputs)?;
    let mut all = vec![Known::default(); outputs];
    if let [only] = &mut all[..] {
        *only = first;
    }
    Ok(all)
}

/// What a product multiplies, by what its prologue reads.
pub fn entered(prologue: Option<&Prologue>, x: &Known, rest: &[&Known]) -> Found {
    layers::entered(prologue, x, rest)
}

/// What two values broadcast to.
pub fn broadcast(a: &Known, b: &Known) -> Found {
    numbers::broadcast_all(&[a, b])
}

fn one(op: &Op, inputs: &[&Known]) -> Found {
    let nothing = Known::default();
    let at = |n: usize| inputs.get(n).copied().unwrap_or(&nothing);
    let x = at(0);
    match op {
        Op::Unary(_) | Op::Activate(_) | Op::Softmax { .. } | Op::Reverse | Op::LayerNorm(_) => {
            Ok(Known { shape: x.shape.clone(), numbers: None })
        }
        Op::Cast(to) => Ok(numbers::cast(x, *to)),
        Op::Binary(f) => numbers::binary(*f, x, at(1)),
        Op::Compare(_) => numbers::broadcast_all(&[x, at(1)]),
        Op::Chain(_) => numbers::broadcast_all(inputs),
        Op::Select => numbers::select(x, at(1), at(2)),
        Op::MatMul { transpose_a, transpose_b } => layers::matmul(x, at(1), *transpose_a, *transpose_b),
        Op::Dense(_) => layers::dense(x, at(1)),
        Op::Conv(conv) => layers::conv(x, at(1), conv),
        Op::Depthwise(conv) => layers::depthwise(x, at(1), conv),
        Op::Product(product) => layers::product(inputs, product),
        Op::ConvTranspose(_) => Ok(layers::conv_transposed(x, at(1), at(2))),
        Op::Pool(pool) => layers::pool(x, pool),
        Op::Resize(_) => layers::resize(x, at(1)),
        Op::Reduce { kind, keep } => numbers::reduce(*kind, *keep, x, at(1)),
        Op::ArgExtreme { .. } => moves::without_axis(x, at(1)),
        Op::Reshape => moves::reshape(x, at(1)),
        Op::BroadcastTo | Op::Fill | Op::Range => spread(op, x, at(1), at(2)),
        Op::Transpose => moves::transpose(x, at(1)),
        Op::ExpandDims => moves::expand_dims(x, at(1)),
        Op::Squeeze(axes) => moves::squeeze(x, axes),
        Op::Concat => parts::concat(inputs),
        Op::Pack(axis) => parts::pack(inputs, *axis),
        Op::StridedSlice(masks) => parts::strided(x, at(1), at(2), at(3), masks),
        Op::Slice => parts::slice(x, at(1), at(2)),
        Op::Tile => moves::tile(x, at(1)),
        Op::Gather { batch_dims: 0 } => parts::gather(x, at(1), at(2)),
        Op::Pad => moves::pad(x, at(1), None),
        Op::MirrorPad { symmetric } => moves::pad(x, at(1), Some(usize::from(!symmetric))),
        Op::Shape => Ok(numbers::shape(x)),
        Op::Size | Op::Rank => Ok(numbers::measure(op, x)),
        Op::OneHot(axis) => moves::one_hot(x, at(1), *axis),
        Op::Forest(forest) => layers::forest(x, forest.features(), forest.outputs()),
        Op::CutForest(forest) => layers::scores(x, forest.dimensions()),
        Op::Lookup(_) => Ok(Known { shape: x.shape.clone(), numbers: None }),
        Op::Text(text) if text.is_by_element() => Ok(Known { shape: x.shape.clone(), numbers: None }),
        Op::Rare(rare) => match &**rare {
            Rare::Running { .. }
            | Rare::Function(_)
            | Rare::Narrow(_)
            | Rare::NarrowBits { .. }
            | Rare::BandPart
            | Rare::Roll
            | Rare::ReverseSequence { .. } => Ok(Known { shape: x.shape.clone(), numbers: None }),
            Rare::Image(image) => Ok(layers::imaging(image, x, at(1), at(2))),
            Rare::Pairing(_) => numbers::broadcast_all(&[x, at(1)]),
            other => Ok(seldom::rare(other, inputs)),
        },
        _ => Ok(nothing),
    }
}

/// What is filled by a few numbers.
fn spread(op: &Op, first: &Known, second: &Known, third: &Known) -> Found {
    match op {
        Op::BroadcastTo => {
            let told = moves::as_told(second);
            if let (Some(from), Some(to)) = (first.dims(), told.dims())
                && numbers::broadcast(&extents(&from), &extents(&to)).ok() != Some(extents(&to))
            {
                return Err(fail(format!("a value of shape {from:?} cannot be spread over {to:?}")));
            }
            Ok(told)
        }
        Op::Fill => Ok(moves::as_told(first)),
        _ => Ok(numbers::range(first, second, third)),
    }
}

fn extents(dims: &[usize]) -> Extents {
    dims.iter().copied().map(Some).collect()
}

/// An axis, counted from the end if it is negative.
fn axis(at: i64, rank: usize) -> Result<usize, EngineError> {
    crate::kernels::axis(at, rank)
}

/// For errors: `?` stands for what is not known.
pub fn show(shape: &[Option<usize>]) -> String {
    let all: Vec<String> =
        shape.iter().map(|d| d.map_or_else(|| "?".to_owned(), |d| d.to_string())).collect();
    format!("[{}]", all.join(", "))
}
