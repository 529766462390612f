//! What the results of operations are made of, as far as it follows from the operation and its operands.

use crate::graph::{Function, Imaging, Op, Rare, Text};
use crate::value::Kind;

/// One for each result; None: it is not known here.
pub fn results(op: &Op, inputs: &[Option<Kind>], outputs: usize) -> Vec<Option<Kind>> {
    let at = |n: usize| inputs.get(n).copied().flatten();
    let one = match op {
        Op::TopK => return vec![at(0), Some(Kind::I64)],
        Op::Text(Text::Tokenize(_)) => return vec![Some(Kind::I64); outputs],
        Op::Compare(_) => Some(Kind::Bool),
        Op::Shape | Op::Size | Op::Rank | Op::ArgExtreme { .. } => Some(Kind::I64),
        Op::Cast(to) => Some(Kind::of(*to)),
        Op::Select | Op::Fill | Op::Lookup(_) => at(1),
        Op::ConvTranspose(_) | Op::OneHot(_) => at(2),
        Op::Dense(_) | Op::Conv(_) | Op::Depthwise(_) | Op::Product(_) | Op::Pool(_) | Op::Recurrent(_) => {
            Some(Kind::F32)
        }
        Op::Resize(how) if how.bilinear => Some(Kind::F32),
        Op::Rare(rare) => of_rare(rare, at(0), at(1)),
        Op::Unary(_)
        | Op::Binary(_)
        | Op::MatMul { .. }
        | Op::Reduce { .. }
        | Op::Softmax { .. }
        | Op::Reshape
        | Op::BroadcastTo
        | Op::Transpose
        | Op::Concat
        | Op::Split(_)
        | Op::SplitSizes(_)
        | Op::Pack(_)
        | Op::Unpack(..)
        | Op::ExpandDims
        | Op::Squeeze(_)
        | Op::StridedSlice(_)
        | Op::Slice
        | Op::Reverse
        | Op::Tile
        | Op::Gather { .. }
        | Op::Pad
        | Op::MirrorPad { .. }
        | Op::Range
        | Op::SpaceToBatch
        | Op::BatchToSpace
        | Op::Resize(_)
        | Op::Activate(_)
        | Op::Chain(_)
        | Op::LayerNorm(_)
        | Op::Attention(_) => at(0),
        _ => None,
    };
    vec![one; outputs]
}

fn of_rare(rare: &Rare, first: Option<Kind>, second: Option<Kind>) -> Option<Kind> {
    match rare {
        Rare::Function(Function::IsFinite | Function::IsInf | Function::IsNan)
        | Rare::ApproximateEqual(_)
        | Rare::InTopK => Some(Kind::Bool),
        Rare::Function(_)
        | Rare::Pairing(_)
        | Rare::Running { .. }
        | Rare::Einsum(_)
        | Rare::BandPart
        | Rare::GatherNd
        | Rare::TensorScatter(_)
        | Rare::StridedSliceUpdate(_)
        | Rare::Roll
        | Rare::ReverseSequence { .. }
        | Rare::EnsureShape(_)
        | Rare::Narrow(_)
        | Rare::Image(
            Imaging::Conv3d(_)
            | Imaging::Depthwise(_)
            | Imaging::Pool3d { .. }
            | Imaging::Lrn { .. }
            | Imaging::SpaceToDepth(_)
            | Imaging::DepthToSpace(_),
        ) => first,
        Rare::SelectRows | Rare::ScatterNd => second,
        _ => None,
    }
}
