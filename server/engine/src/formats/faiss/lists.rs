//! Inverted lists: a coarse quantiser, what the items are made coarse by, and the lists, each with its items and their names.

use super::index::{Header, Quantiser};
use super::input::Input;
use super::{scalar, unsupported};
use crate::EngineError;
use crate::graph::{Items, Lists, Metric, Vectors};

/// Lists, and what their items are called.
type Named = (Lists, Vec<i64>);

/// Reads what follows the header.
pub fn read(
    input: &mut Input,
    tag: &[u8; 4],
    header: Header,
    coarse: impl FnOnce(&mut Input) -> Result<(Vectors, Metric), EngineError>,
) -> Result<Named, EngineError> {
    let (count, probes) = (input.size()?, input.size()?);
    let (centroids, metric) = coarse(input)?;
    if centroids.len() != count || centroids.width() != header.width {
        return Err(EngineError::broken(format!("{count} lists around {} centroids", centroids.len())));
    }
    skip_map(input)?;
    let around = (centroids, metric);
    match tag {
        b"IwFl" => {
            let width = header.width.saturating_mul(size_of::<f32>());
            let content = Content::<f32>::read(input, count, width)?;
            let items = Items::Vectors(Vectors::new(header.width, content.items)?);
            Ok((Lists::new(around, probes, &content.lengths, items)?, content.names))
        }
        b"IwPQ" => {
            let of_residuals = input.flag()?;
            input.size()?;
            let quantiser = Quantiser::read(input, header.width)?;
            let content = Content::<u8>::read(input, count, quantiser.bytes())?;
            let codes = quantiser.codes(&content.items)?;
            let items = Items::Codes(quantiser.with(codes, of_residuals)?);
            Ok((Lists::new(around, probes, &content.lengths, items)?, content.names))
        }
        _ => {
            let quantiser = scalar::Quantiser::read(input, header.width)?;
            let (bytes, of_residuals) = (input.size()?, input.flag()?);
            if bytes != quantiser.bytes(header.width) {
                return Err(EngineError::broken(format!("codes of {bytes} bytes")));
            }
            let content = Content::<u8>::read(input, count, bytes)?;
            let mut values = quantiser.decode(&content.items, header.width)?;
            if of_residuals {
                let lists =
                    content.lengths.iter().enumerate().flat_map(|(n, len)| std::iter::repeat_n(n, *len));
                for (row, list) in values.chunks_exact_mut(header.width).zip(lists) {
                    row.iter_mut().zip(around.0.at(list)).for_each(|(x, base)| *x += base);
                }
            }
            let items = Items::Vectors(Vectors::new(header.width, values)?);
            Ok((Lists::new(around, probes, &content.lengths, items)?, content.names))
        }
    }
}

/// Where each name is, which only changes of an index need.
fn skip_map(input: &mut Input) -> Result<(), EngineError> {
    let kind = input.one::<u8>()?;
    input.counted::<i64>()?;
    if kind == 2 {
        input.counted::<[i64; 2]>()?;
    }
    Ok(())
}

/// What is in the lists, list by list.
struct Content<T> {
    lengths: Vec<usize>,
    items: Vec<T>,
    names: Vec<i64>,
}

impl<T: bytemuck::Pod> Content<T> {
    /// `width`: bytes of an item.
    fn read(input: &mut Input, count: usize, width: usize) -> Result<Self, EngineError> {
        match &input.tag()? {
            b"ilar" => {}
            other => {
                return Err(unsupported(format!(
                    "FAISS inverted lists {}: write the index with its lists in it",
                    String::from_utf8_lossy(other)
                )));
            }
        }
        let (lists, bytes) = (input.size()?, input.size()?);
        if lists != count || bytes != width {
            return Err(EngineError::broken(format!("{lists} lists of items of {bytes} bytes")));
        }
        let lengths = lengths(input, count)?;
        let total = lengths.iter().try_fold(0usize, |sum, length| sum.checked_add(*length));
        let all = total.and_then(|total| total.checked_mul(width.checked_add(size_of::<i64>())?));
        let (Some(total), Some(_)) = (total, all.filter(|all| *all as u64 <= input.left())) else {
            return Err(EngineError::broken("its lists are longer than the file"));
        };
        let each = width / size_of::<T>();
        let (mut items, mut names) = (Vec::with_capacity(total * each), Vec::with_capacity(total));
        for length in &lengths {
            input.more(&mut items, length * each)?;
            input.more(&mut names, *length)?;
        }
        Ok(Self { lengths, items, names })
    }
}

/// How long each list is: of all, or of those that are not empty.
fn lengths(input: &mut Input, count: usize) -> Result<Vec<usize>, EngineError> {
    let tag = input.tag()?;
    let sizes = input.counted::<u64>()?;
    let size = |n: u64| usize::try_from(n).map_err(|_| EngineError::broken(format!("a list of {n}")));
    match &tag {
        b"full" if sizes.len() == count => sizes.into_iter().map(size).collect(),
        b"sprs" => {
            let mut lengths = vec![0; count];
            for pair in sizes.chunks_exact(2) {
                let list = lengths.get_mut(size(pair[0])?);
                *list.ok_or_else(|| EngineError::broken(format!("there is no list {}", pair[0])))? =
                    size(pair[1])?;
            }
            Ok(lengths)
        }
        _ => Err(EngineError::broken("its lists have no lengths")),
    }
}
