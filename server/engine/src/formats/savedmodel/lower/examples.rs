//! Serialized `tf.train.Example`s.

use super::super::attributes::Attributes as _;
use super::super::proto::{Attr, NodeDef};
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::graph::{Features, Op, Rare, Rows, ValueId};
use crate::{DType, EngineError};

impl Lowering<'_> {
    pub(super) fn examples(&mut self) -> Outcome {
        let op = self.node.op.as_str();
        if !matches!(op, "ParseExample" | "ParseExampleV2" | "ParseSingleExample") {
            return Ok(None);
        }
        let found = features(self.node, ["sparse_types", "ragged_value_types"], ["Tdense", "dense_shapes"]);
        let Some(features) = found else {
            return Self::refuse("features of a type or shape that is not supported");
        };
        let (sparse, dense, ragged) = (features.sparse.len(), features.dense.len(), features.ragged.len());
        let mut inputs = match op {
            "ParseExampleV2" => {
                let all = self.want(5 + dense)?;
                [&all[..1], &all[2..5], &all[5..5 + dense]].concat()
            }
            "ParseExample" => {
                let all = self.want(2 + sparse + 2 * dense)?.to_vec();
                let (keys, rest) = all[2..].split_at(sparse);
                let (dense_keys, defaults) = rest.split_at(dense);
                let (keys, dense_keys) = (self.packed(keys)?, self.packed(dense_keys)?);
                let none = self.strings(Vec::new())?;
                [&[all[0], keys, dense_keys, none], defaults].concat()
            }
            _ => {
                let all = self.want(1 + dense)?.to_vec();
                let keys = self.strings(self.node.texts("sparse_keys"))?;
                let dense_keys = self.strings(self.node.texts("dense_keys"))?;
                let none = self.strings(Vec::new())?;
                [&[all[0], keys, dense_keys, none], &all[1..]].concat()
            }
        };
        inputs.truncate(4 + dense);
        let outputs = sparse * 3 + dense + ragged * 2;
        self.emit_many(rare(Rare::Rows(Rows::ParseExample(features))), inputs, outputs)
    }

    pub(super) fn packed(&mut self, keys: &[ValueId]) -> Result<ValueId, EngineError> {
        if keys.is_empty() { self.strings(Vec::new()) } else { self.add(Op::Pack(0), keys.to_vec()) }
    }
}

/// What is parsed, by attributes. None: something that is not supported, or lists that do not fit each other.
pub fn features(
    node: &NodeDef,
    [sparse, ragged]: [&str; 2],
    [dense, dense_shapes]: [&str; 2],
) -> Option<Features> {
    let types = |name: &str| -> Option<Vec<DType>> {
        node.dtypes(name).filter(|t| t.iter().all(|t| matches!(t, DType::F32 | DType::I64 | DType::String)))
    };
    let shapes = match node.attribute(dense_shapes) {
        Some(Attr::List(list)) => list.shapes.as_slice(),
        _ => &[],
    };
    let dense_types = types(dense)?;
    if shapes.len() != dense_types.len() || shapes.iter().any(|s| s.unknown_rank) {
        return None;
    }
    let extents = shapes.iter().map(|s| s.dim.iter().map(|d| usize::try_from(d.size).ok()).collect());
    let features = Features {
        sparse: types(sparse)?,
        ragged: types(ragged)?,
        dense: dense_types.into_iter().zip(extents).collect(),
    };
    let many = features.sparse.len() + features.ragged.len() + features.dense.len();
    (many <= 1024).then_some(features)
}
