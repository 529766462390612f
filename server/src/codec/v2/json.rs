//! A request's JSON, and which part of the binary data behind it belongs to which input.

use super::{Input, Request, Values, Wanted, datatype, no_shared_memory};
use crate::codec::convert::Builder;
use crate::codec::json_read::Cursor;
use crate::error::InvokeError;
use bytes::Bytes;

/// Dimensions of a tensor: more than any has.
pub const MOST_DIMENSIONS: usize = 64;

/// What a request's JSON says beside the request itself.
#[derive(Debug, Default)]
pub struct Said {
    /// Outputs that say nothing of it come as binary data.
    pub binary: bool,
}

/// Reads a request; `binary` is what follows the JSON.
pub fn read(text: &[u8], binary: Bytes, request: &mut Request) -> Result<Said, InvokeError> {
    let mut cursor = Cursor::new(text);
    if cursor.peek().is_none() {
        return Err(InvokeError::bad(
            "the request body is empty; send {\"inputs\": [{\"name\": …, \"shape\": …, …}, …]}",
        ));
    }
    let (mut said, mut drafts) = (Said::default(), None);
    cursor.object(|cursor, key| {
        match key {
            "id" => request.id = string(cursor, "id")?,
            "parameters" => parameters(cursor, request, &mut said)?,
            "inputs" => drafts = Some(list(cursor, "inputs", draft)?),
            "outputs" => request.wanted = list(cursor, "outputs", wanted)?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    cursor.end()?;
    let drafts = drafts.ok_or_else(|| InvokeError::bad("Unable to parse 'inputs': the request has none"))?;
    request.inputs = inputs(drafts, binary, &request.model)?;
    Ok(said)
}

fn parameters(cursor: &mut Cursor<'_>, request: &mut Request, said: &mut Said) -> Result<(), InvokeError> {
    cursor.object(|cursor, key| {
        match key {
            "binary_data_output" => said.binary = truth(cursor, key)?,
            "signature_name" => request.signature = Some(string(cursor, key)?),
            _ => cursor.skip()?,
        }
        Ok(())
    })
}

/// An input as far as its JSON is read.
#[derive(Default)]
struct Draft<'a> {
    name: Option<String>,
    datatype: Option<String>,
    shape: Option<Vec<i64>>,
    /// Its bytes behind the JSON.
    size: Option<usize>,
    shared: bool,
    /// There is a place for data, with nothing in it.
    null: bool,
    data: Option<Found<'a>>,
}

/// Where an input's values are.
enum Found<'a> {
    /// Read: the datatype came before them.
    Read(Builder),
    /// Still in the text.
    Here(Cursor<'a>),
}

fn draft<'a>(cursor: &mut Cursor<'a>) -> Result<Draft<'a>, InvokeError> {
    let mut draft = Draft::default();
    cursor.object(|cursor, key| {
        match key {
            "name" => draft.name = Some(string(cursor, key)?),
            "datatype" => draft.datatype = Some(string(cursor, key)?),
            "shape" => draft.shape = Some(shape(cursor)?),
            "parameters" => cursor.object(|cursor, key| {
                match key {
                    "binary_data_size" => draft.size = Some(number(cursor, key)?),
                    "shared_memory_region" => {
                        draft.shared = true;
                        cursor.skip()?;
                    }
                    _ => cursor.skip()?,
                }
                Ok(())
            })?,
            // KServe's client sends null for a tensor without elements, beside binary data of no bytes too.
            "data" if cursor.peek() == Some(b'n') && cursor.token()? == b"null" => draft.null = true,
            "data" => draft.data = Some(draft.values(cursor)?),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(draft)
}

impl<'a> Draft<'a> {
    /// The values, if their datatype is known; otherwise their place, for a second look.
    fn values(&self, cursor: &mut Cursor<'a>) -> Result<Found<'a>, InvokeError> {
        let Some(datatype) = &self.datatype else {
            let place = *cursor;
            cursor.skip()?;
            return Ok(Found::Here(place));
        };
        Ok(Found::Read(values(cursor, datatype, self.name.as_deref().unwrap_or_default())?))
    }

    /// Which of the places for values are taken must be one.
    fn check(&self, name: &str) -> Result<(), InvokeError> {
        let fields = [
            (self.data.is_some() || self.null && self.size.is_none(), "'data'"),
            (self.size.is_some(), "'binary_data_size'"),
            (self.shared, "'shared_memory_region'"),
        ];
        let set: Vec<&str> = fields.iter().filter(|(set, _)| *set).map(|(_, field)| *field).collect();
        match set.as_slice() {
            [_] if self.shared => Err(no_shared_memory(name)),
            [_] => Ok(()),
            set => {
                let set = if set.is_empty() {
                    "no field is set".to_owned()
                } else {
                    format!("set {}", set.join(" "))
                };
                Err(InvokeError::bad(format!(
                    "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', \
                     'shared_memory_region' in 'parameters'. But {set} for input '{name}'"
                )))
            }
        }
    }
}

/// Values, nested or flat: their shape is what the request says.
fn values(cursor: &mut Cursor<'_>, datatype: &str, input: &str) -> Result<Builder, InvokeError> {
    let mut values = Builder::new(datatype::parse(datatype, input)?);
    if cursor.peek() == Some(b'[') {
        cursor.tensor(&mut values)?;
        return Ok(values);
    }
    Err(InvokeError::bad(format!("Unable to parse 'data' of input '{input}': it must be an array")))
}

/// Gives each input its values. Binary data lies behind the JSON in the order of the inputs.
fn inputs(drafts: Vec<Draft<'_>>, mut binary: Bytes, model: &str) -> Result<Vec<Input>, InvokeError> {
    let missing = |what: &str| InvokeError::bad(format!("Unable to parse '{what}': an input has none"));
    let mut inputs = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let name = draft.name.clone().ok_or_else(|| missing("name"))?;
        let datatype = draft.datatype.clone().ok_or_else(|| missing("datatype"))?;
        draft.check(&name)?;
        let shape = draft.shape.ok_or_else(|| missing("shape"))?;
        let dtype = datatype::parse(&datatype, &name)?;
        let values = match (draft.data, draft.size) {
            (Some(Found::Read(values)), _) => Values::Typed(values.finish()),
            (Some(Found::Here(mut place)), _) => {
                Values::Typed(values(&mut place, &datatype, &name)?.finish())
            }
            (None, size) => Values::Raw(part(&mut binary, size.unwrap_or(0), &name, model)?),
        };
        inputs.push(Input { name, dtype, shape, values });
    }
    if binary.is_empty() {
        return Ok(inputs);
    }
    Err(InvokeError::bad(format!(
        "unexpected additional input data for model '{model}': {} bytes belong to no input",
        binary.len()
    )))
}

/// The next bytes of the binary data.
fn part(binary: &mut Bytes, size: usize, input: &str, model: &str) -> Result<Bytes, InvokeError> {
    if size <= binary.len() {
        return Ok(binary.split_to(size));
    }
    Err(InvokeError::bad(format!(
        "unexpected size for input '{input}', expecting {} additional bytes for model '{model}'; the header \
         Inference-Header-Content-Length says where the JSON ends and the binary data begins",
        size - binary.len()
    )))
}

fn wanted(cursor: &mut Cursor<'_>) -> Result<Wanted, InvokeError> {
    let (mut name, mut shared, mut output) = (None, false, Wanted::default());
    cursor.object(|cursor, key| {
        match key {
            "name" => name = Some(string(cursor, key)?),
            "parameters" => cursor.object(|cursor, key| {
                match key {
                    "classification" => output.classes = number(cursor, key)?,
                    "binary_data" => output.binary = Some(truth(cursor, key)?),
                    "shared_memory_region" => {
                        shared = true;
                        cursor.skip()?;
                    }
                    _ => cursor.skip()?,
                }
                Ok(())
            })?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    output.name = name.ok_or_else(|| InvokeError::bad("Unable to parse 'name': an output has none"))?;
    if shared { Err(no_shared_memory(&output.name)) } else { Ok(output) }
}

fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    what: &str,
    mut item: impl FnMut(&mut Cursor<'a>) -> Result<T, InvokeError>,
) -> Result<Vec<T>, InvokeError> {
    if cursor.peek() != Some(b'[') {
        return Err(InvokeError::bad(format!("Unable to parse '{what}': it must be an array")));
    }
    let mut items = Vec::new();
    cursor.array(|cursor| {
        items.push(item(cursor)?);
        Ok(())
    })?;
    Ok(items)
}

fn shape(cursor: &mut Cursor<'_>) -> Result<Vec<i64>, InvokeError> {
    let shape = list(cursor, "shape", |cursor| {
        let extent = std::str::from_utf8(cursor.token()?).ok().and_then(|t| t.parse::<i64>().ok());
        extent.ok_or_else(|| InvokeError::bad("Unable to parse 'shape': its extents must be integers"))
    })?;
    if shape.len() > MOST_DIMENSIONS {
        return Err(InvokeError::bad(format!(
            "Unable to parse 'shape': more than {MOST_DIMENSIONS} dimensions"
        )));
    }
    Ok(shape)
}

fn string(cursor: &mut Cursor<'_>, what: &str) -> Result<String, InvokeError> {
    if cursor.peek() != Some(b'"') {
        return Err(InvokeError::bad(format!("Unable to parse '{what}': it must be a string")));
    }
    String::from_utf8(cursor.string()?)
        .map_err(|_| InvokeError::bad(format!("Unable to parse '{what}': not UTF-8")))
}

fn number(cursor: &mut Cursor<'_>, what: &str) -> Result<usize, InvokeError> {
    let number = std::str::from_utf8(cursor.token()?).ok().and_then(|t| t.parse().ok());
    number
        .ok_or_else(|| InvokeError::bad(format!("Unable to parse '{what}': it must be an integer from 0 on")))
}

fn truth(cursor: &mut Cursor<'_>, what: &str) -> Result<bool, InvokeError> {
    match cursor.token()? {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(InvokeError::bad(format!("Unable to parse '{what}': it must be true or false"))),
    }
}

#[cfg(test)]
mod tests;
