//! Chains of operations element by element: in one pass over memory where the shapes allow it, else one after another.

use super::access::output;
use super::elementwise::{self, broadcast_shape};
use super::threads::threads;
use super::vector::elementwise::chain as vector;
use super::{Outcome, Value, activate, fail};
use crate::EngineError;
use crate::graph::{Chain, Link, Operand};
use crate::value::Kind;

pub fn chain(chain: &Chain, inputs: &[&Value]) -> Outcome {
    match at_once(chain, inputs)? {
        Some(value) => Ok(value),
        None => one_by_one(chain, inputs),
    }
}

/// None: an input is not of `float32`, or repeated otherwise than by channel.
fn at_once(chain: &Chain, inputs: &[&Value]) -> Result<Option<Value>, EngineError> {
    if inputs.iter().any(|v| v.kind() != Kind::F32) {
        return Ok(None);
    }
    let mut shape: Vec<usize> = Vec::new();
    for input in inputs {
        shape = broadcast_shape(&shape, input.dims())?;
    }
    let channels = shape.last().copied().unwrap_or(1);
    let mut operands = Vec::with_capacity(inputs.len());
    for input in inputs {
        let data = input.slice::<f32>()?;
        operands.push(match data {
            _ if input.dims() == shape.as_slice() => vector::Input::Full(data),
            [number] => vector::Input::Scalar(*number),
            _ if data.len() == channels && input.dims().last() == Some(&channels) => {
                vector::Input::Channel(data)
            }
            _ => return Ok(None),
        });
    }
    let place = |operand: Operand| match operand {
        Operand::Input(n) => vector::Operand::Input(n),
        Operand::Link(n) => vector::Operand::Step(n),
    };
    let steps = chain.links.iter().map(|link| match *link {
        Link::Unary(op, a) => vector::Step::Unary(op, place(a)),
        Link::Activate(op, a) => vector::Step::Activate(op, place(a)),
        Link::Binary(op, a, b) => vector::Step::Binary(op, place(a), place(b)),
    });
    let chain = vector::Chain { steps: steps.collect() };
    let mut out = output::<f32>(&shape)?;
    let work = out.len().saturating_mul(4 * chain.steps.len());
    let done = chain.run(&operands, channels, &mut out, threads(work));
    if done { Ok(Some(Value::of(out, &shape)?)) } else { Ok(None) }
}

fn one_by_one(chain: &Chain, inputs: &[&Value]) -> Outcome {
    let mut made: Vec<Value> = Vec::with_capacity(chain.links.len());
    for link in &chain.links {
        let find = |operand: Operand| match operand {
            Operand::Input(n) => inputs.get(n).copied().ok_or_else(|| fail("a chain lacks an input")),
            Operand::Link(n) => made.get(n).ok_or_else(|| fail("a chain reads ahead")),
        };
        let value = match *link {
            Link::Unary(op, a) => elementwise::unary(op, find(a)?)?,
            Link::Activate(op, a) => activate::value(op, find(a)?)?,
            Link::Binary(op, a, b) => elementwise::binary(op, find(a)?, find(b)?)?,
        };
        made.push(value);
    }
    made.pop().ok_or_else(|| fail("an empty chain"))
}
