//! Parts of images at places between pixels.

use super::super::access::{make, sizes, zeros};
use super::super::{Outcome, Value, fail, shapes};
use super::{at, float};
use crate::graph::Beyond;
use crate::value::Kind;

/// An image of a batch, read at places between its pixels.
struct Image<'a> {
    data: &'a [f32],
    height: usize,
    width: usize,
    channels: usize,
}

impl Image<'_> {
    fn pixel(&self, y: usize, x: usize, channel: usize) -> f32 {
        self.data[(y * self.width + x) * self.channels + channel]
    }
}

/// image, boxes, numbers of images, size
pub fn crop_and_resize(bilinear: bool, outside: f32, [x, boxes, owners, size]: [&Value; 4]) -> Outcome {
    let ([n, h, w, c], [count, 4], &[rows, columns]) = (x.dims(), boxes.dims(), &sizes(size)?[..]) else {
        return Err(fail("crops need images, boxes of four numbers and a size"));
    };
    let x = shapes::cast(x, crate::DType::F32)?;
    let (data, boxes, owners) = (x.slice::<f32>()?, boxes.slice::<f32>()?, owners.slice::<i64>()?);
    let shape = [*count, rows, columns, *c];
    let mut out = zeros::<f32>(&shape)?;
    let size = h * w * c;
    if owners.len() != *count || owners.iter().any(|o| !(0..*n as i64).contains(o)) {
        return Err(fail("each box names its image"));
    }
    if size == 0 || out.is_empty() {
        return make(out, &shape);
    }
    let place = |first: f32, last: f32, size: usize, count: usize, n: usize| {
        let size = (size - 1) as f32;
        let scale = if count > 1 { (last - first) * size / (count - 1) as f32 } else { 0.0 };
        let at = if count > 1 { first * size + n as f32 * scale } else { 0.5 * (first + last) * size };
        (at >= 0.0 && at <= size).then_some(at)
    };
    for (n, to) in out.chunks_exact_mut(*c).enumerate() {
        let (box_number, y, x_at) = (n / (rows * columns), n / columns % rows, n % columns);
        let from = usize::try_from(owners[box_number]).unwrap_or(0) * size;
        let image = Image { data: &data[from..from + size], height: *h, width: *w, channels: *c };
        let [y1, x1, y2, x2] = boxes.as_chunks::<4>().0[box_number];
        let spot = place(y1, y2, *h, rows, y).zip(place(x1, x2, *w, columns, x_at));
        let Some((y, x)) = spot else {
            to.fill(outside);
            continue;
        };
        for (channel, to) in to.iter_mut().enumerate() {
            *to = if bilinear {
                between(y, x, |y, x| image.pixel(y.min(image.height - 1), x.min(image.width - 1), channel))
            } else {
                image.pixel(y.round() as usize, x.round() as usize, channel)
            };
        }
    }
    make(out, &shape)
}

/// Between the four pixels around a place that is not negative.
fn between(y: f32, x: f32, pixel: impl Fn(usize, usize) -> f32) -> f32 {
    let (y0, x0, y1, x1) = (y.floor() as usize, x.floor() as usize, y.ceil() as usize, x.ceil() as usize);
    let (fy, fx) = (y - y.floor(), x - x.floor());
    let top = pixel(y0, x0) + (pixel(y0, x1) - pixel(y0, x0)) * fx;
    let bottom = pixel(y1, x0) + (pixel(y1, x1) - pixel(y1, x0)) * fx;
    top + (bottom - top) * fy
}

/// x, transforms, size, fill: each pixel of the result from where a projection takes it.
pub fn project(bilinear: bool, beyond: Beyond, inputs: &[&Value]) -> Outcome {
    let (x, transforms) = (at(inputs, 0)?, at(inputs, 1)?);
    let ([n, h, w, c], [count, 8], &[rows, columns]) =
        (x.dims(), transforms.dims(), &sizes(at(inputs, 2)?)?[..])
    else {
        return Err(fail("a projection needs images, transforms of eight numbers and a size"));
    };
    if *count != 1 && count != n {
        return Err(fail(format!("{count} transforms of {n} images")));
    }
    let fill = inputs.get(3).map_or(Ok(0.0), |f| float(f))? as f32;
    let kind = x.kind();
    let x = shapes::cast(x, crate::DType::F32)?;
    let (data, transforms) = (x.slice::<f32>()?, transforms.slice::<f32>()?.as_chunks::<8>().0);
    let (shape, size) = ([*n, rows, columns, *c], h * w * c);
    let mut out = zeros::<f32>(&shape)?;
    if size == 0 || out.is_empty() {
        return make(out, &shape);
    }
    for (number, to) in out.chunks_exact_mut(*c).enumerate() {
        let (image, y, x) = (number / (rows * columns), number / columns % rows, number % columns);
        let t = transforms[if *count == 1 { 0 } else { image }];
        let (y, x) = (y as f32, x as f32);
        let depth = t[6] * x + t[7] * y + 1.0;
        if depth == 0.0 {
            to.fill(fill);
            continue;
        }
        let from_x = within(beyond, (t[0] * x + t[1] * y + t[2]) / depth, *w);
        let from_y = within(beyond, (t[3] * x + t[4] * y + t[5]) / depth, *h);
        let image =
            Image { data: &data[image * size..(image + 1) * size], height: *h, width: *w, channels: *c };
        for (channel, to) in to.iter_mut().enumerate() {
            *to = sample(&image, from_y, from_x, channel, bilinear, fill);
        }
    }
    let out = make(out, &shape)?;
    match kind {
        Kind::I64 => shapes::cast(&out, crate::DType::I64),
        Kind::F64 => shapes::cast(&out, crate::DType::F64),
        _ => Ok(out),
    }
}

fn sample(image: &Image<'_>, y: f32, x: f32, channel: usize, bilinear: bool, fill: f32) -> f32 {
    let pixel = |y: f32, x: f32| {
        let inside = y >= 0.0 && x >= 0.0 && y < image.height as f32 && x < image.width as f32;
        if inside { image.pixel(y as usize, x as usize, channel) } else { fill }
    };
    if !bilinear {
        return pixel(y.round(), x.round());
    }
    let (y0, x0) = (y.floor(), x.floor());
    let (fy, fx) = (y - y0, x - x0);
    let top = (1.0 - fx) * pixel(y0, x0) + fx * pixel(y0, x0 + 1.0);
    let bottom = (1.0 - fx) * pixel(y0 + 1.0, x0) + fx * pixel(y0 + 1.0, x0 + 1.0);
    (1.0 - fy) * top + fy * bottom
}

/// A place beyond an axis, brought back to it.
fn within(beyond: Beyond, at: f32, size: usize) -> f32 {
    let size = size as f32;
    let last = size - 1.0;
    let moved = match beyond {
        Beyond::Constant => return at,
        Beyond::Reflect | Beyond::Wrap if size <= 1.0 => 0.0,
        Beyond::Reflect => {
            let around = 2.0 * size;
            let mut at = at;
            if at < 0.0 {
                if at < -around {
                    at += around * (-at / around).trunc();
                }
                at = if at < -size { at + around } else { -at - 1.0 };
            } else if at > last {
                at -= around * (at / around).trunc();
                if at >= size {
                    at = around - at - 1.0;
                }
            }
            at
        }
        Beyond::Wrap if at < 0.0 => at + size * ((-at / last).trunc() + 1.0),
        Beyond::Wrap if at > last => at - size * (at / last).trunc(),
        Beyond::Wrap | Beyond::Nearest => at,
    };
    moved.clamp(0.0, last)
}
