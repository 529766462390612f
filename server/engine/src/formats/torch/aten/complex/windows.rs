//! Windows of other shapes than raised cosines.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, broken};
use super::spectra::LONGEST;

/// What the places of a window are weighed with.
pub fn weights(b: &mut Builder, c: &Call) -> Result<Val> {
    let length = c.int(b, 0, "window_length")?;
    if !(1..=LONGEST).contains(&length) {
        return broken(format!("a window of {length} places"));
    }
    let periodic = c.flag(1, "periodic", true)?;
    let turns = (if periodic { length } else { length - 1 }).max(1);
    let counted = b.apply("arange", &[&Val::Int(length)])?;
    let share = b.apply("mul", &[&counted, &Val::Float(1.0 / turns as f64)])?;
    let cosine = |b: &mut Builder, count: f64, factor: f64| {
        let turned = b.apply("mul", &[&share, &Val::Float(std::f64::consts::TAU * count)])?;
        let wave = b.apply("cos", &[&turned])?;
        b.apply("mul", &[&wave, &Val::Float(factor)])
    };
    match c.name.as_str() {
        "blackman_window" => {
            let (first, second) = (cosine(b, 1.0, -0.5)?, cosine(b, 2.0, 0.08)?);
            let sum = b.apply("add", &[&first, &second])?;
            b.apply("add", &[&sum, &Val::Float(0.42)])
        }
        name => {
            let across = b.apply("mul", &[&share, &Val::Int(2)])?;
            let across = b.apply("sub", &[&across, &Val::Int(1)])?;
            if name == "bartlett_window" {
                let size = b.apply("abs", &[&across])?;
                return b.apply("rsub", &[&size, &Val::Int(1)]);
            }
            let beta = c.float_or(2, "beta", 12.0)?;
            let square = b.apply("square", &[&across])?;
            let rest = b.apply("rsub", &[&square, &Val::Int(1)])?;
            let rest = b.apply("clamp_min", &[&rest, &Val::Int(0)])?;
            let root = b.apply("sqrt", &[&rest])?;
            let turned = b.apply("mul", &[&root, &Val::Float(beta)])?;
            let most = b.apply("scalar_tensor", &[&Val::Float(beta)])?;
            let (own, most) = (b.apply("i0", &[&turned])?, b.apply("i0", &[&most])?);
            b.apply("div", &[&own, &most])
        }
    }
}
