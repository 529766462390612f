//! An exported program → a graph.

mod graphs;
mod loops;

use super::super::arguments::Call;
use super::super::aten;
use super::super::build::Builder;
use super::super::dtypes::of_export;
use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::super::weights::Weights;
use super::outputs;
use super::schema::{Exported, Graph, Node};
use super::tensors::Tensors;
use crate::formats::Program;
use crate::graph::ValueId;
use crate::{DType, Signature, TensorSpec, UnsupportedOp};
use serde_json::Value;
use std::collections::HashMap;

/// Graphs in graphs.
const DEEPEST: usize = 16;
/// Operations that an error lists.
const MOST_UNSUPPORTED: usize = 256;

/// A program on its way.
pub struct Lowering<'a> {
    exported: &'a Exported,
    tensors: &'a Tensors,
    weights: &'a mut Weights,
    builder: Builder,
    values: HashMap<String, Val>,
    /// Names of weights that nothing has read yet, by the names that the graph gives them.
    waiting: HashMap<String, String>,
    depth: usize,
    pub unsupported: Vec<UnsupportedOp>,
}

impl<'a> Lowering<'a> {
    pub fn new(exported: &'a Exported, tensors: &'a Tensors, weights: &'a mut Weights) -> Self {
        Self {
            exported,
            tensors,
            weights,
            builder: Builder::default(),
            values: HashMap::new(),
            waiting: HashMap::new(),
            depth: 0,
            unsupported: Vec::new(),
        }
    }

    /// The whole program.
    pub fn program(&mut self, name: &str) -> Result<Program> {
        let module = &self.exported.graph_module;
        let inputs = self.inputs()?;
        self.nodes(&module.graph)?;
        let named = outputs::names(module);
        let mut specs = Vec::new();
        let mut values: Vec<ValueId> = Vec::new();
        for (at, spec) in module.signature.output_specs.iter().enumerate() {
            let Some(arg) = spec.get("user_output").and_then(|o| o.get("arg")) else { continue };
            let Val::Tensor(handle) = self.argument(arg)? else { continue };
            let value = self.builder.answer(handle)?;
            let name = named.get(at).cloned().unwrap_or_else(|| format!("output_{}", values.len()));
            let shape = self.builder.shape(value).map(<[_]>::to_vec);
            specs.push(TensorSpec { name, dtype: self.builder.dtype(value), shape });
            values.push(value);
        }
        if values.is_empty() {
            return broken("the program gives no tensor");
        }
        let mut graph = std::mem::take(&mut self.builder.to.graph);
        graph.outputs = values;
        Ok(Program { signature: Signature { name: name.to_owned(), inputs, outputs: specs }, graph })
    }

    /// What the program is called with: what users bring becomes inputs, weights wait until they are read.
    fn inputs(&mut self) -> Result<Vec<TensorSpec>> {
        let module = &self.exported.graph_module;
        let mut specs = Vec::new();
        for spec in &module.signature.input_specs {
            let Some((kind, inner)) = spec.as_object().and_then(|o| o.iter().next()) else {
                return broken("an input of no kind");
            };
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let argument = text(inner.get("arg").and_then(|a| a.get("name")));
            let stored = ["parameter_name", "buffer_name", "tensor_constant_name"];
            let stored = stored.iter().find_map(|field| text(inner.get(*field)));
            match (kind.as_str(), argument, stored) {
                ("parameter" | "buffer" | "tensor_constant", Some(argument), Some(stored)) => {
                    self.waiting.insert(argument, stored);
                }
                ("user_input", ..) => {
                    let arg = inner.get("arg").unwrap_or(&Value::Null);
                    if let Some(name) = text(arg.get("as_tensor").and_then(|t| t.get("name"))) {
                        specs.push(self.input(&module.graph, name)?);
                    } else if arg.get("as_sym_int").is_some() {
                        return unsupported("an input that is a number");
                    }
                }
                ("constant_input", ..) => {
                    if let Some(name) = text(inner.get("name")) {
                        let value = self.argument(inner.get("value").unwrap_or(&Value::Null))?;
                        self.values.insert(name, value);
                    }
                }
                ("token", ..) => {}
                (other, ..) => return unsupported(format!("an input of kind {other:?}")),
            }
        }
        Ok(specs)
    }

    fn input(&mut self, graph: &Graph, name: String) -> Result<TensorSpec> {
        let Some(meta) = graph.tensor_values.get(&name) else {
            return broken(format!("nothing is said of input {name:?}"));
        };
        let Some(dtype) = of_export(meta.dtype) else {
            return unsupported(format!("input {name:?} of a type that is not supported"));
        };
        let shape = meta.shape();
        self.builder.to.name = name.clone();
        let handle = self.builder.input(Some(shape.clone()), dtype)?;
        self.values.insert(name.clone(), Val::Tensor(handle));
        Ok(TensorSpec { name, dtype, shape: Some(shape) })
    }

    /// A value by its name; a weight is read where it is first met.
    pub fn named(&mut self, name: &str) -> Result<Val> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let Some(stored) = self.waiting.get(name) else { return broken(format!("nothing makes {name:?}")) };
        let Some(place) = self.tensors.find(stored) else {
            return broken(format!("weight {stored:?} is missing"));
        };
        let value = self.weights.tensor(&mut self.builder, stored, place)?;
        self.values.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn nodes(&mut self, graph: &Graph) -> Result<()> {
        for node in &graph.nodes {
            let name = node.outputs.iter().filter_map(output_names).flatten().next();
            self.builder.to.name = name.unwrap_or_else(|| node.target.clone());
            let made = self.node(node);
            let missing = match made {
                Ok(values) => {
                    self.bind(graph, node, values)?;
                    continue;
                }
                Err(Stop::Unsupported(why)) => why,
                // Behind something that is missing nothing else is for certain.
                Err(_) if !self.unsupported.is_empty() => {
                    self.stand_in(graph, node)?;
                    continue;
                }
                Err(Stop::Error(crate::EngineError::BrokenArtifact(what))) => {
                    return broken(format!("node {:?} ({}): {what}", self.builder.to.name, node.target));
                }
                Err(other) => return Err(other),
            };
            if self.unsupported.len() < MOST_UNSUPPORTED {
                let op = node.target.trim_start_matches("torch.ops.").to_owned();
                let detail = (!missing.is_empty()).then_some(missing);
                let node = self.builder.to.name.clone();
                self.unsupported.push(UnsupportedOp { op, node, function: None, detail });
            }
            self.stand_in(graph, node)?;
        }
        Ok(())
    }

    pub fn node(&mut self, node: &Node) -> Result<Vec<Val>> {
        let target = node.target.as_str();
        if let Some(name) = target.strip_prefix("torch.ops.higher_order.") {
            return self.wrapped(name, node);
        }
        let plain = target.strip_prefix("torch.ops.aten.");
        let known = plain.or_else(|| target.strip_prefix("torch.ops.").filter(|n| aten::is_of_library(n)));
        let (name, overload) = match known {
            Some(name) => name.rsplit_once('.').unwrap_or((name, "default")),
            None if target.starts_with("torch.ops.") => return unsupported(""),
            None => (target.rsplit('.').next().unwrap_or(target), ""),
        };
        let mut arguments = Vec::new();
        for input in &node.inputs {
            let name = (!input.name.is_empty() && known.is_some()).then(|| input.name.clone());
            arguments.push((name, self.argument(&input.arg)?));
        }
        if name == "getitem" {
            return item(&arguments);
        }
        let call = Call { name: name.to_owned(), overload: overload.to_owned(), arguments };
        aten::lower(&mut self.builder, &call)
    }

    /// Names what a node gave. What the graph says of it is known from then on.
    fn bind(&mut self, graph: &Graph, node: &Node, values: Vec<Val>) -> Result<()> {
        let names: Vec<Vec<String>> =
            node.outputs.iter().map(|o| output_names(o).unwrap_or_default()).collect();
        for (names, value) in names.into_iter().zip(values.into_iter().chain(std::iter::repeat(Val::None))) {
            let items = match (&value, names.len()) {
                (Val::List(_), _) | (_, 2..) => value.items().unwrap_or_default(),
                _ => vec![value],
            };
            for (name, value) in names.into_iter().zip(items) {
                self.tell(graph, &name, &value)?;
                self.values.insert(name, value);
            }
        }
        Ok(())
    }

    fn tell(&mut self, graph: &Graph, name: &str, value: &Val) -> Result<()> {
        let (Val::Tensor(handle), Some(meta)) = (value, graph.tensor_values.get(name)) else { return Ok(()) };
        let value = self.builder.tensors[*handle].value;
        if self.builder.pairs(*handle).is_some() {
            return Ok(());
        }
        self.builder.shaped(value, meta.shape());
        Ok(())
    }

    /// Something of the right type and shape for what cannot be made.
    fn stand_in(&mut self, graph: &Graph, node: &Node) -> Result<()> {
        for name in node.outputs.iter().filter_map(output_names).flatten() {
            let value = match graph.tensor_values.get(&name) {
                Some(meta) => {
                    let dtype = of_export(meta.dtype).unwrap_or(DType::F32);
                    let number = self.builder.number(0.0, dtype)?;
                    let extents: Vec<Val> =
                        meta.shape().iter().map(|n| Val::Int(n.unwrap_or(1) as i64)).collect();
                    let value = self.builder.broadcast(number, &extents)?;
                    Val::Tensor(self.builder.tensor(value))
                }
                None => Val::Int(1),
            };
            self.values.insert(name, value);
        }
        Ok(())
    }
}

/// An item of a list.
fn item(arguments: &[(Option<String>, Val)]) -> Result<Vec<Val>> {
    match arguments {
        [(_, list), (_, Val::Int(at))] => {
            let items = list.items().unwrap_or_default();
            match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
                Some(item) => Ok(vec![item.clone()]),
                None => broken("an item that a list does not have"),
            }
        }
        _ => broken("an item of no list"),
    }
}

/// The names under which an output is known; several of a list.
fn output_names(output: &Value) -> Option<Vec<String>> {
    let (_, inner) = output.as_object()?.iter().next()?;
    let name = |value: &Value| {
        let name = value.get("name").or_else(|| value.get("as_name"));
        let inner = value.as_object().and_then(|o| o.iter().next()).and_then(|(_, inner)| inner.get("name"));
        name.or(inner).and_then(Value::as_str).map(str::to_owned)
    };
    match inner {
        Value::Array(items) => Some(items.iter().map(|i| name(i).unwrap_or_default()).collect()),
        inner => name(inner).map(|name| vec![name]),
    }
}
