//! Runs of words, and joined strings.

use super::super::access::{axis, ints, make};
use super::super::{Outcome, Value, elements, fail};
use super::MOST_BYTES;
use crate::EngineError;
use crate::graph::Grams;

/// Adds up the bytes of strings that are made.
#[derive(Default)]
struct Bytes(usize);

impl Bytes {
    fn more(&mut self, count: usize) -> Result<(), EngineError> {
        self.0 = self.0.saturating_add(count);
        if self.0 > MOST_BYTES {
            return Err(fail(format!("strings of more than {MOST_BYTES} bytes")));
        }
        Ok(())
    }
}

/// Words and where rows begin → runs of words and where rows of them begin.
pub fn grams(how: &Grams, words: &Value, splits: &Value) -> Result<Vec<Value>, EngineError> {
    let words = words.texts()?;
    let splits = ints(splits)?;
    let place = |n: &i64| usize::try_from(*n).ok().filter(|n| *n <= words.len());
    let places: Option<Vec<usize>> = splits.iter().map(place).collect();
    let places = places.filter(|p| p.windows(2).all(|w| w[0] <= w[1]));
    let places = places.ok_or_else(|| fail("ragged rows that do not fit their values"))?;
    let (mut made, mut ends, mut bytes) = (Vec::new(), Vec::new(), Bytes::default());
    ends.extend(places.first().map(|_| 0i64));
    for row in places.windows(2) {
        let row = &words[row[0]..row[1]];
        let before = made.len();
        for width in &how.widths {
            let padding = how.padding(*width);
            // Where there are no words at all, TensorFlow does not pad either.
            let count =
                if words.is_empty() { 0 } else { (row.len() + 2 * padding + 1).saturating_sub(*width) };
            run(how, row, (*width, padding, count), &mut made, &mut bytes)?;
        }
        if how.short && !row.is_empty() && made.len() == before {
            let width = row.len() + how.pad.map_or(0, |pad| 2 * pad);
            run(how, row, (width, how.padding(width), 1), &mut made, &mut bytes)?;
        }
        ends.push(made.len() as i64);
    }
    let (count, rows) = (made.len(), ends.len());
    Ok(vec![Value::text(made, &[count])?, make(ends, &[rows])?])
}

/// The runs of one width.
fn run(
    how: &Grams,
    row: &[Vec<u8>],
    (width, padding, count): (usize, usize, usize),
    made: &mut Vec<Vec<u8>>,
    bytes: &mut Bytes,
) -> Result<(), EngineError> {
    for n in 0..count {
        let left = padding.saturating_sub(n);
        let right = padding.saturating_sub(count - (n + 1));
        let tokens = width.saturating_sub(left + right);
        let first = if left > 0 { 0 } else { n - padding };
        let words = row.get(first..(first + tokens).min(row.len())).unwrap_or(&[]);
        let parts = left.saturating_mul(how.left.len() + how.separator.len());
        bytes.more(parts.saturating_add(right.saturating_mul(how.right.len() + how.separator.len())))?;
        bytes.more(words.iter().map(|w| w.len() + how.separator.len()).sum::<usize>() + width + 24)?;
        let parts = std::iter::repeat_n(how.left.as_slice(), left)
            .chain(words.iter().map(Vec::as_slice))
            .chain(std::iter::repeat_n(how.right.as_slice(), right));
        made.push(parts.collect::<Vec<_>>().join(how.separator.as_slice()));
    }
    Ok(())
}

/// Strings along axes as one; the first axis that is named changes fastest.
pub fn reduce_join(x: &Value, axes: &Value, keep: bool, separator: &[u8]) -> Outcome {
    let axes: Vec<usize> = ints(axes)?.iter().map(|a| axis(*a, x.rank())).collect::<Result<_, _>>()?;
    if axes.is_empty() {
        return Ok(x.clone());
    }
    if (1..axes.len()).any(|n| axes[..n].contains(&axes[n])) {
        return Err(fail("an axis is there twice"));
    }
    let kept: Vec<usize> = (0..x.rank()).filter(|a| !axes.contains(a)).collect();
    // The kept axes, then the joined ones from the slowest to the fastest.
    let order: Vec<usize> = kept.iter().copied().chain(axes.iter().rev().copied()).collect();
    let turned = super::super::moves::permute(x, &order)?;
    let count = elements(&kept.iter().map(|a| x.dims()[*a]).collect::<Vec<_>>())?;
    let size: usize = axes.iter().map(|a| x.dims()[*a]).product();
    let (texts, mut bytes) = (turned.texts()?, Bytes::default());
    let mut made = Vec::with_capacity(count);
    for n in 0..count {
        let row = &texts[n * size..(n + 1) * size];
        bytes.more(row.iter().map(|t| t.len() + separator.len()).sum())?;
        made.push(row.iter().map(Vec::as_slice).collect::<Vec<_>>().join(separator));
    }
    let extent = |a: usize| if axes.contains(&a) { 1 } else { x.dims()[a] };
    let shown = |a: &usize| keep || !axes.contains(a);
    let dims: Vec<usize> = (0..x.rank()).filter(shown).map(extent).collect();
    Value::text(made, &dims)
}

/// Strings of one segment as one; those of negative segments are left out. Nothing separates what is empty so far from what comes.
pub fn segment_join(x: &Value, ids: &Value, count: i64, separator: &[u8]) -> Outcome {
    if x.dims().get(..ids.rank()) != Some(ids.dims()) {
        return Err(fail(format!("segments {:?} of {:?}", ids.dims(), x.dims())));
    }
    let count = usize::try_from(count).map_err(|_| fail("a number of segments below none"))?;
    let inner = &x.dims()[ids.rank()..];
    let dims = [&[count], inner].concat();
    let size: usize = inner.iter().product();
    elements(&[&dims[..], &[size_of::<Vec<u8>>()]].concat())?;
    let mut made: Vec<Vec<u8>> = vec![Vec::new(); elements(&dims)?];
    let (texts, mut bytes) = (x.texts()?, Bytes::default());
    for (n, id) in ids.slice::<i64>()?.iter().enumerate().filter(|(_, id)| **id >= 0) {
        let segment = usize::try_from(*id).ok().filter(|id| *id < count);
        let segment = segment.ok_or_else(|| fail(format!("segment {id} of {count}")))?;
        for k in 0..size {
            let text = &texts[n * size + k];
            bytes.more(text.len() + separator.len())?;
            let known = &mut made[segment * size + k];
            if !known.is_empty() {
                known.extend(separator);
            }
            known.extend(text);
        }
    }
    Value::text(made, &dims)
}
