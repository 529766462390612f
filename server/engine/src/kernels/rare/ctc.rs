//! Labels of what a recogniser says of each step. The likeliest sequences are found as TensorFlow finds them: a tree of labels, of whose
//! nodes the likeliest stay, each with the probability that it ends in nothing and that it ends in its label.

use super::super::access::{make, sizes};
use super::super::{Value, elements, fail};
use super::{Values, at, narrowed, wide};
use crate::EngineError;
use crate::graph::Ctc;
use std::collections::HashMap;

/// Most labels that are weighed.
const MOST_WORK: usize = 1 << 32;
const NEVER: f32 = f32::NEG_INFINITY;

/// Sequences of labels, example by example.
type Sequences = Vec<Vec<i64>>;

pub fn run(how: Ctc, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let &[steps, batch, labels] = x.dims() else { return Err(fail("steps of a batch of labels are needed")) };
    let lengths = sizes(at(inputs, 1)?)?;
    if lengths.len() != batch || lengths.iter().any(|n| *n > steps) || labels == 0 {
        return Err(fail(format!("lengths {lengths:?} of {:?}", x.dims())));
    }
    let scores = wide(x)?;
    let step = |row: usize, step: usize| &scores[(step * batch + row) * labels..][..labels];
    let (mut found, mut probabilities) = (Vec::new(), Vec::new());
    match how {
        Ctc::Greedy { merge, blank } => {
            let blank = super::super::access::axis(blank, labels)?;
            let mut all = Sequences::new();
            for (row, length) in lengths.iter().enumerate() {
                let (labels, score) = greedy((0..*length).map(|n| step(row, n)), merge, blank);
                all.push(labels);
                probabilities.push(score);
            }
            found.push(all);
        }
        Ctc::Beam { width, paths, merge } => {
            let work = [steps, batch, labels, width].iter().try_fold(1usize, |n, m| n.checked_mul(*m));
            if work.is_none_or(|n| n > MOST_WORK) || paths == 0 || paths > width {
                return Err(fail(format!("a search of {paths} of {width} sequences of {:?}", x.dims())));
            }
            found.resize(paths, Sequences::new());
            for (row, length) in lengths.iter().enumerate() {
                let mut beam = Beam::new(width);
                for n in 0..*length {
                    beam.step(&normalised(step(row, n)));
                }
                for (path, (labels, probability)) in beam.best(paths, merge)?.into_iter().enumerate() {
                    found[path].push(labels);
                    probabilities.push(f64::from(probability));
                }
            }
        }
    }
    let paths = found.len();
    let sparse = found.iter().map(sparse).collect::<Result<Vec<_>, _>>()?;
    let mut made: Vec<Value> = (0..3).flat_map(|n| sparse.iter().map(move |s| s[n].clone())).collect();
    made.push(narrowed(x.kind(), probabilities, &[batch, paths])?);
    Ok(made)
}

/// Indices, values, shape.
fn sparse(all: &Sequences) -> Result<[Value; 3], EngineError> {
    let longest = all.iter().map(Vec::len).max().unwrap_or(0);
    let shape = make(vec![all.len() as i64, longest as i64], &[2])?;
    let places = all.iter().enumerate().flat_map(|(row, s)| (0..s.len()).map(move |n| (row, n)));
    let indices: Vec<i64> = places.flat_map(|(row, n)| [row as i64, n as i64]).collect();
    let values = all.concat();
    let count = values.len();
    elements(&[count, 2])?;
    Ok([make(indices, &[count, 2])?, make(values, &[count])?, shape])
}

/// The likeliest label of each step, and the negative sum of their scores.
fn greedy<'s>(steps: impl Iterator<Item = &'s [f64]>, merge: bool, blank: usize) -> (Vec<i64>, f64) {
    let (mut labels, mut before, mut score) = (Vec::new(), None, 0.0);
    for scores in steps {
        let mut best = 0;
        for (n, s) in scores.iter().enumerate() {
            if *s > scores[best] {
                best = n;
            }
        }
        score -= scores[best];
        if best != blank && !(merge && before == Some(best)) {
            labels.push(best as i64);
        }
        before = Some(best);
    }
    (labels, score)
}

/// Logarithms of probabilities.
fn normalised(scores: &[f64]) -> Vec<f32> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max) as f32;
    let total: f32 = scores.iter().map(|s| (*s as f32 - most).exp()).sum();
    let offset = most + total.ln();
    scores.iter().map(|s| *s as f32 - offset).collect()
}

fn either(a: f32, b: f32) -> f32 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    if less == NEVER { more } else { more + (less - more).exp().ln_1p() }
}

/// Logarithms of how likely a sequence is: in all, if it ends in nothing, if it ends in its label.
#[derive(Clone, Copy)]
struct Chance {
    total: f32,
    blank: f32,
    label: f32,
}

const NO_CHANCE: Chance = Chance { total: NEVER, blank: NEVER, label: NEVER };

/// A sequence: another one, and a label.
struct Node {
    parent: Option<usize>,
    label: usize,
    children: HashMap<usize, usize>,
    old: Chance,
    new: Chance,
}

struct Beam {
    width: usize,
    nodes: Vec<Node>,
    /// The sequences that are followed, the likeliest first.
    leaves: Vec<usize>,
}

impl Beam {
    fn new(width: usize) -> Self {
        let sure = Chance { total: 0.0, blank: 0.0, label: NEVER };
        let root = Node { parent: None, label: 0, children: HashMap::new(), old: NO_CHANCE, new: sure };
        Self { width, nodes: vec![root], leaves: vec![0] }
    }

    fn total(&self, node: usize) -> f32 {
        self.nodes[node].new.total
    }

    /// Takes a sequence in; the least likely goes if there are too many.
    fn push(&mut self, node: usize) {
        let total = self.total(node);
        let place = self.leaves.partition_point(|n| self.nodes[*n].new.total >= total);
        self.leaves.insert(place, node);
        self.leaves.truncate(self.width);
    }

    fn may_stay(&self, total: f32) -> bool {
        let full = self.leaves.len() >= self.width;
        total > NEVER && (!full || self.leaves.last().is_none_or(|n| total > self.total(*n)))
    }

    /// One step more; the last label stands for nothing.
    fn step(&mut self, input: &[f32]) {
        let branches = std::mem::take(&mut self.leaves);
        let blank = input[input.len() - 1];
        for n in &branches {
            self.nodes[*n].old = self.nodes[*n].new;
        }
        for n in &branches {
            let (parent, label, old, mut new) = {
                let node = &self.nodes[*n];
                (node.parent, node.label, node.old, node.new)
            };
            if let Some(parent) = parent {
                let parent = &self.nodes[parent];
                if parent.new.total != NEVER {
                    let repeated = parent.parent.is_some() && parent.label == label;
                    let before = if repeated { parent.old.blank } else { parent.old.total };
                    new.label = either(new.label, before);
                }
                new.label += input[label];
            }
            new.blank = old.total + blank;
            new.total = either(new.blank, new.label);
            self.nodes[*n].new = new;
            self.push(*n);
        }
        for n in branches {
            if self.may_stay(self.nodes[n].old.total) {
                self.grow(n, &input[..input.len() - 1]);
            }
        }
    }

    /// Sequences that are one label longer.
    fn grow(&mut self, parent: usize, input: &[f32]) {
        for (label, score) in input.iter().enumerate() {
            let known = self.nodes[parent].children.get(&label).copied();
            if known.is_some_and(|child| self.total(child) != NEVER) {
                continue;
            }
            let node = &self.nodes[parent];
            let repeated = node.parent.is_some() && node.label == label;
            let total = score + if repeated { node.old.blank } else { node.old.total };
            if !self.may_stay(total) {
                if let Some(child) = known {
                    (self.nodes[child].old, self.nodes[child].new) = (NO_CHANCE, NO_CHANCE);
                }
                continue;
            }
            let new = Chance { total, blank: NEVER, label: total };
            let child = known.unwrap_or_else(|| {
                let node =
                    Node { parent: Some(parent), label, children: HashMap::new(), old: NO_CHANCE, new };
                self.nodes.push(node);
                self.nodes.len() - 1
            });
            self.nodes[child].new = new;
            self.nodes[parent].children.insert(label, child);
            if self.leaves.len() == self.width
                && let Some(last) = self.leaves.last().copied()
            {
                self.nodes[last].new = NO_CHANCE;
            }
            self.push(child);
        }
    }

    /// The likeliest sequences.
    fn best(&self, paths: usize, merge: bool) -> Result<Vec<(Vec<i64>, f32)>, EngineError> {
        if self.leaves.len() < paths {
            return Err(fail(format!("{paths} sequences are wanted, {} are found", self.leaves.len())));
        }
        let path = |leaf: &usize| {
            let (mut labels, mut before, mut node) = (Vec::new(), None, &self.nodes[*leaf]);
            while let Some(parent) = node.parent {
                if !(merge && before == Some(node.label)) {
                    labels.push(node.label as i64);
                }
                before = Some(node.label);
                node = &self.nodes[parent];
            }
            labels.reverse();
            (labels, self.total(*leaf))
        };
        Ok(self.leaves.iter().take(paths).map(path).collect())
    }
}
