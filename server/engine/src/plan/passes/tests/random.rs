//! Graphs drawn at random.

use super::build::Build;
use crate::graph::{Activation, Binary, Conv, Op, Padding, Pool, Reduce, Unary};
use crate::plan::draft::fold;
use crate::plan::{NoWeights, Outline, Weights};
use crate::value::Value;

fn pick(b: &mut Build, n: usize) -> usize {
    (b.random().abs() * n as f32) as usize % n
}

/// Something that is made of an image, and maybe of another one.
fn grown(b: &mut Build, seed: u64, x: usize, other: usize) -> usize {
    match pick(b, 16) {
        0 => {
            let borders = b.ints(&[0, 0, 1, 1, 1, 1, 0, 0]);
            let x = b.add(Op::Pad, &[x, borders]);
            b.conv(x, 4, 4)
        }
        1 => {
            let w = b.floats(&[4, 4]);
            b.add(Op::MatMul { transpose_a: false, transpose_b: seed.is_multiple_of(2) }, &[x, w])
        }
        2 => {
            let scale = b.floats(&[4]);
            b.add(Op::Binary(Binary::Mul), &[x, scale])
        }
        3 => {
            let shift = b.floats(&[1, 1, 4]);
            b.add(Op::Binary(Binary::Sub), &[x, shift])
        }
        4 => b.add(Op::Binary(Binary::Add), &[x, other]),
        5 => b.add(Op::Unary(Unary::Relu), &[x]),
        6 => {
            let s = b.add(Op::Unary(Unary::Sigmoid), &[x]);
            b.add(Op::Binary(Binary::Mul), &[x, s])
        }
        7 => {
            let order = b.ints(&[0, 2, 1, 3]);
            b.add(Op::Transpose, &[x, order])
        }
        8 => {
            let x = b.add(Op::Unary(Unary::Tanh), &[x]);
            b.layer_norm(x, 4)
        }
        9 => {
            let q = b.add(Op::Unary(Unary::Tanh), &[x]);
            let mask = seed.is_multiple_of(2).then(|| b.floats(&[5, 5]));
            b.attention([q, q, other], mask)
        }
        10 => {
            let y = b.tensordot(x, [4, 4], &[-1, 5, 5, 4]);
            let bias = b.floats(&[4]);
            b.add(Op::Binary(Binary::Add), &[bias, y])
        }
        11 => {
            let x = b.add(Op::Unary(Unary::Relu6), &[x]);
            let borders = b.ints(&[0, 0, 2, 0, 1, 1, 0, 0]);
            let x = b.add(Op::Pad, &[x, borders]);
            let pool = Pool { max: true, window: [3, 3], strides: [1, 1], padding: Padding::Valid };
            b.add(Op::Pool(pool), &[x])
        }
        n @ 12..15 => around(b, seed, n, x, other),
        _ => {
            let number = b.random();
            let number = b.number(number);
            b.add(Op::Binary(Binary::Mul), &[number, x])
        }
    }
}

/// Products that take in what is around them.
fn around(b: &mut Build, seed: u64, kind: usize, x: usize, other: usize) -> usize {
    match kind {
        12 => {
            // A norm over values that lie side by side, before a layer by points; now and then somebody else reads them too.
            let axis = b.ints(&[if seed.is_multiple_of(3) { -1 } else { 3 }]);
            let both = b.add(Op::Concat, &[other, x, axis]);
            let (scale, shift) = (b.floats(&[1, 1, 1, 8]), b.floats(&[8]));
            let y = b.add(Op::Binary(Binary::Mul), &[both, scale]);
            let y = b.add(Op::Binary(Binary::Add), &[y, shift]);
            let y = b.add(Op::Unary(Unary::Relu), &[y]);
            let y = b.point(y, 8, 4);
            if pick(b, 2) == 0 { y } else { b.point(both, 8, 4) }
        }
        13 => {
            let axes = b.ints(&[1, 2]);
            let factors = b.add(Op::Reduce { kind: Reduce::Mean, keep: true }, &[x, axes]);
            let factors = b.point(factors, 4, 4);
            let factors = b.add(Op::Unary(Unary::Sigmoid), &[factors]);
            let y = b.add(Op::Binary(Binary::Mul), &[factors, other]);
            b.point(y, 4, 4)
        }
        _ => {
            // Pooled, and made as large as before.
            let w = b.floats(&[3, 3, 4, 4]);
            let padding = Padding::Explicit([3; 4]);
            let conv = Conv { strides: [1, 1], dilations: [1, 1], padding, activation: Activation::None };
            let y = b.add(Op::Conv(conv), &[x, w]);
            let shift = b.floats(&[4]);
            let y = b.add(Op::Binary(Binary::Add), &[y, shift]);
            let y = b.add(Op::Unary(Unary::Relu), &[y]);
            let y = b.add(Op::Pool(Pool::HALVES), &[y]);
            let borders = b.ints(&[0, 0, 0, 1, 1, 0, 0, 0]);
            b.add(Op::Pad, &[y, borders])
        }
    }
}

/// Graphs drawn at random answer the same with and without the passes.
#[test]
fn random_graphs_keep_their_answers() {
    for seed in 0..200 {
        let mut b = Build::new(2);
        b.seed = seed;
        let mut images = vec![0, 1];
        for _ in 0..12 {
            let x = images[pick(&mut b, images.len())];
            let other = images[pick(&mut b, images.len())];
            let y = grown(&mut b, seed, x, other);
            images.push(y);
        }
        b.graph.outputs = images[images.len() - 3..].to_vec();
        let inputs: Vec<Value> = (0..2)
            .map(|_| {
                let values: Vec<f32> = (0..2 * 5 * 5 * 4).map(|_| b.random()).collect();
                Value::of(values, &[2, 5, 5, 4]).unwrap()
            })
            .collect();
        let shapes = vec![Some(vec![None, Some(5), Some(5), Some(4)]); 2];
        let draft = fold(&b.graph, &[]).unwrap();
        let plain = Outline::of(draft, vec![], &b.graph.inputs, &shapes);
        let plain = plain.finish(&Weights::new(&NoWeights, None)).unwrap();
        let fused = Outline::new(&b.graph, &[], &shapes).unwrap();
        let fused = fused.finish(&Weights::new(&NoWeights, None)).unwrap();
        let wanted = plain.run(inputs.clone()).unwrap();
        // The second run goes by the schedule of the first.
        for _ in 0..2 {
            for (got, wanted) in fused.run(inputs.clone()).unwrap().iter().zip(&wanted) {
                assert_eq!(got.dims(), wanted.dims(), "seed {seed}");
                let most = wanted.slice::<f32>().unwrap().iter().fold(1f32, |m, x| m.max(x.abs()));
                for (a, b) in got.slice::<f32>().unwrap().iter().zip(wanted.slice::<f32>().unwrap()) {
                    assert!((a - b).abs() <= 1e-5 * most, "seed {seed}: {a} and {b}");
                }
            }
        }
    }
}
