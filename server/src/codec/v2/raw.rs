//! Binary tensor data: little-endian elements, one after the other; byte strings with their lengths in four bytes before them.

use super::datatype;
use crate::error::InvokeError;
use berth_engine::{DType, Data};
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};

/// Bytes of a byte string's length.
const LENGTH: usize = 4;

/// Which tensor is read, for the texts of errors.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub input: &'a str,
    pub model: &'a str,
}

/// Reads `count` elements, which must be all that is there.
pub fn read(dtype: DType, count: usize, bytes: &[u8], place: Place<'_>) -> Result<Data, InvokeError> {
    let Some(width) = datatype::width(dtype) else { return strings(count, bytes, place).map(Data::String) };
    let expected = count.checked_mul(width);
    if expected != Some(bytes.len()) {
        let expected = expected.map_or_else(|| "more than memory can hold".to_owned(), |n| n.to_string());
        return Err(InvokeError::bad(format!(
            "input byte size mismatch for input '{}' for model '{}'. Expected {expected}, got {}",
            place.input,
            place.model,
            bytes.len()
        )));
    }
    Ok(match dtype {
        DType::F32 => Data::F32(wide(bytes, f32::from_le_bytes)),
        DType::F64 => Data::F64(wide(bytes, f64::from_le_bytes)),
        DType::F16 => {
            let mut values = vec![0.0; count];
            wide(bytes, f16::from_le_bytes).convert_to_f32_slice(&mut values);
            Data::F32(values)
        }
        DType::BF16 => Data::F32(wide(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        DType::I8 => Data::I64(wide(bytes, |b| i64::from(i8::from_le_bytes(b)))),
        DType::I16 => Data::I64(wide(bytes, |b| i64::from(i16::from_le_bytes(b)))),
        DType::I32 => Data::I64(wide(bytes, |b| i64::from(i32::from_le_bytes(b)))),
        DType::I64 => Data::I64(wide(bytes, i64::from_le_bytes)),
        DType::U8 => Data::I64(wide(bytes, |b| i64::from(u8::from_le_bytes(b)))),
        DType::U16 => Data::I64(wide(bytes, |b| i64::from(u16::from_le_bytes(b)))),
        DType::U32 => Data::I64(wide(bytes, |b| i64::from(u32::from_le_bytes(b)))),
        DType::U64 => Data::I64(large(wide(bytes, i64::from_le_bytes), place)?),
        DType::Bool => Data::Bool(wide(bytes, |[b]| b != 0)),
        DType::String => Data::String(Vec::new()),
    })
}

/// Elements of `N` bytes.
fn wide<const N: usize, T>(bytes: &[u8], element: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|b| element(*b)).collect()
}

/// Unsigned values that were read as signed ones.
fn large(values: Vec<i64>, place: Place<'_>) -> Result<Vec<i64>, InvokeError> {
    match values.iter().find(|n| **n < 0) {
        None => Ok(values),
        Some(n) => Err(too_large(n.cast_unsigned(), place.input)),
    }
}

/// The largest unsigned integers are not computed with.
pub fn too_large(n: u64, input: &str) -> InvokeError {
    InvokeError::bad(format!(
        "{n} in input '{input}' is too large: values of UINT64 go up to {} here",
        i64::MAX
    ))
}

fn strings(count: usize, bytes: &[u8], place: Place<'_>) -> Result<Vec<Vec<u8>>, InvokeError> {
    let Place { input, model } = place;
    // Each has its length before it: no more than these can be there.
    let mut strings = Vec::with_capacity(count.min(bytes.len() / LENGTH));
    let mut rest = bytes;
    while !rest.is_empty() {
        if strings.len() == count {
            return Err(InvokeError::bad(format!(
                "unexpected number of string elements {} for inference input '{input}' for model '{model}', expecting {count}",
                count.saturating_add(1)
            )));
        }
        let Some((length, after)) = rest.split_first_chunk::<LENGTH>() else {
            return Err(InvokeError::bad(format!(
                "incomplete string length indicator for inference input '{input}' for model '{model}', expecting {LENGTH} \
                 bytes but only {} bytes available",
                rest.len()
            )));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((string, after)) = after.split_at_checked(length) else {
            return Err(InvokeError::bad(format!(
                "incomplete string data for inference input '{input}' for model '{model}', expecting string of length {length} \
                 but only {} bytes available",
                after.len()
            )));
        };
        strings.push(string.to_vec());
        rest = after;
    }
    if strings.len() == count {
        return Ok(strings);
    }
    Err(InvokeError::bad(format!(
        "expected {count} string elements for inference input '{input}' for model '{model}', got {}",
        strings.len()
    )))
}

/// Bytes that [`write`] writes.
pub fn size(dtype: DType, data: &Data) -> usize {
    match data {
        Data::String(v) => v.iter().map(|s| LENGTH + s.len()).sum(),
        other => other.len() * datatype::width(dtype).unwrap_or(0),
    }
}

/// Appends a tensor's elements in their own type.
pub fn write(dtype: DType, data: &Data, out: &mut Vec<u8>) {
    match (data, dtype) {
        (Data::F32(v), DType::F16) => narrow(v, out, |x| f16::from_f32(*x).to_le_bytes()),
        (Data::F32(v), DType::BF16) => narrow(v, out, |x| bf16::from_f32(*x).to_le_bytes()),
        (Data::F32(v), _) => narrow(v, out, |x| x.to_le_bytes()),
        (Data::F64(v), _) => narrow(v, out, |x| x.to_le_bytes()),
        // The lowest bytes of an integer are that of the narrower type.
        (Data::I64(v), DType::I8 | DType::U8) => narrow(v, out, |n| (*n as u8).to_le_bytes()),
        (Data::I64(v), DType::I16 | DType::U16) => narrow(v, out, |n| (*n as u16).to_le_bytes()),
        (Data::I64(v), DType::I32 | DType::U32) => narrow(v, out, |n| (*n as u32).to_le_bytes()),
        (Data::I64(v), _) => narrow(v, out, |n| n.to_le_bytes()),
        (Data::Bool(v), _) => narrow(v, out, |b| [u8::from(*b)]),
        (Data::String(v), _) => {
            for string in v {
                // No answer has a string of 4 GiB.
                let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(string);
            }
        }
    }
}

fn narrow<const N: usize, T>(values: &[T], out: &mut Vec<u8>, bytes: impl Fn(&T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + N * values.len(), 0);
    for (place, value) in out[start..].as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *place = bytes(value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, read, size, write};
    use berth_engine::{DType, Data};

    const PLACE: Place<'static> = Place { input: "x", model: "m" };

    #[test]
    fn every_type_comes_back_as_it_went() {
        let floats = Data::F32(vec![0.0, -1.5, 65504.0, f32::INFINITY]);
        let small = Data::I64(vec![0, 1, 127]);
        let cases = [
            (DType::F32, Data::F32(vec![1.0, f32::MIN_POSITIVE, -0.0]), 12),
            (DType::F64, Data::F64(vec![1e300, -2.5]), 16),
            (DType::F16, floats.clone(), 8),
            (DType::BF16, Data::F32(vec![1.5, -3.0, 1e30_f32.to_bits_16()]), 6),
            (DType::I8, Data::I64(vec![-128, 0, 127]), 3),
            (DType::I16, Data::I64(vec![-32768, 32767]), 4),
            (DType::I32, Data::I64(vec![i64::from(i32::MIN), i64::from(i32::MAX)]), 8),
            (DType::I64, Data::I64(vec![i64::MIN, i64::MAX]), 16),
            (DType::U8, Data::I64(vec![0, 255]), 2),
            (DType::U16, Data::I64(vec![0, 65535]), 4),
            (DType::U32, Data::I64(vec![0, i64::from(u32::MAX)]), 8),
            (DType::U64, small, 24),
            (DType::Bool, Data::Bool(vec![true, false]), 2),
            (DType::String, Data::String(vec![b"".to_vec(), b"\xff\0".to_vec()]), 10),
        ];
        for (dtype, data, bytes) in cases {
            let mut out = Vec::new();
            write(dtype, &data, &mut out);
            assert_eq!((out.len(), size(dtype, &data)), (bytes, bytes), "{dtype}");
            assert_eq!(read(dtype, data.len(), &out, PLACE).unwrap(), data, "{dtype}");
        }
    }

    /// What is left of a value in half the bits.
    trait Half {
        fn to_bits_16(self) -> f32;
    }

    impl Half for f32 {
        fn to_bits_16(self) -> f32 {
            half::bf16::from_f32(self).to_f32()
        }
    }

    #[test]
    fn wrong_lengths_are_refused_before_memory_is_taken() {
        let refused = |dtype, count, bytes: &[u8], text: &str| {
            let told = read(dtype, count, bytes, PLACE).unwrap_err().to_string();
            assert!(told.contains(text), "{told}");
        };
        refused(DType::F32, 2, &[0; 7], "Expected 8, got 7");
        refused(DType::F32, usize::MAX / 2, &[0; 4], "more than memory can hold");
        refused(DType::F64, 1 << 40, &[0; 8], "Expected 8796093022208, got 8");
        refused(DType::U64, 1, &[0xff; 8], "18446744073709551615 in input 'x' is too large");
        refused(DType::String, usize::MAX, b"", "expected 18446744073709551615 string elements");
        refused(DType::String, 1, &[1, 0], "expecting 4 bytes but only 2 bytes available");
        refused(
            DType::String,
            1,
            &[0xff, 0xff, 0xff, 0xff, 1],
            "expecting string of length 4294967295 but only 1",
        );
        refused(DType::String, 1, &[0; 8], "unexpected number of string elements 2");
        refused(
            DType::String,
            2,
            &[0; 4],
            "expected 2 string elements for inference input 'x' for model 'm', got 1",
        );
        refused(DType::String, 0, &[0; 4], "unexpected number of string elements 1");
    }
}
