//! What moves elements by indices, and diagonals of matrices.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::DType;
use crate::graph::{Align, Literal, Masks, Op, Rare, Update};
use std::sync::Arc;

impl Lowering<'_> {
    pub(super) fn places(&mut self) -> Outcome {
        let scatter = |how| Rare::TensorScatter(how);
        match self.node.op.as_str() {
            "GatherNd" | "ResourceGatherNd" => self.rarely(2, Rare::GatherNd),
            "ScatterNd" => self.wrapping(3, Rare::ScatterNd),
            "TensorScatterUpdate" => self.rarely(3, scatter(Update::Replace)),
            "TensorScatterAdd" => self.wrapping(3, scatter(Update::Add)),
            "TensorScatterSub" => self.wrapping(3, scatter(Update::Sub)),
            "TensorScatterMax" => self.rarely(3, scatter(Update::Max)),
            "TensorScatterMin" => self.rarely(3, scatter(Update::Min)),
            "TensorStridedSliceUpdate" => {
                let masks = self.masks();
                self.rarely(5, Rare::StridedSliceUpdate(masks))
            }
            "Roll" => self.rarely(3, Rare::Roll),
            "ReverseSequence" => {
                let (sequence, batch) =
                    (self.node.int("seq_dim").unwrap_or(0), self.node.int("batch_dim").unwrap_or(0));
                self.rarely(2, Rare::ReverseSequence { sequence, batch })
            }
            "UnravelIndex" => self.rarely(2, Rare::UnravelIndex),
            "InvertPermutation" => self.rarely(1, Rare::InvertPermutation),
            "LowerBound" => self.rarely(2, Rare::SearchSorted { upper: false }),
            "UpperBound" => self.rarely(2, Rare::SearchSorted { upper: true }),
            "BroadcastArgs" => self.rarely(2, Rare::BroadcastArgs),
            "Select" | "BatchSelect" => self.rarely(3, Rare::SelectRows),
            _ => Ok(None),
        }
    }

    pub(super) fn lists(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "ListDiff" => {
                let inputs = self.want(2)?.to_vec();
                self.emit_many(rare(Rare::ListDiff), inputs, 2)
            }
            "DynamicPartition" => {
                let inputs = self.want(2)?.to_vec();
                let count = self.count("num_partitions");
                self.emit_many(rare(Rare::DynamicPartition(count)), inputs, count)
            }
            "DynamicStitch" | "ParallelDynamicStitch" => self.rarely(2, Rare::DynamicStitch),
            "Bitcast" => match (self.node.dtype("T"), self.node.dtype("type")) {
                (Some(from), Some(to)) => self.rarely(1, Rare::Bitcast { from, to }),
                _ => Self::refuse("between types that are not supported"),
            },
            "EnsureShape" => match self.node.attribute("shape") {
                Some(Attr::Shape(shape)) if !shape.unknown_rank => {
                    let dims = shape.dim.iter().map(|d| d.size).collect();
                    self.rarely(1, Rare::EnsureShape(dims))
                }
                _ => {
                    let value = self.want(1)?[0];
                    Self::value(value)
                }
            },
            "DeviceIndex" => {
                let names = self.node.texts("device_names");
                let at = names.iter().position(|name| name == b"CPU").unwrap_or(names.len());
                self.emit(Op::Literal(Arc::new(Literal::I64(vec![at as i64], Vec::new()))), Vec::new())
            }
            "ParallelConcat" => {
                let mut inputs = self.want(1)?.to_vec();
                inputs.push(self.ints(vec![0])?);
                self.emit(Op::Concat, inputs)
            }
            "Empty" => {
                let shape = self.want(1)?[0];
                let zero = match self.node.dtype("dtype") {
                    Some(DType::F32 | DType::F16 | DType::BF16) => Literal::F32(vec![0.0], Vec::new()),
                    Some(DType::F64) => Literal::F64(vec![0.0], Vec::new()),
                    Some(DType::Bool) => Literal::Bool(vec![0], Vec::new()),
                    Some(DType::String) => Literal::Text(vec![Vec::new()], Vec::new()),
                    Some(_) => Literal::I64(vec![0], Vec::new()),
                    None => return Self::refuse("of a type that is not supported"),
                };
                let zero = self.add(Op::Literal(Arc::new(zero)), Vec::new())?;
                self.emit(Op::Fill, vec![shape, zero])
            }
            _ => Ok(None),
        }
    }

    pub(super) fn diagonals(&mut self) -> Outcome {
        // The newest form says how short diagonals lie; before it they lay at the left.
        let align = match self.node.text("align") {
            Some(text) => Align { upper_left: text.starts_with("LEFT"), lower_left: text.ends_with("LEFT") },
            None if self.node.op.ends_with("V3") => Align { upper_left: false, lower_left: true },
            None => Align { upper_left: true, lower_left: true },
        };
        match self.node.op.as_str() {
            "MatrixBandPart" | "BatchMatrixBandPart" => self.rarely(3, Rare::BandPart),
            "MatrixDiag" | "BatchMatrixDiag" => {
                let mut inputs = self.want(1)?[..1].to_vec();
                inputs.push(self.ints(vec![0])?);
                self.emit(rare(Rare::MatrixDiag(align)), inputs)
            }
            "MatrixDiagV2" | "MatrixDiagV3" => self.rarely(5, Rare::MatrixDiag(align)),
            "MatrixDiagPart" | "BatchMatrixDiagPart" => {
                let x = self.want(1)?[0];
                let k = self.ints(vec![0])?;
                // Nothing is filled up: one diagonal has one length.
                let [k, padding] = [k, x];
                self.emit(rare(Rare::MatrixDiagPart(align)), vec![x, k, padding])
            }
            "MatrixDiagPartV2" | "MatrixDiagPartV3" => self.rarely(3, Rare::MatrixDiagPart(align)),
            "MatrixSetDiag" | "BatchMatrixSetDiag" => {
                let mut inputs = self.want(2)?[..2].to_vec();
                inputs.push(self.ints(vec![0])?);
                self.emit(rare(Rare::MatrixSetDiag(align)), inputs)
            }
            "MatrixSetDiagV2" | "MatrixSetDiagV3" => self.rarely(3, Rare::MatrixSetDiag(align)),
            "Diag" => self.rarely(1, Rare::Diag),
            "DiagPart" => self.rarely(1, Rare::DiagPart),
            _ => Ok(None),
        }
    }

    pub(super) fn masks(&self) -> Masks {
        let mask = |name| self.node.int(name).unwrap_or(0);
        Masks {
            begin: mask("begin_mask"),
            end: mask("end_mask"),
            ellipsis: mask("ellipsis_mask"),
            new_axis: mask("new_axis_mask"),
            shrink: mask("shrink_axis_mask"),
        }
    }
}
