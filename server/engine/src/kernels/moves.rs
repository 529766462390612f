//! Elements that move and do not change: one strided copy does all of it.

mod strided;

pub use strided::Strided;

use super::access::output;
use super::{Outcome, elements, fail};
use crate::EngineError;
use crate::value::{Contents, Dims, Element, Kind, Memory, Value};
use std::sync::Arc;

/// Makes a value of the same kind: `$fill` writes its elements from those of `$value`.
macro_rules! same_kind {
    ($value:expr, $shape:expr, $fill:expr) => {
        match $value.contents() {
            Contents::F32(m) => numbers::<f32>(m, $shape, $fill),
            Contents::F64(m) => numbers::<f64>(m, $shape, $fill),
            Contents::I64(m) => numbers::<i64>(m, $shape, $fill),
            Contents::Bool(m) => numbers::<u8>(m, $shape, $fill),
            Contents::Text(t) => {
                let mut out = vec![Vec::new(); elements($shape)?];
                $fill(t, &mut out);
                Value::text(out, $shape)
            }
            Contents::List(_) => Err(fail("a list where an array is needed")),
        }
    };
}

fn numbers<T: Element>(from: &Memory<T>, shape: &[usize], fill: impl FnOnce(&[T], &mut [T])) -> Outcome {
    let mut out = output::<T>(shape)?;
    fill(from, &mut out);
    Value::of(out, shape)
}

/// Some elements of a value, in some order.
pub fn view(x: &Value, strided: &Strided) -> Outcome {
    let whole = strided.start == 0 && strided.dims.iter().product::<usize>() == x.elem_count();
    if whole && matches!(strided.collapse()[..], [] | [(_, 1)]) {
        return x.reshape(&strided.dims);
    }
    same_kind!(x, &strided.dims, |from, to| strided.copy(from, to))
}

/// Axes in another order.
pub fn permute(x: &Value, order: &[usize]) -> Outcome {
    let mut seen = vec![false; x.rank()];
    for axis in order {
        if let Some(seen) = seen.get_mut(*axis) {
            *seen = true;
        }
    }
    if order.len() != x.rank() || seen.contains(&false) {
        return Err(fail(format!("{order:?} is no order of {} axes", x.rank())));
    }
    let mut strided = Strided::whole(x.dims());
    strided.permute(order);
    view(x, &strided)
}

/// `count` places of an axis, from `begin` on.
pub fn narrow(x: &Value, axis: usize, begin: usize, count: usize) -> Outcome {
    let size = x.dims().get(axis).copied().unwrap_or(0);
    if begin.checked_add(count).is_none_or(|end| end > size) {
        return Err(fail(format!("places {begin} to {begin} + {count} of an axis of {size}")));
    }
    let mut strided = Strided::whole(x.dims());
    strided.cut(axis, begin, count, 1);
    view(x, &strided)
}

/// The value repeated to a shape, as NumPy broadcasts.
pub fn expand(x: &Value, shape: &[usize]) -> Outcome {
    if x.dims() == shape {
        return Ok(x.clone());
    }
    elements(shape)?;
    let unfit = || fail(format!("shape {:?} cannot be broadcast to {shape:?}", x.dims()));
    let lead = shape.len().checked_sub(x.rank()).ok_or_else(unfit)?;
    let own = Strided::whole(x.dims());
    let mut strided = Strided { start: 0, dims: shape.into(), steps: smallvec::smallvec![0; shape.len()] };
    for (axis, extent) in x.dims().iter().enumerate() {
        match (*extent, shape[lead + axis]) {
            (a, b) if a == b => strided.steps[lead + axis] = own.steps[axis],
            (1, _) => {}
            _ => return Err(unfit()),
        }
    }
    view(x, &strided)
}

/// Values side by side along an axis.
pub fn cat(parts: &[&Value], axis: usize) -> Outcome {
    let first = parts.first().ok_or_else(|| fail("a concatenation of nothing"))?;
    let mut shape: Dims = first.dims().into();
    let total: Option<usize> = parts.iter().try_fold(0usize, |n, p| n.checked_add(*p.dims().get(axis)?));
    let fits = parts.iter().all(|p| {
        let same = |(i, (a, b)): (usize, (&usize, &usize))| i == axis || a == b;
        p.kind() == first.kind()
            && p.rank() == shape.len()
            && p.dims().iter().zip(&shape).enumerate().all(same)
    });
    let (Some(total), true) = (total, fits) else {
        let shapes: Vec<&[usize]> = parts.iter().map(|p| p.dims()).collect();
        return Err(fail(format!("shapes {shapes:?} do not fit together along axis {axis}")));
    };
    shape[axis] = total;
    elements(&shape)?;
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let spans: Vec<usize> = parts.iter().map(|p| p.dims()[axis] * inner).collect();
    // The kinds were compared above: every part is of the first one's.
    match first.kind() {
        Kind::F32 => numbers_cat::<f32>(parts, &spans, outer, &shape),
        Kind::F64 => numbers_cat::<f64>(parts, &spans, outer, &shape),
        Kind::I64 => numbers_cat::<i64>(parts, &spans, outer, &shape),
        Kind::Bool => numbers_cat::<u8>(parts, &spans, outer, &shape),
        Kind::Text => {
            let sources: Vec<&[Vec<u8>]> = parts.iter().map(|p| p.texts()).collect::<Result<_, _>>()?;
            let mut out = vec![Vec::new(); elements(&shape)?];
            join(&sources, &spans, outer, &mut out);
            Value::text(out, &shape)
        }
        Kind::List => Err(fail("a concatenation of lists")),
    }
}

fn numbers_cat<T: Element>(parts: &[&Value], spans: &[usize], outer: usize, shape: &[usize]) -> Outcome {
    let sources: Vec<&[T]> = parts.iter().map(|p| p.slice()).collect::<Result<_, EngineError>>()?;
    let mut out = output::<T>(shape)?;
    join(&sources, spans, outer, &mut out);
    Value::of(out, shape)
}

fn join<T: Clone>(sources: &[&[T]], spans: &[usize], outer: usize, mut to: &mut [T]) {
    for row in 0..outer {
        for (source, span) in sources.iter().zip(spans) {
            let (now, rest) = to.split_at_mut(*span);
            now.clone_from_slice(&source[row * span..(row + 1) * span]);
            to = rest;
        }
    }
}

/// Values of one shape along a new axis.
pub fn stack(parts: &[&Value], axis: usize) -> Outcome {
    let raised: Vec<Value> = parts
        .iter()
        .map(|p| {
            let mut dims: Dims = p.dims().into();
            if axis > dims.len() {
                return Err(fail("an axis beyond the last"));
            }
            dims.insert(axis, 1);
            p.reshape(&dims)
        })
        .collect::<Result<_, _>>()?;
    cat(&raised.iter().collect::<Vec<_>>(), axis)
}

/// The slices along an axis that the places name; they must exist.
pub fn index_select(x: &Value, places: &[i64], axis: usize) -> Outcome {
    let size = x.dims()[axis];
    if let Some(wrong) = places.iter().find(|p| usize::try_from(**p).map_or(true, |p| p >= size)) {
        return Err(fail(format!("index {wrong} is not in [0, {size})")));
    }
    let mut shape: Dims = x.dims().into();
    shape[axis] = places.len();
    elements(&shape)?;
    let inner: usize = shape[axis + 1..].iter().product();
    same_kind!(x, &shape, |from, to| pick(from, to, places, size, inner))
}

fn pick<T: Clone>(from: &[T], to: &mut [T], places: &[i64], size: usize, inner: usize) {
    if inner == 0 || to.is_empty() {
        return;
    }
    for (from, to) in from.chunks_exact(size * inner).zip(to.chunks_exact_mut(places.len() * inner)) {
        for (place, to) in places.iter().zip(to.chunks_exact_mut(inner)) {
            let at = usize::try_from(*place).unwrap_or(0) * inner;
            to.clone_from_slice(&from[at..at + inner]);
        }
    }
}

/// A value of one repeated element: 0, false, the empty string.
pub fn blank(kind: Kind, shape: &[usize]) -> Outcome {
    let count = elements(shape)?;
    match kind {
        Kind::F32 => Value::of(super::access::zeros::<f32>(shape)?, shape),
        Kind::F64 => Value::of(super::access::zeros::<f64>(shape)?, shape),
        Kind::I64 => Value::of(super::access::zeros::<i64>(shape)?, shape),
        Kind::Bool => Value::of(super::access::zeros::<u8>(shape)?, shape),
        Kind::Text => Value::new(Contents::Text(Arc::new(vec![Vec::new(); count])), shape),
        Kind::List => Ok(Value::list(crate::value::List::default())),
    }
}

/// Where the condition holds the element of `yes`, else that of `no`; all of one shape.
pub fn choose(condition: &Value, yes: &Value, no: &Value) -> Outcome {
    let mask = condition.slice::<u8>()?;
    if yes.kind() != no.kind() || yes.dims() != no.dims() || mask.len() != yes.elem_count() {
        return Err(fail("a choice between values that differ in type or shape"));
    }
    macro_rules! numbers {
        ($type:ty) => {{
            let (yes_of, no_of) = (yes.slice::<$type>()?, no.slice::<$type>()?);
            let mut out = output::<$type>(yes.dims())?;
            for (((to, m), y), n) in out.iter_mut().zip(mask).zip(yes_of).zip(no_of) {
                *to = if *m != 0 { *y } else { *n };
            }
            Value::of(out, yes.dims())
        }};
    }
    match yes.kind() {
        Kind::F32 => numbers!(f32),
        Kind::F64 => numbers!(f64),
        Kind::I64 => numbers!(i64),
        Kind::Bool => numbers!(u8),
        Kind::Text => {
            let pairs = yes.texts()?.iter().zip(no.texts()?).zip(mask);
            let text = pairs.map(|((y, n), m)| if *m != 0 { y.clone() } else { n.clone() }).collect();
            Value::text(text, yes.dims())
        }
        Kind::List => Err(fail("a choice between lists")),
    }
}
