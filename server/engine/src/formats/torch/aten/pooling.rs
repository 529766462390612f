//! Poolings over windows, and to sizes that are told.

mod by_request;
mod places;

use super::super::arguments::Call;
use super::super::build::{Builder, kind};
use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::Outcome;
use super::pointwise::with;
use crate::formats::adaptive::MOST_PLACES;
use crate::formats::channels_first::Window;
use crate::graph::{Binary, Fold, Literal, Op, Reduce, ValueId};
use crate::value::Kind;

/// Extents that are larger are none.
const LARGEST: usize = 1 << 40;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    let Some(axes) = name.trim_end_matches("_with_indices").strip_suffix('d').and_then(|n| n.bytes().last())
    else {
        return Ok(None);
    };
    let axes = usize::from(axes.wrapping_sub(b'0'));
    let y = match name.get(..name.len().min(8)) {
        Some("max_unpo") => places::unpooled(b, c, axes)?,
        Some("max_pool") => max_pool(b, c, axes)?,
        Some("avg_pool") => avg_pool(b, c, axes)?,
        Some("adaptive" | "_adaptiv") => adaptive(b, c, axes)?,
        _ => return Ok(None),
    };
    if name.contains("adaptive_max") {
        let y = Val::Tensor(b.tensor(y));
        // Where the maxima were is told of an image whose size is known.
        let places = match places::of_adaptive_maxima(b, c, axes) {
            Ok(places) => Val::Tensor(b.tensor(places)),
            Err(Stop::Unsupported(_)) => Val::None,
            Err(other) => return Err(other),
        };
        return Ok(Some(vec![y, places]));
    }
    if name.ends_with("_with_indices") {
        let places = places::of_maxima(b, c, axes)?;
        return b.give_all(&[y, places]);
    }
    b.give(y)
}

/// The first argument with a batch, and whether it had none.
fn batched(b: &mut Builder, c: &Call, axes: usize) -> Result<(ValueId, bool)> {
    let x = c.x(b)?;
    let rank = match b.rank(x) {
        Err(Stop::Rank(input, _)) => return Err(Stop::Rank(input, Some(axes + 2))),
        rank => rank?,
    };
    if rank == axes + 1 {
        return Ok((b.expand_dims(x, 0)?, true));
    }
    if rank != axes + 2 {
        return broken(format!("a pooling over {axes} axes of a tensor with {rank}"));
    }
    Ok((x, false))
}

fn finish(b: &mut Builder, y: ValueId, single: bool) -> Result<ValueId> {
    if single { b.squeeze(y, vec![0]) } else { Ok(y) }
}

fn window(b: &Builder, c: &Call, axes: usize) -> Result<Window> {
    let kernel = c.spatial(b, 1, "kernel_size", axes, 1)?;
    let mut window = Window::new(&kernel);
    let given = match c.get(2, "stride") {
        Some(list @ (Val::List(_) | Val::Tuple(_))) => list.items().is_some_and(|i| !i.is_empty()),
        Some(Val::None) | None => false,
        Some(_) => true,
    };
    window.strides = if given { c.spatial(b, 2, "stride", axes, 1)? } else { kernel };
    window.pads = c.spatial(b, 3, "padding", axes, 0)?.into_iter().map(|n| [n, n]).collect();
    if window.is_sound() { Ok(window) } else { broken("a pooling whose window is none") }
}

/// Rounds the number of windows up; windows that would begin behind the image are none.
fn round_up(b: &Builder, x: ValueId, window: &mut Window) -> Result<()> {
    let known: Option<Vec<usize>> =
        b.shape(x).and_then(|s| s.get(2..)).and_then(|s| s.iter().copied().collect());
    let Some(extents) = known else {
        return if window.round_up() {
            Ok(())
        } else {
            unsupported("with ceil_mode of an image whose size is not known")
        };
    };
    for (axis, extent) in extents.into_iter().enumerate() {
        let (stride, span, [before, after]) = (window.strides[axis], window.span(axis), window.pads[axis]);
        let extent = extent.min(LARGEST);
        let Some(rest) = (extent + before + after).checked_sub(span) else {
            return broken("a window larger than its image");
        };
        let mut count = rest.div_ceil(stride) + 1;
        if (count - 1) * stride >= extent + before {
            count -= 1;
        }
        window.pads[axis][1] = ((count - 1) * stride + span).saturating_sub(extent + before);
    }
    Ok(())
}

fn max_pool(b: &mut Builder, c: &Call, axes: usize) -> Result<ValueId> {
    let (x, single) = batched(b, c, axes)?;
    let mut window = window(b, c, axes)?;
    window.dilations = c.spatial(b, 4, "dilation", axes, 1)?;
    let up = c.flag(5, "ceil_mode", false)?;
    if window.dilations.iter().any(|d| *d != 1) {
        let y = places::folded(b, x, Fold::Max, window, up)?[0];
        return finish(b, y, single);
    }
    if up {
        round_up(b, x, &mut window)?;
    }
    let y = pooled(b, x, true, window)?;
    finish(b, y, single)
}

/// Maxima or means of windows without dilations: fast ones of floats.
fn pooled(b: &mut Builder, x: ValueId, max: bool, window: Window) -> Result<ValueId> {
    let dtype = b.dtype(x);
    if kind(dtype) == Kind::F32 {
        return b.made(dtype, |to| to.pool(x, max, &window));
    }
    let fold = if max { Fold::Max } else { Fold::Mean { around: false } };
    Ok(places::folded(b, x, fold, window, false)?[0])
}

fn avg_pool(b: &mut Builder, c: &Call, axes: usize) -> Result<ValueId> {
    let (mut x, single) = batched(b, c, axes)?;
    let mut window = window(b, c, axes)?;
    let divisor = c.float(6, "divisor_override")?;
    let up = c.flag(4, "ceil_mode", false)?;
    if divisor.is_some() && up {
        return unsupported("with another divisor and ceil_mode");
    }
    let count: usize = window.kernel.iter().product();
    if (divisor.is_some() || c.flag(5, "count_include_pad", true)?) && !window.is_bare() {
        // The border counts, what rounding up adds behind it does not.
        let pads = window.pads.clone();
        let bare = |window: &mut Window| window.pads.iter_mut().for_each(|p| *p = [0, 0]);
        if up {
            let mut rounded = window.clone();
            round_up(b, x, &mut rounded)?;
            bare(&mut window);
            for ((to, rounded), pads) in window.pads.iter_mut().zip(&rounded.pads).zip(&pads) {
                to[1] = rounded[1].saturating_sub(pads[1]);
            }
        } else {
            bare(&mut window);
        }
        x = bordered(b, x, &pads)?;
    } else if up {
        round_up(b, x, &mut window)?;
    }
    let mut y = pooled(b, x, false, window)?;
    if let Some(divisor) = divisor {
        y = with(b, Binary::Mul, y, count as f64 / divisor)?;
    }
    finish(b, y, single)
}

/// Zeros around an image.
fn bordered(b: &mut Builder, x: ValueId, pads: &[[usize; 2]]) -> Result<ValueId> {
    let dtype = b.dtype(x);
    if kind(dtype) == Kind::F32 {
        return b.made(dtype, |to| to.bordered(x, pads, 0.0));
    }
    let sides = [[0, 0]; 2].iter().chain(pads).flatten().map(|n| *n as i64);
    let sides = b.literal(Literal::I64(sides.collect(), vec![pads.len() + 2, 2]), crate::DType::I64)?;
    let zero = b.number(0.0, dtype)?;
    b.op(Op::Pad, &[x, sides, zero], dtype)
}

/// The extents that are asked for; none: as many as there are.
fn asked(c: &Call, axes: usize) -> Result<Vec<Val>> {
    let sizes = c.sizes(1, "output_size")?;
    let of = |axis| if sizes.len() == 1 { &sizes[0] } else { sizes.get(axis).unwrap_or(&Val::None) };
    Ok((0..axes).map(|axis| of(axis).clone()).collect())
}

/// The extents that are asked for, if no request decides any.
fn wanted(b: &Builder, c: &Call, axes: usize) -> Result<Vec<Option<usize>>> {
    let mut wanted = Vec::new();
    for given in asked(c, axes)? {
        wanted.push(match &given {
            Val::None => None,
            given => match b.known(given).and_then(|n| usize::try_from(n).ok()) {
                Some(n) if n > 0 => Some(n),
                _ => return unsupported("to a size that depends on the request"),
            },
        });
    }
    Ok(wanted)
}

fn adaptive(b: &mut Builder, c: &Call, axes: usize) -> Result<ValueId> {
    let (x, single) = batched(b, c, axes)?;
    let max = c.name.contains("max");
    let asked = asked(c, axes)?;
    let own = b.shape(x).and_then(|s| s.get(2..)).is_some_and(|s| s.iter().all(Option::is_some));
    let is_told = |n: &Val| matches!(n, Val::None) || b.known(n).is_some();
    let told = asked.iter().all(is_told) && (own || asked.iter().all(|n| b.known(n) == Some(1)));
    // Where the first of equal maxima is follows from sizes that are known alone.
    if !told && !max {
        let y = by_request::to_sizes(b, x, &asked)?;
        return finish(b, y, single);
    }
    let wanted = wanted(b, c, axes)?;
    let y = if wanted.iter().all(|n| *n == Some(1)) {
        let kind = if max { Reduce::Max } else { Reduce::Mean };
        let dtype = b.dtype(x);
        b.made(dtype, |to| to.global_pool(x, kind, axes + 2))?
    } else {
        to_sizes(b, x, max, &wanted)?
    };
    finish(b, y, single)
}

fn to_sizes(b: &mut Builder, x: ValueId, max: bool, wanted: &[Option<usize>]) -> Result<ValueId> {
    let known: Option<Vec<usize>> =
        b.shape(x).and_then(|s| s.get(2..)).and_then(|s| s.iter().copied().collect());
    let Some(extents) = known else { return unsupported("of an image whose size is not known") };
    let wanted: Vec<usize> = wanted.iter().zip(&extents).map(|(n, own)| n.unwrap_or(*own)).collect();
    if wanted == extents {
        return Ok(x);
    }
    if extents.iter().zip(&wanted).all(|(own, n)| own % n == 0) {
        let kernel: Vec<usize> = extents.iter().zip(&wanted).map(|(own, n)| own / n).collect();
        let mut window = Window::new(&kernel);
        window.strides = kernel;
        if !window.is_sound() {
            return broken("a pooling whose window is none");
        }
        return pooled(b, x, max, window);
    }
    // Windows of different sizes: the maxima of each, or each axis is multiplied by a matrix of their shares.
    let mut y = x;
    for (axis, (own, n)) in extents.iter().zip(&wanted).enumerate() {
        y = if max {
            places::maxima(b, y, axis + 2, *own, *n)?
        } else {
            shared_out(b, y, axis + 2, *own, *n)?
        };
    }
    Ok(y)
}

fn shared_out(b: &mut Builder, x: ValueId, at: usize, own: usize, wanted: usize) -> Result<ValueId> {
    if own > MOST_PLACES || wanted > MOST_PLACES {
        return unsupported("of so large an image");
    }
    let (dtype, rank) = (b.dtype(x), b.rank(x)?);
    b.made(dtype, |to| to.means_of_parts(x, kind(dtype), at, rank, [own, wanted]))
}
