//! Several operations in one pass: each step works on a block that stays in the first cache.

use super::{Binary, Run, Unary, one, two};
use crate::graph::Activation;
use crate::kernels::activate;
use crate::kernels::vector::{in_parts, piece};

/// Elements of a block.
const BLOCK: usize = 1024;

/// Where a step finds numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operand {
    /// What an earlier step gave.
    Step(usize),
    /// An input of the chain.
    Input(usize),
    /// The same number everywhere.
    Constant(f32),
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// A function of one number.
    Unary(Unary, Operand),
    /// An activation.
    Activate(Activation, Operand),
    /// A function of two.
    Binary(Binary, Operand, Operand),
}

/// Numbers that a chain is run on.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// One for each element of the result.
    Full(&'a [f32]),
    /// One for each channel, that is for each place of the last axis.
    Channel(&'a [f32]),
    /// One.
    Scalar(f32),
}

/// Operations one after another; the last one gives the result. A step names only steps before it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chain {
    /// The operations.
    pub steps: Vec<Step>,
}

impl Chain {
    /// Runs the chain into `to`, whose last axis has `channels` places, on as many threads. False, and nothing done, if a step names
    /// what is not there or an input has the wrong length.
    #[must_use]
    pub fn run(&self, inputs: &[Input<'_>], channels: usize, to: &mut [f32], threads: usize) -> bool {
        let fits = inputs.iter().all(|i| match i {
            Input::Full(x) => x.len() == to.len(),
            Input::Channel(x) => x.len() == channels && channels > 0 && to.len().is_multiple_of(channels),
            Input::Scalar(_) => true,
        });
        if !fits || self.steps.is_empty() || !self.is_ordered(inputs.len()) {
            return false;
        }
        let channels = channels.max(1);
        let unit = if threads > 1 { piece(to.len(), channels, threads, 4) } else { to.len().max(1) };
        in_parts(threads, unit, to, |n, to| {
            Blocks { chain: self, inputs, channels, first: n * unit, to }.run();
        });
        true
    }

    fn is_ordered(&self, inputs: usize) -> bool {
        self.steps.iter().enumerate().all(|(n, step)| {
            let known = |o: Operand| match o {
                Operand::Step(s) => s < n,
                Operand::Input(i) => i < inputs,
                Operand::Constant(_) => true,
            };
            match step {
                Step::Unary(_, x) | Step::Activate(_, x) => known(*x),
                Step::Binary(_, a, b) => known(*a) && known(*b),
            }
        })
    }
}

/// A piece of the result that begins with a first channel.
struct Blocks<'a> {
    chain: &'a Chain,
    inputs: &'a [Input<'a>],
    channels: usize,
    first: usize,
    to: &'a mut [f32],
}

impl Blocks<'_> {
    fn run(self) {
        let Self { chain, inputs, channels, first, to } = self;
        // Few channels are repeated to a block of whole pixels once; many are cut as they lie.
        let repeat = (BLOCK / channels).max(1);
        let (row, block) = if channels <= BLOCK { (to.len(), repeat * channels) } else { (channels, BLOCK) };
        let wide: Vec<Vec<f32>> = inputs
            .iter()
            .map(|i| match i {
                Input::Channel(x) => x.repeat(repeat),
                _ => Vec::new(),
            })
            .collect();
        let (last, before) = (chain.steps.len() - 1, &chain.steps);
        let mut scratch = vec![0.0f32; last * block];
        for (r, to) in to.chunks_mut(row.max(1)).enumerate() {
            for (n, to) in to.chunks_mut(block).enumerate() {
                let (at, channel) =
                    (first + r * row + n * block, if channels <= BLOCK { 0 } else { n * block });
                let count = to.len();
                let place = Place { inputs, wide: &wide, at, channel, count, block };
                for (s, step) in before[..last].iter().enumerate() {
                    let (done, mine) = scratch.split_at_mut(s * block);
                    place.step(*step, done, &mut mine[..count]);
                }
                place.step(before[last], &scratch, to);
            }
        }
    }
}

/// A block.
struct Place<'a> {
    inputs: &'a [Input<'a>],
    wide: &'a [Vec<f32>],
    at: usize,
    channel: usize,
    count: usize,
    block: usize,
}

impl Place<'_> {
    fn find<'s>(&'s self, operand: Operand, done: &'s [f32]) -> Run<'s> {
        match operand {
            Operand::Constant(x) => Run::One(x),
            Operand::Step(s) => Run::Many(&done[s * self.block..][..self.count]),
            Operand::Input(i) => match self.inputs[i] {
                Input::Full(x) => Run::Many(&x[self.at..][..self.count]),
                Input::Channel(_) => Run::Many(&self.wide[i][self.channel..][..self.count]),
                Input::Scalar(x) => Run::One(x),
            },
        }
    }

    fn step(&self, step: Step, done: &[f32], to: &mut [f32]) {
        match step {
            Step::Binary(op, a, b) => two(op, self.find(a, done), self.find(b, done), to),
            Step::Unary(op, x) => match self.find(x, done) {
                Run::Many(x) => one(op, x, to),
                Run::One(x) => {
                    let mut result = [0.0];
                    one(op, &[x], &mut result);
                    to.fill(result[0]);
                }
            },
            Step::Activate(activation, x) => {
                match self.find(x, done) {
                    Run::Many(x) => to.copy_from_slice(x),
                    Run::One(x) => to.fill(x),
                }
                activate::apply(activation, to);
            }
        }
    }
}
