//! An artifact, prepared: read and checked, its graphs folded, all but the large weights' values.

use super::Model;
use crate::formats::{self, Access, Artifact, Program};
use crate::graph::Weight;
use crate::packed_file::PackedFile;
use crate::plan::{Held, Opened, Outline, Plan, Reader, Uploads, Weights};
use crate::value::{Kind, Value};
use crate::{DType, Device, EngineError, OnDevice, Preferences, Report};
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
    pub(super) outlines: Vec<Outline>,
    /// The outline of each signature.
    which: Vec<usize>,
    report: Report,
    preferences: Preferences,
    packed: Option<(PathBuf, bool)>,
    /// The device that it is for; None: the CPU.
    opened: Option<Opened>,
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
    /// Bytes that a load leaves beside what plans hold.
    leavings: u64,
}

impl Reader for Source {
    fn read(&self, weight: usize) -> Result<Value, EngineError> {
        self.store.weight(&self.weights[weight])
    }

    fn mapped(&self, weight: usize) -> Result<Option<Value>, EngineError> {
        self.store.mapped(&self.weights[weight])
    }

    fn rows(
        &self,
        weight: usize,
        columns: usize,
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<bool, EngineError> {
        self.store.rows(&self.weights[weight], columns, work)
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

    pub(super) fn of(artifact: Artifact, packed: Option<(PathBuf, bool)>) -> Result<Self, EngineError> {
        if !artifact.unsupported.is_empty() {
            return Err(EngineError::Unsupported(artifact.unsupported));
        }
        let mut report = report(&artifact, 0);
        let Artifact { mut programs, weights, source: store, parsed, preferences, .. } = artifact;
        let source = Source { store, weights, leavings: leavings(parsed) };
        let held = source.small()?;
        let (outlines, which) = outlines(&programs, &held)?;
        report.resident_bytes = source.bytes(&outlines)?;
        // The graphs go, unless some of them have to be folded again.
        if outlines.iter().all(|o| o.wanted().is_empty()) {
            programs.clear();
        }
        Ok(Self { source, programs, held, outlines, which, report, preferences, packed, opened: None })
    }

    /// For a device: what it can do runs there, and the rest on the host. Opens the device if nobody did before.
    pub fn on(mut self, device: Device) -> Result<Self, EngineError> {
        self.opened = Opened::open(device)?;
        if let Some(opened) = &self.opened {
            place(&mut self.outlines, &self.which, &self.report, opened);
            let bytes = self.source.uploaded(&self.outlines);
            self.report.resident_bytes = self.source.bytes(&self.outlines)?.saturating_add(bytes);
            self.report.device = Some(OnDevice { name: opened.name(), bytes });
        }
        Ok(self)
    }

    /// What the artifact holds.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Bytes that the loaded model will occupy, on the host and on the device together.
    pub fn resident_bytes(&self) -> u64 {
        self.report.resident_bytes
    }

    /// Reads the weights and builds the plans.
    pub fn load(mut self) -> Result<Model, EngineError> {
        self.fold_all()?;
        let file = self.packed.as_ref().and_then(|(path, checked)| PackedFile::open(path, *checked));
        let weights = Weights::new(&self.source, file);
        let uploads = self.opened.as_ref().map(Opened::uploads);
        let plans: Vec<Arc<Plan>> = self
            .outlines
            .iter()
            .map(|outline| outline.finish_with(&weights, uploads.as_ref()).map(Arc::new))
            .collect::<Result<_, _>>()?;
        // Buffers that plans share count once.
        let buffers: HashMap<usize, usize> = plans.iter().flat_map(|p| p.buffers()).collect();
        let tables: usize = plans.iter().map(|p| p.tables()).sum();
        let device_bytes = uploads.as_ref().map_or(0, Uploads::bytes);
        let host_bytes = buffers.values().sum::<usize>().saturating_add(tables) as u64 + self.source.leavings;
        let resident_bytes = host_bytes + device_bytes;
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
            device_bytes,
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
            if let Some(opened) = &self.opened {
                place(&mut self.outlines, &self.which, &self.report, opened);
            }
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

    /// Bytes that the plans will have on their device together.
    fn uploaded(&self, outlines: &[Outline]) -> u64 {
        let weights = Weights::new(self, None);
        let all: HashMap<_, usize> = outlines.iter().flat_map(|o| o.uploads(&weights)).collect();
        all.into_values().fold(0, |sum, bytes| sum.saturating_add(bytes as u64))
    }

    /// Bytes of the plans together on the host; what several of them share counts once.
    fn bytes(&self, outlines: &[Outline]) -> Result<u64, EngineError> {
        let weights = Weights::new(self, None);
        let mut buffers = HashMap::new();
        let mut bytes = self.leavings;
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

/// Makes outlines for a device; signatures say what their inputs are made of.
fn place(outlines: &mut [Outline], which: &[usize], report: &Report, opened: &Opened) {
    for (number, outline) in outlines.iter_mut().enumerate() {
        let first = which.iter().position(|n| *n == number).and_then(|n| report.signatures.get(n));
        let kinds = first.map(|s| s.inputs.iter().map(|spec| Kind::of(spec.dtype)).collect());
        outline.place(opened, &kinds.unwrap_or_else(Vec::new));
    }
}

/// Bytes of the allocator's pages that small allocations of a plan keep from the system among those that parsing needed for a while:
/// about half the graph's bytes, as measured over networks of Keras. Of a graph that is larger than theirs, the most are constants.
fn leavings(parsed: usize) -> u64 {
    const MOST: usize = 4 << 20;
    parsed.min(MOST) as u64 * 11 / 20
}

fn report(artifact: &Artifact, resident_bytes: u64) -> Report {
    Report {
        format: artifact.format,
        signatures: artifact.programs.iter().map(|p| p.signature.clone()).collect(),
        resident_bytes,
        device: None,
        nodes: artifact.programs.iter().map(|p| p.graph.every_node().len()).sum(),
        unsupported: artifact.unsupported.clone(),
    }
}
