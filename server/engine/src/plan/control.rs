//! Branches and loops: plans that a plan runs.
//!
//! What is constant outside and does not change from one iteration to the next is a constant of the bodies too, so that weights are
//! packed once, at load. The first iteration notes what follows from the shapes of the loop's values; later ones, and later runs
//! with the same shapes, leave that out. A value that changes is handed from iteration to iteration: a list that is filled
//! item by item is never copied.
//!
//! No loop runs for ever: a run may execute [`budget::MOST_NODES`] nodes in loops and branches, all of them together.

mod body;
mod budget;

pub use budget::Budget;

use super::Plan;
use super::draft::{self, Draft, Held};
use super::weights::Weights;
use crate::EngineError;
use crate::graph::{Body as Function, Control, ValueId};
use crate::kernels;
use crate::value::{Value, workspace};
use body::Body;
use std::collections::HashMap;
use std::sync::Arc;

/// Separates what is known in the bodies from what is left to run.
pub fn fold(
    control: &Control,
    inputs: &[ValueId],
    constants: &HashMap<ValueId, Value>,
    weights: &[Held],
) -> Result<Vec<Draft>, EngineError> {
    let (skip, changes) = match control {
        Control::Branch { .. } => (1, Vec::new()),
        Control::Loop { body, .. } => (0, changes(body)),
    };
    let mut drafts = Vec::new();
    for function in control.bodies() {
        let mut known = HashMap::new();
        for (n, (inside, outside)) in function.graph.inputs.iter().zip(inputs.iter().skip(skip)).enumerate() {
            let same = !changes.get(n).copied().unwrap_or(false);
            if let Some(value) = constants.get(outside).filter(|_| same) {
                known.insert(*inside, value.clone());
            }
        }
        drafts.push(draft::fold_with(&function.graph, weights, known)?);
    }
    Ok(drafts)
}

/// For each value of a loop, whether an iteration may change it.
pub fn changes(body: &Function) -> Vec<bool> {
    body.graph.inputs.iter().zip(&body.graph.outputs).map(|(a, b)| a != b).collect()
}

type Values = Result<Vec<Value>, EngineError>;

/// The bodies of a branch or a loop, made ready.
#[derive(Debug)]
pub struct Bodies(Ready);

#[derive(Debug)]
enum Ready {
    Branch {
        branches: Vec<Body>,
        by_truth: bool,
    },
    Loop {
        condition: Box<Body>,
        body: Box<Body>,
        /// The values that an iteration may change.
        changing: Vec<usize>,
    },
}

impl Bodies {
    /// Packs what is in the bodies.
    pub fn new(control: &Control, drafts: &[Draft], weights: &Weights<'_>) -> Result<Self, EngineError> {
        Ok(Self(match (control, drafts) {
            (Control::Branch { branches, by_truth }, drafts) if branches.len() == drafts.len() => {
                let make = |(function, draft): (&Function, &Draft)| {
                    let wanted: Vec<usize> = (0..function.graph.outputs.len()).collect();
                    Body::new(function, draft, &wanted, weights)
                };
                let branches = branches.iter().zip(drafts).map(make).collect::<Result<_, _>>()?;
                Ready::Branch { branches, by_truth: *by_truth }
            }
            (Control::Loop { condition, body }, [first, second]) => {
                let changes = changes(body);
                let changing: Vec<usize> = (0..changes.len()).filter(|n| changes[*n]).collect();
                Ready::Loop {
                    condition: Box::new(Body::new(condition, first, &[0], weights)?),
                    body: Box::new(Body::new(body, second, &changing, weights)?),
                    changing,
                }
            }
            _ => return Err(EngineError::broken("a branch or a loop lacks its bodies")),
        }))
    }

    fn plans(&self) -> Vec<&Plan> {
        match &self.0 {
            Ready::Branch { branches, .. } => branches.iter().map(|b| &b.plan).collect(),
            Ready::Loop { condition, body, .. } => vec![&condition.plan, &body.plan],
        }
    }

    /// Where the buffers of the bodies begin, and their bytes.
    pub fn buffers(&self) -> HashMap<usize, usize> {
        self.plans().into_iter().flat_map(Plan::buffers).collect()
    }

    /// Bytes of the bodies beside their buffers.
    pub fn tables(&self) -> usize {
        self.plans().into_iter().map(Plan::tables).sum()
    }

    /// Runs the branch that is chosen, or the loop to its end.
    pub fn run(&self, inputs: Vec<Value>, budget: &Budget) -> Values {
        // Which branch is run and how long a loop is follows from the values: no layout can plan what they make.
        workspace::outside(|| match &self.0 {
            Ready::Branch { branches, by_truth } => branch(branches, *by_truth, inputs, budget),
            Ready::Loop { condition, body, changing } => repeat(condition, body, changing, inputs, budget),
        })
    }
}

impl std::fmt::Display for Bodies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps = self.plans().into_iter().map(|p| p.steps.len()).sum::<usize>();
        match &self.0 {
            Ready::Branch { branches, .. } => {
                write!(f, "Branch: one of {}, {steps} operations together", branches.len())
            }
            Ready::Loop { .. } => write!(f, "Loop of {steps} operations"),
        }
    }
}

fn fail(text: &str) -> EngineError {
    EngineError::Execution(text.to_owned())
}

fn branch(branches: &[Body], by_truth: bool, mut inputs: Vec<Value>, budget: &Budget) -> Values {
    if inputs.is_empty() {
        return Err(fail("a branch lacks what it is chosen by"));
    }
    let choice = inputs.remove(0);
    let last = branches.len().checked_sub(1).ok_or_else(|| fail("there is no branch to choose"))?;
    let chosen = if by_truth {
        usize::from(kernels::truth(&choice)?).min(last)
    } else {
        let number = choice.slice::<i64>()?.first().copied();
        number.and_then(|n| usize::try_from(n).ok()).map_or(last, |n| n.min(last))
    };
    let body = &branches[chosen];
    let mut values: Vec<Option<Value>> = inputs.into_iter().map(Some).collect();
    let inputs: Option<Vec<Value>> =
        body.reads.iter().map(|n| values.get_mut(*n).and_then(Option::take)).collect();
    drop(values);
    let mut noted = body.noted();
    let before = noted.as_ref().map(Arc::as_ptr);
    let result = body.run(inputs.ok_or_else(|| fail("a branch lacks an input"))?, &mut noted, budget);
    if noted.as_ref().map(Arc::as_ptr) != before {
        body.note(noted);
    }
    result
}

/// The values of a loop; one that changes is not there while the body has it.
struct State {
    values: Vec<Option<Value>>,
    moves: Vec<bool>,
}

impl State {
    /// What a body reads. `hand_over`: what changes is given away.
    fn read(&mut self, reads: &[usize], hand_over: bool) -> Values {
        let missing = || fail("a loop lacks one of its values");
        let mut read = Vec::with_capacity(reads.len());
        for n in reads {
            let value = self.values.get_mut(*n).ok_or_else(missing)?;
            let value = if hand_over && self.moves[*n] { value.take() } else { value.clone() };
            read.push(value.ok_or_else(missing)?);
        }
        Ok(read)
    }
}

fn repeat(condition: &Body, body: &Body, changing: &[usize], inputs: Vec<Value>, budget: &Budget) -> Values {
    let mut state =
        State { moves: vec![false; inputs.len()], values: inputs.into_iter().map(Some).collect() };
    for n in changing {
        *state.moves.get_mut(*n).ok_or_else(|| fail("a loop lacks one of its values"))? = true;
    }
    let (mut noted_condition, mut noted_body) = (condition.noted(), body.noted());
    let mut iterations = 0usize;
    loop {
        let go_on = condition.run(state.read(&condition.reads, false)?, &mut noted_condition, budget)?;
        if !kernels::truth(go_on.first().ok_or_else(|| fail("a condition gave nothing"))?)? {
            break;
        }
        drop(go_on);
        let inputs = state.read(&body.reads, true)?;
        let made = body.run(inputs, &mut noted_body, budget);
        let made = made.map_err(|e| at_iteration(iterations, e))?;
        for (n, value) in changing.iter().zip(made) {
            state.values[*n] = Some(value);
        }
        iterations += 1;
    }
    condition.note(noted_condition);
    body.note(noted_body);
    let values: Option<Vec<Value>> = state.values.into_iter().collect();
    values.ok_or_else(|| fail("a loop lacks one of its values"))
}

fn at_iteration(number: usize, error: EngineError) -> EngineError {
    match error {
        EngineError::Execution(text) => EngineError::Execution(format!("iteration {number}, {text}")),
        other => other,
    }
}

#[cfg(test)]
mod tests;
