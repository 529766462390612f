//! Drawing on images.

use super::super::access::make;
use super::super::{Outcome, Value, fail};
use super::{copied, wide};
use crate::EngineError;

/// What boxes are drawn in, one after another, where no colours are given.
const COLOURS: [[f32; 4]; 10] = [
    [1.0, 1.0, 0.0, 1.0],
    [0.0, 0.0, 1.0, 1.0],
    [1.0, 0.0, 0.0, 1.0],
    [0.0, 1.0, 0.0, 1.0],
    [0.5, 0.0, 0.5, 1.0],
    [0.5, 0.5, 0.0, 1.0],
    [0.5, 0.0, 0.0, 1.0],
    [0.0, 0.0, 0.5, 1.0],
    [0.0, 1.0, 1.0, 1.0],
    [1.0, 0.0, 1.0, 1.0],
];

/// The edges of boxes `[batch, boxes, 4]`, which are told by the shares of the height and the width where they begin and end.
pub fn boxes(x: &Value, boxes: &Value, colours: Option<&Value>) -> Outcome {
    let (&[batch, height, width, channels], &[batches, count, 4]) = (x.dims(), boxes.dims()) else {
        return Err(fail("boxes are drawn on images, four numbers each"));
    };
    if batch != batches || height == 0 || width == 0 || !(1..=4).contains(&channels) {
        return Err(fail(format!("boxes {:?} on images {:?}", boxes.dims(), x.dims())));
    }
    let colours = palette(colours, channels)?;
    let mut out = copied::<f32>(x)?;
    for (n, place) in wide(boxes)?.chunks_exact(4).enumerate() {
        let (image, colour) = (n / count, &colours[n % count % colours.len()]);
        let at = |share: f64, size: usize| (share as f32 * (size - 1) as f32) as i64;
        let rows = [at(place[0], height), at(place[2], height)];
        let columns = [at(place[1], width), at(place[3], width)];
        let inside = |[from, to]: [i64; 2], size: usize| from <= to && from < size as i64 && to >= 0;
        if !inside(rows, height) || !inside(columns, width) {
            continue;
        }
        let cut = |[from, to]: [i64; 2], size: usize| from.max(0)..=to.min(size as i64 - 1);
        let mut dot = |row: i64, column: i64| {
            let (Ok(row), Ok(column)) = (usize::try_from(row), usize::try_from(column)) else { return };
            if row < height && column < width {
                let pixel = ((image * height + row) * width + column) * channels;
                out[pixel..pixel + channels].copy_from_slice(&colour[..channels]);
            }
        };
        for column in cut(columns, width) {
            rows.iter().for_each(|row| dot(*row, column));
        }
        for row in cut(rows, height) {
            columns.iter().for_each(|column| dot(row, *column));
        }
    }
    make(out, x.dims())
}

fn palette(given: Option<&Value>, channels: usize) -> Result<Vec<[f32; 4]>, EngineError> {
    if let Some(given) = given
        && let &[count, width] = given.dims()
        && count > 0
    {
        if width < channels {
            return Err(fail(format!("colours of {width} channels for {channels}")));
        }
        let row = |c: &[f32]| std::array::from_fn(|n| c.get(n).copied().unwrap_or(0.0));
        return Ok(given.slice::<f32>()?.chunks_exact(width).map(row).collect());
    }
    let mut colours = COLOURS.to_vec();
    if channels == 1 {
        colours.iter_mut().for_each(|c| c[0] = 1.0);
    }
    Ok(colours)
}
