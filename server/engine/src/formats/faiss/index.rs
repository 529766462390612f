//! The index itself: a tag that says what it is, a header, and what is the kind's own. Indexes lie in indexes.

use super::input::Input;
use super::{lists, scalar, unsupported};
use crate::EngineError;
use crate::graph::{Codes, Items, Lists, Metric, Neighbours, Search, Vectors};
use std::path::Path;

/// Indexes within each other.
const DEEPEST: usize = 4;
/// Transforms before an index.
const MOST_TRANSFORMS: i32 = 16;
/// Numbers of a vector.
const WIDEST: usize = 1 << 20;

/// An index and what happens to a query before it is searched.
pub struct Index {
    /// Numbers of a query.
    pub width: usize,
    pub before: Vec<Transform>,
    pub neighbours: Neighbours,
}

/// What happens to a query.
pub enum Transform {
    /// It is made one long.
    Normalise,
    /// A product by `matrix`, row-major `[out][in]`, and what is added then.
    Linear { matrix: Vec<f32>, bias: Option<Vec<f32>>, sizes: [usize; 2] },
    /// The mean is taken away.
    Centre(Vec<f32>),
}

/// What every index begins with.
#[derive(Clone, Copy)]
pub struct Header {
    pub width: usize,
    pub count: usize,
    pub metric: Metric,
}

/// Reads the index that a file is.
pub fn read(path: &Path) -> Result<Index, EngineError> {
    within(&mut Input::open(path)?, DEEPEST)
}

fn within(input: &mut Input, deeper: usize) -> Result<Index, EngineError> {
    let tag = input.tag()?;
    let deeper =
        deeper.checked_sub(1).ok_or_else(|| EngineError::broken("too many indexes in each other"))?;
    let name = String::from_utf8_lossy(&tag).into_owned();
    if !matches!(
        &tag,
        b"IxF2"
            | b"IxFI"
            | b"IxFl"
            | b"IxPq"
            | b"IxSQ"
            | b"IwFl"
            | b"IwPQ"
            | b"IwSq"
            | b"IxMp"
            | b"IxM2"
            | b"IxPT"
    ) {
        return Err(unsupported(format!("FAISS index {name}{}", told(&tag))));
    }
    let header = header(input)?;
    let plain = |search| {
        let neighbours = Neighbours::new(header.metric, search, None)?;
        Ok(Index { width: header.width, before: Vec::new(), neighbours })
    };
    match &tag {
        b"IxF2" | b"IxFI" | b"IxFl" => plain(Search::All(vectors(header, input.counted()?)?)),
        b"IxPq" => {
            let quantiser = Quantiser::read(input, header.width)?;
            let codes = quantiser.codes(&input.counted()?)?;
            let items = Items::Codes(quantiser.with(codes, false)?);
            // One list that is all there is.
            let around = Vectors::new(header.width, vec![0.0; header.width])?;
            plain(Search::Lists(Lists::new((around, header.metric), 1, &[header.count], items)?))
        }
        b"IxSQ" => {
            let quantiser = scalar::Quantiser::read(input, header.width)?;
            let codes = input.counted::<u8>()?;
            plain(Search::All(vectors(header, quantiser.decode(&codes, header.width)?)?))
        }
        b"IxMp" | b"IxM2" => {
            let inner = within(input, deeper)?;
            let names = input.counted::<i64>()?;
            Ok(Index { neighbours: inner.neighbours.renamed(&names)?, ..inner })
        }
        b"IxPT" => transformed(input, header, deeper),
        _ => lists::read(input, &tag, header, |input| {
            let inner = within(input, deeper)?;
            match (inner.neighbours.metric(), inner.before.is_empty(), inner.neighbours.into_vectors()) {
                (metric, true, Some(vectors)) => Ok((vectors, metric)),
                _ => Err(unsupported(format!("FAISS index {name} whose coarse quantiser is not flat"))),
            }
        })
        .and_then(|(lists, names)| {
            let neighbours = Neighbours::new(header.metric, Search::Lists(lists), Some(names))?;
            Ok(Index { width: header.width, before: Vec::new(), neighbours })
        }),
    }
}

/// What is known of kinds that are not read.
fn told(tag: &[u8; 4]) -> &'static str {
    match tag {
        [b'I', b'H', ..] => " (a graph, HNSW): build a flat or an IVF index",
        b"IwPf" | b"IxPf" => " (fast-scan product quantiser): build it with IVF…,PQ…",
        b"IwQR" | b"IvQR" => " (product quantiser with refinement): build it with IVF…,PQ…",
        [b'I', b'v', ..] => " (of a version before 1.5): read and write it with a newer one",
        _ => ": build one of Flat, IVF…,Flat, IVF…,PQ…, IVF…,SQ…, PQ…, SQ…",
    }
}

fn header(input: &mut Input) -> Result<Header, EngineError> {
    let width = input.one::<i32>()?;
    let count = input.one::<i64>()?;
    input.many::<i64>(2)?;
    let trained = input.flag()?;
    let metric = match input.one::<i32>()? {
        0 => Metric::Product,
        1 => Metric::Squared,
        other => {
            return Err(unsupported(format!("FAISS metric {other}: only L2 and inner product are known")));
        }
    };
    let width = usize::try_from(width).ok().filter(|width| (1..=WIDEST).contains(width));
    let (Some(width), Ok(count)) = (width, usize::try_from(count)) else {
        return Err(EngineError::broken("an index of vectors without an extent"));
    };
    if !trained {
        return Err(EngineError::broken("the index was not trained"));
    }
    Ok(Header { width, count, metric })
}

/// As many vectors as the header says.
fn vectors(header: Header, values: Vec<f32>) -> Result<Vectors, EngineError> {
    let vectors = Vectors::new(header.width, values)?;
    if vectors.len() != header.count {
        return Err(EngineError::broken(format!("{} vectors instead of {}", vectors.len(), header.count)));
    }
    Ok(vectors)
}

fn transformed(input: &mut Input, header: Header, deeper: usize) -> Result<Index, EngineError> {
    let count = input.one::<i32>()?;
    if !(0..=MOST_TRANSFORMS).contains(&count) {
        return Err(EngineError::broken(format!("{count} transforms before an index")));
    }
    let (mut before, mut width) = (Vec::new(), header.width);
    for _ in 0..count {
        let (transform, [from, to]) = transform(input)?;
        if from != width {
            return Err(EngineError::broken(format!("a transform of {from} numbers gets {width}")));
        }
        before.push(transform);
        width = to;
    }
    let inner = within(input, deeper)?;
    if inner.width != width {
        return Err(EngineError::broken(format!("an index of {} numbers gets {width}", inner.width)));
    }
    before.extend(inner.before);
    Ok(Index { width: header.width, before, neighbours: inner.neighbours })
}

fn transform(input: &mut Input) -> Result<(Transform, [usize; 2]), EngineError> {
    let tag = input.tag()?;
    let linear = |input: &mut Input| {
        let has_bias = input.flag()?;
        let (matrix, bias) = (input.counted::<f32>()?, input.counted::<f32>()?);
        Ok(Transform::Linear { matrix, bias: has_bias.then_some(bias), sizes: [0, 0] })
    };
    let mut transform = match &tag {
        b"rrot" | b"LTra" => linear(input)?,
        b"Pcam" => {
            // Powers, and whether and how it was rotated: all of that is in the matrix.
            input.many::<f32>(2)?;
            input.flag()?;
            input.one::<i32>()?;
            // The mean, the variances and the whole matrix that it was cut from.
            for _ in 0..3 {
                input.counted::<f32>()?;
            }
            linear(input)?
        }
        b"VNrm" if input.one::<f32>()? == 2.0 => Transform::Normalise,
        b"VCnt" => Transform::Centre(input.counted()?),
        _ => return Err(unsupported(format!("FAISS transform {}", String::from_utf8_lossy(&tag)))),
    };
    let size = |n: i32| usize::try_from(n).ok().filter(|n| (1..=WIDEST).contains(n));
    let (from, to) = (input.one::<i32>()?, input.one::<i32>()?);
    input.flag()?;
    let (Some(from), Some(to)) = (size(from), size(to)) else {
        return Err(EngineError::broken(format!("a transform of {from} numbers into {to}")));
    };
    let fits = match &mut transform {
        Transform::Normalise => from == to,
        Transform::Centre(mean) => from == to && mean.len() == from,
        Transform::Linear { matrix, bias, sizes } => {
            *sizes = [from, to];
            Some(matrix.len()) == from.checked_mul(to) && bias.as_ref().is_none_or(|bias| bias.len() == to)
        }
    };
    if fits { Ok((transform, [from, to])) } else { Err(EngineError::broken("a transform of another size")) }
}

/// A product quantiser.
pub struct Quantiser {
    width: usize,
    parts: usize,
    bits: usize,
    centroids: Vec<f32>,
}

impl Quantiser {
    pub fn read(input: &mut Input, width: usize) -> Result<Self, EngineError> {
        let [own, parts, bits] = [input.size()?, input.size()?, input.size()?];
        if bits > 8 {
            return Err(unsupported(format!("FAISS product quantiser of {bits} bits: up to 8 are known")));
        }
        if own != width || parts == 0 || parts > width || bits == 0 {
            return Err(EngineError::broken(format!("a quantiser of {parts} parts of {own} numbers")));
        }
        Ok(Self { width, parts, bits, centroids: input.counted()? })
    }

    /// Bytes of a vector's codes.
    pub fn bytes(&self) -> usize {
        (self.parts * self.bits).div_ceil(8)
    }

    /// A byte for each code; in the file they lie without gaps, the lowest bits first.
    pub fn codes(&self, packed: &[u8]) -> Result<Vec<u8>, EngineError> {
        if !packed.len().is_multiple_of(self.bytes()) {
            return Err(EngineError::broken(format!(
                "{} bytes are no codes of {}",
                packed.len(),
                self.bytes()
            )));
        }
        if self.bits == 8 {
            return Ok(packed.to_vec());
        }
        let code = |row: &[u8], part: usize| {
            let at = part * self.bits;
            let byte = |n: usize| u16::from(row.get(n).copied().unwrap_or(0));
            let both = byte(at / 8) | byte(at / 8 + 1) << 8;
            (both >> (at % 8)) as u8 & ((1u16 << self.bits) - 1) as u8
        };
        let rows = packed.chunks_exact(self.bytes());
        Ok(rows.flat_map(|row| (0..self.parts).map(move |part| code(row, part))).collect())
    }

    /// With the codes of all vectors.
    pub fn with(self, codes: Vec<u8>, of_residuals: bool) -> Result<Codes, EngineError> {
        Codes::new(self.width, [self.parts, 1 << self.bits], &self.centroids, codes, of_residuals)
    }
}
