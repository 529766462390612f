//! Examples to be classified, or to be given a value each: serialized for the signature's parser, and its outputs as results.

use crate::codec::examples::Examples as Request;
use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::serving::inference_result::Result as Inferred;
use crate::grpc::proto::tensorflow::serving::input::Kind;
use crate::grpc::proto::tensorflow::serving::{
    Class, ClassificationResult, Classifications, Input, Regression, RegressionResult,
};
use crate::invoke::{Call, Exchange};
use berth_engine::{Data, Model, Signature, Tensor};
use bytes::Bytes;
use prost::Message;

/// What a signature that takes examples calls them.
const INPUTS: &str = "inputs";
const CLASSES: &str = "classes";
const SCORES: &str = "scores";
const OUTPUTS: &str = "outputs";

/// What is wanted of examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Classes with scores.
    Classify,
    /// One value.
    Regress,
}

impl Method {
    /// What a signature calls its method.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classify => "tensorflow/serving/classify",
            Self::Regress => "tensorflow/serving/regress",
        }
    }

    /// The method of this name.
    pub fn named(name: &str) -> Result<Self, InvokeError> {
        let found = [Self::Classify, Self::Regress].into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| InvokeError::bad(format!("Unsupported signature method_name: {name}")))
    }

    /// Whether a signature can be called so: told by the names of what it takes and gives, as TensorFlow Serving tells it.
    pub fn check(self, signature: &Signature) -> Result<(), InvokeError> {
        let has = |name: &str| signature.outputs.iter().any(|o| o.name == name);
        let wrong = match self {
            _ if signature.inputs.len() != 1 => "Expected one input Tensor.".to_owned(),
            _ if signature.inputs[0].name != INPUTS => {
                format!("No inputs found in SignatureDef: the input must be called {INPUTS:?}")
            }
            Self::Classify if !(1..=2).contains(&signature.outputs.len()) => {
                format!("Expected one or two output Tensors, found {}", signature.outputs.len())
            }
            Self::Classify if !has(CLASSES) && !has(SCORES) => {
                format!(
                    "Expected classification signature outputs to contain at least one of \"{CLASSES}\" or \"{SCORES}\"."
                )
            }
            Self::Regress if signature.outputs.len() != 1 => "Expected one output Tensor.".to_owned(),
            Self::Regress if !has(OUTPUTS) => {
                format!("No regression outputs found in SignatureDef: the output must be called {OUTPUTS:?}")
            }
            Self::Classify | Self::Regress => return Ok(()),
        };
        Err(InvokeError::bad(format!("{wrong} (signature {:?})", signature.name)))
    }
}

/// Where examples are.
#[derive(Debug)]
enum Source {
    Json(Bytes),
    Given(Request),
}

/// A request for one method.
#[derive(Debug)]
pub struct Examples {
    method: Method,
    source: Source,
    count: usize,
    signature: String,
}

impl Examples {
    /// Of a JSON body.
    pub fn json(method: Method, body: Bytes) -> Self {
        Self { method, source: Source::Json(body), count: 0, signature: String::new() }
    }

    /// Of a gRPC request.
    pub fn given(method: Method, signature: String, input: Option<Input>) -> Self {
        let (context, examples) = match input.and_then(|input| input.kind) {
            None => (None, Vec::new()),
            Some(Kind::ExampleList(list)) => (None, list.examples),
            Some(Kind::ExampleListWithContext(list)) => (list.context, list.examples),
        };
        let request = Request { signature, context, examples };
        Self { method, source: Source::Given(request), count: 0, signature: String::new() }
    }
}

impl Exchange for Examples {
    /// The signature that answered, and what.
    type Answer = (String, Inferred);

    fn bytes(&self) -> usize {
        match &self.source {
            Source::Json(body) => body.len(),
            Source::Given(request) => {
                request.examples.iter().chain(&request.context).map(Message::encoded_len).sum()
            }
        }
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        let request = match std::mem::replace(&mut self.source, Source::Json(Bytes::new())) {
            Source::Json(body) => Request::read(&body)?,
            Source::Given(request) => request,
        };
        let signature = super::signature(model, &request.signature, |name| {
            format!("No signature was found with the name: {name}")
        })?;
        self.method.check(signature)?;
        self.signature.clone_from(&signature.name);
        let serialized = request.serialized();
        if serialized.is_empty() {
            return Err(InvokeError::bad("Input is empty."));
        }
        self.count = serialized.len();
        let tensor = Tensor::new(vec![self.count], Data::String(serialized))?;
        Ok(Call { signature: signature.name.clone(), inputs: vec![(INPUTS.to_owned(), tensor)] })
    }

    fn encode(self, _: &Model, outputs: Vec<(String, Tensor)>) -> Result<Self::Answer, InvokeError> {
        let inferred = match self.method {
            Method::Classify => Inferred::ClassificationResult(classes(self.count, &outputs)?),
            Method::Regress => Inferred::RegressionResult(values(self.count, &outputs)?),
        };
        Ok((self.signature, inferred))
    }
}

fn find<'o>(outputs: &'o [(String, Tensor)], wanted: &str) -> Option<&'o Tensor> {
    outputs.iter().find(|(name, _)| name == wanted).map(|(_, tensor)| tensor)
}

fn classes(count: usize, outputs: &[(String, Tensor)]) -> Result<ClassificationResult, InvokeError> {
    let (labels, scores) = (find(outputs, CLASSES), find(outputs, SCORES));
    let width = |tensor: &Tensor| match tensor.shape() {
        [rows, width] if *rows == count => Ok(*width),
        [rows, _] => Err(InvokeError::bad(format!("Expected output batch size of {count}. Got: {rows}"))),
        other => Err(InvokeError::bad(format!(
            "Expected Tensor shape: [batch_size num_classes] but got {other:?}"
        ))),
    };
    let many = match (labels.map(width).transpose()?, scores.map(width).transpose()?) {
        (Some(classes), Some(scores)) if classes != scores => {
            return Err(InvokeError::bad(format!(
                "Tensors class and score should match in dim_size(1). Got {classes} vs. {scores}"
            )));
        }
        (classes, scores) => classes.or(scores).unwrap_or(0),
    };
    let labels = match labels.map(Tensor::data) {
        None => None,
        Some(Data::String(labels)) => Some(labels),
        Some(_) => return Err(InvokeError::bad("Expected classes Tensor of DT_STRING.")),
    };
    let scores = scores.map(|tensor| floats(tensor, "scores")).transpose()?;
    let class = |at: usize| Class {
        label: labels.map_or_else(String::new, |l| String::from_utf8_lossy(&l[at]).into_owned()),
        score: scores.map_or(0.0, |s| s[at]),
    };
    let example = |n: usize| Classifications { classes: (n * many..(n + 1) * many).map(class).collect() };
    Ok(ClassificationResult { classifications: (0..count).map(example).collect() })
}

fn values(count: usize, outputs: &[(String, Tensor)]) -> Result<RegressionResult, InvokeError> {
    let tensor =
        find(outputs, OUTPUTS).ok_or_else(|| InvokeError::bad("Could not find the output tensor"))?;
    let rows = match tensor.shape() {
        [rows] | [rows, 1] => *rows,
        other => {
            return Err(InvokeError::bad(format!(
                "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {other:?}"
            )));
        }
    };
    if rows != count {
        return Err(InvokeError::bad(format!(
            "Input batch size did not match output batch size: {count} vs. {rows}"
        )));
    }
    let regressions = floats(tensor, "output")?.iter().map(|value| Regression { value: *value }).collect();
    Ok(RegressionResult { regressions })
}

fn floats<'t>(tensor: &'t Tensor, what: &str) -> Result<&'t [f32], InvokeError> {
    match tensor.data() {
        Data::F32(values) => Ok(values),
        _ => Err(InvokeError::bad(format!("Expected {what} Tensor of DT_FLOAT."))),
    }
}
