//! An artifact, prepared and loaded.

use crate::formats::{self, Artifact, savedmodel};
use crate::graph::{Graph, Op, Weight};
use crate::kernels;
use crate::kernels::Value;
use crate::plan::Plan;
use crate::value::Contents;
use crate::{DType, Data, EngineError, Report, Signature, Tensor, TensorSpec};
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a node in a plan: its operation, its name, its lists.
const NODE_BYTES: u64 = 1024;

/// An artifact that was read and checked, all but the weights' values.
pub struct Prepared {
    artifact: Artifact,
    report: Report,
}

/// Says what an artifact holds, operations that the engine lacks included.
pub fn inspect(dir: &Path) -> Result<Report, EngineError> {
    Ok(report(&formats::read(dir)?))
}

impl Prepared {
    /// Reads and checks an unpacked artifact.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let artifact = formats::read(dir)?;
        let report = report(&artifact);
        if report.unsupported.is_empty() {
            Ok(Self { artifact, report })
        } else {
            Err(EngineError::Unsupported(report.unsupported))
        }
    }

    /// What the artifact holds.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Bytes that the loaded model will occupy.
    pub fn resident_bytes(&self) -> u64 {
        self.report.resident_bytes
    }

    /// Reads the weights and builds the plans.
    pub fn load(self) -> Result<Model, EngineError> {
        let artifact = &self.artifact;
        let weights: Vec<Value> = artifact
            .weights
            .par_iter()
            .map(|w| savedmodel::weight(&artifact.source, w))
            .collect::<Result<_, _>>()?;
        let mut plans: Vec<(&Graph, Arc<Plan>)> = Vec::new();
        let mut programs = Vec::new();
        for program in &artifact.programs {
            // Exports often hold one body under two names.
            let same = plans.iter().find(|(graph, _)| **graph == program.graph).map(|(_, plan)| plan.clone());
            let plan = match same {
                Some(plan) => plan,
                None => {
                    let shapes: Vec<_> = program.signature.inputs.iter().map(|i| i.shape.clone()).collect();
                    Arc::new(Plan::new(&program.graph, &weights, &shapes)?)
                }
            };
            plans.push((&program.graph, plan.clone()));
            programs.push(plan);
        }
        let signatures = artifact.programs.iter().map(|p| p.signature.clone()).collect();
        drop(plans);
        // Bytes of plans that two signatures share count once.
        let mut bytes = 0;
        for (n, plan) in programs.iter().enumerate() {
            if programs[..n].iter().all(|p| !Arc::ptr_eq(p, plan)) {
                bytes += plan.bytes() as u64;
            }
        }
        let resident_bytes = bytes.min(self.report.resident_bytes);
        Ok(Model { signatures, plans: programs, resident_bytes })
    }
}

fn report(artifact: &Artifact) -> Report {
    let all: Vec<_> = artifact.programs.iter().flat_map(|p| p.graph.every_node()).collect();
    let nodes = all.len();
    let literals = all.iter().map(|n| match &n.op {
        Op::Literal(l) => l.bytes() as u64,
        _ => 0,
    });
    let weights: u64 = artifact.weights.iter().map(crate::graph::Weight::bytes).sum();
    Report {
        format: artifact.format,
        signatures: artifact.programs.iter().map(|p| p.signature.clone()).collect(),
        resident_bytes: weights
            + packing(&artifact.weights, weights)
            + literals.sum::<u64>()
            + nodes as u64 * NODE_BYTES,
        nodes,
        unsupported: artifact.unsupported.clone(),
    }
}

/// The most that packing adds: filters of 3x3 may take four times their memory, as far as the plan's allowance goes, and a packed matrix
/// is filled up to whole panels.
fn packing(weights: &[Weight], total: u64) -> u64 {
    let windows =
        weights.iter().filter(|w| matches!(w.shape[..], [3, 3, ins, outs] if ins >= 32 && outs >= 32));
    let transformed = windows.map(Weight::bytes).sum::<u64>().saturating_mul(3);
    let panels: u64 = weights.iter().map(|w| kernels::packing_bytes(&w.shape) as u64).sum();
    transformed.min(crate::plan::packing_allowance(total)).saturating_add(panels)
}

/// A model in memory. Immutable: any number of threads may run it.
pub struct Model {
    signatures: Vec<Signature>,
    plans: Vec<Arc<Plan>>,
    resident_bytes: u64,
}

impl Model {
    /// The ways to call it.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// One way to call it; without a name `serving_default`, or the only one.
    pub fn signature(&self, name: Option<&str>) -> Result<&Signature, EngineError> {
        self.find(name).map(|at| &self.signatures[at])
    }

    /// Bytes in memory.
    pub fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    /// Runs a signature; inputs by name, in any order. Outputs come in the signature's order.
    pub fn run(
        &self,
        signature: &str,
        inputs: Vec<(String, Tensor)>,
    ) -> Result<Vec<(String, Tensor)>, EngineError> {
        let at = self.find(Some(signature))?;
        let signature = &self.signatures[at];
        let values = arrange(signature, inputs)?;
        let outputs = self.plans[at].run(values)?;
        signature
            .outputs
            .iter()
            .zip(outputs)
            .map(|(spec, v)| Ok((spec.name.clone(), outgoing(spec, &v)?)))
            .collect()
    }

    fn find(&self, name: Option<&str>) -> Result<usize, EngineError> {
        let wanted = name.unwrap_or("serving_default");
        let found = self.signatures.iter().position(|s| s.name == wanted);
        match (found, name, self.signatures.len()) {
            (Some(at), ..) => Ok(at),
            (None, None, 1) => Ok(0),
            _ => {
                let known: Vec<&str> = self.signatures.iter().map(|s| s.name.as_str()).collect();
                Err(EngineError::input(format!(
                    "the model has no signature {wanted:?}; its signatures are: {}",
                    known.join(", ")
                )))
            }
        }
    }
}

/// The values of a signature's inputs in its order, each checked against what it takes.
fn arrange(signature: &Signature, inputs: Vec<(String, Tensor)>) -> Result<Vec<Value>, EngineError> {
    let expected = || {
        let all: Vec<String> =
            signature.inputs.iter().map(|i| format!("{:?} {}", i.name, i.describe())).collect();
        format!("signature {:?} takes: {}", signature.name, all.join(", "))
    };
    let mut given: Vec<Option<Tensor>> = vec![None; signature.inputs.len()];
    for (name, tensor) in inputs {
        let at = signature.inputs.iter().position(|i| i.name == name);
        let at =
            at.ok_or_else(|| EngineError::input(format!("there is no input {name:?}; {}", expected())))?;
        if given[at].replace(tensor).is_some() {
            return Err(EngineError::input(format!("input {name:?} is there twice")));
        }
    }
    signature
        .inputs
        .iter()
        .zip(given)
        .map(|(spec, tensor)| match tensor {
            Some(tensor) => incoming(spec, tensor),
            None => Err(EngineError::input(format!("input {:?} is missing; {}", spec.name, expected()))),
        })
        .collect()
}

fn incoming(spec: &TensorSpec, tensor: Tensor) -> Result<Value, EngineError> {
    if !spec.accepts(tensor.shape()) {
        return Err(EngineError::input(format!(
            "input {:?} must be {}, got shape {:?}",
            spec.name,
            spec.describe(),
            tensor.shape()
        )));
    }
    let (shape, data) = tensor.into_parts();
    match (data, spec.dtype) {
        (Data::F32(v), DType::F32 | DType::F16 | DType::BF16) => Value::of(v, &shape),
        (Data::F64(v), DType::F64) => Value::of(v, &shape),
        (Data::Bool(v), DType::Bool) => Value::of(v.into_iter().map(u8::from).collect::<Vec<u8>>(), &shape),
        (Data::I64(v), d) if is_integer(d) => Value::of(v, &shape),
        (Data::String(v), DType::String) => Value::text(v, &shape),
        _ => Err(EngineError::input(format!("input {:?} must be {}", spec.name, spec.describe()))),
    }
}

fn is_integer(dtype: DType) -> bool {
    !matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16 | DType::Bool | DType::String)
}

fn outgoing(spec: &TensorSpec, value: &Value) -> Result<Tensor, EngineError> {
    let data = match value.contents() {
        Contents::F32(m) => Data::F32(m.to_vec()),
        Contents::F64(m) => Data::F64(m.to_vec()),
        Contents::I64(m) => Data::I64(m.to_vec()),
        Contents::Bool(m) => Data::Bool(m.iter().map(|b| *b != 0).collect()),
        Contents::Text(t) => Data::String(t.to_vec()),
        Contents::List(_) => {
            return Err(EngineError::Execution(format!("output {:?} is a list", spec.name)));
        }
    };
    Tensor::new(value.dims().to_vec(), data)
}
