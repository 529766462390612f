//! Lines of values.

use super::super::{Value, fail};
use super::{at, strip};
use crate::graph::Csv;
use crate::{DType, EngineError};

/// Lines, a default of each column → the columns.
pub fn csv(how: &Csv, inputs: &[&Value]) -> Result<Vec<Value>, EngineError> {
    let lines = at(inputs, 0)?;
    let mut columns: Vec<Vec<Vec<u8>>> = vec![Vec::with_capacity(lines.elem_count()); how.types.len()];
    for (number, line) in lines.texts()?.iter().enumerate() {
        let found = fields(how, line).map_err(|why| fail(format!("line {number}: {why}")))?;
        if found.len() != columns.len() {
            let why = format!("line {number} has {} fields, {} are expected", found.len(), columns.len());
            return Err(fail(why));
        }
        columns.iter_mut().zip(found).for_each(|(column, field)| column.push(field));
    }
    let column = |(n, fields): (usize, Vec<Vec<u8>>)| -> Result<Value, EngineError> {
        let default = at(inputs, n + 1)?;
        typed(how, n, fields, default)?.reshape(lines.dims())
    };
    columns.into_iter().enumerate().map(column).collect()
}

/// The fields of a line that are wanted.
fn fields(how: &Csv, line: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let (mut found, mut number, mut at) = (Vec::new(), 0, 0);
    let wanted = |number: usize| how.columns.is_empty() || how.columns.contains(&number);
    let all = |found: &Vec<Vec<u8>>| !how.columns.is_empty() && found.len() == how.columns.len();
    while at < line.len() && !all(&found) {
        if matches!(line[at], b'\n' | b'\r') {
            at += 1;
            continue;
        }
        let (field, next) = if how.quotes && line[at] == b'"' {
            quoted(how, line, at + 1)?
        } else {
            let end = line[at..].iter().position(|b| *b == how.delimiter).map_or(line.len(), |n| at + n);
            let field = &line[at..end];
            if field.iter().any(|b| matches!(b, b'\n' | b'\r') || how.quotes && *b == b'"') {
                return Err("a field without quotes may hold neither quotes nor ends of lines");
            }
            (field.to_vec(), end + 1)
        };
        at = next;
        if wanted(number) {
            found.push(field);
        }
        number += 1;
    }
    // Behind the last delimiter is one more field, of nothing.
    if line.last() == Some(&how.delimiter) && at >= line.len() && wanted(number) && !all(&found) {
        found.push(Vec::new());
    }
    Ok(found)
}

/// A field between quotes, of which two stand for one; where the next one begins.
fn quoted(how: &Csv, line: &[u8], mut at: usize) -> Result<(Vec<u8>, usize), &'static str> {
    let mut field = Vec::new();
    loop {
        match line.get(at..).unwrap_or_default() {
            [] => return Err("a field between quotes has no end"),
            [b'"'] => return Ok((field, at + 2)),
            [b'"', next, ..] if *next == how.delimiter => return Ok((field, at + 2)),
            [b'"', b'"', ..] => {
                field.push(b'"');
                at += 2;
            }
            [b'"', ..] => return Err("a quote inside of a field stands for none: two do"),
            [byte, ..] => {
                field.push(*byte);
                at += 1;
            }
        }
    }
}

/// A column as values of its type; where nothing is, its default.
fn typed(how: &Csv, column: usize, fields: Vec<Vec<u8>>, default: &Value) -> Result<Value, EngineError> {
    let is_missing = |field: &[u8]| field.is_empty() || field == how.missing;
    let dims = [fields.len()];
    macro_rules! numbers {
        ($type:ty, $parsed:ty) => {{
            let default = default.slice::<$type>()?.first().copied();
            let one = |field: &Vec<u8>| -> Result<$type, EngineError> {
                if is_missing(field) {
                    return default.ok_or_else(|| missing(column));
                }
                let text = std::str::from_utf8(strip(field)).ok();
                let parsed = text.and_then(|t| t.parse::<$parsed>().ok());
                parsed
                    .map(<$type>::from)
                    .ok_or_else(|| fail(format!("column {column} has what is no number")))
            };
            Value::of(fields.iter().map(one).collect::<Result<Vec<$type>, _>>()?, &dims)
        }};
    }
    match how.types.get(column) {
        Some(DType::F32) => numbers!(f32, f32),
        Some(DType::F64) => numbers!(f64, f64),
        Some(DType::I32) => numbers!(i64, i32),
        Some(DType::I64) => numbers!(i64, i64),
        _ => {
            let default = default.texts()?.first();
            let one = |field: Vec<u8>| match is_missing(&field) {
                true => default.cloned().ok_or_else(|| missing(column)),
                false => Ok(field),
            };
            Value::text(fields.into_iter().map(one).collect::<Result<_, _>>()?, &dims)
        }
    }
}

fn missing(column: usize) -> EngineError {
    fail(format!("column {column} has no value, and no default"))
}
