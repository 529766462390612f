//! TensorFlow Serving's request JSON, the bare array of SageMaker's containers, and JSON lines.

use super::builtin;
use super::convert::Builder;
use super::json_read::Cursor;
use super::{Decoded, Form, only_input};
use crate::error::InvokeError;
use crate::tensorflow;
use berth_engine::{Model, Signature, Tensor, TensorSpec};

/// Where in the body what is.
#[derive(Default)]
struct Outline<'a> {
    signature: Option<String>,
    instances: Option<Cursor<'a>>,
    inputs: Option<Cursor<'a>>,
}

/// Reads `{"instances": …}`, `{"inputs": …}` or `[…]`.
pub fn read(body: &[u8], model: &Model) -> Result<Decoded, InvokeError> {
    let outline = outline(body)?;
    let signature = model.signature(outline.signature.as_deref())?;
    let (inputs, form) = match (outline.instances, outline.inputs) {
        (Some(mut rows), None) => (instances(&mut rows, signature)?, Form::Rows),
        (None, Some(mut columns)) => (columns_of(&mut columns, signature, Others::Refused)?, Form::Columns),
        (Some(_), Some(_)) => {
            return Err(InvokeError::bad("send either \"instances\" or \"inputs\", not both"));
        }
        (None, None) => {
            return Err(InvokeError::bad(
                "the request has neither \"instances\" nor \"inputs\"; send {\"instances\": [row, …]}, {\"inputs\": …} \
                 or a bare array of rows",
            ));
        }
    };
    Ok(Decoded { signature: signature.name.clone(), inputs, form })
}

/// Reads TensorFlow Serving's requests to the letter: no bare array, no empty list, and inputs that a model has none of are left
/// out.
pub fn serving(body: &[u8], model: &Model) -> Result<Decoded, InvokeError> {
    let mut whole = Cursor::new(body);
    match whole.peek() {
        None => return Err(InvokeError::bad("JSON Parse error: The document is empty")),
        Some(b'{') => {}
        Some(_) => {
            whole.skip()?;
            whole.end()?;
            return Err(InvokeError::bad(format!("JSON Value: {} Is not object", shown(body))));
        }
    }
    let outline = outline(body)?;
    let signature = tensorflow::signature(model, outline.signature.as_deref().unwrap_or(""), |name| {
        format!("Serving signature name: \"{name}\" not found in signature def")
    })?;
    let wrong = |what: &str| Err(InvokeError::bad(format!("JSON Value: {} {what}", shown(body))));
    let (inputs, form) = match (outline.instances, outline.inputs) {
        (None, None) => return Err(InvokeError::bad("Missing 'inputs' or 'instances' key")),
        (Some(_), Some(_)) => {
            return wrong(
                "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
            );
        }
        (Some(mut rows), None) => {
            let mut inside = rows;
            if inside.take(b'[') && inside.take(b']') {
                return wrong("No values in 'instances' array");
            }
            (instances(&mut rows, signature)?, Form::Rows)
        }
        (None, Some(mut columns)) => (columns_of(&mut columns, signature, Others::LeftOut)?, Form::Columns),
    };
    Ok(Decoded { signature: signature.name.clone(), inputs, form })
}

/// The beginning of a body, for an error.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).into_owned()
}

/// Bytes of a body that an error shows.
const SHOWN: usize = 256;

/// What becomes of inputs that a model has none of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Refused,
    LeftOut,
}

/// Reads one instance a line.
pub fn lines(body: &[u8], signature: &Signature) -> Result<Vec<(String, Tensor)>, InvokeError> {
    let mut rows = Rows::new(signature);
    for line in body.split(|b| *b == b'\n') {
        let mut cursor = Cursor::new(line);
        if cursor.peek().is_some() {
            rows.add(&mut cursor)?;
            cursor.end()?;
        }
    }
    rows.finish()
}

/// The signature's name may come after the values: the body is walked over once before they are read.
fn outline(body: &[u8]) -> Result<Outline<'_>, InvokeError> {
    let mut cursor = Cursor::new(body);
    let mut outline = Outline::default();
    match cursor.peek() {
        None => return Err(InvokeError::bad("the request body is empty")),
        Some(b'{') => cursor.object(|cursor, key| {
            let place = *cursor;
            match key {
                "signature_name" => {
                    let name = String::from_utf8(cursor.string()?);
                    outline.signature =
                        Some(name.map_err(|_| InvokeError::bad("signature_name is not UTF-8"))?);
                    return Ok(());
                }
                "instances" => outline.instances = Some(place),
                "inputs" => outline.inputs = Some(place),
                _ => {}
            }
            cursor.skip()
        })?,
        Some(_) => {
            outline.instances = Some(cursor);
            cursor.skip()?;
        }
    }
    cursor.end()?;
    Ok(outline)
}

fn instances(cursor: &mut Cursor<'_>, signature: &Signature) -> Result<Vec<(String, Tensor)>, InvokeError> {
    if cursor.peek() != Some(b'[') {
        return Err(InvokeError::bad("the instances must be an array of rows"));
    }
    // Bare rows are one tensor: read in one go.
    let mut inside = *cursor;
    inside.take(b'[');
    if inside.peek() != Some(b'{') && signature.inputs.len() == 1 {
        let spec = only_input(signature)?;
        return Ok(vec![(spec.name.clone(), tensor(cursor, spec)?)]);
    }
    let mut rows = Rows::new(signature);
    cursor.array(|cursor| rows.add(cursor))?;
    rows.finish()
}

fn columns_of(
    cursor: &mut Cursor<'_>,
    signature: &Signature,
    others: Others,
) -> Result<Vec<(String, Tensor)>, InvokeError> {
    if cursor.peek() != Some(b'{') || is_b64(*cursor, signature) {
        let spec = only_input(signature)?;
        return Ok(vec![(spec.name.clone(), tensor(cursor, spec)?)]);
    }
    let mut inputs: Vec<(String, Tensor)> = Vec::new();
    cursor.object(|cursor, key| {
        if others == Others::LeftOut && find(signature, key).is_err() {
            return cursor.skip();
        }
        let spec = find(signature, key)?;
        if inputs.iter().any(|(name, _)| *name == spec.name) {
            return Err(InvokeError::bad(format!("input {key:?} is there twice")));
        }
        inputs.push((spec.name.clone(), tensor(cursor, spec)?));
        Ok(())
    })?;
    Ok(inputs)
}

fn tensor(cursor: &mut Cursor<'_>, spec: &TensorSpec) -> Result<Tensor, InvokeError> {
    let mut values = Builder::new(spec.dtype);
    let shape = cursor.tensor(&mut values)?;
    Ok(Tensor::new(shape, values.finish())?)
}

fn find<'s>(signature: &'s Signature, name: &str) -> Result<&'s TensorSpec, InvokeError> {
    signature.inputs.iter().find(|i| i.name == name).ok_or_else(|| {
        let known: Vec<String> =
            signature.inputs.iter().map(|i| format!("{} {}", i.name, i.describe())).collect();
        InvokeError::bad(format!(
            "signature {:?} has no input {name:?}; its inputs are: {}",
            signature.name,
            known.join(", ")
        ))
    })
}

fn is_b64(mut cursor: Cursor<'_>, signature: &Signature) -> bool {
    let only_string =
        matches!(signature.inputs.as_slice(), [input] if input.dtype == berth_engine::DType::String);
    only_string && cursor.take(b'{') && cursor.string().is_ok_and(|key| key == b"b64")
}

/// Rows one by one, each bare or an object of named values.
struct Rows<'s> {
    signature: &'s Signature,
    columns: Vec<Column>,
    rows: usize,
    /// Whether the first row names its values: then all do.
    named: bool,
}

struct Column {
    values: Builder,
    row_shape: Option<Vec<usize>>,
    rows: usize,
}

impl<'s> Rows<'s> {
    fn new(signature: &'s Signature) -> Self {
        let column = |dtype| Column { values: Builder::new(dtype), row_shape: None, rows: 0 };
        Self {
            signature,
            columns: signature.inputs.iter().map(|i| column(i.dtype)).collect(),
            rows: 0,
            named: false,
        }
    }

    fn add(&mut self, cursor: &mut Cursor<'_>) -> Result<(), InvokeError> {
        let named = cursor.peek() == Some(b'{') && !is_b64(*cursor, self.signature);
        if self.rows > 0 && named != self.named {
            let (row, wanted) = (self.rows, if self.named { "an object" } else { "a value or list" });
            return Err(InvokeError::bad(format!(
                "Expecting {wanted} at item {row} of input list, as before it"
            )));
        }
        self.named = named;
        self.rows += 1;
        if !named {
            only_input(self.signature)?;
            return self.columns[0].add(cursor);
        }
        cursor.object(|cursor, key| {
            if let ("data" | "features", [column]) = (key, &mut self.columns[..])
                && (key == "data" || cursor.peek() == Some(b'{'))
                && find(self.signature, "features").is_ok()
            {
                return column.add_values(&builtin::values(cursor)?);
            }
            let spec = find(self.signature, key)?;
            let at = self.signature.inputs.iter().position(|i| i.name == spec.name).unwrap_or(0);
            self.columns[at].add(cursor)
        })
    }

    fn finish(self) -> Result<Vec<(String, Tensor)>, InvokeError> {
        let mut inputs = Vec::new();
        for (spec, column) in self.signature.inputs.iter().zip(self.columns) {
            if column.rows != self.rows {
                return Err(InvokeError::bad(format!(
                    "input {:?} is in {} of {} rows; every row needs it once",
                    spec.name, column.rows, self.rows
                )));
            }
            let mut shape = vec![column.rows];
            match column.row_shape {
                Some(row) => shape.extend(row),
                None => shape.extend(spec.shape.iter().flatten().skip(1).map(|d| d.unwrap_or(0))),
            }
            inputs.push((spec.name.clone(), Tensor::new(shape, column.values.finish())?));
        }
        Ok(inputs)
    }
}

impl Column {
    fn add(&mut self, cursor: &mut Cursor<'_>) -> Result<(), InvokeError> {
        let shape = cursor.tensor(&mut self.values)?;
        self.row(shape)
    }

    /// A row of numbers.
    fn add_values(&mut self, values: &[f64]) -> Result<(), InvokeError> {
        values.iter().try_for_each(|value| self.values.push_f64(*value))?;
        self.row(vec![values.len()])
    }

    /// The end of a row.
    fn row(&mut self, shape: Vec<usize>) -> Result<(), InvokeError> {
        match &self.row_shape {
            None => self.row_shape = Some(shape),
            Some(first) if *first == shape => {}
            Some(first) => {
                return Err(InvokeError::bad(format!(
                    "row {} has shape {shape:?} and the rows before it {first:?}",
                    self.rows
                )));
            }
        }
        self.rows += 1;
        Ok(())
    }
}
