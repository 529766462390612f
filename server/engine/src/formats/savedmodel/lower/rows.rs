//! Rows of different lengths, sparse arrays, counts, segments.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::DType;
use crate::graph::{Literal, Op, Partition, Rare, Rows, Segment, SetKind, SetOperation};
use std::sync::Arc;

impl Lowering<'_> {
    pub(super) fn rows(&mut self) -> Outcome {
        let attempts = [
            Self::counts,
            Self::segments,
            Self::sparse,
            Self::sets,
            Self::ragged,
            Self::features,
            Self::examples,
            Self::sequences,
        ];
        for attempt in attempts {
            if let Some(lowered) = attempt(self)? {
                return Ok(Some(lowered));
            }
        }
        Ok(None)
    }

    pub(super) fn row(&mut self, least: usize, op: Rows, outputs: usize) -> Outcome {
        self.several(least, Rare::Rows(op), outputs)
    }

    fn counts(&mut self) -> Outcome {
        let binary = self.node.flag("binary_output");
        match self.node.op.as_str() {
            "DenseBincount" => self.row(3, Rows::Bincount { binary }, 1),
            "Bincount" => {
                let [x, size, weights] = self.want(3)?[..3] else { return Ok(None) };
                let flat = self.ints(vec![-1])?;
                let x = self.add(Op::Reshape, vec![x, flat])?;
                let weights = self.add(Op::Reshape, vec![weights, flat])?;
                self.emit(rare(Rare::Rows(Rows::Bincount { binary: false })), vec![x, size, weights])
            }
            "RaggedBincount" => self.row(4, Rows::RaggedBincount { binary }, 1),
            "SparseBincount" => self.row(5, Rows::SparseBincount { binary }, 1),
            "Bucketize" => {
                let bounds = match self.node.attribute("boundaries") {
                    Some(Attr::List(list)) => list.f.clone(),
                    _ => Vec::new(),
                };
                if !bounds.is_sorted() {
                    return Self::refuse("its boundaries are not in order");
                }
                self.row(1, Rows::Bucketize(bounds), 1)
            }
            "Where" => self.row(1, Rows::Where, 1),
            "Unique" => {
                let x = self.want(1)?[0];
                self.emit_many(rare(Rare::Rows(Rows::Unique)), vec![x], 3)
            }
            "UniqueV2" | "UniqueWithCountsV2" => self.row(2, Rows::Unique, 3),
            "UniqueWithCounts" => self.row(1, Rows::Unique, 3),
            _ => Ok(None),
        }
    }

    fn segments(&mut self) -> Outcome {
        let op = self.node.op.as_str();
        let (name, sparse) = match op.strip_prefix("SparseSegment") {
            Some(name) => (name, true),
            None => (op, false),
        };
        let name = name.trim_end_matches("WithNumSegments");
        // The second version is told how many segments there are.
        let (name, counted) = name.strip_suffix("V2").map_or((name, false), |name| (name, true));
        let unsorted = name.starts_with("UnsortedSegment") || counted && name.starts_with("Segment");
        let Some(kind) = (match name.trim_start_matches("Unsorted").trim_start_matches("Segment") {
            "Sum" => Some(Segment::Sum),
            "Mean" => Some(Segment::Mean),
            "SqrtN" => Some(Segment::SqrtN),
            "Prod" => Some(Segment::Prod),
            "Max" => Some(Segment::Max),
            "Min" => Some(Segment::Min),
            _ => None,
        }) else {
            return Ok(None);
        };
        let rows = match (sparse, unsorted, name.starts_with("Segment")) {
            (true, ..) => Rows::SparseSegments(kind),
            (_, true, _) => Rows::UnsortedSegments(kind, self.node.dtype("T").unwrap_or(DType::F32)),
            (.., true) => Rows::Segments(kind),
            // The same words are reductions.
            _ => return Ok(None),
        };
        self.wrapping(if sparse || unsorted { 3 } else { 2 }, Rare::Rows(rows))
    }

    fn sparse(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "SparseToDense" => self.row(4, Rows::SparseToDense, 1),
            "SparseTensorDenseMatMul" => {
                let (adjoint_a, adjoint_b) = (self.node.flag("adjoint_a"), self.node.flag("adjoint_b"));
                self.row(4, Rows::SparseMatMul { adjoint_a, adjoint_b }, 1)
            }
            "SparseReorder" => {
                let inputs = self.want(3)?[..2].to_vec();
                self.emit_many(rare(Rare::Rows(Rows::SparseReorder)), inputs, 2)
            }
            "SparseReshape" => self.row(3, Rows::SparseReshape, 2),
            "SparseFillEmptyRows" => self.row(4, Rows::SparseFillEmpty, 4),
            "SparseConcat" => {
                let axis = self.node.int("concat_dim").unwrap_or(0);
                self.row(3, Rows::SparseConcat(axis), 3)
            }
            "SparseSlice" => self.row(5, Rows::SparseSlice, 3),
            "SparseReduceSum" | "SparseReduceMax" => {
                let (max, keep) = (self.node.op.ends_with("Max"), self.node.flag("keep_dims"));
                self.row(4, Rows::SparseReduce { max, keep }, 1)
            }
            "SparseReduceSumSparse" | "SparseReduceMaxSparse" => {
                if self.node.flag("keep_dims") {
                    return Self::refuse("axes that are kept, which TensorFlow leaves unset");
                }
                let max = self.node.op.contains("Max");
                self.row(4, Rows::SparseReduceToSparse { max }, 3)
            }
            "SparseSparseMaximum" | "SparseSparseMinimum" => {
                let max = self.node.op.ends_with("Maximum");
                self.row(6, Rows::SparseExtreme { max }, 2)
            }
            "SparseSplit" => {
                let parts = self.count("num_split");
                self.row(4, Rows::SparseSplit(parts), parts.saturating_mul(3))
            }
            _ => Ok(None),
        }
    }

    fn sets(&mut self) -> Outcome {
        let (first_sparse, inputs) = match self.node.op.as_str() {
            "SetSize" => return self.row(3, Rows::SetSizes, 1),
            "DenseToDenseSetOperation" => (false, 2),
            "DenseToSparseSetOperation" => (false, 4),
            "SparseToSparseSetOperation" => (true, 6),
            _ => return Ok(None),
        };
        let kind = match self.node.text("set_operation").unwrap_or_default().to_ascii_lowercase().as_str() {
            "a-b" => SetKind::FirstOnly,
            "b-a" => SetKind::SecondOnly,
            "intersection" => SetKind::Both,
            "union" => SetKind::Either,
            _ => return Self::refuse("what it does with sets"),
        };
        self.row(inputs, Rows::SetOperation(SetOperation { kind, first_sparse }), 3)
    }

    fn ragged(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "RaggedRange" => self.row(3, Rows::RaggedRange, 2),
            "RaggedGather" => {
                let levels = self.count("PARAMS_RAGGED_RANK");
                let outputs = self.count("OUTPUT_RAGGED_RANK").saturating_add(1);
                if levels == 0 || levels > self.inputs.len() {
                    return Self::refuse("of what is not ragged");
                }
                self.row(levels + 2, Rows::RaggedGather { levels }, outputs)
            }
            "RaggedTensorToSparse" => self.row(2, Rows::RaggedToSparse, 3),
            "RaggedTensorToTensor" => {
                let types = self.node.texts("row_partition_types");
                let how = match types.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
                    [b"FIRST_DIM_SIZE", ref ids @ ..]
                        if !ids.is_empty() && ids.iter().all(|t| t == b"VALUE_ROWIDS") =>
                    {
                        Partition::Ids
                    }
                    ref splits if !splits.is_empty() && splits.iter().all(|t| t == b"ROW_SPLITS") => {
                        Partition::Splits
                    }
                    _ => return Self::refuse("its kind of rows"),
                };
                self.row(3 + types.len(), Rows::RaggedToDense(how), 1)
            }
            _ => Ok(None),
        }
    }

    /// A constant of strings.
    pub(super) fn strings(
        &mut self,
        texts: Vec<Vec<u8>>,
    ) -> Result<crate::graph::ValueId, crate::EngineError> {
        let shape = vec![texts.len()];
        self.add(Op::Literal(Arc::new(Literal::Text(texts, shape))), Vec::new())
    }
}
