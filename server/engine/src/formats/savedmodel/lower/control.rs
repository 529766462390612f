//! Lists, and the arrays of TensorFlow 1, which are lists too.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::{Lowering, Outcome};
use crate::graph::{Listing, Literal, Op, ValueId};
use crate::value::Kind;
use crate::{DType, EngineError};
use std::sync::Arc;

/// TensorFlow's number for a value of any kind, which in graphs that are served is a list.
const VARIANT: i32 = 21;

impl Lowering<'_> {
    /// What gradients of loops are summed up in.
    pub(super) fn sums_of_lists(&mut self) -> Outcome {
        if !matches!(self.node.attribute("T"), Some(Attr::Type(VARIANT))) {
            return Ok(None);
        }
        match self.node.op.as_str() {
            "ZerosLike" => self.list(1, Listing::Zeros),
            "AddN" | "Add" | "AddV2" => self.list(1, Listing::Sum),
            _ => Ok(None),
        }
    }

    pub(super) fn listing(&mut self) -> Outcome {
        if self.node.op.starts_with("TensorArray") {
            return self.array();
        }
        if self.node.op == "EmptyTensorList" {
            return self.list(1, Listing::Empty);
        }
        match self.node.op.as_str() {
            "SerializeSparse" | "SerializeManySparse" => {
                if !matches!(self.node.attribute("out_type"), Some(Attr::Type(VARIANT))) {
                    return Self::refuse("as texts");
                }
                return self.list(3, Listing::WrapSparse { batched: self.node.op.contains("Many") });
            }
            "DeserializeSparse" => {
                let Some(kind) = self.kind("dtype") else {
                    return Self::refuse("of a type that is not supported");
                };
                let inputs = self.want(1)?.to_vec();
                return self.emit_many(Op::List(Listing::UnwrapSparse(kind)), inputs, 3);
            }
            "RaggedTensorToVariant" => {
                return self.list(1, Listing::Wrap { batched: self.node.flag("batched_input") });
            }
            "RaggedTensorFromVariant" => {
                let levels = self.count("output_ragged_rank");
                let Some(kind) = self.kind("Tvalues") else {
                    return Self::refuse("of a type that is not supported");
                };
                let inputs = self.want(1)?.to_vec();
                let op = Op::List(Listing::Unwrap { kind, levels });
                return self.emit_many(op, inputs, levels.saturating_add(1));
            }
            _ => {}
        }
        let Some(name) = self.node.op.strip_prefix("TensorList") else { return Ok(None) };
        let name = name.to_owned();
        let Some(kind) = self.kind("element_dtype") else {
            return Self::refuse("of a type that is not supported");
        };
        match name.as_str() {
            "Length" => self.list(1, Listing::Length),
            "Resize" => self.list(2, Listing::Resize),
            "ElementShape" => self.list(1, Listing::Shape),
            "Reserve" => self.list(2, Listing::Reserve),
            "FromTensor" => self.list(1, Listing::FromTensor),
            "SetItem" => {
                self.list(3, Listing::Set { grows: self.node.flag("resize_if_index_out_of_bounds") })
            }
            "GetItem" => self.list(3, Listing::Get(kind)),
            "Stack" => self.list(2, Listing::Stack(kind)),
            "Gather" => self.list(3, Listing::Gather(kind)),
            "PushBack" => self.list(2, Listing::Push),
            "ConcatLists" => self.list(2, Listing::Join),
            "ScatterIntoExistingList" => self.list(3, Listing::ScatterInto),
            "PopBack" => self.two(2, Listing::Pop(kind)),
            "Concat" | "ConcatV2" => {
                if self.inputs.len() < 2 {
                    // The older form has the shape as an attribute.
                    let shape = self.said_shape("element_shape")?;
                    self.inputs.push(shape);
                }
                self.two(2, Listing::Concat(kind))
            }
            "Split" => {
                let [x, _, lengths] = self.want(3)?[..3] else { return Ok(None) };
                self.emit(Op::List(Listing::Split), vec![x, lengths])
            }
            "Scatter" | "ScatterV2" => self.scatter(),
            _ => Ok(None),
        }
    }

    fn scatter(&mut self) -> Outcome {
        let inputs = self.want(2)?;
        let mut picked = vec![inputs[0], inputs[1]];
        picked.extend(inputs.get(3));
        self.emit(Op::List(Listing::Scatter), picked)
    }

    /// Arrays, without what they are known by: the last input is the array as it is.
    fn array(&mut self) -> Outcome {
        let Some(kind) = self.kind("dtype").or_else(|| self.kind("T")) else {
            return Self::refuse("of a type that is not supported");
        };
        let Some(list) = self.inputs.last().copied() else {
            return Ok(None);
        };
        match self.node.op.as_str() {
            "TensorArraySizeV3" => self.emit(Op::List(Listing::Length), vec![list]),
            "TensorArrayReadV3" => {
                let index = self.want(2)?[0];
                let shape = self.said_shape("element_shape")?;
                self.emit(Op::List(Listing::Get(kind)), vec![list, index, shape])
            }
            "TensorArrayGatherV3" => {
                let indices = self.want(2)?[0];
                let shape = self.said_shape("element_shape")?;
                self.emit(Op::List(Listing::Gather(kind)), vec![list, indices, shape])
            }
            "TensorArrayConcatV3" => {
                let shape = self.said_shape("element_shape")?;
                self.emit_many(Op::List(Listing::Concat(kind)), vec![list, shape], 2)
            }
            "TensorArrayWriteV3" => {
                let [index, x, list] = self.want(3)?[..3] else { return Ok(None) };
                self.emit(Op::List(Listing::Set { grows: true }), vec![list, index, x])
            }
            "TensorArrayScatterV3" => {
                let [indices, x, list] = self.want(3)?[..3] else { return Ok(None) };
                self.emit(Op::List(Listing::ScatterInto), vec![list, x, indices])
            }
            "TensorArraySplitV3" => {
                let [x, lengths] = self.want(3)?[..2] else { return Ok(None) };
                self.emit(Op::List(Listing::Split), vec![x, lengths])
            }
            _ => Ok(None),
        }
    }

    fn list(&mut self, least: usize, op: Listing) -> Outcome {
        self.simple(least, Op::List(op))
    }

    fn two(&mut self, least: usize, op: Listing) -> Outcome {
        let inputs = self.want(least)?.to_vec();
        self.emit_many(Op::List(op), inputs, 2)
    }

    /// What the elements of a list are. A list that says nothing of it is one of anything.
    fn kind(&self, attribute: &str) -> Option<Kind> {
        Some(match self.node.attribute(attribute) {
            Some(Attr::Type(VARIANT)) => Kind::List,
            Some(Attr::Type(_)) => match self.node.dtype(attribute)? {
                DType::F32 | DType::F16 | DType::BF16 => Kind::F32,
                DType::F64 => Kind::F64,
                DType::Bool => Kind::Bool,
                DType::String => Kind::Text,
                _ => Kind::I64,
            },
            _ => Kind::F32,
        })
    }

    /// A shape that is an attribute, as an input.
    fn said_shape(&mut self, attribute: &str) -> Result<ValueId, EngineError> {
        let shape = shape_literal(self.node.attribute(attribute));
        self.add(Op::Literal(Arc::new(shape)), Vec::new())
    }
}

/// A shape as a value: -1 alone if nothing is known of it.
pub fn shape_literal(attribute: Option<&Attr>) -> Literal {
    match attribute {
        Some(Attr::Shape(shape)) if !shape.unknown_rank => {
            let dims: Vec<i64> = shape.dim.iter().map(|d| d.size).collect();
            let rank = dims.len();
            Literal::I64(dims, vec![rank])
        }
        _ => Literal::I64(vec![-1], Vec::new()),
    }
}
