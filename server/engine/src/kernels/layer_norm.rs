//! Normalisation of rows: at once where the rows are what lies together in memory, else step by step as a model writes it.

use super::access::{axis, make, output};
use super::threads::threads;
use super::vector::normalise::{Norm, Parameters, rows};
use super::{Outcome, Value, fail};
use crate::graph::{Binary, LayerNorm, Op, Reduce, Unary};
use crate::value::Kind;

pub fn layer_norm(norm: &LayerNorm, inputs: &[&Value]) -> Outcome {
    let mut inputs = inputs.iter().copied();
    let mut next = || inputs.next().ok_or_else(|| fail("a normalisation lacks an input"));
    let x = next()?;
    let gamma = if norm.gamma { Some(next()?) } else { None };
    let beta = if norm.beta { Some(next()?) } else { None };
    let width = x.dims().last().copied().unwrap_or(0);
    // One number for each place of a row, which leaves the shape as it is.
    let fits = |p: Option<&Value>| {
        p.is_none_or(|p| {
            let last = p.dims().last() == Some(&width) && p.elem_count() == width;
            last && p.rank() <= x.rank() && p.kind() == Kind::F32
        })
    };
    let along = axis(norm.axis, x.rank())?;
    if x.kind() != Kind::F32 || along + 1 != x.rank() || width == 0 || !fits(gamma) || !fits(beta) {
        return step_by_step(norm, x, gamma, beta);
    }
    let p = Parameters {
        gamma: gamma.map(Value::slice).transpose()?,
        beta: beta.map(Value::slice).transpose()?,
        epsilon: norm.epsilon,
    };
    let mut out = output::<f32>(x.dims())?;
    let work = out.len().saturating_mul(8);
    let kind = if norm.centred { Norm::Layer } else { Norm::Rms };
    rows(kind, p, x.slice()?, width, &mut out, threads(work));
    Value::of(out, x.dims())
}

/// Any axis, any type, any broadcasting.
fn step_by_step(norm: &LayerNorm, x: &Value, gamma: Option<&Value>, beta: Option<&Value>) -> Outcome {
    let one = |op: Op, inputs: &[&Value]| -> Outcome {
        super::run(&op, inputs)?.pop().ok_or_else(|| fail("an operation gave nothing"))
    };
    let axes = make(vec![norm.axis], &[1])?;
    let mean = |x: &Value| one(Op::Reduce { kind: Reduce::Mean, keep: true }, &[x, &axes]);
    let centred = if norm.centred { one(Op::Binary(Binary::Sub), &[x, &mean(x)?])? } else { x.clone() };
    let variance = mean(&one(Op::Unary(Unary::Square), &[&centred])?)?;
    let epsilon = match x.kind() {
        Kind::F64 => make(vec![f64::from(norm.epsilon)], &[])?,
        _ => make(vec![norm.epsilon], &[])?,
    };
    let factor = one(Op::Unary(Unary::Rsqrt), &[&one(Op::Binary(Binary::Add), &[&variance, &epsilon])?])?;
    let mut result = one(Op::Binary(Binary::Mul), &[&centred, &factor])?;
    for (op, other) in [(Binary::Mul, gamma), (Binary::Add, beta)] {
        if let Some(other) = other {
            result = one(Op::Binary(op), &[&result, other])?;
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::{layer_norm, step_by_step};
    use crate::graph::LayerNorm;
    use crate::value::Value;

    fn value(shape: &[usize]) -> Value {
        let count: usize = shape.iter().product();
        Value::of((0..count).map(|n| (n * 37 % 23) as f32 * 0.25).collect::<Vec<f32>>(), shape).unwrap()
    }

    #[test]
    fn at_once_is_as_step_by_step() {
        for (axis, x, gamma) in [
            (-1, &[2, 3, 5][..], Some(&[5][..])),
            (2, &[2, 3, 5], Some(&[1, 1, 5])),
            (-1, &[3, 5], Some(&[1, 1, 5])),
            (1, &[2, 3, 5], Some(&[5])),
            (-1, &[2, 1], Some(&[4])),
            (-1, &[7], None),
        ] {
            for centred in [false, true] {
                let (x, gamma) = (value(x), gamma.map(value));
                let norm =
                    LayerNorm { axis, epsilon: 0.5, centred, gamma: gamma.is_some(), beta: gamma.is_some() };
                let inputs: Vec<&Value> =
                    [Some(&x), gamma.as_ref(), gamma.as_ref()].into_iter().flatten().collect();
                let got = layer_norm(&norm, &inputs).unwrap();
                let right = step_by_step(&norm, &x, gamma.as_ref(), gamma.as_ref()).unwrap();
                assert_eq!(got.dims(), right.dims());
                for (a, b) in got.slice::<f32>().unwrap().iter().zip(right.slice::<f32>().unwrap()) {
                    assert!((a - b).abs() < 1e-4, "{a} and {b}");
                }
            }
        }
        let norm = LayerNorm { axis: 3, epsilon: 0.5, centred: true, gamma: true, beta: false };
        assert!(layer_norm(&norm, &[&value(&[2, 3])]).is_err());
        assert!(layer_norm(&norm, &[&value(&[2, 3]), &value(&[3])]).is_err());
    }
}
