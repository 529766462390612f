//! Values of any source into the type that a model's input has.

use crate::error::InvokeError;
use berth_engine::{DType, Data, TensorSpec};

/// Collects values of one type.
#[derive(Debug)]
pub struct Builder {
    data: Data,
    dtype: DType,
}

impl Builder {
    /// Empty, for the type of an input.
    pub fn new(dtype: DType) -> Self {
        let data = match dtype {
            DType::F32 | DType::F16 | DType::BF16 => Data::F32(Vec::new()),
            DType::F64 => Data::F64(Vec::new()),
            DType::Bool => Data::Bool(Vec::new()),
            DType::String => Data::String(Vec::new()),
            _ => Data::I64(Vec::new()),
        };
        Self { data, dtype }
    }

    /// Number of values so far.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// The values.
    pub fn finish(self) -> Data {
        self.data
    }

    /// Whether values are byte strings.
    pub fn is_string(&self) -> bool {
        matches!(self.data, Data::String(_))
    }

    /// Adds a number as it is written in text.
    pub fn push_text(&mut self, text: &[u8]) -> Result<(), InvokeError> {
        let done = match &mut self.data {
            Data::F32(v) => float(text).filter(|x: &f32| x.is_finite() || is_word(text)).map(|x| v.push(x)),
            Data::F64(v) => float(text).filter(|x: &f64| x.is_finite() || is_word(text)).map(|x| v.push(x)),
            Data::I64(v) => integer(text).filter(|n| fits(*n, self.dtype)).map(|n| v.push(n)),
            Data::Bool(v) => truth(text).map(|b| v.push(b)),
            Data::String(_) => None,
        };
        done.ok_or_else(|| self.wrong(text))
    }

    /// Adds a byte string.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) -> Result<(), InvokeError> {
        match &mut self.data {
            Data::String(v) => {
                v.push(bytes);
                Ok(())
            }
            _ => Err(self.wrong(&bytes)),
        }
    }

    /// Adds a number of a typed source.
    pub fn push_f64(&mut self, x: f64) -> Result<(), InvokeError> {
        match &mut self.data {
            Data::F32(v) => v.push(x as f32),
            Data::F64(v) => v.push(x),
            _ => return Err(InvokeError::bad(format!("the model takes {} values, not floats", self.dtype))),
        }
        Ok(())
    }

    /// Adds an integer of a typed source.
    pub fn push_i64(&mut self, n: i64) -> Result<(), InvokeError> {
        match &mut self.data {
            Data::F32(v) => v.push(n as f32),
            Data::F64(v) => v.push(n as f64),
            Data::I64(v) if fits(n, self.dtype) => v.push(n),
            Data::Bool(v) if n == 0 || n == 1 => v.push(n == 1),
            _ => return Err(self.wrong(n.to_string().as_bytes())),
        }
        Ok(())
    }

    fn wrong(&self, text: &[u8]) -> InvokeError {
        let shown: String = String::from_utf8_lossy(text).chars().take(40).collect();
        InvokeError::bad(format!("{shown:?} is not a {} value, which the model takes", self.dtype))
    }
}

fn float<T: fast_float2::FastFloat>(text: &[u8]) -> Option<T> {
    match text {
        b"true" | b"false" => None,
        _ => fast_float2::parse(text).ok(),
    }
}

/// Whether an infinity or what is no number is written as such, and is not a number too large for its type.
fn is_word(text: &[u8]) -> bool {
    !text.iter().any(u8::is_ascii_digit)
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn truth(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn fits(n: i64, dtype: DType) -> bool {
    match dtype {
        DType::I8 => i8::try_from(n).is_ok(),
        DType::I16 => i16::try_from(n).is_ok(),
        DType::I32 => i32::try_from(n).is_ok(),
        DType::U8 => u8::try_from(n).is_ok(),
        DType::U16 => u16::try_from(n).is_ok(),
        DType::U32 => u32::try_from(n).is_ok(),
        DType::U64 => n >= 0,
        _ => true,
    }
}

/// Formats without nesting give one flat row an instance: the row takes the shape of the input if its length is right.
pub fn shape_rows(rows: usize, width: usize, spec: &TensorSpec) -> Vec<usize> {
    let flat = vec![rows, width];
    let Some(dims) = &spec.shape else { return flat };
    let inner: Option<Vec<usize>> = dims.iter().skip(1).copied().collect();
    match inner {
        Some(inner) if dims.len() == 1 && width == 1 => [vec![rows], inner].concat(),
        Some(inner)
            if dims.len() > 1 && inner.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) == Some(width) =>
        {
            [vec![rows], inner].concat()
        }
        _ => flat,
    }
}
