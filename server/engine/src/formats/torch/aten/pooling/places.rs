//! Windows that are folded one by one, where their maxima are, and maxima put back there.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::combined;
use super::super::reduce::reduced;
use super::{batched, finish, window};
use crate::DType;
use crate::formats::adaptive::{MOST_PLACES, part};
use crate::formats::channels_first::Window;
use crate::graph::{Binary as B, Fold, Folding, Imaging, Literal, Op, Rare, Reduce, ValueId};

/// Elements of all windows whose maxima are looked for one by one.
const MOST_ELEMENTS: usize = 1 << 18;

/// What windows come to; of maxima also where they are among all elements.
pub fn folded(
    b: &mut Builder,
    x: ValueId,
    fold: Fold,
    window: Window,
    round_up: bool,
) -> Result<Vec<ValueId>> {
    let (dtype, axes) = (b.dtype(x), window.kernel.len());
    let op = Imaging::Fold(Box::new(Folding { fold, window, round_up, column_major: false }));
    let op = Op::Rare(Box::new(Rare::Image(op)));
    let made = if fold == Fold::Max {
        b.ops(op, &[x], &[dtype, DType::I64])?
    } else {
        vec![b.op(op, &[x], dtype)?]
    };
    let mut shape = b.shape(x).map_or_else(|| vec![None; axes + 2], <[_]>::to_vec);
    shape[2..].fill(None);
    made.iter().for_each(|value| {
        b.shaped(*value, shape.clone());
    });
    Ok(made)
}

/// How many elements an image of each channel has.
fn area(b: &mut Builder, x: ValueId, axes: usize) -> Result<Val> {
    let mut area = Val::Int(1);
    for axis in 0..axes {
        let extent = b.extent(x, axis as i64 + 2)?;
        area = combined(b, "mul", &area, &extent)?;
    }
    Ok(area)
}

/// Where the maxima of windows are, each in the image of its channel.
pub fn of_maxima(b: &mut Builder, c: &Call, axes: usize) -> Result<ValueId> {
    let (x, single) = batched(b, c, axes)?;
    let mut window = window(b, c, axes)?;
    window.dilations = c.spatial(b, 4, "dilation", axes, 1)?;
    let found = folded(b, x, Fold::Max, window, c.flag(5, "ceil_mode", false)?)?[1];
    let area = area(b, x, axes)?;
    let area = b.scalar(&area)?;
    let places = b.binary(B::FloorMod, found, area)?;
    finish(b, places, single)
}

/// Maxima at their places among zeros.
pub fn unpooled(b: &mut Builder, c: &Call, axes: usize) -> Result<ValueId> {
    let (x, single) = batched(b, c, axes)?;
    let indices = c.value(b, 1, "indices")?;
    let mut size = c.sizes(2, "output_size")?;
    if size.len() < axes {
        return broken("an image without a size");
    }
    let size = size.split_off(size.len() - axes);
    let (batch, channels, dtype) = (b.extent(x, 0)?, b.extent(x, 1)?, b.dtype(x));
    let rows = combined(b, "mul", &batch, &channels)?;
    let mut area = Val::Int(1);
    for extent in &size {
        area = combined(b, "mul", &area, extent)?;
    }
    let (zero, shape) = (b.number(0.0, dtype)?, b.vector(&[rows.clone(), area])?);
    let blank = b.op(Op::Fill, &[shape, zero], dtype)?;
    let (blank, x, indices) = (
        b.as_tensor(blank),
        b.reshape(x, &[rows.clone(), Val::Int(-1)])?,
        b.reshape(indices, &[rows, Val::Int(-1)])?,
    );
    let (x, indices) = (b.as_tensor(x), b.as_tensor(indices));
    let made = b.apply("scatter", &[&blank, &Val::Int(1), &indices, &x])?;
    let made = b.of(&made)?;
    let made = b.reshape(made, &[vec![batch, channels], size].concat())?;
    finish(b, made, single)
}

/// The maxima of windows of different sizes along an axis: shorter ones have their last place several times.
pub fn maxima(b: &mut Builder, x: ValueId, at: usize, own: usize, wanted: usize) -> Result<ValueId> {
    let (places, longest) = windows_of(own, wanted)?;
    let places = b.literal(Literal::I64(places, vec![wanted, longest]), DType::I64)?;
    let (axis, dtype) = (b.int(at as i64)?, b.dtype(x));
    let parts = b.op(Op::Gather { batch_dims: 0 }, &[x, places, axis], dtype)?;
    reduced(b, Reduce::Max, parts, Some(&[at as i64 + 1]), false)
}

/// Where the maxima of windows of different sizes are, each in the image of its channel. The windows' elements are brought together, axis by
/// axis; shorter windows have their last element several times.
pub fn of_adaptive_maxima(b: &mut Builder, c: &Call, axes: usize) -> Result<ValueId> {
    let (mut x, single) = batched(b, c, axes)?;
    let wanted = super::wanted(b, c, axes)?;
    let (batch, channels, dtype) = (b.extent(x, 0)?, b.extent(x, 1)?, b.dtype(x));
    if wanted.iter().all(|n| *n == Some(1)) {
        let (flat, axis) = (b.reshape(x, &[batch.clone(), channels.clone(), Val::Int(-1)])?, b.int(2)?);
        let found = b.op(Op::ArgExtreme { max: true }, &[flat, axis], DType::I64)?;
        let found = b.reshape(found, &[vec![batch, channels], vec![Val::Int(1); axes]].concat())?;
        return finish(b, found, single);
    }
    let known: Option<Vec<usize>> =
        b.shape(x).and_then(|s| s.get(2..)).and_then(|s| s.iter().copied().collect());
    let Some(extents) = known else { return unsupported("of an image whose size is not known") };
    // For each window, and each of its elements, the number of the element in the image.
    let (mut counts, mut numbers) = (Vec::new(), vec![vec![0i64]]);
    for (at, (own, wanted)) in extents.iter().zip(wanted).enumerate() {
        let wanted = wanted.unwrap_or(*own);
        let (places, longest) = windows_of(*own, wanted)?;
        let so_far = numbers.len().saturating_mul(numbers[0].len());
        if so_far.saturating_mul(places.len()) > MOST_ELEMENTS {
            return unsupported("of so large an image");
        }
        let all = b.literal(Literal::I64(places.clone(), vec![wanted, longest]), DType::I64)?;
        let axis = b.int(2 + 2 * at as i64)?;
        x = b.op(Op::Gather { batch_dims: 0 }, &[x, all, axis], dtype)?;
        let rows = places.chunks_exact(longest);
        let next = numbers.iter().flat_map(|window| {
            rows.clone().map(move |row| {
                window.iter().flat_map(|n| row.iter().map(move |m| n * *own as i64 + m)).collect()
            })
        });
        numbers = next.collect();
        counts.push(Val::Int(wanted as i64));
    }
    let order: Vec<usize> =
        [0, 1].into_iter().chain((0..axes).map(|n| 2 + 2 * n)).chain((0..axes).map(|n| 3 + 2 * n)).collect();
    let x = b.transpose(x, &order)?;
    let size = numbers[0].len();
    let x = b.reshape(x, &[batch.clone(), channels.clone(), Val::Int(-1), Val::Int(size as i64)])?;
    let axis = b.int(3)?;
    let found = b.op(Op::ArgExtreme { max: true }, &[x, axis], DType::I64)?;
    let begins = (0..numbers.len()).map(|n| (n * size) as i64).collect();
    let begins = b.literal(Literal::I64(begins, vec![numbers.len()]), DType::I64)?;
    let found = b.binary(B::Add, found, begins)?;
    let (all, axis) = (numbers.concat(), b.int(0)?);
    let count = all.len();
    let table = b.literal(Literal::I64(all, vec![count]), DType::I64)?;
    let found = b.op(Op::Gather { batch_dims: 0 }, &[table, found, axis], DType::I64)?;
    let found = b.reshape(found, &[vec![batch, channels], counts].concat())?;
    finish(b, found, single)
}

/// The places of windows of different sizes along an axis, each as long as the longest: shorter ones have their last place several times.
fn windows_of(own: usize, wanted: usize) -> Result<(Vec<i64>, usize)> {
    if own > MOST_PLACES || wanted > MOST_PLACES || own == 0 || wanted == 0 {
        return unsupported("of so large an image");
    }
    let longest = (0..wanted).map(|n| part(n, own, wanted).len()).max().unwrap_or(1);
    let place = |n: usize, i: usize| {
        let part = part(n, own, wanted);
        (part.start + i).min(part.end - 1) as i64
    };
    Ok(((0..wanted).flat_map(|n| (0..longest).map(move |i| place(n, i))).collect(), longest))
}
