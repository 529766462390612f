//! Serialized `tf.train.SequenceExample`s.

use super::super::attributes::Attributes as _;
use super::examples::features;
use super::rare::rare;
use super::{Lowered, Lowering, Outcome};
use crate::graph::{Rare, Rows, Sequences};

impl Lowering<'_> {
    pub(super) fn sequences(&mut self) -> Outcome {
        let op = self.node.op.as_str();
        if !matches!(op, "ParseSequenceExample" | "ParseSequenceExampleV2" | "ParseSingleSequenceExample") {
            return Ok(None);
        }
        let context = features(
            self.node,
            ["context_sparse_types", "context_ragged_value_types"],
            ["Tcontext_dense", "context_dense_shapes"],
        );
        let steps = features(
            self.node,
            ["feature_list_sparse_types", "feature_list_ragged_value_types"],
            ["feature_list_dense_types", "feature_list_dense_shapes"],
        );
        let (Some(context), Some(steps)) = (context, steps) else {
            return Self::refuse("features of a type or shape that is not supported");
        };
        let (whole, of_steps) = (context.dense.len(), steps.dense.len());
        let inputs = match op {
            "ParseSequenceExampleV2" => {
                let all = self.want(9 + whole)?;
                [&all[..1], &all[2..9], &all[9..9 + whole]].concat()
            }
            "ParseSequenceExample" => {
                let all = self.want(2 + whole)?.to_vec();
                let mut keys = Vec::new();
                for name in ["context_sparse_keys", "context_dense_keys", "", "feature_list_sparse_keys"] {
                    keys.push(self.strings(self.node.texts(name))?);
                }
                for name in ["feature_list_dense_keys", "", "feature_list_dense_missing_assumed_empty"] {
                    keys.push(self.strings(self.node.texts(name))?);
                }
                [&all[..1], &keys, &all[2..2 + whole]].concat()
            }
            _ => {
                let (a, b, c) = (context.sparse.len(), whole, steps.sparse.len());
                let all = self.want(2 + a + b + c + of_steps + whole)?.to_vec();
                let (keys, defaults) = all[2..].split_at(a + b + c + of_steps);
                let none = self.strings(Vec::new())?;
                let [sparse, dense] = [&keys[..a], &keys[a..a + b]];
                let [steps_sparse, steps_dense] = [&keys[a + b..a + b + c], &keys[a + b + c..]];
                let (sparse, dense) = (self.packed(sparse)?, self.packed(dense)?);
                let (steps_sparse, steps_dense) = (self.packed(steps_sparse)?, self.packed(steps_dense)?);
                let keys = [sparse, dense, none, steps_sparse, steps_dense, none, all[1]];
                [&all[..1], &keys, &defaults[..whole]].concat()
            }
        };
        let outputs = context.sparse.len() * 3 + whole + context.ragged.len() * 2;
        let outputs = outputs + steps.sparse.len() * 3 + of_steps * 2 + steps.ragged.len() * 3;
        let made = self.emit_many(
            rare(Rare::Rows(Rows::ParseSequence(Sequences { context, steps }))),
            inputs,
            outputs,
        )?;
        match made {
            // Of one example it is not said how many steps there are.
            Some(Lowered::Values(mut values)) if self.node.op == "ParseSingleSequenceExample" => {
                values.truncate(outputs - of_steps);
                Ok(Some(Lowered::Values(values)))
            }
            made => Ok(made),
        }
    }
}
