//! Attributes of operators: all of them are texts.

use super::symbol::Node;
use crate::EngineError;

/// The error about an attribute that is not what it should be.
pub fn wrong(name: &str, text: &str) -> EngineError {
    EngineError::broken(format!("attribute {name} is {text:?}"))
}

impl Node {
    /// A text that says something.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(str::trim).filter(|text| !matches!(*text, "" | "None"))
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool, EngineError> {
        match self.text(name) {
            None => Ok(default),
            Some("True" | "true" | "1") => Ok(true),
            Some("False" | "false" | "0") => Ok(false),
            Some(text) => Err(wrong(name, text)),
        }
    }

    pub fn float(&self, name: &str, default: f32) -> Result<f32, EngineError> {
        self.text(name).map_or(Ok(default), |text| text.parse().map_err(|_| wrong(name, text)))
    }

    pub fn int(&self, name: &str, default: i64) -> Result<i64, EngineError> {
        self.text(name).map_or(Ok(default), |text| integer(text).ok_or_else(|| wrong(name, text)))
    }

    /// A size: not negative, and no larger than any of a model.
    pub fn size(&self, name: &str, default: usize) -> Result<usize, EngineError> {
        let number = self.int(name, i64::try_from(default).unwrap_or(i64::MAX))?;
        let size = usize::try_from(number).ok().filter(|size| *size <= 1 << 30);
        size.ok_or_else(|| wrong(name, &number.to_string()))
    }

    /// Integers in brackets, or one without; none for `None` in a place.
    pub fn places(&self, name: &str) -> Result<Option<Vec<Option<i64>>>, EngineError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let inner = text.trim_matches(['(', ')', '[', ']']);
        let fields = inner.split(',').map(str::trim).filter(|field| !field.is_empty());
        let field = |field: &str| match field {
            "None" => Ok(None),
            field => integer(field).map(Some).ok_or_else(|| wrong(name, text)),
        };
        fields.map(field).collect::<Result<_, _>>().map(Some)
    }

    /// Integers in brackets, or one without.
    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, EngineError> {
        let Some(places) = self.places(name)? else { return Ok(None) };
        let all: Option<Vec<i64>> = places.into_iter().collect();
        all.map(Some).ok_or_else(|| wrong(name, "None"))
    }

    /// Floats in brackets, or one without.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, EngineError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let inner = text.trim_matches(['(', ')', '[', ']']);
        let fields = inner.split(',').map(str::trim).filter(|field| !field.is_empty());
        fields.map(|field| field.parse().map_err(|_| wrong(name, text))).collect::<Result<_, _>>().map(Some)
    }

    /// Sizes in brackets.
    pub fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>, EngineError> {
        let Some(ints) = self.ints(name)? else { return Ok(None) };
        let size = |n: i64| usize::try_from(n).ok().filter(|n| *n <= 1 << 30);
        let all: Option<Vec<usize>> = ints.into_iter().map(size).collect();
        all.map(Some).ok_or_else(|| wrong(name, self.attribute(name).unwrap_or_default()))
    }
}

/// Python writes long integers with an L.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim_end_matches('L');
    text.parse()
        .ok()
        .or_else(|| text.parse::<f64>().ok().filter(|x| x.fract() == 0.0 && x.abs() < 1e15).map(|x| x as i64))
}

/// An element type by its name or its number.
pub fn dtype(text: &str) -> Option<crate::DType> {
    use crate::DType;
    Some(match text.trim() {
        "0" | "float32" => DType::F32,
        "1" | "float64" => DType::F64,
        "2" | "float16" => DType::F16,
        "3" | "uint8" => DType::U8,
        "4" | "int32" => DType::I32,
        "5" | "int8" => DType::I8,
        "6" | "int64" => DType::I64,
        "7" | "bool" => DType::Bool,
        _ => return None,
    })
}
