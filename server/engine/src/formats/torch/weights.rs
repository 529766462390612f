//! Tensors that lie in an archive: each weight once, whatever it is called and however its axes lie.

use super::FORMAT;
use super::build::Builder;
use super::value::{Result, Val, broken, unsupported};
use crate::formats::stored::Stored;
use crate::formats::zip::Zip;
use crate::formats::{Access, Artifact, Program, Source};
use crate::graph::{Literal, Op, ValueId, Weight};
use crate::{DType, EngineError, Preferences, UnsupportedOp};
use std::collections::HashMap;

/// Elements of a view that is neither dense nor repeated, which is gathered element by element.
const MOST_GATHERED: usize = 1 << 22;

/// Elements of a tensor that is read at once.
const MOST_SMALL: usize = 16;
/// Bytes of the storage of one.
const LARGEST_SMALL: u64 = 4096;

/// A tensor over a storage, which is a member of the archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The number of its archive.
    pub archive: usize,
    pub member: String,
    pub dtype: DType,
    /// In elements.
    pub offset: usize,
    pub sizes: Vec<usize>,
    pub strides: Vec<usize>,
    /// Its elements are pairs, which the last axis is of.
    pub complex: bool,
}

impl Place {
    /// Of a type that is made of pairs: elements are counted twice then, and a last axis holds the two.
    pub fn in_pairs(mut self) -> Self {
        self.offset = self.offset.saturating_mul(2);
        self.strides.iter_mut().for_each(|stride| *stride = stride.saturating_mul(2));
        self.sizes.push(2);
        self.strides.push(1);
        self.complex = true;
        self
    }
}

/// The weights of an artifact.
pub struct Weights {
    /// The archive, then those that lie in it.
    zips: Vec<Zip>,
    stored: Stored,
    all: Vec<Weight>,
    by_place: HashMap<(u64, DType, Vec<usize>), usize>,
}

impl Weights {
    pub fn new(zip: Zip, access: Access) -> Self {
        Self { zips: vec![zip], stored: Stored::new(access), all: Vec::new(), by_place: HashMap::new() }
    }

    /// The archive itself.
    pub fn zip(&self) -> &Zip {
        &self.zips[0]
    }

    /// Adds an archive that lies in this one; its number.
    pub fn within(&mut self, zip: Zip) -> usize {
        self.zips.push(zip);
        self.zips.len() - 1
    }

    /// All that was found in an archive, with its programs by their names.
    pub fn artifact(self, mut programs: Vec<Program>, unsupported: Vec<UnsupportedOp>) -> Artifact {
        programs.sort_by(|a, b| a.signature.name.cmp(&b.signature.name));
        Artifact {
            parsed: 0,
            format: FORMAT,
            programs,
            weights: self.all,
            unsupported,
            source: Source::Stored(self.stored),
            preferences: Preferences::default(),
        }
    }

    /// The number of the weight of so many elements of a member, as rows of a shape.
    fn number(&mut self, key: &str, place: &Place, shape: &[usize]) -> Result<usize> {
        let zip = self.zips.get(place.archive);
        let Some((zip, member)) = zip.and_then(|zip| Some((zip, zip.find(&place.member)?))) else {
            return broken(format!("{key}: its storage {:?} is missing", place.member));
        };
        let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let end = elements
            .and_then(|n| n.checked_add(place.offset))
            .and_then(|n| n.checked_mul(place.dtype.width()));
        if end.is_none_or(|end| end as u64 > member.size) {
            return broken(format!("{key}: its storage of {} bytes is too small", member.size));
        }
        let Some(start) = zip.place(member)? else {
            return broken(format!("{key}: its storage is compressed; save the model without compression"));
        };
        let start = start + (place.offset * place.dtype.width()) as u64;
        let place_key = (start, place.dtype, shape.to_vec());
        if let Some(number) = self.by_place.get(&place_key) {
            return Ok(*number);
        }
        let file = self.stored.file(zip.path())?;
        // The same bytes may be of two shapes under one name.
        let key = if self.all.iter().any(|w| w.key == key) {
            format!("{key}#{}", self.all.len())
        } else {
            key.to_owned()
        };
        let weight = self.stored.add(&key, file, start, place.dtype, shape)?;
        self.all.push(weight);
        self.by_place.insert(place_key, self.all.len() - 1);
        Ok(self.all.len() - 1)
    }

    /// A tensor of the program.
    pub fn tensor(&mut self, b: &mut Builder, key: &str, place: &Place) -> Result<Val> {
        let value = self.value(b, key, place)?;
        Ok(if place.complex { b.complex(value) } else { Val::Tensor(b.tensor(value)) })
    }

    /// A tensor as a value of a graph.
    fn value(&mut self, b: &mut Builder, key: &str, place: &Place) -> Result<ValueId> {
        let rank = place.sizes.len();
        if place.strides.len() != rank {
            return broken(format!("{key}: {rank} sizes and {} strides", place.strides.len()));
        }
        if let Some(literal) = self.small(place)? {
            return b.literal(literal, place.dtype);
        }
        // What is repeated lies there once; an axis of one element has no stride.
        let shown: Vec<usize> = place
            .sizes
            .iter()
            .zip(&place.strides)
            .map(|(d, s)| if *s == 0 { (*d).min(1) } else { *d })
            .collect();
        let mut order: Vec<usize> = (0..rank).collect();
        order.sort_by_key(|a| std::cmp::Reverse(if shown[*a] == 1 { usize::MAX } else { place.strides[*a] }));
        let mut step = 1usize;
        let is_dense = shown.contains(&0)
            || order.iter().rev().all(|at| {
                let fits = shown[*at] == 1 || place.strides[*at] == step;
                step = step.saturating_mul(shown[*at]);
                fits
            });
        if !is_dense {
            return self.gathered(b, key, place);
        }
        let shape: Vec<usize> = order.iter().map(|at| shown[*at]).collect();
        let number = self.number(key, place, &shape)?;
        let mut value = b.weight(number, &self.all[number].clone())?;
        let mut back = vec![0; rank];
        order.iter().enumerate().for_each(|(n, at)| back[*at] = n);
        value = b.transpose(value, &back)?;
        if shown != place.sizes {
            let sizes: Vec<Val> = place.sizes.iter().map(|n| Val::Int(*n as i64)).collect();
            value = b.broadcast(value, &sizes)?;
        }
        Ok(value)
    }

    /// A few integers, which shapes may follow from, or a single number; None: it is something else.
    fn small(&self, place: &Place) -> Result<Option<Literal>> {
        // Of a network's numbers only single ones are steps, sizes or factors.
        let most = match place.dtype {
            DType::I64 | DType::I32 | DType::I16 => MOST_SMALL,
            DType::F64 | DType::F32 => 1,
            _ => 0,
        };
        let count = place.sizes.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).filter(|n| *n <= most);
        let mut step = 1usize;
        let is_dense = place.sizes.iter().zip(&place.strides).rev().all(|(size, stride)| {
            let fits = *size == 1 || *stride == step;
            step = step.saturating_mul(*size);
            fits
        });
        let member = self.zips.get(place.archive).and_then(|zip| Some((zip, zip.find(&place.member)?)));
        let (Some(count), Some((zip, member))) = (count, member) else { return Ok(None) };
        if !is_dense || member.size > LARGEST_SMALL {
            return Ok(None);
        }
        let bytes = zip.read(member, LARGEST_SMALL)?;
        let width = place.dtype.width();
        let part = place
            .offset
            .checked_mul(width)
            .and_then(|begin| bytes.get(begin..begin.checked_add(count * width)?));
        let Some(part) = part else { return Ok(None) };
        Ok(Some(literal(place.dtype, part, place.sizes.clone())))
    }

    /// A view that skips elements.
    fn gathered(&mut self, b: &mut Builder, key: &str, place: &Place) -> Result<ValueId> {
        let count =
            place.sizes.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).filter(|n| *n <= MOST_GATHERED);
        if count.is_none() {
            return unsupported(format!("{key}: so large a view with gaps"));
        }
        let mut places = vec![0usize];
        for (size, stride) in place.sizes.iter().zip(&place.strides) {
            places = places
                .iter()
                .flat_map(|at| (0..*size).map(move |n| at.saturating_add(n.saturating_mul(*stride))))
                .collect();
        }
        let span = places.iter().max().map_or(0, |most| most.saturating_add(1));
        let number = self.number(key, place, &[span])?;
        let flat = b.weight(number, &self.all[number].clone())?;
        let places = places.into_iter().map(|p| p as i64).collect();
        let places = b.literal(Literal::I64(places, place.sizes.clone()), DType::I64)?;
        let axis = b.int(0)?;
        b.op(Op::Gather { batch_dims: 0 }, &[flat, places, axis], place.dtype)
    }
}

/// Little-endian numbers as a constant.
fn literal(dtype: DType, bytes: &[u8], sizes: Vec<usize>) -> Literal {
    fn all<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|number| read(*number)).collect()
    }
    match dtype {
        DType::F64 => Literal::F64(all(bytes, f64::from_le_bytes), sizes),
        DType::F32 => Literal::F32(all(bytes, f32::from_le_bytes), sizes),
        DType::I16 => Literal::I64(all(bytes, |n| i64::from(i16::from_le_bytes(n))), sizes),
        DType::I32 => Literal::I64(all(bytes, |n| i64::from(i32::from_le_bytes(n))), sizes),
        _ => Literal::I64(all(bytes, i64::from_le_bytes), sizes),
    }
}

/// Numbers of an archive are little-endian unless it says otherwise.
pub fn check_order(zip: &Zip, prefix: &str) -> std::result::Result<(), EngineError> {
    let Some(member) = zip.find(&format!("{prefix}byteorder")) else { return Ok(()) };
    if zip.read(member, 16)?.trim_ascii() == b"little" {
        return Ok(());
    }
    Err(EngineError::broken("its numbers are big-endian; save it on a little-endian machine"))
}
