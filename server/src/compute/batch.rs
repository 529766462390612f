//! Several calls as one run: their inputs behind each other, and each call's rows of the outputs.

use super::call::CallId;
use super::core::Read;
use super::task::{Outputs, Task, caught};
use crate::error::InvokeError;
use crate::invoke::Call;
use berth_engine::{Batching, Data, EngineError, Model, Tensor};
use std::mem::{Discriminant, discriminant};

/// What calls must have in common to run together: the signature, and of each input all but the number of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    signature: String,
    inputs: Vec<(String, Discriminant<Data>, Vec<usize>)>,
}

/// A call on its way, and how far it is.
pub struct Held {
    /// Its name.
    pub id: CallId,
    /// The call.
    pub task: Box<dyn Task>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a call is.
pub enum Stage {
    /// Not read.
    Fresh,
    /// Read, not run.
    Read(Call),
    /// Run; the answer is not written.
    Ran(Result<Outputs, InvokeError>),
}

/// Rows of one run of a signature; one where calls run alone.
fn most_rows(model: &Model, signature: &str) -> usize {
    match model.batching(Some(signature)) {
        Ok(Batching::Worth) => model.most_rows(Some(signature)),
        _ => 1,
    }
}

/// Whether a call may run with others, and with which. Its inputs come into the order of their names.
pub fn read(model: &Model, call: &mut Call) -> Read<Form> {
    let most = most_rows(model, &call.signature);
    let bytes = call.bytes();
    let alone = Read { form: None, rows: 1, most: 1, bytes };
    if most < 2 {
        return alone;
    }
    call.inputs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let rows = |tensor: &Tensor| tensor.shape().first().copied();
    let Some(rows) = call.inputs.first().and_then(|(_, tensor)| rows(tensor)).filter(|rows| *rows > 0) else {
        return alone;
    };
    let mut inputs = Vec::with_capacity(call.inputs.len());
    for (name, tensor) in &call.inputs {
        match tensor.shape() {
            [first, inner @ ..] if *first == rows => {
                inputs.push((name.clone(), discriminant(tensor.data()), inner.to_vec()));
            }
            _ => return alone,
        }
    }
    Read { form: Some(Form { signature: call.signature.clone(), inputs }), rows, most, bytes }
}

/// Runs calls that have their form in common. Those that nobody waits for are left out; if the run fails, each runs alone, so that one
/// bad row fails its own call only. Gives the rows of the first run.
pub fn run(calls: &mut [Held]) -> usize {
    let mut wanted: Vec<&mut Held> = Vec::with_capacity(calls.len());
    for held in calls {
        if held.task.is_wanted() {
            wanted.push(held);
        } else {
            held.stage = Stage::Ran(Err(InvokeError::DeadlineExceeded));
        }
    }
    let rows: Vec<usize> = wanted.iter().map(|held| held.rows()).collect();
    if let [_, _, ..] = wanted[..] {
        match together(&wanted, &rows) {
            Ok(parts) => {
                for (held, part) in wanted.iter_mut().zip(parts) {
                    held.ran(Ok(part));
                }
                return rows.iter().sum();
            }
            Err(error) => tracing::debug!(%error, calls = rows.len(), "a run of several calls failed"),
        }
    }
    for held in wanted {
        held.run();
    }
    rows.first().copied().unwrap_or(0)
}

/// Runs several calls as one: each call's outputs.
fn together(calls: &[&mut Held], rows: &[usize]) -> Result<Vec<Outputs>, InvokeError> {
    let is_wanted = || calls.iter().any(|held| held.task.is_wanted());
    let inputs: Option<Vec<&Call>> = calls.iter().map(|held| held.call()).collect();
    let (Some(inputs), Some(first)) = (inputs, calls.first()) else { return Err(InvokeError::Panicked) };
    let model = first.task.model().ok_or(InvokeError::Panicked)?;
    let outputs = caught(|| {
        let joined = join(&inputs)?;
        Ok(model.engine().run_watched(&joined.signature, joined.inputs, &is_wanted)?)
    })?;
    model.statistics().executed();
    split(&outputs, rows)
}

impl Held {
    fn call(&self) -> Option<&Call> {
        match &self.stage {
            Stage::Read(call) => Some(call),
            _ => None,
        }
    }

    fn rows(&self) -> usize {
        let tensor = self.call().and_then(|call| call.inputs.first());
        tensor.and_then(|(_, tensor)| tensor.shape().first().copied()).unwrap_or(1)
    }

    /// Runs it alone.
    fn run(&mut self) {
        let Stage::Read(call) = std::mem::replace(&mut self.stage, Stage::Fresh) else { return };
        let task = &self.task;
        let outputs = caught(|| {
            let model = task.model().ok_or(InvokeError::Panicked)?;
            let outputs = model.engine().run_watched(&call.signature, call.inputs, &|| task.is_wanted())?;
            model.statistics().executed();
            Ok(outputs)
        });
        self.ran(outputs);
    }

    /// Notes what became of its run.
    fn ran(&mut self, outputs: Result<Outputs, InvokeError>) {
        if outputs.is_ok() {
            self.task.ran();
        }
        self.stage = Stage::Ran(outputs);
    }
}

/// One call of several that have their form in common.
fn join(calls: &[&Call]) -> Result<Call, EngineError> {
    let Some(first) = calls.first() else { return Err(EngineError::input("a run of nothing")) };
    let mut inputs = Vec::with_capacity(first.inputs.len());
    for (at, (name, tensor)) in first.inputs.iter().enumerate() {
        let parts: Vec<&Tensor> = calls.iter().filter_map(|c| Some(&c.inputs.get(at)?.1)).collect();
        let rows = parts.iter().map(|t| t.shape().first().copied().unwrap_or(0)).sum();
        let shape = [&[rows], tensor.shape().get(1..).unwrap_or(&[])].concat();
        let data = concat(tensor.data(), &parts)?;
        inputs.push((name.clone(), Tensor::new(shape, data)?));
    }
    Ok(Call { signature: first.signature.clone(), inputs })
}

fn concat(kind: &Data, parts: &[&Tensor]) -> Result<Data, EngineError> {
    macro_rules! concat {
        ($kind:path) => {{
            let slices = parts.iter().map(|part| match part.data() {
                $kind(values) => Ok(values.as_slice()),
                _ => Err(EngineError::input("values of several types in one input")),
            });
            $kind(slices.collect::<Result<Vec<_>, _>>()?.concat())
        }};
    }
    Ok(match kind {
        Data::F32(_) => concat!(Data::F32),
        Data::F64(_) => concat!(Data::F64),
        Data::I64(_) => concat!(Data::I64),
        Data::Bool(_) => concat!(Data::Bool),
        Data::String(_) => concat!(Data::String),
    })
}

/// Each call's rows of the outputs. An error if these have other rows than the inputs had.
fn split(outputs: &Outputs, rows: &[usize]) -> Result<Vec<Outputs>, InvokeError> {
    let total: usize = rows.iter().sum();
    let mut parts: Vec<Outputs> = rows.iter().map(|_| Vec::with_capacity(outputs.len())).collect();
    for (name, tensor) in outputs {
        let Some((_, inner)) = tensor.shape().split_first().filter(|(first, _)| **first == total) else {
            let shape = tensor.shape();
            return Err(InvokeError::bad(format!("output {name:?} has shape {shape:?}, not {total} rows")));
        };
        let width: usize = inner.iter().product();
        let mut from = 0;
        for (part, rows) in parts.iter_mut().zip(rows) {
            let shape = [&[*rows], inner].concat();
            let data = narrow(tensor.data(), from, from + rows * width);
            from += rows * width;
            part.push((name.clone(), Tensor::new(shape, data)?));
        }
    }
    Ok(parts)
}

fn narrow(data: &Data, from: usize, to: usize) -> Data {
    match data {
        Data::F32(v) => Data::F32(v[from..to].to_vec()),
        Data::F64(v) => Data::F64(v[from..to].to_vec()),
        Data::I64(v) => Data::I64(v[from..to].to_vec()),
        Data::Bool(v) => Data::Bool(v[from..to].to_vec()),
        Data::String(v) => Data::String(v[from..to].to_vec()),
    }
}

#[cfg(test)]
mod tests;
