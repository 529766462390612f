//! Parts of values, by begin, end and step.

use super::fact::{COUNTED, Fact, Found, Of, Reads, Why, axis};
use super::size::{Names, Size};
use crate::graph::{Along, Op, Rare};
use crate::kernels::slices::{Named, count, lay, within};

/// Longer than any axis: an end as far as this is the axis's own.
const BEYOND: i64 = 1 << 28;

/// What becomes of one axis, or a new one.
enum Cut {
    Range { begin: End, end: End, step: Option<i64> },
    One(Option<Size>),
    New,
}

/// Where a range begins, or ends.
#[derive(Clone)]
enum End {
    /// Where the axis does.
    Axis,
    At(Size),
    Unknown,
}

impl End {
    fn of(number: Option<&Size>) -> Self {
        number.map_or(Self::Unknown, |n| Self::At(n.clone()))
    }

    fn known(&self) -> Option<Option<i64>> {
        match self {
            Self::Axis => Some(None),
            Self::At(n) => n.known().map(Some),
            Self::Unknown => None,
        }
    }
}

impl Cut {
    const WHOLE: Self = Self::Range { begin: End::Axis, end: End::Axis, step: Some(1) };

    /// Whether all of an axis is left as it is.
    fn is_whole(&self, extent: &Size) -> bool {
        let Self::Range { begin, end, step: Some(1) } = self else { return false };
        let from_start = match begin {
            End::Axis => true,
            End::At(n) => n.is(0),
            End::Unknown => false,
        };
        let to_end = match end {
            End::Axis => true,
            End::At(n) => n == extent || n.known().is_some_and(|n| n >= BEYOND),
            End::Unknown => false,
        };
        from_start && to_end
    }

    /// The extent that is left of an axis; none where the axis goes.
    fn extent(&self, extent: &Size, names: &Names) -> Option<Size> {
        let Self::Range { begin, end, step } = self else { return None };
        if self.is_whole(extent) {
            return Some(extent.clone());
        }
        if let (Some(size), Some(begin), Some(end), Some(step)) =
            (extent.known(), begin.known(), end.known(), *step)
            && let Ok((begin, end)) = within(size, begin, end, step)
        {
            return Some(Size::extent(count(begin, end, step)));
        }
        Some(names.fresh())
    }

    /// Whether it is the same however many rows there are.
    fn is_fixed(&self) -> bool {
        let fixed = |end: &End| !matches!(end, End::At(n) if !n.is_fixed());
        match self {
            Self::Range { begin, end, .. } => fixed(begin) && fixed(end),
            Self::One(place) => place.as_ref().is_none_or(Size::is_fixed),
            Self::New => true,
        }
    }

    /// The places that are left of an axis of so many.
    fn places(&self, size: usize) -> Option<Vec<usize>> {
        let size = i64::try_from(size).ok()?;
        match self {
            Self::Range { begin, end, step } => {
                let step = (*step)?;
                let (from, to) = within(size, begin.known()?, end.known()?, step).ok()?;
                (0..count(from, to, step)).map(|n| usize::try_from(from + n as i64 * step).ok()).collect()
            }
            Self::One(place) => Some(vec![axis(place.as_ref()?.known()?, usize::try_from(size).ok()?).ok()?]),
            Self::New => None,
        }
    }
}

/// What an operation cuts, for a value of so many axes.
fn cuts(op: &Op, reads: &Reads<'_>, rank: usize) -> Result<Vec<Cut>, Why> {
    match op {
        Op::StridedSlice(masks) => {
            let [begin, end, steps] = [1, 2, 3].map(|n| reads.at(n));
            let (begin, end, steps) = (begin?, end?, steps?);
            let items = length(steps)?;
            let number = |x: &Fact, i: usize| x.numbers.as_ref().and_then(|n| n.get(i)).cloned();
            let given = |mask: i64, x: &Fact, i: usize| {
                if mask >> i & 1 == 1 { End::Axis } else { End::of(number(x, i).as_ref()) }
            };
            let cut = |named: Named| match named {
                Named::Whole => Cut::WHOLE,
                Named::New => Cut::New,
                Named::One(i) => Cut::One(number(begin, i)),
                Named::Range(i) => Cut::Range {
                    begin: given(masks.begin, begin, i),
                    end: given(masks.end, end, i),
                    step: number(steps, i).and_then(|n| n.known()),
                },
            };
            Ok(lay(rank, items, masks).map_err(|e| e.to_string())?.into_iter().map(cut).collect())
        }
        Op::Slice => {
            let (begin, size) = (reads.at(1)?, reads.at(2)?);
            let number = |x: &Fact, i: usize| x.numbers.as_ref().and_then(|n| n.get(i)).cloned();
            let cut = |i: usize| {
                let (begin, size) = (number(begin, i), number(size, i));
                let end = match (&begin, &size) {
                    (_, Some(size)) if size.is(-1) => End::Axis,
                    (Some(begin), Some(size)) => End::At(begin.plus(size, reads.names)),
                    _ => End::Unknown,
                };
                Cut::Range { begin: End::of(begin.as_ref()), end, step: Some(1) }
            };
            Ok((0..rank).map(cut).collect())
        }
        Op::Rare(rare) if matches!(**rare, Rare::Along(Along::Slice)) => along(reads, rank),
        _ => Err("no slice".to_owned()),
    }
}

/// Starts, ends, axes, steps.
fn along(reads: &Reads<'_>, rank: usize) -> Result<Vec<Cut>, Why> {
    let (starts, ends, axes, steps) = (reads.at(1)?, reads.at(2)?, reads.at(3)?.integers()?, reads.at(4)?);
    let mut cuts: Vec<Cut> = (0..rank).map(|_| Cut::WHOLE).collect();
    for (i, at) in axes.into_iter().enumerate() {
        let end = |x: &Fact| End::of(x.numbers.as_ref().and_then(|n| n.get(i)));
        let step = steps.numbers.as_ref().and_then(|n| n.get(i)).and_then(Size::known);
        cuts[axis(at, rank)?] = Cut::Range { begin: end(starts), end: end(ends), step };
    }
    Ok(cuts)
}

/// How many items a specification has.
fn length(x: &Fact) -> Result<usize, Why> {
    let length = match x.dims()? {
        [length] => length.known().and_then(|n| usize::try_from(n).ok()),
        _ => None,
    };
    length.ok_or_else(|| "how many axes are sliced is not known".to_owned())
}

pub fn slice(op: &Op, reads: &Reads<'_>) -> Found {
    let x = reads.at(0)?;
    let Some(dims) = x.shape.as_deref() else {
        return reads.same_from(0).and_then(|()| reads.one(Fact::same(None)));
    };
    let cuts = match cuts(op, reads, dims.len()) {
        Err(_) if reads.same_from(0).is_ok() => return reads.one(Fact::same(None)),
        cuts => cuts?,
    };
    if reads.all.iter().skip(1).any(|x| !matches!(x.of, Of::Same | Of::Count)) {
        return Err("what is left of it depends on values of the rows".to_owned());
    }
    let (mut shape, mut at, mut rows) = (Vec::new(), 0, None);
    for cut in &cuts {
        if matches!(cut, Cut::New) {
            shape.push(Size::number(1));
            continue;
        }
        let extent = dims.get(at).ok_or("a slice of more axes than there are")?;
        if x.axis() == Some(at) || (at == 0 && !matches!(x.of, Of::Same | Of::Rows(_))) {
            if !cut.is_whole(extent) {
                return Err("it takes a part of the rows".to_owned());
            }
            rows = Some(shape.len());
        }
        if !cut.is_whole(extent) && !cut.is_fixed() {
            return Err(COUNTED.to_owned());
        }
        shape.extend(cut.extent(extent, reads.names));
        at += 1;
    }
    reads.one(match (x.of, rows) {
        (Of::Same, _) => Fact::same(Some(shape)),
        (Of::Rows(_), Some(axis)) => Fact::rows(shape, axis)?,
        (Of::Parts(by), Some(0)) => Fact { of: Of::Parts(by), shape: Some(shape), numbers: None },
        (Of::Places(by), Some(0)) => Fact { of: column(by, cuts.get(1))?, shape: Some(shape), numbers: None },
        _ => return Err("it takes parts of what rows have".to_owned()),
    })
}

/// What the pairs have in the places that are left of them.
fn column(by: usize, cut: Option<&Cut>) -> Result<Of, Why> {
    match cut.and_then(|cut| cut.places(2)).as_deref() {
        Some([0]) => Ok(Of::Owners(by)),
        Some([1]) => Ok(Of::Parts(by)),
        Some([0, 1]) => Ok(Of::Places(by)),
        _ => Err("it takes places apart".to_owned()),
    }
}

/// Some of a row of numbers. None: they are not known.
pub fn numbers(op: &Op, reads: &Reads<'_>) -> Option<Result<Fact, Why>> {
    let x = reads.at(0).ok()?;
    let numbers = x.numbers.as_ref().filter(|_| x.rank() == Some(1))?;
    let cuts = cuts(op, reads, 1).ok()?;
    let [cut] = &cuts[..] else { return None };
    let picked = cut.places(numbers.len())?.into_iter().map(|n| numbers.get(n).cloned());
    let picked = picked.collect::<Option<Vec<Size>>>()?;
    let shape = if matches!(cut, Cut::One(_)) { Vec::new() } else { vec![Size::extent(picked.len())] };
    Some(Fact::numbers(picked, shape))
}
