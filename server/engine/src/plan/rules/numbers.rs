//! Values element by element, and the arithmetic that models do with shapes.

use super::{Extents, Found, Known, MOST_NUMBERS, Numbers, axis, show};
use crate::graph::{Binary, Op, Reduce};
use crate::kernels::fail;
use crate::{DType, EngineError};

/// The shape that two shapes broadcast to, as far as it is known: a one gives way, an unknown extent to a known one that is not one.
pub fn broadcast(a: &[Option<usize>], b: &[Option<usize>]) -> Result<Extents, EngineError> {
    let rank = a.len().max(b.len());
    let extent = |s: &[Option<usize>], i: usize| {
        if i + s.len() < rank { Some(1) } else { s[i + s.len() - rank] }
    };
    let both = |i| match (extent(a, i), extent(b, i)) {
        (Some(1), other) | (other, Some(1)) => Ok(other),
        (known, None) | (None, known) => Ok(known),
        (Some(x), Some(y)) if x == y => Ok(Some(x)),
        _ => Err(fail(format!("shapes {} and {} do not fit each other", show(a), show(b)))),
    };
    (0..rank).map(both).collect()
}

pub fn broadcast_all(inputs: &[&Known]) -> Found {
    let mut shape = Some(Extents::new());
    for input in inputs {
        shape = match (shape, &input.shape) {
            (Some(so_far), Some(other)) => Some(broadcast(&so_far, other)?),
            _ => None,
        };
    }
    Ok(Known { shape, numbers: None })
}

pub fn binary(f: Binary, a: &Known, b: &Known) -> Found {
    let mut found = broadcast_all(&[a, b])?;
    if let (Some(x), Some(y)) = (&a.numbers, &b.numbers)
        && (x.len() == y.len() || x.len() == 1 || y.len() == 1)
        && a.rank() <= Some(1)
        && b.rank() <= Some(1)
    {
        let at = |v: &Numbers, i: usize| if v.len() == 1 { v[0] } else { v[i] };
        let count = if x.len() == 1 { y.len() } else { x.len() };
        let number = |i| at(x, i).zip(at(y, i)).and_then(|(a, b)| two(f, a, b));
        found.numbers = Some((0..count).map(number).collect());
    }
    Ok(found)
}

fn two(f: Binary, a: i64, b: i64) -> Option<i64> {
    match f {
        Binary::Add => a.checked_add(b),
        Binary::Sub => a.checked_sub(b),
        Binary::Mul => a.checked_mul(b),
        Binary::Max => Some(a.max(b)),
        Binary::Min => Some(a.min(b)),
        Binary::FloorDiv if a >= 0 && b > 0 => Some(a / b),
        Binary::FloorMod if a >= 0 && b > 0 => Some(a % b),
        _ => None,
    }
}

/// Numbers stay what they are if the type holds them.
pub fn cast(x: &Known, to: DType) -> Known {
    let fits = |n: &Option<i64>| n.is_none_or(|n| to == DType::I64 || i32::try_from(n).is_ok());
    let integers = matches!(to, DType::I32 | DType::I64);
    let numbers = x.numbers.clone().filter(|numbers| integers && numbers.iter().all(fits));
    Known { shape: x.shape.clone(), numbers }
}

/// A condition of one axis may be one for each row.
pub fn select(condition: &Known, yes: &Known, no: &Known) -> Found {
    let both = broadcast_all(&[yes, no])?;
    match (condition.rank(), both.rank()) {
        (Some(1), Some(rank)) if rank > 1 => Ok(both),
        (Some(_), Some(_)) => broadcast_all(&[condition, &both]),
        _ => Ok(Known::default()),
    }
}

pub fn shape(x: &Known) -> Known {
    let Some(shape) = &x.shape else { return Known::shaped(vec![None]) };
    let numbers = shape.iter().map(|d| d.and_then(|d| i64::try_from(d).ok())).collect();
    Known::integers(numbers, vec![Some(shape.len())])
}

/// The number of elements, or of axes.
pub fn measure(op: &Op, x: &Known) -> Known {
    let number = match op {
        Op::Rank => x.rank(),
        _ => x.dims().and_then(|d| d.iter().try_fold(1usize, |n, d| n.checked_mul(*d))),
    };
    Known::integers(vec![number.and_then(|n| i64::try_from(n).ok())], Vec::new())
}

pub fn range(start: &Known, limit: &Known, delta: &Known) -> Known {
    let (Some(start), Some(limit), Some(delta)) = (start.number(), limit.number(), delta.number()) else {
        return Known::shaped(vec![None]);
    };
    let Some(span) = limit.checked_sub(start).filter(|span| *span >= 0 && delta > 0) else {
        return Known::shaped(vec![None]);
    };
    let Some(count) = span.checked_add(delta - 1).and_then(|n| usize::try_from(n / delta).ok()) else {
        return Known::shaped(vec![None]);
    };
    let numbers = (0..count.min(MOST_NUMBERS + 1) as i64).map(|n| n.checked_mul(delta)?.checked_add(start));
    Known::integers(numbers.collect(), vec![Some(count)])
}

pub fn reduce(kind: Reduce, keep: bool, x: &Known, axes: &Known) -> Found {
    let (Some(mut shape), Some(axes)) = (x.shape.clone(), axes.whole()) else { return Ok(Known::default()) };
    let rank = shape.len();
    let over = axes.into_iter().map(|a| axis(a, rank)).collect::<Result<Vec<usize>, _>>()?;
    for at in &over {
        shape[*at] = Some(1);
    }
    let mut at = 0..;
    shape.retain(|_| keep || at.next().is_none_or(|a| !over.contains(&a)));
    let all = x.whole().filter(|_| rank == 1 && over.len() == 1);
    let number = all.and_then(|all| match kind {
        Reduce::Prod => all.iter().try_fold(1i64, |n, x| n.checked_mul(*x)),
        Reduce::Sum => all.iter().try_fold(0i64, |n, x| n.checked_add(*x)),
        Reduce::Max => all.iter().max().copied(),
        Reduce::Min => all.iter().min().copied(),
        _ => None,
    });
    Ok(Known { shape: Some(shape), numbers: number.map(|n| vec![Some(n)]) })
}
