//! Arguments in JSON: each is an object of one field, whose name says what it is.

use super::super::dtypes::of_export;
use super::super::value::{Result, Val, broken, unsupported};
use super::program::Lowering;
use serde_json::Value;

impl Lowering<'_> {
    /// An argument of an operation.
    pub fn argument(&mut self, value: &Value) -> Result<Val> {
        let Some((kind, inner)) = value.as_object().and_then(|o| o.iter().next()) else {
            return broken("an argument that is none");
        };
        match kind.as_str() {
            // Where a tensor is and how it lies there do not matter here.
            "as_none" | "as_memory_format" | "as_layout" | "as_device" => Ok(Val::None),
            "as_tensor" | "as_optional_tensor" | "as_sym_int" | "as_sym_bool" | "as_sym_float" => {
                self.reference(inner)
            }
            "as_tensors"
            | "as_optional_tensors"
            | "as_sym_ints"
            | "as_sym_bools"
            | "as_sym_floats"
            | "as_nested_tensors" => {
                let items = inner.as_array().into_iter().flatten();
                Ok(Val::list(items.map(|item| self.reference(item)).collect::<Result<_>>()?))
            }
            "as_int" => inner.as_i64().map_or_else(|| broken("an int that is none"), |n| Ok(Val::Int(n))),
            "as_float" => number(inner),
            "as_bool" => Ok(Val::Bool(inner.as_bool() == Some(true))),
            "as_string" => Ok(Val::text(inner.as_str().unwrap_or_default())),
            "as_ints" => {
                let items: Option<Vec<Val>> =
                    inner.as_array().into_iter().flatten().map(|n| n.as_i64().map(Val::Int)).collect();
                items.map_or_else(|| broken("ints that are none"), |items| Ok(Val::list(items)))
            }
            "as_floats" => {
                let items = inner.as_array().into_iter().flatten();
                Ok(Val::list(items.map(number).collect::<Result<_>>()?))
            }
            "as_bools" => {
                let items = inner.as_array().into_iter().flatten();
                Ok(Val::list(items.map(|flag| Val::Bool(flag.as_bool() == Some(true))).collect()))
            }
            "as_strings" => {
                let items = inner.as_array().into_iter().flatten();
                Ok(Val::list(items.map(|text| Val::text(text.as_str().unwrap_or_default())).collect()))
            }
            "as_scalar_type" => match inner.as_i64().and_then(of_export) {
                Some(dtype) => Ok(Val::Type(dtype)),
                // Complex numbers are told as programs in text tell them.
                None if matches!(inner.as_i64(), Some(10 | 11)) => {
                    Ok(Val::Int(inner.as_i64().unwrap_or(0) - 1))
                }
                None => unsupported("of a type that is not supported"),
            },
            other => unsupported(format!("with an argument {other:?}")),
        }
    }

    /// Something by its name, or a constant in its place.
    fn reference(&mut self, value: &Value) -> Result<Val> {
        if let Some(name) = value.get("name").or_else(|| value.get("as_name")).and_then(Value::as_str) {
            return self.named(name);
        }
        match value.as_object().and_then(|o| o.iter().next()) {
            Some((_, inner)) if inner.get("name").is_some() => self.reference(inner),
            Some(_) => self.argument(value),
            None => broken("an argument without a name"),
        }
    }
}

/// JSON has no infinities: they are written as strings.
fn number(value: &Value) -> Result<Val> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            "NaN" => Some(f64::NAN),
            _ => None,
        },
        _ => None,
    };
    number.map_or_else(|| broken("a float that is none"), |number| Ok(Val::Float(number)))
}
