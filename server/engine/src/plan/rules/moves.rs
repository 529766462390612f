//! Values whose elements stay what they are, in another shape.

use super::{Extents, Found, Known, Numbers, axis, show};
use crate::kernels::fail;

/// A shape that another value tells.
pub fn as_told(shape: &Known) -> Known {
    match &shape.numbers {
        Some(numbers) => {
            Known::shaped(numbers.iter().map(|n| n.and_then(|n| usize::try_from(n).ok())).collect())
        }
        // Even where the numbers are not known, how many they are is.
        None => match shape.shape.as_deref() {
            Some([Some(rank)]) if *rank <= 32 => Known::shaped(vec![None; *rank]),
            _ => Known::default(),
        },
    }
}

pub fn reshape(x: &Known, shape: &Known) -> Found {
    let Some(wanted) = &shape.numbers else { return Ok(as_told(shape)) };
    let unfit = || {
        let from = x.shape.as_deref().map_or_else(String::new, show);
        fail(format!("shape {from} cannot become {wanted:?}"))
    };
    let mut to: Extents = wanted.iter().map(|n| n.and_then(|n| usize::try_from(n).ok())).collect();
    let open = wanted.iter().filter(|n| **n == Some(-1)).count();
    if open > 1 || wanted.iter().flatten().any(|n| *n < -1) {
        return Err(unfit());
    }
    let count = |dims: &[usize]| dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    if let Some(total) = x.dims().and_then(|d| count(&d))
        && wanted.iter().all(Option::is_some)
    {
        let known: Vec<usize> = to.iter().copied().flatten().collect();
        let known = count(&known).ok_or_else(unfit)?;
        let rest = total.checked_div(known).unwrap_or(0);
        if (if open == 1 { rest * known } else { known }) != total {
            return Err(unfit());
        }
        to.iter_mut().filter(|d| d.is_none()).for_each(|d| *d = Some(rest));
    }
    let numbers = x.numbers.clone();
    Ok(Known { shape: Some(to), numbers })
}

pub fn transpose(x: &Known, order: &Known) -> Found {
    let (Some(shape), Some(order)) = (&x.shape, order.whole()) else { return Ok(Known::default()) };
    if order.len() != shape.len() {
        return Err(fail(format!("an order {order:?} of the axes of shape {}", show(shape))));
    }
    let places = order.iter().map(|a| axis(*a, shape.len())).collect::<Result<Vec<usize>, _>>()?;
    if (0..shape.len()).any(|a| !places.contains(&a)) {
        return Err(fail(format!("an order {order:?} that names an axis twice")));
    }
    Ok(Known::shaped(places.into_iter().map(|a| shape[a]).collect()))
}

pub fn expand_dims(x: &Known, at: &Known) -> Found {
    let (Some(mut shape), Some(at)) = (x.shape.clone(), at.number()) else { return Ok(Known::default()) };
    shape.insert(axis(at, shape.len() + 1)?, Some(1));
    Ok(Known { shape: Some(shape), numbers: x.numbers.clone() })
}

pub fn squeeze(x: &Known, axes: &[i64]) -> Found {
    let Some(shape) = &x.shape else { return Ok(Known::default()) };
    if axes.is_empty() {
        // Which axes go depends on all of them.
        let Some(dims) = x.dims() else { return Ok(Known::default()) };
        let kept: Extents = dims.into_iter().filter(|d| *d != 1).map(Some).collect();
        return Ok(Known { shape: Some(kept), numbers: x.numbers.clone() });
    }
    let mut drop = vec![false; shape.len()];
    for at in axes {
        drop[axis(*at, shape.len())?] = true;
    }
    if shape.iter().zip(&drop).any(|(d, gone)| *gone && d.is_some_and(|d| d != 1)) {
        return Err(fail(format!("cannot squeeze axes {axes:?} of shape {}", show(shape))));
    }
    let kept: Extents = shape.iter().zip(&drop).filter(|(_, gone)| !**gone).map(|(d, _)| *d).collect();
    Ok(Known { shape: Some(kept), numbers: x.numbers.clone() })
}

/// The axis is gone.
pub fn without_axis(x: &Known, at: &Known) -> Found {
    let (Some(mut shape), Some(at)) = (x.shape.clone(), at.number()) else { return Ok(Known::default()) };
    shape.remove(axis(at, shape.len())?);
    Ok(Known::shaped(shape))
}

pub fn tile(x: &Known, repeats: &Known) -> Found {
    let (Some(shape), Some(repeats)) = (&x.shape, &repeats.numbers) else { return Ok(as_rank(x)) };
    if repeats.len() != shape.len() {
        return Err(fail(format!("{} repeats for {} axes", repeats.len(), shape.len())));
    }
    let extent = |(d, n): (&Option<usize>, &Option<i64>)| (*d)?.checked_mul(usize::try_from((*n)?).ok()?);
    Ok(Known::shaped(shape.iter().zip(repeats).map(extent).collect()))
}

/// As many axes, of extents that are not known.
pub fn as_rank(x: &Known) -> Known {
    x.rank().map_or_else(Known::default, |rank| Known::shaped(vec![None; rank]))
}

/// `mirror`: what is added is a mirror image that leaves out so many elements at the edge.
pub fn pad(x: &Known, paddings: &Known, mirror: Option<usize>) -> Found {
    let (Some(shape), Some(paddings)) = (&x.shape, &paddings.numbers) else { return Ok(as_rank(x)) };
    if paddings.len() != shape.len() * 2 {
        return Err(fail(format!("{} paddings for {} axes", paddings.len() / 2, shape.len())));
    }
    let size = |n: Option<i64>| usize::try_from(n?).ok();
    let mut padded = Extents::new();
    for (extent, pair) in shape.iter().zip(paddings.as_chunks::<2>().0) {
        let (before, after) = (size(pair[0]), size(pair[1]));
        if let (Some(skip), Some(extent), Some(before), Some(after)) = (mirror, extent, before, after)
            && before.max(after).saturating_add(skip) > *extent
        {
            return Err(fail(format!("a mirror of {before} and {after} on an axis of {extent}")));
        }
        let sum = || (*extent)?.checked_add(before?)?.checked_add(after?);
        padded.push(sum());
    }
    Ok(Known::shaped(padded))
}

pub fn one_hot(indices: &Known, depth: &Known, at: i64) -> Found {
    let Some(mut shape) = indices.shape.clone() else { return Ok(Known::default()) };
    let depth = depth.number().and_then(|d| usize::try_from(d).ok());
    shape.insert(axis(at, shape.len() + 1)?, depth);
    Ok(Known::shaped(shape))
}

/// Numbers of places, for what reads only some of them.
pub fn picked(numbers: &Numbers, places: impl Iterator<Item = usize>) -> Option<Numbers> {
    places.map(|p| numbers.get(p).copied()).collect()
}
