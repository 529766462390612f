//! What single nodes give: variables, tables, calls of functions; all others are lowered.

use super::super::attributes::Attributes as _;
use super::super::lower;
use super::super::proto::NodeDef;
use super::super::variables::{Place, shared_name};
use super::{Context, DEEPEST, MOST_NODES, Val, generators};
use crate::graph::{Op, ValueId};
use crate::{EngineError, UnsupportedOp};

/// Kinds of missing operations that are listed.
const MOST_UNSUPPORTED: usize = 200;

impl<'a> Context<'a> {
    pub(super) fn node(
        &mut self,
        node: &'a NodeDef,
        mut inputs: Vec<Val>,
        depth: usize,
    ) -> Result<Vec<Val>, EngineError> {
        self.looked_at += 1;
        if self.looked_at > MOST_NODES {
            return Err(EngineError::broken("the graph has too many nodes"));
        }
        match node.op.as_str() {
            "VarHandleOp"
            | "HashTableV2"
            | "HashTable"
            | "MutableHashTableV2"
            | "MutableHashTable"
            | "MutableDenseHashTableV2"
            | "MutableDenseHashTable" => return Ok(vec![Val::Resource(shared_name(node))]),
            "VariableV2" | "Variable" => return Ok(vec![self.weight(&shared_name(node))?]),
            "ReadVariableOp" => {
                return match inputs.into_iter().next() {
                    Some(Val::Resource(name)) => Ok(vec![self.weight(&name)?]),
                    // What was assigned before.
                    Some(Val::Value(value)) => Ok(vec![Val::Value(value)]),
                    _ => Ok(vec![Val::Missing]),
                };
            }
            "VarIsInitializedOp" | "IsVariableInitialized" => {
                let yes = Op::Literal(std::sync::Arc::new(crate::graph::Literal::Bool(vec![1], Vec::new())));
                return Ok(vec![Val::Value(self.graph.add(yes, Vec::new(), &node.name)?)]);
            }
            "LookupTableFindV2" | "LookupTableFind" | "LookupTableSizeV2" | "LookupTableSize" => {
                return self.table(node, &inputs);
            }
            "StatefulPartitionedCall" | "PartitionedCall" | "BatchFunction" => {
                return self.call(node, inputs, depth);
            }
            "If" | "StatelessIf" | "Case" | "StatelessCase" => return self.branch(node, inputs, depth),
            "While" | "StatelessWhile" => return self.repeat(node, &inputs, depth),
            "Switch" | "RefSwitch" => {
                self.missing(node, Some("outside of a branch or a loop".to_owned()));
                return Ok(Vec::new());
            }
            "TensorArrayV3" => return self.array(node, &inputs),
            op if op.starts_with("Assign") => {
                return match self.assign(node, &inputs)? {
                    Some(made) => Ok(made),
                    None => {
                        self.missing(node, None);
                        Ok(Vec::new())
                    }
                };
            }
            _ if generators::generates(node) => return self.generator(node, &inputs),
            // The array is what flows; what it is known by says nothing more.
            op if op.starts_with("TensorArray") && !inputs.is_empty() => {
                inputs.remove(0);
            }
            // A variable that is gathered from or measured is read first.
            "ResourceGather" | "ResourceGatherNd" | "VariableShape" => {
                if let Some(Val::Resource(name)) = inputs.first() {
                    let weight = self.weight(&name.clone())?;
                    inputs[0] = weight;
                }
            }
            _ => {}
        }
        if self.graph.nodes.len() >= MOST_NODES {
            return Err(EngineError::broken("the graph has too many nodes"));
        }
        match lower::lower(&mut self.graph, node, &inputs)? {
            lower::Lowered::Values(values) => Ok(values),
            lower::Lowered::Unsupported(detail) => {
                self.missing(node, detail);
                Ok(Vec::new())
            }
        }
    }

    /// A look into a table, which is a constant.
    fn table(&mut self, node: &NodeDef, inputs: &[Val]) -> Result<Vec<Val>, EngineError> {
        let table = match inputs.first() {
            Some(Val::Resource(name)) => self.tables.get(name),
            _ => None,
        };
        let Some(table) = table else {
            self.missing(node, Some("its table is filled in no way that is known".to_owned()));
            return Ok(Vec::new());
        };
        let (op, values) = if node.op.starts_with("LookupTableSize") {
            let size = crate::graph::Literal::I64(vec![table.len() as i64], Vec::new());
            (Op::Literal(std::sync::Arc::new(size)), Vec::new())
        } else {
            let values: Vec<ValueId> = inputs[1..].iter().filter_map(Val::value).collect();
            if values.len() != 2 {
                return Ok(Vec::new());
            }
            (Op::Lookup(table.clone()), values)
        };
        Ok(vec![Val::Value(self.graph.add(op, values, &node.name)?)])
    }

    /// Every kind of missing operation once, with the first node that needs it.
    pub(super) fn missing(&mut self, node: &NodeDef, detail: Option<String>) {
        let known = self.unsupported.iter().any(|u| u.op == node.op && u.detail == detail);
        if !known && self.unsupported.len() < MOST_UNSUPPORTED {
            self.unsupported.push(UnsupportedOp {
                op: node.op.clone(),
                node: node.name.clone(),
                function: self.functions.last().cloned(),
                detail,
            });
        }
    }

    pub(super) fn call(
        &mut self,
        node: &'a NodeDef,
        inputs: Vec<Val>,
        depth: usize,
    ) -> Result<Vec<Val>, EngineError> {
        if depth >= DEEPEST {
            return Err(EngineError::broken("functions call each other too deeply"));
        }
        let name = node.function("f").unwrap_or("");
        let library = self.library;
        let scope = library.function(name).ok_or_else(|| {
            EngineError::broken(format!(
                "node {:?} calls the function {name:?}, which is not there",
                node.name
            ))
        })?;
        let known = scope.arguments.iter().copied().zip(inputs.into_iter().map(|i| vec![i])).collect();
        let wanted: Vec<&'a str> = scope.results.clone();
        self.functions.push(name.to_owned());
        let results = self.evaluate(scope, known, &wanted, depth + 1);
        self.functions.pop();
        results
    }

    pub(super) fn weight(&mut self, variable: &str) -> Result<Val, EngineError> {
        let number = match self.by_variable.get(variable) {
            Some(number) => *number,
            None => {
                let Some(number) = self.find_weight(variable)? else { return Ok(Val::Missing) };
                self.by_variable.insert(variable.to_owned(), number);
                number
            }
        };
        if let Some(value) = self.weight_values.get(&number) {
            return Ok(Val::Value(*value));
        }
        let value = self.graph.add(Op::Weight(number), Vec::new(), variable)?;
        self.weight_values.insert(number, value);
        Ok(Val::Value(value))
    }

    /// None: its values are nowhere, which is noted.
    fn find_weight(&mut self, variable: &str) -> Result<Option<usize>, EngineError> {
        let own = Place::whole(variable);
        let place = match self.variables.get(variable) {
            Some(place) => place,
            None if self.bundle.has(variable) => &own,
            None => {
                let text = format!("variable {variable:?} is not restored from the checkpoint");
                self.lost.get_or_insert(EngineError::broken(text));
                return Ok(None);
            }
        };
        self.weights.find(self.bundle, place).map(Some)
    }
}
