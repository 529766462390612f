//! The operations beside the plainest loops that say the same, on shapes that look random.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::tests::Dice;
use crate::graph::*;
use crate::kernels::{Value, run};
use std::collections::BTreeMap;

fn random(dice: &mut Dice, dims: &[usize]) -> Value {
    let count = dims.iter().product();
    Value::of((0..count).map(|_| dice.roll(64) as f32 / 16.0 - 2.0).collect::<Vec<f32>>(), dims).unwrap()
}

fn rare(op: Rare, inputs: &[&Value]) -> Value {
    run(&Op::Rare(Box::new(op)), inputs).unwrap().remove(0)
}

/// Every tuple of indices of a shape, in row-major order.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    dims.iter().fold(vec![vec![]], |all, size| {
        all.iter().flat_map(|t| (0..*size).map(move |n| [&t[..], &[n]].concat())).collect()
    })
}

fn place(index: &[usize], dims: &[usize]) -> usize {
    index.iter().zip(dims).fold(0, |at, (n, size)| at * size + n)
}

fn close(got: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (g, w) in got.iter().zip(wanted) {
        assert!((g - w).abs() <= 1e-4 * (1.0 + w.abs()), "{what}: {g} and {w}");
    }
}

#[test]
fn einsum_is_a_sum_over_every_letter() {
    let mut dice = Dice(77);
    for _ in 0..400 {
        let sizes: BTreeMap<char, usize> = "abcdef".chars().map(|c| (c, dice.roll(5) as usize)).collect();
        let mut term = |most: u64| -> String {
            (0..dice.roll(most)).map(|_| b"abcdef"[dice.roll(6) as usize] as char).collect()
        };
        let terms = [term(5), term(5)];
        let mut letters: Vec<char> = terms.concat().chars().collect();
        letters.sort_unstable();
        letters.dedup();
        let mut out: Vec<char> = letters.iter().copied().filter(|_| dice.roll(2) == 0).collect();
        if dice.roll(2) == 0 {
            out.reverse();
        }
        let dims = |term: &mut dyn Iterator<Item = char>| term.map(|c| sizes[&c]).collect::<Vec<usize>>();
        let inputs = terms.each_ref().map(|t| random(&mut dice, &dims(&mut t.chars())));
        let shape = dims(&mut out.iter().copied());
        let mut wanted = vec![0.0f32; shape.iter().product()];
        for index in indices(&dims(&mut letters.iter().copied())) {
            let of = |letters_of: &mut dyn Iterator<Item = char>| -> Vec<usize> {
                letters_of.map(|c| index[letters.iter().position(|l| *l == c).unwrap()]).collect()
            };
            let value = |i: usize| {
                let data = inputs[i].slice::<f32>().unwrap();
                data[place(&of(&mut terms[i].chars()), inputs[i].dims())]
            };
            wanted[place(&of(&mut out.iter().copied()), &shape)] += value(0) * value(1);
        }
        let equation = format!("{},{}->{}", terms[0], terms[1], out.iter().collect::<String>());
        let got = rare(Rare::Einsum(equation.clone()), &[&inputs[0], &inputs[1]]);
        assert_eq!(got.dims(), shape, "{equation}");
        close(got.slice().unwrap(), &wanted, &equation);
    }
}

fn sliding(dice: &mut Dice) -> Sliding {
    let padding = match dice.roll(4) {
        0 => Padding::Same,
        1 => Padding::Valid,
        2 => Padding::SameLower,
        _ => Padding::Explicit([dice.roll(3) as usize, 1, 0, dice.roll(3) as usize]),
    };
    let mut three = || [1, 2, 3].map(|most| dice.roll(most) as usize + 1);
    Sliding { strides: three(), dilations: three(), padding, depth_padding: [1, 0] }
}

/// Where a tap of a window lies along an axis.
fn tap(s: &Sliding, axis: usize, size: usize, window: usize, out: usize, tap: usize) -> Option<usize> {
    let before = match s.padding {
        Padding::Valid => 0,
        Padding::Explicit([t, _, l, _]) => [s.depth_padding[0], t, l][axis],
        Padding::Same | Padding::SameLower => {
            let span = (window - 1) * s.dilations[axis] + 1;
            let needed = (size.div_ceil(s.strides[axis]).max(1) - 1) * s.strides[axis] + span;
            let around = needed.saturating_sub(size);
            if s.padding == Padding::Same { around / 2 } else { around.div_ceil(2) }
        }
    };
    (out * s.strides[axis] + tap * s.dilations[axis]).checked_sub(before).filter(|at| *at < size)
}

#[test]
fn volumes_are_convolved_and_pooled_tap_by_tap() {
    let mut dice = Dice(5);
    let mut fitted = 0;
    for _ in 0..200 {
        let (s, mut size) = (sliding(&mut dice), |most: u64| dice.roll(most) as usize + 1);
        let (x_dims, w_dims) = ([size(2), size(5), size(6), size(7), size(3)], [size(2), size(3), size(3)]);
        let outs = size(4);
        let x = random(&mut dice, &x_dims);
        let filter = random(&mut dice, &[w_dims[0], w_dims[1], w_dims[2], x_dims[4], outs]);
        let conv = Op::Rare(Box::new(Rare::Image(Imaging::Conv3d(s))));
        let Ok(mut made) = run(&conv, &[&x, &filter]) else { continue };
        fitted += 1;
        let (y, data, w) = (made.remove(0), x.slice::<f32>().unwrap(), filter.slice::<f32>().unwrap());
        let pool = |max| rare(Rare::Image(Imaging::Pool3d { max, window: w_dims, sliding: s }), &[&x]);
        let (most, mean) = (pool(true), pool(false));
        let taps = indices(&w_dims);
        let (mut sums, mut maxima, mut means) = (Vec::new(), Vec::new(), Vec::new());
        for at in indices(&y.dims()[..4]) {
            let places: Vec<(usize, usize)> = taps
                .iter()
                .enumerate()
                .filter_map(|(n, t)| {
                    let p = |i: usize| tap(&s, i, x_dims[i + 1], w_dims[i], at[i + 1], t[i]);
                    Some((n, place(&[at[0], p(0)?, p(1)?, p(2)?], &x_dims[..4])))
                })
                .collect();
            let c = x_dims[4];
            for o in 0..outs {
                let part = |(n, p): &(usize, usize)| -> f32 {
                    (0..c).map(|i| data[p * c + i] * w[(n * c + i) * outs + o]).sum()
                };
                sums.push(places.iter().map(part).sum::<f32>());
            }
            for i in 0..c {
                let values = places.iter().map(|(_, p)| data[p * c + i]);
                maxima.push(values.clone().fold(f32::NEG_INFINITY, f32::max));
                means.push(values.sum::<f32>() / places.len() as f32);
            }
        }
        close(y.slice().unwrap(), &sums, "convolution");
        // Where a window lies in the padding alone there is no mean.
        if maxima.iter().all(|m| m.is_finite()) {
            close(most.slice().unwrap(), &maxima, "maximum");
            close(mean.slice().unwrap(), &means, "mean");
        }
        adjoint(&mut dice, &s, &x, &filter, &y);
    }
    assert!(fitted > 100, "{fitted}");
}

/// A transposed convolution is the adjoint: `<conv(x), z> = <x, transposed(z)>`.
fn adjoint(dice: &mut Dice, s: &Sliding, x: &Value, filter: &Value, y: &Value) {
    let z = random(dice, y.dims());
    let size = x.dims().iter().map(|d| *d as i64).collect::<Vec<i64>>();
    let back =
        rare(Rare::Image(Imaging::ConvTranspose3d(*s)), &[&Value::of(size, &[5]).unwrap(), filter, &z]);
    let dot = |a: &Value, b: &Value| -> f64 {
        let pairs = a.slice::<f32>().unwrap().iter().zip(b.slice::<f32>().unwrap());
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let (forth, back) = (dot(y, &z), dot(x, &back));
    assert!((forth - back).abs() <= 1e-3 * (1.0 + forth.abs()), "{forth} and {back}");
}

#[test]
fn what_is_gathered_by_tuples_scatters_back() {
    let mut dice = Dice(9);
    for _ in 0..200 {
        let dims: Vec<usize> = (0..dice.roll(4) + 1).map(|_| dice.roll(4) as usize + 1).collect();
        let width = dice.roll(dims.len() as u64 + 1) as usize;
        let x = random(&mut dice, &dims);
        let tuples = indices(&dims[..width]);
        let flat: Vec<i64> = tuples.iter().flatten().map(|n| *n as i64).collect();
        let places = Value::of(flat, &[tuples.len(), width]).unwrap();
        let rows = rare(Rare::GatherNd, &[&x, &places]);
        assert_eq!(rows.slice::<f32>().unwrap(), x.slice::<f32>().unwrap());
        let shape = Value::of(dims.iter().map(|d| *d as i64).collect::<Vec<i64>>(), &[dims.len()]).unwrap();
        let back = rare(Rare::ScatterNd, &[&places, &rows, &shape]);
        assert_eq!(back.slice::<f32>().unwrap(), x.slice::<f32>().unwrap());
        let doubled = rare(Rare::TensorScatter(Update::Add), &[&x, &places, &rows]);
        let wanted: Vec<f32> = x.slice::<f32>().unwrap().iter().map(|x| x * 2.0).collect();
        assert_eq!(doubled.slice::<f32>().unwrap(), wanted);
    }
}

#[test]
fn matrices_that_are_taken_apart_come_together() {
    let mut dice = Dice(3);
    for _ in 0..100 {
        let n = dice.roll(6) as usize;
        let noise = random(&mut dice, &[2, n, n]);
        let unit = indices(&[2, n, n]).into_iter().map(|i| if i[1] == i[2] { 9.0 + n as f32 } else { 0.0 });
        let data = noise.slice::<f32>().unwrap().iter().zip(unit).map(|(a, b)| a + b).collect::<Vec<f32>>();
        let a = Value::of(data, &[2, n, n]).unwrap();
        let inverse = rare(Rare::Matrix(Matrix::Inverse { adjoint: false }), &[&a]);
        let product = |a: &Value, b: &Value, transpose_b| {
            run(&Op::MatMul { transpose_a: false, transpose_b }, &[a, b]).unwrap().remove(0)
        };
        let unit: Vec<f32> = indices(&[2, n, n]).iter().map(|i| f32::from(u8::from(i[1] == i[2]))).collect();
        close(product(&a, &inverse, false).slice().unwrap(), &unit, "inverse");
        let square = product(&a, &a, true);
        let factor = rare(Rare::Matrix(Matrix::Cholesky), &[&square]);
        close(product(&factor, &factor, true).slice().unwrap(), square.slice().unwrap(), "factors");
        let b = random(&mut dice, &[2, n, 3]);
        let x = rare(Rare::Matrix(Matrix::Solve { adjoint: true }), &[&a, &b]);
        let turned = run(&Op::MatMul { transpose_a: true, transpose_b: false }, &[&a, &x]).unwrap().remove(0);
        close(turned.slice().unwrap(), b.slice().unwrap(), "equations");
    }
}

#[test]
fn factors_multiply_to_the_matrix() {
    let mut dice = Dice(21);
    for round in 0..100 {
        let (m, n) = (dice.roll(6) as usize + 1, dice.roll(6) as usize + 1);
        let a = random(&mut dice, &[2, m, n]);
        let all = |op: Rare| run(&Op::Rare(Box::new(op)), &[&a]).unwrap();
        let product = |a: &Value, b: &Value, transpose_b| {
            run(&Op::MatMul { transpose_a: false, transpose_b }, &[a, b]).unwrap().remove(0)
        };
        let made = all(Rare::Qr { full: round % 2 == 0 });
        close(product(&made[0], &made[1], false).slice().unwrap(), a.slice().unwrap(), "q and r");
        let [values, left, right] = &all(Rare::Svd { vectors: true })[..] else { panic!() };
        let wide = values.reshape(&[2, 1, m.min(n)]).unwrap();
        let scaled = run(&Op::Binary(Binary::Mul), &[left, &wide]).unwrap().remove(0);
        close(product(&scaled, right, true).slice().unwrap(), a.slice().unwrap(), "singular values");
        assert!(values.slice::<f32>().unwrap().chunks(m.min(n)).all(|v| v.is_sorted_by(|a, b| a >= b)));
    }
}
