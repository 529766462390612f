//! Regions of images, made the same size.

use super::super::{Outcome, Value, elements, fail};
use super::{narrowed, wide};
use crate::EngineError;
use crate::graph::RoiAlign;

/// Places that are read of one part of a region, along one axis.
const MOST_SAMPLES: f64 = 4096.0;
/// Places that are read of one region.
const MOST_PLACES: usize = 1 << 20;

/// Images with channels first.
struct Images {
    data: Vec<f64>,
    dims: [usize; 4],
}

impl Images {
    fn new(x: &Value) -> Result<Self, EngineError> {
        let dims = <[usize; 4]>::try_from(x.dims());
        let dims = dims.map_err(|_| fail(format!("regions of what has shape {:?}", x.dims())))?;
        Ok(Self { data: wide(x)?, dims })
    }

    fn plane(&self, image: usize, channel: usize) -> &[f64] {
        let [_, channels, height, width] = self.dims;
        &self.data[(image * channels + channel) * height * width..][..height * width]
    }

    fn image(&self, number: f64) -> Result<usize, EngineError> {
        let found = (number >= 0.0 && number < self.dims[0] as f64).then_some(number as usize);
        found.ok_or_else(|| fail(format!("a region of image {number} of {}", self.dims[0])))
    }
}

/// The pixels around a place and what they weigh.
type Corners = [(usize, f64); 4];

fn corners(y: f64, x: f64, height: usize, width: usize) -> Corners {
    let outside = |at: f64, size: usize| !(-1.0..=size as f64).contains(&at);
    if outside(y, height) || outside(x, width) {
        return [(0, 0.0); 4];
    }
    let side = |at: f64, size: usize| {
        let at = at.max(0.0);
        let low = at as usize;
        if low + 1 >= size { (size - 1, size - 1, 0.0) } else { (low, low + 1, at - low as f64) }
    };
    let ((top, bottom, down), (left, right, along)) = (side(y, height), side(x, width));
    [
        (top * width + left, (1.0 - down) * (1.0 - along)),
        (top * width + right, (1.0 - down) * along),
        (bottom * width + left, down * (1.0 - along)),
        (bottom * width + right, down * along),
    ]
}

/// x, regions `[count, 4]` as left, top, right, bottom, numbers of their images
pub fn align(how: &RoiAlign, x: &Value, regions: &Value, owners: &Value) -> Outcome {
    let images = Images::new(x)?;
    let [_, channels, height, width] = images.dims;
    let owners = wide(owners)?;
    if regions.dims() != [owners.len(), 4] || height == 0 || width == 0 {
        return Err(fail(format!("regions {:?} of {} images", regions.dims(), owners.len())));
    }
    let [rows, columns] = how.size;
    let shape = [owners.len(), channels, rows, columns];
    let mut out = Vec::with_capacity(elements(&shape)?);
    for (region, owner) in wide(regions)?.chunks_exact(4).zip(&owners) {
        let image = images.image(*owner)?;
        let (across, down) =
            (Part::new(how, region[0], region[2], columns)?, Part::new(how, region[1], region[3], rows)?);
        let samples = down.samples * across.samples;
        elements(&[rows, columns, samples])
            .ok()
            .filter(|n| *n <= MOST_PLACES)
            .ok_or_else(|| fail("a region that is too large"))?;
        let mut places: Vec<Corners> = Vec::with_capacity(rows * columns * samples);
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            for (i, j) in (0..down.samples).flat_map(|i| (0..across.samples).map(move |j| (i, j))) {
                places.push(corners(down.place(row, i), across.place(column, j), height, width));
            }
        }
        for channel in 0..channels {
            let plane = images.plane(image, channel);
            for part in 0..rows * columns {
                let read = &places[part * samples..][..samples];
                out.push(if how.max {
                    let each = read.iter().flatten().map(|(at, weight)| plane[*at] * weight);
                    each.reduce(f64::max).unwrap_or(0.0)
                } else {
                    let sum: f64 = read.iter().flatten().map(|(at, weight)| plane[*at] * weight).sum();
                    sum / samples.max(1) as f64
                });
            }
        }
    }
    narrowed(x.kind(), out, &shape)
}

/// One axis of a region, cut into parts.
struct Part {
    start: f64,
    extent: f64,
    samples: usize,
}

impl Part {
    fn new(how: &RoiAlign, first: f64, last: f64, parts: usize) -> Result<Self, EngineError> {
        let shift = if how.half_pixel { 0.5 } else { 0.0 };
        let scale = f64::from(how.scale);
        let (start, end) = (first * scale - shift, last * scale - shift);
        let whole = if how.half_pixel { end - start } else { (end - start).max(1.0) };
        let extent = whole / parts.max(1) as f64;
        let samples = if how.samples > 0 { how.samples as f64 } else { extent.ceil().max(0.0) };
        if !start.is_finite() || samples.is_nan() || samples > MOST_SAMPLES {
            return Err(fail(format!("a region from {first} to {last}")));
        }
        Ok(Self { start, extent, samples: samples as usize })
    }

    fn place(&self, part: usize, sample: usize) -> f64 {
        self.start + part as f64 * self.extent + (sample as f64 + 0.5) * self.extent / self.samples as f64
    }
}

/// x, regions `[count, 5]` as image, left, top, right, bottom: the largest pixel of each part
pub fn maxima(size: [usize; 2], scale: f32, x: &Value, regions: &Value) -> Outcome {
    let images = Images::new(x)?;
    let [_, channels, height, width] = images.dims;
    let [count, 5] = *regions.dims() else { return Err(fail("a region has five numbers")) };
    let [rows, columns] = size;
    let shape = [count, channels, rows, columns];
    let mut out = Vec::with_capacity(elements(&shape)?);
    // The pixels of each part along an axis; rounded as the libraries do, whose numbers are of 32 bits.
    let parts = |first: f64, last: f64, parts: usize, size: usize| -> Vec<(usize, usize)> {
        let [start, end] = [first, last].map(|at| (at as f32 * scale).round());
        let extent = (end - start + 1.0).max(1.0) / parts.max(1) as f32;
        let within = |at: f32| (at + start).clamp(0.0, size as f32) as usize;
        (0..parts)
            .map(|n| (within((n as f32 * extent).floor()), within(((n + 1) as f32 * extent).ceil())))
            .collect()
    };
    for region in wide(regions)?.chunks_exact(5) {
        let image = images.image(region[0])?;
        let down = parts(region[2], region[4], rows, height);
        let across = parts(region[1], region[3], columns, width);
        for channel in 0..channels {
            let plane = images.plane(image, channel);
            for (top, bottom) in &down {
                for (left, right) in &across {
                    let pixels = (*top..*bottom).flat_map(|y| (*left..*right).map(move |x| y * width + x));
                    out.push(pixels.map(|at| plane[at]).reduce(f64::max).unwrap_or(0.0));
                }
            }
        }
    }
    narrowed(x.kind(), out, &shape)
}
