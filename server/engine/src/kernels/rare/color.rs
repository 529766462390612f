//! Colours: hue, saturation, contrast.

use super::super::access::make;
use super::super::{Outcome, Value, fail};
use super::{float, narrowed, wide};

/// Every pixel of three channels, changed.
fn pixels(x: &Value, f: impl Fn([f64; 3]) -> [f64; 3]) -> Outcome {
    if x.dims().last() != Some(&3) {
        return Err(fail(format!("an image of shape {:?} has no three channels", x.dims())));
    }
    let mut data = wide(x)?;
    data.as_chunks_mut::<3>().0.iter_mut().for_each(|p| *p = f(*p));
    narrowed(x.kind(), data, x.dims())
}

fn hsv([r, g, b]: [f64; 3]) -> [f64; 3] {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let span = most - least;
    let saturation = if most > 0.0 { span / most } else { 0.0 };
    if span <= 0.0 {
        return [0.0, saturation, most];
    }
    let sixth = if r == most {
        (g - b) / span
    } else if g == most {
        (b - r) / span + 2.0
    } else {
        (r - g) / span + 4.0
    };
    let hue = sixth / 6.0;
    [if hue < 0.0 { hue + 1.0 } else { hue }, saturation, most]
}

fn rgb([h, s, v]: [f64; 3]) -> [f64; 3] {
    let bump = |x: f64| x.clamp(0.0, 1.0);
    let h = h * 6.0;
    let pure = [bump((h - 3.0).abs() - 1.0), bump(2.0 - (h - 2.0).abs()), bump(2.0 - (h - 4.0).abs())];
    pure.map(|p| (1.0 - s + s * p) * v)
}

pub fn to_hsv(x: &Value) -> Outcome {
    pixels(x, hsv)
}

pub fn to_rgb(x: &Value) -> Outcome {
    pixels(x, rgb)
}

pub fn hue(x: &Value, turn: &Value) -> Outcome {
    let turn = float(turn)?;
    pixels(x, |p| {
        let [h, s, v] = hsv(p);
        rgb([(h + turn).rem_euclid(1.0), s, v])
    })
}

pub fn saturation(x: &Value, factor: &Value) -> Outcome {
    let factor = float(factor)?;
    pixels(x, |p| {
        let [h, s, v] = hsv(p);
        rgb([h, (s * factor).clamp(0.0, 1.0), v])
    })
}

/// Away from the mean of each channel of each image.
pub fn contrast(x: &Value, factor: &Value) -> Outcome {
    let [.., h, w, c] = *x.dims() else { return Err(fail("an image has three axes at least")) };
    let factor = float(factor)?;
    let mut data = wide(x)?;
    let size = h * w * c;
    if size == 0 {
        return make(x.slice::<f32>()?.to_vec(), x.dims());
    }
    for image in data.chunks_exact_mut(size) {
        for channel in 0..c {
            let mean = image.iter().skip(channel).step_by(c).sum::<f64>() / (h * w) as f64;
            image.iter_mut().skip(channel).step_by(c).for_each(|x| *x = (*x - mean) * factor + mean);
        }
    }
    narrowed(x.kind(), data, x.dims())
}
