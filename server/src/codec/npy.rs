//! NumPy's `.npy` format, versions 1 to 3.

use super::convert::Builder;
use crate::error::InvokeError;
use berth_engine::{Data, Tensor, TensorSpec};

/// The first bytes of every file.
pub const MAGIC: &[u8] = b"\x93NUMPY";
/// A header is a short dictionary; a longer one is none.
const LONGEST_HEADER: usize = 64 << 10;
/// NumPy's own limit.
const MOST_DIMENSIONS: usize = 32;

struct Header {
    kind: u8,
    width: usize,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads one array for the model's one input.
pub fn read(body: &[u8], spec: &TensorSpec) -> Result<Vec<(String, Tensor)>, InvokeError> {
    let (header, data) = split(body)?;
    let header = parse(header)?;
    let count = header.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let bytes = count.and_then(|n| n.checked_mul(header.width));
    if bytes != Some(data.len()) {
        return Err(bad(&format!("shape {:?} does not fit {} bytes of data", header.shape, data.len())));
    }
    let mut values = Builder::new(spec.dtype);
    if header.fortran && header.shape.len() > 1 {
        for at in row_major(&header.shape) {
            push(&mut values, &header, &data[at * header.width..(at + 1) * header.width])?;
        }
    } else {
        for item in data.chunks_exact(header.width) {
            push(&mut values, &header, item)?;
        }
    }
    Ok(vec![(spec.name.clone(), Tensor::new(header.shape, values.finish())?)])
}

fn split(body: &[u8]) -> Result<(&str, &[u8]), InvokeError> {
    let rest = body.strip_prefix(MAGIC).ok_or_else(|| bad("it does not begin with \\x93NUMPY"))?;
    let (length, start) = match rest {
        [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 4),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 6),
        _ => return Err(bad("its version is not 1, 2 or 3")),
    };
    let rest = &rest[start..];
    if length > LONGEST_HEADER || length > rest.len() {
        return Err(bad("its header is cut short or too long"));
    }
    let (header, data) = rest.split_at(length);
    Ok((std::str::from_utf8(header).map_err(|_| bad("its header is not text"))?, data))
}

fn parse(header: &str) -> Result<Header, InvokeError> {
    let descr = field(header, "descr")?.trim_start();
    let quote = descr.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let quote = quote.ok_or_else(|| bad("structured types are not supported"))?;
    let descr = descr[1..].split(quote).next().unwrap_or("");
    let (order, rest) = match descr.as_bytes() {
        [o @ (b'<' | b'>' | b'|' | b'='), rest @ ..] => (*o, rest),
        rest => (b'=', rest),
    };
    let (kind, width) = match rest {
        b"f2" | b"f4" | b"f8" | b"i1" | b"i2" | b"i4" | b"i8" | b"u1" | b"u2" | b"u4" | b"u8" | b"b1" => {
            (rest[0], usize::from(rest[1] - b'0'))
        }
        _ => return Err(bad(&format!("type {descr:?} is not supported; send floats, integers or booleans"))),
    };
    let fortran = match field(header, "fortran_order")?.trim_start() {
        t if t.starts_with("True") => true,
        t if t.starts_with("False") => false,
        _ => return Err(bad("fortran_order is neither True nor False")),
    };
    Ok(Header { kind, width, big_endian: order == b'>', fortran, shape: shape(field(header, "shape")?)? })
}

/// What follows a key of the header's dictionary.
fn field<'h>(header: &'h str, key: &str) -> Result<&'h str, InvokeError> {
    ['\'', '"']
        .iter()
        .find_map(|q| header.split_once(&format!("{q}{key}{q}")))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .ok_or_else(|| bad(&format!("its header has no {key:?}")))
}

fn shape(text: &str) -> Result<Vec<usize>, InvokeError> {
    let inside = text.trim_start().strip_prefix('(').and_then(|t| t.split_once(')'));
    let (inside, _) = inside.ok_or_else(|| bad("its shape is not a tuple"))?;
    let shape: Result<Vec<usize>, _> =
        inside.split(',').map(str::trim).filter(|d| !d.is_empty()).map(str::parse).collect();
    let shape = shape.map_err(|_| bad("its shape is not a tuple of sizes"))?;
    if shape.len() > MOST_DIMENSIONS { Err(bad("it has more than 32 dimensions")) } else { Ok(shape) }
}

fn push(out: &mut Builder, header: &Header, item: &[u8]) -> Result<(), InvokeError> {
    let mut little = [0; 8];
    little[..item.len()].copy_from_slice(item);
    if header.big_endian {
        little[..item.len()].reverse();
    }
    let bits = u64::from_le_bytes(little);
    let shift = 64 - 8 * header.width as u32;
    match (header.kind, header.width) {
        (b'f', 2) => out.push_f64(f64::from(half_to_f32(bits as u16))),
        (b'f', 4) => out.push_f64(f64::from(f32::from_bits(bits as u32))),
        (b'f', _) => out.push_f64(f64::from_bits(bits)),
        (b'i', _) => out.push_i64((bits << shift).cast_signed() >> shift),
        (b'b', _) => out.push_i64(i64::from(bits != 0)),
        _ => out.push_i64(i64::try_from(bits).map_err(|_| bad("an integer does not fit 64 signed bits"))?),
    }
}

/// IEEE 754 binary16 to binary32; every half is exact in it.
fn half_to_f32(h: u16) -> f32 {
    let sign = if h & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(h >> 10 & 0x1f), f32::from(h & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

/// Places of a column-major array in the order of the rows.
fn row_major(shape: &[usize]) -> impl Iterator<Item = usize> {
    let count: usize = if shape.contains(&0) { 0 } else { shape.iter().product() };
    (0..count).map(move |n| {
        let (mut rest, mut place) = (n, 0);
        let mut strides: Vec<usize> =
            shape.iter().scan(1, |s, d| Some(std::mem::replace(s, *s * d))).collect();
        for extent in shape.iter().rev() {
            place += rest % extent * strides.pop().unwrap_or(0);
            rest /= extent;
        }
        place
    })
}

/// Writes the model's one output.
pub fn write(outputs: &[(String, Tensor)]) -> Result<Vec<u8>, InvokeError> {
    let [(_, tensor)] = outputs else {
        return Err(InvokeError::bad(format!(
            "the model has {} outputs and an .npy holds one; accept application/json",
            outputs.len()
        )));
    };
    let descr = match tensor.data() {
        Data::F32(_) => "<f4",
        Data::F64(_) => "<f8",
        Data::I64(_) => "<i8",
        Data::Bool(_) => "|b1",
        Data::String(_) => return Err(InvokeError::bad("an .npy holds no strings; accept application/json")),
    };
    let mut shape: String = tensor.shape().iter().map(|d| format!("{d}, ")).collect();
    if tensor.shape().len() > 1 {
        shape.truncate(shape.len() - 2);
    }
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // The data begins at a multiple of 64.
    let padding = 63 - (MAGIC.len() + 4 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut out = MAGIC.to_vec();
    out.extend([1, 0]);
    out.extend(u16::try_from(header.len()).map_err(|_| bad("too many dimensions"))?.to_le_bytes());
    out.extend(header.as_bytes());
    match tensor.data() {
        Data::F32(v) => v.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Data::F64(v) => v.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Data::I64(v) => v.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Data::Bool(v) => out.extend(v.iter().map(|b| u8::from(*b))),
        Data::String(_) => {}
    }
    Ok(out)
}

fn bad(what: &str) -> InvokeError {
    InvokeError::bad(format!("the .npy is not valid: {what}"))
}

#[cfg(test)]
mod tests {
    use super::{half_to_f32, read, write};
    use berth_engine::{DType, Data, Tensor, TensorSpec};

    fn spec(dtype: DType) -> TensorSpec {
        TensorSpec { name: "x".to_owned(), dtype, shape: None }
    }

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn what_is_written_can_be_read() {
        let tensor = Tensor::new(vec![2, 3], Data::F32(vec![1., -2., 3.5, 0., 1e-9, f32::INFINITY])).unwrap();
        let file = write(&[("y".to_owned(), tensor.clone())]).unwrap();
        assert_eq!((file.len() - 24) % 64, 0);
        assert_eq!(read(&file, &spec(DType::F32)).unwrap()[0].1, tensor);
    }

    #[test]
    fn orders_and_types_are_converted() {
        let fortran = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }";
        let tensor = &read(&npy(fortran, &[0, 1, 0, 2, 0, 3, 255, 252]), &spec(DType::F32)).unwrap()[0].1;
        assert_eq!((tensor.shape(), tensor.data()), (&[2, 2][..], &Data::F32(vec![1., 3., 2., -4.])));
        assert_eq!((half_to_f32(0x3c00), half_to_f32(0xc500), half_to_f32(1)), (1.0, -5.0, 2f32.powi(-24)));
    }

    #[test]
    fn lying_headers_are_refused() {
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 4), }";
        let object = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }";
        let short = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
        for bad in [
            npy(huge, &[]),
            npy(object, &[0]),
            npy(short, &[0; 4]),
            npy("", &[]),
            b"\x93NUMPY\x01\x00\xff\xff".to_vec(),
        ] {
            assert!(read(&bad, &spec(DType::F32)).is_err());
        }
        let floats = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        assert!(read(&npy(floats, &[0; 4]), &spec(DType::I64)).is_err());
    }
}
