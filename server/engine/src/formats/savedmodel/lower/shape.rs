//! What moves elements and computes shapes.

use super::super::attributes::Attributes as _;
use super::{Lowered, Lowering, Outcome};
use crate::graph::Op;

impl Lowering<'_> {
    pub(super) fn shape(&mut self) -> Outcome {
        let axis = self.node.int("axis").unwrap_or(0);
        match self.node.op.as_str() {
            "Reshape" => self.simple(2, Op::Reshape),
            "BroadcastTo" => self.simple(2, Op::BroadcastTo),
            "Transpose" | "ConjugateTranspose" => self.simple(2, Op::Transpose),
            "ConcatV2" => self.simple(2, Op::Concat),
            "Concat" => {
                // The older form has the axis first.
                let mut inputs = self.want(2)?.to_vec();
                inputs.rotate_left(1);
                self.emit(Op::Concat, inputs)
            }
            "Split" => {
                let inputs = self.want(2)?;
                let inputs = vec![inputs[1], inputs[0]];
                let count = self.count("num_split");
                self.emit_many(Op::Split(count), inputs, count)
            }
            "SplitV" => {
                let inputs = self.want(3)?.to_vec();
                let count = self.count("num_split");
                self.emit_many(Op::SplitSizes(count), inputs, count)
            }
            "Pack" => self.simple(1, Op::Pack(axis)),
            "Unpack" => {
                let inputs = self.want(1)?.to_vec();
                let count = self.count("num");
                self.emit_many(Op::Unpack(axis, count), inputs, count)
            }
            "ExpandDims" => self.simple(2, Op::ExpandDims),
            "Squeeze" => {
                let mut dims = self.node.ints("squeeze_dims");
                dims.extend(self.node.ints("axis"));
                self.simple(1, Op::Squeeze(dims))
            }
            "StridedSlice" => {
                let masks = self.masks();
                self.simple(4, Op::StridedSlice(masks))
            }
            "Slice" => self.simple(3, Op::Slice),
            "ReverseV2" => self.simple(2, Op::Reverse),
            "Tile" => self.simple(2, Op::Tile),
            "GatherV2" => {
                let batch_dims = self.node.int("batch_dims").unwrap_or(0);
                self.simple(3, Op::Gather { batch_dims })
            }
            "Gather" | "ResourceGather" => self.gather_rows(),
            "Pad" | "PadV2" => self.simple(2, Op::Pad),
            "MirrorPad" => {
                let symmetric = self.node.text("mode") == Some("SYMMETRIC");
                self.simple(2, Op::MirrorPad { symmetric })
            }
            "Fill" => self.simple(2, Op::Fill),
            "Shape" | "VariableShape" => self.simple(1, Op::Shape),
            "ShapeN" => self.shapes(),
            "Size" => self.simple(1, Op::Size),
            "Rank" => self.simple(1, Op::Rank),
            "Range" => self.simple(3, Op::Range),
            "OneHot" => self.simple(4, Op::OneHot(self.node.int("axis").unwrap_or(-1))),
            _ => Ok(None),
        }
    }

    pub(super) fn count(&self, attribute: &str) -> usize {
        self.node.int(attribute).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }

    fn gather_rows(&mut self) -> Outcome {
        let batch_dims = self.node.int("batch_dims").unwrap_or(0);
        let mut inputs = self.want(2)?[..2].to_vec();
        let axis = self.ints(vec![batch_dims])?;
        inputs.push(axis);
        self.emit(Op::Gather { batch_dims }, inputs)
    }

    fn shapes(&mut self) -> Outcome {
        let mut shapes = Vec::new();
        for input in self.want(1)?.to_vec() {
            shapes.push(super::Val::Value(self.add(Op::Shape, vec![input])?));
        }
        Ok(Some(Lowered::Values(shapes)))
    }
}
