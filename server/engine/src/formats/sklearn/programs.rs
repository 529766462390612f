//! A graph for each method.

use super::builder::{Builder, Columns, Pool};
use super::columns;
use super::estimator::{self, Answer, Method, Part};
use super::inputs;
use crate::formats::Program;
use crate::formats::pickle::View;
use crate::{DType, EngineError, Signature, TensorSpec};

/// The signatures of an estimator, sorted by name.
pub fn programs(pool: &mut Pool, of: View<'_>) -> Result<Vec<Program>, EngineError> {
    let methods = estimator::methods(of)?;
    let default = methods.iter().find(|method| **method == Method::Predict).or(methods.first()).copied();
    let mut all = Vec::new();
    for method in methods {
        let program = program(pool, of, method)?;
        if Some(method) == default {
            let signature = Signature { name: "serving_default".to_owned(), ..program.signature.clone() };
            all.push(Program { signature, graph: program.graph.clone() });
        }
        all.push(program);
    }
    all.sort_by(|a, b| a.signature.name.cmp(&b.signature.name));
    Ok(all)
}

fn program(pool: &mut Pool, of: View<'_>, method: Method) -> Result<Program, EngineError> {
    let mut to = Builder::new(pool);
    let (x, inputs) = inputs::inputs(&mut to, of)?;
    let answer = estimator::answer(&mut to, of, &x, method)?;
    let [name, output] = method.names();
    let mut outputs = Vec::new();
    let parts = match answer {
        Answer::Part(part) => vec![part],
        Answer::Columns(Columns::Texts(id, width)) => {
            vec![Part { id, dtype: DType::String, width: Some(width) }]
        }
        Answer::Columns(x) => {
            let (id, width) = columns::dense(&mut to, &x)?;
            vec![Part::floats(id, Some(width))]
        }
        Answer::Parts(parts) => parts,
    };
    let digits = parts.len().saturating_sub(1).to_string().len();
    for (n, part) in parts.iter().enumerate() {
        let name = if parts.len() == 1 { output.to_owned() } else { format!("{output}_{n:0digits$}") };
        let shape = [&[None], &part.width.map(Some).into_iter().collect::<Vec<_>>()[..]].concat();
        outputs.push(TensorSpec { name, dtype: part.dtype, shape: Some(shape) });
        to.graph.outputs.push(part.id);
    }
    if outputs
        .iter()
        .any(|output| !matches!(output.dtype, DType::F64 | DType::I64 | DType::String | DType::Bool))
    {
        return Err(EngineError::broken("an answer of a type that is not known"));
    }
    Ok(Program { signature: Signature { name: name.to_owned(), inputs, outputs }, graph: to.graph })
}
