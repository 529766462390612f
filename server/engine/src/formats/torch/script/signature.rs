//! What a program takes and gives: the parameters of its `forward`, and the tensors of what that returns.

use super::super::dtypes::of_name;
use super::super::pickled;
use super::super::value::{Result, Val, broken, unsupported};
use super::interpret::{Interpreter, Scope};
use super::objects::Data;
use super::source::Text;
use super::tree::{Expr, Function};
use super::{Assumed, flattened};
use crate::formats::Program;
use crate::formats::overrides::Input;
use crate::formats::pickle::View;
use crate::formats::zip::Zip;
use crate::{EngineError, Signature, TensorSpec};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The method that predicts.
const FORWARD: &str = "forward";

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
    let places = inputs.items().into_iter().map(|item| pickled::place(item, "").ok().flatten());
    let assumed = places.map(|place| {
        let place = place?;
        Some(Assumed { shape: Some(place.sizes.iter().copied().map(Some).collect()), dtype: place.dtype })
    });
    Ok(assumed.collect::<Option<Vec<_>>>().unwrap_or_default())
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

/// Whether a parameter is a tensor that requests have to bring.
fn is_tensor(annotation: Option<&Expr>) -> bool {
    match annotation {
        None => true,
        Some(Expr::Name(name)) => &**name == "Tensor",
        Some(Expr::Index(of, inner)) => {
            matches!(&**of, Expr::Name(n) if &**n == "Optional") && is_tensor(Some(inner))
        }
        _ => false,
    }
}

/// The parameters that are inputs.
pub fn tensors(text: &Text, data: &Data) -> Result<Vec<Rc<str>>> {
    let forward = forward(text, data)?;
    let mut names = Vec::new();
    for parameter in forward.parameters.iter().skip(1) {
        match (&parameter.default, is_tensor(parameter.annotation.as_ref())) {
            (None, true) => names.push(parameter.name.clone()),
            (Some(_), _) => {}
            (None, false) => return unsupported(format!("input {:?}, which is no tensor", parameter.name)),
        }
    }
    Ok(names)
}

/// Follows `forward` with inputs of which so much is assumed.
pub fn program(interpreter: &mut Interpreter<'_>, assumed: &[Assumed]) -> Result<Program> {
    let names = tensors(interpreter.text, interpreter.data)?;
    let forward = forward(interpreter.text, interpreter.data)?;
    let mut scope = Scope::new();
    let root = interpreter.maker().root()?;
    let mut inputs = Vec::new();
    for (name, assumed) in names.iter().zip(assumed) {
        interpreter.builder.to.name = name.to_string();
        let handle = interpreter.builder.input(assumed.shape.clone(), assumed.dtype)?;
        scope.insert(name.clone(), Val::Tensor(handle));
        inputs.push(TensorSpec {
            name: name.to_string(),
            dtype: assumed.dtype,
            shape: assumed.shape.clone(),
        });
    }
    for parameter in &forward.parameters {
        if let Some(default) = &parameter.default {
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
    for (name, handle) in found {
        let builder = &interpreter.builder;
        let value = builder.answer(handle)?;
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
