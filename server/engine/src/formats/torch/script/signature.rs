//! What a program takes and gives: the parameters of its `forward`, and the tensors of what that returns.

use super::super::dtypes::of_name;
use super::super::pickled;
use super::super::value::{Result, broken, unsupported};
use super::interpret::{Interpreter, Scope};
use super::objects::Data;
use super::source::Text;
use super::tree::Function;
use super::{Assumed, Known, flattened, inputs};
use crate::formats::Program;
use crate::formats::overrides::Input;
use crate::formats::pickle::{Node, View};
use crate::formats::zip::Zip;
use crate::{DType, EngineError, Signature, TensorSpec};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The method that predicts.
const FORWARD: &str = "forward";
/// Tensors that a program was traced with.
const MOST_TRACED: usize = 4096;

/// What a traced program was traced with; nothing: it was not, or it does not say.
pub fn traced(zip: &Zip, prefix: &str) -> std::result::Result<Vec<Assumed>, EngineError> {
    let Some(tree) = pickled::read(zip, &format!("{prefix}traced_inputs.pkl"))? else {
        return Ok(Vec::new());
    };
    let mut root = View::root(&tree);
    // What is tagged with its type lies one deeper.
    while let (Some(("torch.jit._pickle", _)), Some(inner)) = (root.qualified(), root.arguments().first()) {
        root = *inner;
    }
    let Some(mut inputs) = root.entry(FORWARD) else { return Ok(Vec::new()) };
    while let (Some(("torch.jit._pickle", _)), Some(inner)) = (inputs.qualified(), inputs.arguments().first())
    {
        inputs = *inner;
    }
    let mut assumed = Vec::new();
    let mut open: Vec<View<'_>> = inputs.items().into_iter().rev().collect();
    while let Some(item) = open.pop() {
        if assumed.len() + open.len() > MOST_TRACED {
            return Ok(Vec::new());
        }
        match (item.node(), pickled::place(item, "").ok().flatten()) {
            (_, Some(place)) => assumed.push(Assumed {
                shape: Some(place.sizes.iter().copied().map(Some).collect()),
                dtype: place.dtype,
            }),
            (Node::Tuple(_) | Node::List(_), None) => open.extend(item.items().into_iter().rev()),
            (Node::Object(_), None) if matches!(item.qualified(), Some(("torch.jit._pickle", _))) => {
                open.extend(item.arguments().into_iter().take(1));
            }
            _ => return Ok(Vec::new()),
        }
    }
    Ok(assumed)
}

/// What is said of inputs beside the program, whose text does not say it.
pub fn told(inputs: &BTreeMap<String, Input>) -> std::result::Result<HashMap<String, Assumed>, EngineError> {
    let one = |(name, input): (&String, &Input)| {
        let dtype = input.dtype.as_deref().unwrap_or("float32");
        let dtype = of_name(dtype)
            .ok_or_else(|| EngineError::broken(format!("berth.json: {dtype:?} is no dtype")))?;
        Ok((name.clone(), Assumed { shape: input.shape.clone(), dtype }))
    };
    inputs.iter().map(one).collect()
}

fn forward(text: &Text, data: &Data) -> Result<Rc<Function>> {
    let class = data.class()?;
    match text.class(&class)?.methods.get(FORWARD) {
        Some(method) => Ok(method.clone()),
        None => broken(format!("{class} has no method {FORWARD}")),
    }
}

/// The names of the inputs, and the types of those that are numbers.
pub fn names(text: &Text, data: &Data, known: &Known) -> Result<Vec<(Rc<str>, Option<DType>)>> {
    let forward = forward(text, data)?;
    Ok(inputs::names(&inputs::taken(&forward, known)?))
}

/// Follows `forward` with inputs of which so much is assumed.
pub fn program(interpreter: &mut Interpreter<'_>, known: &Known, assumed: &[Assumed]) -> Result<Program> {
    let forward = forward(interpreter.text, interpreter.data)?;
    let mut scope = Scope::new();
    let root = interpreter.maker().root()?;
    let inputs = interpreter.brought(&inputs::taken(&forward, known)?, assumed, &mut scope)?;
    for parameter in &forward.parameters {
        if let (Some(default), false) = (&parameter.default, scope.contains_key(&parameter.name)) {
            let value = interpreter.eval(default, &mut Scope::new())?;
            scope.insert(parameter.name.clone(), value);
        }
    }
    if let Some(own) = forward.parameters.first() {
        scope.insert(own.name.clone(), root);
    }
    let result = interpreter.body(&forward.body, scope)?;
    let result = interpreter.plain(result, 0)?;
    let found = flattened(&result);
    if found.is_empty() {
        return unsupported("a program that gives no tensor");
    }
    let mut outputs = Vec::new();
    let mut values = Vec::new();
    for (name, value) in found {
        let value = interpreter.builder.answered(&value)?;
        let builder = &interpreter.builder;
        let name = name.unwrap_or_else(|| format!("output_{}", values.len()));
        let shape = builder.shape(value).map(<[_]>::to_vec);
        outputs.push(TensorSpec { name, dtype: builder.dtype(value), shape });
        values.push(value);
    }
    let mut graph = std::mem::take(&mut interpreter.builder.to.graph);
    graph.outputs = values;
    let signature = Signature { name: "serving_default".to_owned(), inputs, outputs };
    Ok(Program { signature, graph })
}
