//! Sums and the like over the rows that have one number.

use super::super::access::{make, output};
use super::super::moves::index_select;
use super::super::{Outcome, Value, elements, fail};
use super::by_kind;
use super::scatter::Combine;
use crate::DType;
use crate::graph::Segment;

/// Numbers that can be put together in every way.
trait Number: Combine {
    const ONE: Self;
    fn over(self, count: usize) -> Self;
    fn over_root(self, count: usize) -> Self;
    /// The lowest or the highest number of a type.
    fn limit(dtype: DType, highest: bool) -> Self;
}

impl Number for f32 {
    const ONE: Self = 1.0;
    fn over(self, count: usize) -> Self {
        self / count as Self
    }
    fn over_root(self, count: usize) -> Self {
        self / (count as Self).sqrt()
    }
    fn limit(dtype: DType, highest: bool) -> Self {
        let limit = match dtype {
            DType::F16 => half::f16::MAX.to_f32(),
            DType::BF16 => half::bf16::MAX.to_f32(),
            _ => Self::MAX,
        };
        if highest { limit } else { -limit }
    }
}

impl Number for f64 {
    const ONE: Self = 1.0;
    fn over(self, count: usize) -> Self {
        self / count as Self
    }
    fn over_root(self, count: usize) -> Self {
        self / (count as Self).sqrt()
    }
    fn limit(_: DType, highest: bool) -> Self {
        if highest { Self::MAX } else { Self::MIN }
    }
}

impl Number for i64 {
    const ONE: Self = 1;
    fn over(self, count: usize) -> Self {
        self / (count as Self).max(1)
    }
    fn over_root(self, count: usize) -> Self {
        (self as f64 / (count as f64).sqrt()) as Self
    }
    fn limit(dtype: DType, highest: bool) -> Self {
        let (low, high) = match dtype {
            DType::I8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
            DType::I16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            DType::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            DType::U8 => (0, i64::from(u8::MAX)),
            DType::U16 => (0, i64::from(u16::MAX)),
            DType::U32 => (0, i64::from(u32::MAX)),
            // Its highest number has these bits.
            DType::U64 => (0, -1),
            _ => (Self::MIN, Self::MAX),
        };
        if highest { high } else { low }
    }
}

impl Number for u8 {
    const ONE: Self = 1;
    fn over(self, _: usize) -> Self {
        self
    }
    fn over_root(self, _: usize) -> Self {
        self
    }
    fn limit(_: DType, highest: bool) -> Self {
        u8::from(highest)
    }
}

/// The rows that indices name.
pub fn picked(x: &Value, indices: &Value) -> Outcome {
    if x.rank() == 0 || indices.rank() != 1 {
        return Err(fail(format!("rows {:?} of {:?}", indices.dims(), x.dims())));
    }
    index_select(x, indices.slice()?, 0)
}

/// Numbers of segments go up; as many segments as `count` says, or up to the last one.
pub fn sorted(kind: Segment, x: &Value, ids: &Value, count: Option<i64>) -> Outcome {
    let ids = ids.slice::<i64>()?;
    if ids.windows(2).any(|w| w[0] > w[1]) || ids.first().is_some_and(|n| *n < 0) {
        return Err(fail("segments that are not in order"));
    }
    let count = match count {
        Some(count) => count,
        None => ids.last().map_or(0, |n| n.saturating_add(1)),
    };
    by_kind!(x, together(kind, None, x, ids, 1, count))
}

/// Segments in any order; rows of negative ones are left out.
pub fn unsorted(kind: Segment, dtype: DType, x: &Value, ids: &Value, count: i64) -> Outcome {
    if x.dims().get(..ids.rank()) != Some(ids.dims()) {
        return Err(fail(format!("segments {:?} of {:?}", ids.dims(), x.dims())));
    }
    by_kind!(x, together(kind, Some(dtype), x, ids.slice()?, ids.rank(), count))
}

/// `leading` axes of x are numbered. Segments without rows have the limit of a type, if one is given.
fn together<T: Number>(
    kind: Segment,
    dtype: Option<DType>,
    x: &Value,
    ids: &[i64],
    leading: usize,
    count: i64,
) -> Outcome {
    let (outer, inner) = x.dims().split_at_checked(leading).ok_or_else(|| fail("segments of a number"))?;
    if outer.iter().product::<usize>() != ids.len() {
        return Err(fail(format!("{} segments of {:?}", ids.len(), x.dims())));
    }
    let count = usize::try_from(count).map_err(|_| fail("a number of segments below none"))?;
    let shape = [&[count], inner].concat();
    elements(&shape)?;
    let blank = match (kind, dtype) {
        (Segment::Prod, _) => T::ONE,
        (Segment::Max, Some(dtype)) => T::limit(dtype, false),
        (Segment::Min, Some(dtype)) => T::limit(dtype, true),
        _ => T::default(),
    };
    let mut out = output::<T>(&shape)?;
    out.fill(blank);
    let size: usize = inner.iter().product();
    let mut rows = vec![0usize; count];
    let data = x.slice::<T>()?;
    for (n, id) in ids.iter().enumerate().filter(|(_, id)| **id >= 0) {
        let to = usize::try_from(*id).ok().filter(|id| *id < count);
        let to = to.ok_or_else(|| fail(format!("segment {id} of {count}")))?;
        let row = &data[n * size..(n + 1) * size];
        merge(kind, rows[to] == 0, &mut out[to * size..(to + 1) * size], row);
        rows[to] += 1;
    }
    for (to, rows) in rows.iter().enumerate().filter(|(_, rows)| **rows > 0) {
        for value in &mut out[to * size..(to + 1) * size] {
            *value = match kind {
                Segment::Mean => value.over(*rows),
                Segment::SqrtN => value.over_root(*rows),
                _ => *value,
            };
        }
    }
    make(out, &shape)
}

fn merge<T: Number>(kind: Segment, first: bool, to: &mut [T], row: &[T]) {
    for (to, with) in to.iter_mut().zip(row) {
        *to = match kind {
            Segment::Sum | Segment::Mean | Segment::SqrtN => to.plus(*with),
            Segment::Prod => to.times(*with),
            Segment::Max if first || *with > *to => *with,
            Segment::Min if first || *with < *to => *with,
            Segment::Max | Segment::Min => *to,
        };
    }
}
