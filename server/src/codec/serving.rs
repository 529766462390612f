//! TensorFlow Serving's JSON as an exchange: prediction requests, and what examples came to.

use super::{Form, json, json_write};
use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::serving::inference_result::Result as Inferred;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Tensor};
use bytes::Bytes;

/// A prediction request.
#[derive(Debug)]
pub struct Predict {
    body: Bytes,
    form: Form,
}

impl Predict {
    /// Of a request's body.
    pub fn new(body: Bytes) -> Self {
        Self { body, form: Form::Rows }
    }
}

impl Exchange for Predict {
    type Answer = Vec<u8>;

    fn bytes(&self) -> usize {
        self.body.len()
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        let request = json::serving(&std::mem::take(&mut self.body), model)?;
        self.form = request.form;
        Ok(Call { signature: request.signature, inputs: request.inputs })
    }

    fn encode(self, _: &Model, outputs: Vec<(String, Tensor)>) -> Result<Vec<u8>, InvokeError> {
        json_write::write(self.form, &outputs)
    }
}

/// Writes the classes, each with its score, or the value of every example.
pub fn results(inferred: &Inferred) -> Vec<u8> {
    let mut out = b"{\"results\": ".to_vec();
    match inferred {
        Inferred::ClassificationResult(result) => {
            json_write::list(&mut out, b'[', b']', &result.classifications, |out, example| {
                json_write::list(out, b'[', b']', &example.classes, |out, class| {
                    out.push(b'[');
                    json_write::string(out, &class.label);
                    out.extend_from_slice(b", ");
                    json_write::number(out, class.score);
                    out.push(b']');
                });
            });
        }
        Inferred::RegressionResult(result) => {
            json_write::list(&mut out, b'[', b']', &result.regressions, |out, example| {
                json_write::number(out, example.value);
            });
        }
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::{Inferred, results};
    use crate::grpc::proto::tensorflow::serving::{
        Class, ClassificationResult, Classifications, Regression, RegressionResult,
    };

    #[test]
    fn classes_are_pairs_and_values_are_bare() {
        let classes =
            vec![Class { label: "a\"".into(), score: 0.5 }, Class { label: "b".into(), score: f32::NAN }];
        let classifications = vec![Classifications { classes }, Classifications::default()];
        let written = results(&Inferred::ClassificationResult(ClassificationResult { classifications }));
        assert_eq!(String::from_utf8(written).unwrap(), r#"{"results": [[["a\"", 0.5], ["b", NaN]], []]}"#);
        let regressions = vec![Regression { value: 1.0 }, Regression { value: f32::INFINITY }];
        let written = results(&Inferred::RegressionResult(RegressionResult { regressions }));
        assert_eq!(String::from_utf8(written).unwrap(), r#"{"results": [1.0, Infinity]}"#);
    }
}
