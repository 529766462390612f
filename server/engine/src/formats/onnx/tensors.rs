//! Constants: what lies in the model as typed lists or raw bytes, or in files beside it.

use super::elem::Elem;
use super::proto::{SparseTensor, Tensor};
use crate::formats::savedmodel::from_bytes;
use crate::graph::{Literal, Narrow};
use crate::kernels::narrow;
use crate::value::Kind;
use crate::{DType, EngineError};
use half::{bf16, f16};

/// Elements of one constant.
const MOST_ELEMENTS: usize = 1 << 31;

/// A tensor's extents.
pub fn dims(tensor: &Tensor) -> Result<Vec<usize>, EngineError> {
    let dims: Option<Vec<usize>> = tensor.dims.iter().map(|d| usize::try_from(*d).ok()).collect();
    let dims = dims.filter(|d| d.len() <= 32);
    let count = |d: &Vec<usize>| d.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    dims.filter(|d| count(d).is_some_and(|n| n <= MOST_ELEMENTS))
        .ok_or_else(|| wrong(tensor, "its shape is not a shape"))
}

/// A tensor's type.
pub fn elem(tensor: &Tensor) -> Result<Elem, EngineError> {
    Elem::of(i64::from(tensor.data_type))
        .ok_or_else(|| wrong(tensor, &format!("its type (number {}) is not supported", tensor.data_type)))
}

/// A tensor whose elements lie in the model.
pub fn literal(tensor: &Tensor) -> Result<Literal, EngineError> {
    let (shape, elem) = (dims(tensor)?, elem(tensor)?);
    let count: usize = shape.iter().product();
    let unfit = || wrong(tensor, "its elements do not fill its shape");
    if elem == Elem::TEXT {
        let fits = tensor.string_data.len() == count;
        return fits.then(|| Literal::Text(tensor.string_data.clone(), shape)).ok_or_else(unfit);
    }
    if !tensor.raw_data.is_empty() {
        let bits = count.checked_mul(elem.bits() as usize);
        if bits.map(|b| b.div_ceil(8)) != Some(tensor.raw_data.len()) {
            return Err(unfit());
        }
        return Ok(match elem {
            Elem::Plain(dtype) => from_bytes(dtype, shape, &tensor.raw_data),
            Elem::Narrow(to) => unpacked(to, &tensor.raw_data, shape, count),
        });
    }
    listed(tensor, elem, &shape, count).filter(|l| length(l) == count).ok_or_else(unfit)
}

/// A tensor whose elements are lists of numbers. None: there are not as many.
fn listed(tensor: &Tensor, elem: Elem, shape: &[usize], count: usize) -> Option<Literal> {
    let shape = shape.to_vec();
    let words = &tensor.int32_data;
    Some(match elem {
        Elem::Narrow(to) if to.bits() < 8 => {
            let bytes: Vec<u8> = words.iter().map(|w| *w as u8).collect();
            let whole = count.checked_mul(to.bits() as usize)?.div_ceil(8) == bytes.len();
            return whole.then(|| unpacked(to, &bytes, shape, count));
        }
        Elem::Narrow(to) => {
            Literal::F32(words.iter().map(|w| narrow::from_bits(to, *w as u8)).collect(), shape)
        }
        Elem::Plain(dtype) => match dtype {
            DType::F32 => Literal::F32(tensor.float_data.clone(), shape),
            DType::F64 => Literal::F64(tensor.double_data.clone(), shape),
            DType::F16 => {
                Literal::F32(words.iter().map(|w| f16::from_bits(*w as u16).to_f32()).collect(), shape)
            }
            DType::BF16 => {
                Literal::F32(words.iter().map(|w| bf16::from_bits(*w as u16).to_f32()).collect(), shape)
            }
            DType::I64 => Literal::I64(tensor.int64_data.clone(), shape),
            DType::U32 | DType::U64 => {
                Literal::I64(tensor.uint64_data.iter().map(|n| n.cast_signed()).collect(), shape)
            }
            DType::Bool => Literal::Bool(words.iter().map(|w| u8::from(*w != 0)).collect(), shape),
            _ => Literal::I64(words.iter().map(|w| i64::from(*w)).collect(), shape),
        },
    })
}

/// Elements of a few bits, the first in the lowest of a byte. There are enough bytes.
fn unpacked(to: Narrow, bytes: &[u8], shape: Vec<usize>, count: usize) -> Literal {
    let bits = to.bits() as usize;
    let each = 8 / bits;
    let mask = if bits == 8 { u8::MAX } else { (1u8 << bits) - 1 };
    let codes = (0..count).map(|n| bytes[n / each] >> (n % each * bits) & mask);
    if to.is_float() {
        return Literal::F32(codes.map(|code| narrow::from_bits(to, code)).collect(), shape);
    }
    let signed = matches!(to, Narrow::I4 | Narrow::I2);
    let half = 1i64 << (bits - 1);
    let number = |code: u8| {
        let code = i64::from(code);
        if signed && code >= half { code - 2 * half } else { code }
    };
    Literal::I64(codes.map(number).collect(), shape)
}

fn length(literal: &Literal) -> usize {
    match literal {
        Literal::F32(v, _) => v.len(),
        Literal::F64(v, _) => v.len(),
        Literal::I64(v, _) => v.len(),
        Literal::Bool(v, _) => v.len(),
        Literal::Text(v, _) => v.len(),
    }
}

/// Where in a file a tensor's elements are, if they are not in the model: name, first byte, number of bytes as far as they are told.
pub fn external(tensor: &Tensor) -> Result<Option<(&str, u64)>, EngineError> {
    if tensor.data_location != 1 {
        return Ok(None);
    }
    let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = entry("location").ok_or_else(|| wrong(tensor, "it does not say in which file it is"))?;
    let inside = !location.is_empty()
        && !location.starts_with('/')
        && !location.contains('\\')
        && location.split('/').all(|part| !matches!(part, "" | ".."));
    if !inside {
        return Err(wrong(tensor, &format!("it lies in {location:?}, which is outside of the archive")));
    }
    let offset = entry("offset").unwrap_or("0").parse();
    let offset: u64 = offset.map_err(|_| wrong(tensor, "its offset is not a number"))?;
    if let Some(length) = entry("length") {
        let bytes = dims(tensor)?.iter().product::<usize>().checked_mul(elem(tensor)?.bits() as usize / 8);
        if length
            .parse::<usize>()
            .ok()
            .is_none_or(|l| Some(l) != bytes && elem(tensor).is_ok_and(|e| e.bits() >= 8))
        {
            return Err(wrong(tensor, "its length is not that of its shape"));
        }
    }
    Ok(Some((location, offset)))
}

/// Zeros, and values at some places, which are numbers from the start or one for each axis.
pub fn dense(sparse: &SparseTensor) -> Result<(Literal, Elem), EngineError> {
    let wrong = || EngineError::broken("a sparse constant is not readable");
    let (values, indices) = sparse.values.as_ref().zip(sparse.indices.as_ref()).ok_or_else(wrong)?;
    let elem = elem(values)?;
    let whole = Tensor { dims: sparse.dims.clone(), data_type: values.data_type, ..Tensor::default() };
    let shape = dims(&whole)?;
    let count: usize = shape.iter().product();
    let Literal::I64(places, of) = literal(indices)? else { return Err(wrong()) };
    let places: Option<Vec<usize>> = match of.len() {
        1 => places.iter().map(|p| usize::try_from(*p).ok()).collect(),
        _ => places.chunks(shape.len().max(1)).map(|p| flat(p, &shape)).collect(),
    };
    let places = places.filter(|p| p.iter().all(|p| *p < count)).ok_or_else(wrong)?;
    // A sparse constant may pretend to be as large as it likes.
    if count > 1 << 28 {
        return Err(wrong());
    }
    fn fill<T: Copy + Default>(values: &[T], places: &[usize], count: usize) -> Option<Vec<T>> {
        let mut all = vec![T::default(); count];
        (values.len() == places.len()).then_some(())?;
        places.iter().zip(values).for_each(|(p, v)| all[*p] = *v);
        Some(all)
    }
    let made = match (literal(values)?, elem.kind()) {
        (Literal::F32(v, _), _) => fill(&v, &places, count).map(|v| Literal::F32(v, shape)),
        (Literal::F64(v, _), _) => fill(&v, &places, count).map(|v| Literal::F64(v, shape)),
        (Literal::I64(v, _), Kind::I64) => fill(&v, &places, count).map(|v| Literal::I64(v, shape)),
        (Literal::Bool(v, _), _) => fill(&v, &places, count).map(|v| Literal::Bool(v, shape)),
        _ => None,
    };
    Ok((made.ok_or_else(wrong)?, elem))
}

fn flat(place: &[i64], shape: &[usize]) -> Option<usize> {
    (place.len() == shape.len()).then_some(())?;
    place.iter().zip(shape).try_fold(0usize, |at, (p, extent)| {
        let p = usize::try_from(*p).ok().filter(|p| p < extent)?;
        at.checked_mul(*extent)?.checked_add(p)
    })
}

/// Bytes of an element that lies in a file as it is.
pub fn stored_width(elem: Elem) -> Option<usize> {
    match elem {
        Elem::Plain(DType::String) | Elem::Narrow(_) => None,
        Elem::Plain(dtype) => Some(dtype.width()),
    }
}

fn wrong(tensor: &Tensor, what: &str) -> EngineError {
    EngineError::broken(format!("constant {:?}: {what}", tensor.name))
}
