//! An artifact, prepared and loaded.

use crate::batching::{Batched, Batching};
use crate::formats::{self, Access, Artifact, Program};
use crate::graph::Weight;
use crate::packed_file::{PackedFile, Packs, Unsaved};
use crate::plan::{Held, Outline, Plan, Reader, Weights};
use crate::value::{Contents, Value};
use crate::{Cost, DType, Data, EngineError, Listing, Preferences, Report, Signature, Tensor, TensorSpec};
use half::{bf16, f16};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a node in a plan: its operation, its name, its lists.
const NODE_BYTES: u64 = 1024;
/// Vectors that are so much larger are still small: biases and scales go into what is before them.
const VECTOR: u64 = 64;
/// All that is read when the artifact is opened.
const MOST_SMALL: u64 = 64 << 20;
/// How often a graph is folded anew, with more weights that it cannot be folded without.
const MOST_FOLDS: usize = 8;

/// An artifact that was read and checked, all but the large weights' values.
pub struct Prepared {
    source: Source,
    /// Of what the graphs are; none when they are needed no more.
    programs: Vec<Program>,
    held: Vec<Held>,
    outlines: Vec<Outline>,
    /// The outline of each signature.
    which: Vec<usize>,
    report: Report,
    preferences: Preferences,
    packed: Option<(PathBuf, bool)>,
}

/// An artifact in a directory whose files nobody changes, with a place for its packed weights.
#[derive(Debug, Clone)]
pub struct Kept<'a> {
    /// The artifact.
    pub dir: &'a Path,
    /// A file of packed weights, which may not be there yet.
    pub packed: &'a Path,
    /// This process loaded the artifact from these files before: their bytes need not be checked again.
    pub checked: bool,
}

/// Reads weights as plans want them.
struct Source {
    store: formats::Source,
    weights: Vec<Weight>,
}

impl Reader for Source {
    fn read(&self, weight: usize) -> Result<Value, EngineError> {
        self.store.weight(&self.weights[weight])
    }

    fn rows(
        &self,
        weight: usize,
        sizes: [usize; 2],
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<bool, EngineError> {
        self.store.rows(&self.weights[weight], sizes, work)
    }

    fn identity(&self, weight: usize) -> String {
        self.store.identity(&self.weights[weight])
    }
}

/// Says what an artifact holds, operations that the engine lacks included.
pub fn inspect(dir: &Path) -> Result<Report, EngineError> {
    let artifact = formats::read(dir, Access::FOREIGN)?;
    if artifact.unsupported.is_empty() {
        return Prepared::of(artifact, None).map(|prepared| prepared.report);
    }
    // Nothing will be loaded: the weights are the better part of it.
    let weights: u64 = artifact.weights.iter().map(Weight::bytes).sum();
    let nodes: usize = artifact.programs.iter().map(|p| p.graph.nodes.len()).sum();
    Ok(report(&artifact, weights + nodes as u64 * NODE_BYTES))
}

impl Prepared {
    /// Reads and checks an unpacked artifact, in a directory that others may write to.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        Self::of(formats::read(dir, Access::FOREIGN)?, None)
    }

    /// Reads and checks an unpacked artifact whose files never change while they are in use: large weights are mapped, and those
    /// that were packed before are not read.
    pub fn open_kept(kept: &Kept<'_>) -> Result<Self, EngineError> {
        let access = Access { unchanging: true, checked: kept.checked, ..Access::FOREIGN };
        let packed = Some((kept.packed.to_owned(), kept.checked));
        Self::of(formats::read(kept.dir, access)?, packed)
    }

    fn of(artifact: Artifact, packed: Option<(PathBuf, bool)>) -> Result<Self, EngineError> {
        if !artifact.unsupported.is_empty() {
            return Err(EngineError::Unsupported(artifact.unsupported));
        }
        let mut report = report(&artifact, 0);
        let Artifact { mut programs, weights, source: store, preferences, .. } = artifact;
        let source = Source { store, weights };
        let held = source.small()?;
        let (outlines, which) = outlines(&programs, &held)?;
        report.resident_bytes = source.bytes(&outlines)?;
        // The graphs go, unless some of them have to be folded again.
        if outlines.iter().all(|o| o.wanted().is_empty()) {
            programs.clear();
        }
        Ok(Self { source, programs, held, outlines, which, report, preferences, packed })
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
    pub fn load(mut self) -> Result<Model, EngineError> {
        self.fold_all()?;
        let file = self.packed.as_ref().and_then(|(path, checked)| PackedFile::open(path, *checked));
        let weights = Weights::new(&self.source, file);
        let plans: Vec<Arc<Plan>> = self
            .outlines
            .iter()
            .map(|outline| outline.finish(&weights).map(Arc::new))
            .collect::<Result<_, _>>()?;
        // Buffers that plans share count once.
        let buffers: HashMap<usize, usize> = plans.iter().flat_map(|p| p.buffers()).collect();
        let tables: usize = plans.iter().map(|p| p.tables()).sum();
        let resident_bytes = buffers.values().sum::<usize>().saturating_add(tables) as u64;
        let (packs, added) = weights.into_packs();
        let plans: Vec<Arc<Plan>> = self.which.iter().map(|n| plans[*n].clone()).collect();
        let signatures = self.report.signatures;
        let model = Model {
            batched: signatures.iter().zip(&plans).map(|(s, plan)| plan.batched(s)).collect(),
            format: self.report.format,
            preferences: self.preferences,
            signatures,
            plans,
            resident_bytes: resident_bytes.min(self.report.resident_bytes),
            packs: Arc::new(packs),
            added: added && self.packed.is_some(),
        };
        Ok(model)
    }

    /// Folds what could not be folded without large weights.
    fn fold_all(&mut self) -> Result<(), EngineError> {
        for _ in 0..MOST_FOLDS {
            let mut wanted: Vec<usize> = self.outlines.iter().flat_map(Outline::wanted).copied().collect();
            wanted.sort_unstable();
            wanted.dedup();
            if wanted.is_empty() {
                break;
            }
            let read = |n: &usize| Ok((*n, Held::Here(self.source.read(*n)?)));
            for (n, held) in wanted.par_iter().map(read).collect::<Result<Vec<_>, EngineError>>()? {
                self.held[n] = held;
            }
            (self.outlines, self.which) = outlines(&self.programs, &self.held)?;
        }
        Ok(())
    }
}

impl Source {
    /// The small weights' elements, of the others what is known without them.
    fn small(&self) -> Result<Vec<Held>, EngineError> {
        let mut left = MOST_SMALL;
        let small: Vec<bool> = self
            .weights
            .iter()
            .map(|w| {
                let bytes = w.bytes();
                let most = self.store.small() as u64 * if w.shape.len() < 2 { VECTOR } else { 1 };
                // Strings lie in memory as they come.
                let small = w.dtype == DType::String || bytes <= most.min(left);
                left = left.saturating_sub(if small { bytes } else { 0 });
                small
            })
            .collect();
        let held = |(n, weight): (usize, &Weight)| {
            if small[n] {
                self.read(n).map(Held::Here)
            } else {
                Ok(Held::Later(weight.kind(), weight.shape.clone()))
            }
        };
        self.weights.par_iter().enumerate().map(held).collect()
    }

    /// Bytes of the plans together; what several of them share counts once.
    fn bytes(&self, outlines: &[Outline]) -> Result<u64, EngineError> {
        let weights = Weights::new(self, None);
        let mut buffers = HashMap::new();
        let mut bytes = 0u64;
        for (number, outline) in outlines.iter().enumerate() {
            buffers.extend(outline.buffers(number, &weights)?);
            bytes = bytes.saturating_add(outline.tables() as u64);
        }
        Ok(buffers.into_values().fold(bytes, |sum, b| sum.saturating_add(b as u64)))
    }
}

/// An outline for each graph, and which of them each program has: exports often hold one body under two names.
fn outlines(programs: &[Program], held: &[Held]) -> Result<(Vec<Outline>, Vec<usize>), EngineError> {
    let (mut outlines, mut which): (Vec<Outline>, Vec<usize>) = (Vec::new(), Vec::new());
    for (n, program) in programs.iter().enumerate() {
        let same = programs[..n].iter().position(|p| p.graph == program.graph);
        which.push(match same {
            Some(same) => which[same],
            None => {
                let shapes: Vec<_> = program.signature.inputs.iter().map(|i| i.shape.clone()).collect();
                outlines.push(Outline::new(&program.graph, held, &shapes)?);
                outlines.len() - 1
            }
        });
    }
    Ok((outlines, which))
}

fn report(artifact: &Artifact, resident_bytes: u64) -> Report {
    Report {
        format: artifact.format,
        signatures: artifact.programs.iter().map(|p| p.signature.clone()).collect(),
        resident_bytes,
        nodes: artifact.programs.iter().map(|p| p.graph.every_node().len()).sum(),
        unsupported: artifact.unsupported.clone(),
    }
}

/// Tensors by the names of a signature.
type Named = Vec<(String, Tensor)>;

/// A model in memory. Immutable: any number of threads may run it.
pub struct Model {
    format: &'static str,
    preferences: Preferences,
    signatures: Vec<Signature>,
    plans: Vec<Arc<Plan>>,
    /// Of each signature.
    batched: Vec<Batched>,
    resident_bytes: u64,
    packs: Arc<Packs>,
    /// Some of what is packed is in no file.
    added: bool,
}

impl Model {
    /// Name of the format that it was read from.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// What the archive's owner prefers where a request does not say.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// The ways to call it.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// One way to call it; without a name `serving_default`, or the only one.
    pub fn signature(&self, name: Option<&str>) -> Result<&Signature, EngineError> {
        self.find(name).map(|at| &self.signatures[at])
    }

    /// Whether requests of a signature may be run together.
    pub fn batching(&self, signature: Option<&str>) -> Result<&Batching, EngineError> {
        self.find(signature).map(|at| &self.batched[at].batching)
    }

    /// Of each output of a signature, why it has not the rows of the inputs, if that is so: found out anew, for tests.
    #[doc(hidden)]
    pub fn mixed(&self, signature: Option<&str>) -> Result<Vec<Option<String>>, EngineError> {
        self.find(signature).map(|at| self.plans[at].mixed(&self.signatures[at]))
    }

    /// Rows beyond which a run of a signature brings no more for each, or takes too much memory; one where requests are run alone.
    pub fn most_rows(&self, signature: Option<&str>) -> usize {
        self.find(signature).map_or(1, |at| self.batched[at].most_rows)
    }

    /// Bytes in memory.
    pub fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    /// Packed weights to be written to the file that was looked for them; None: it has them all, or there are none.
    pub fn unsaved(&self) -> Option<Unsaved> {
        if self.added { self.packs.unsaved() } else { None }
    }

    /// Runs a signature; inputs by name, in any order. Outputs come in the signature's order.
    pub fn run(&self, signature: &str, inputs: Named) -> Result<Named, EngineError> {
        self.run_watched(signature, inputs, &|| true)
    }

    /// [`Model::run`], as long as the answer of `watch` is yes: it is asked before each operation, and no ends the run with
    /// [`EngineError::Cancelled`].
    pub fn run_watched(
        &self,
        signature: &str,
        inputs: Named,
        watch: &dyn Fn() -> bool,
    ) -> Result<Named, EngineError> {
        let at = self.find(Some(signature))?;
        let signature = &self.signatures[at];
        let values = arrange(signature, inputs)?;
        answer(signature, &self.plans[at].run_watched(values, watch)?)
    }

    /// Runs a signature `runs` times after a first one, and says what each operation cost, the dearest first.
    pub fn profile(
        &self,
        signature: &str,
        inputs: Named,
        runs: usize,
    ) -> Result<(Named, Vec<Cost>), EngineError> {
        let at = self.find(Some(signature))?;
        let signature = &self.signatures[at];
        let (outputs, costs) = self.plans[at].profile(&arrange(signature, inputs)?, runs)?;
        Ok((answer(signature, &outputs)?, costs))
    }

    /// What is run for a request: one listing for each plan, which several signatures may share.
    pub fn listings(&self) -> Vec<Listing> {
        let mut listings: Vec<Listing> = Vec::new();
        for (n, plan) in self.plans.iter().enumerate() {
            if self.plans[..n].iter().all(|p| !Arc::ptr_eq(p, plan)) {
                let same = self.signatures.iter().zip(&self.plans).filter(|(_, p)| Arc::ptr_eq(p, plan));
                listings.push(plan.listing(same.map(|(s, _)| s.name.clone()).collect()));
            }
        }
        listings
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

fn answer(signature: &Signature, outputs: &[Value]) -> Result<Named, EngineError> {
    let named = signature.outputs.iter().zip(outputs);
    named.map(|(spec, v)| Ok((spec.name.clone(), outgoing(spec, v)?))).collect()
}

/// The values of a signature's inputs in its order, each checked against what it takes.
fn arrange(signature: &Signature, inputs: Named) -> Result<Vec<Value>, EngineError> {
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
        // What was computed is finer than these types are.
        Contents::F32(m) => Data::F32(match spec.dtype {
            DType::F16 => m.iter().map(|x| f16::from_f32(*x).to_f32()).collect(),
            DType::BF16 => m.iter().map(|x| bf16::from_f32(*x).to_f32()).collect(),
            _ => m.to_vec(),
        }),
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

#[cfg(test)]
mod tests;
