//! Pools, and what is before them.

use super::build::Build;
use super::ops;
use crate::graph::{Activation, Op, Padding, Pool, Product, Unary};
use crate::plan::draft::Draft;

#[test]
fn the_largest_of_small_windows_go_into_the_convolution() {
    let halves = |activation: Op, pool: Pool| {
        let mut b = Build::new(1);
        let y = b.conv(0, 4, 8);
        let y = b.add(activation, &[y]);
        let y = b.add(Op::Pool(pool), &[y]);
        b.after(y, "unused")
    };
    let relu = Op::Unary(Unary::Relu);
    let draft = halves(relu.clone(), Pool::HALVES);
    let [Op::Product(Product { pool: true, activation: Activation::Relu, .. })] = ops(&draft)[..] else {
        panic!("{:?}", ops(&draft));
    };
    assert_eq!(draft.nodes[0].outputs, draft.outputs);
    // What does not keep the order of numbers, other windows, and means.
    for (op, pool) in [
        (Op::Activate(Activation::Swish), Pool::HALVES),
        (relu.clone(), Pool { strides: [1, 1], ..Pool::HALVES }),
        (relu.clone(), Pool { padding: Padding::Same, ..Pool::HALVES }),
        (relu, Pool { max: false, ..Pool::HALVES }),
    ] {
        let draft = halves(op, pool);
        assert!(matches!(ops(&draft)[..], [Op::Product(_), Op::Pool(_)]), "{:?}", ops(&draft));
    }
}

/// The largest of each window of three, of a bordered image whose numbers are what `op` makes.
fn pooled(op: Unary, max: bool, border: i64) -> Draft {
    let mut b = Build::new(1);
    let made = b.add(Op::Unary(op), &[0]);
    let borders = b.ints(&[0, 0, border, border, 1, 1, 0, 0]);
    let padded = b.add(Op::Pad, &[made, borders]);
    let pool = Pool { max, window: [3, 3], strides: [2, 2], padding: Padding::Valid };
    let y = b.add(Op::Pool(pool), &[padded]);
    b.after(y, "unused")
}

#[test]
fn zeros_that_are_never_the_largest_are_left_out() {
    let draft = pooled(Unary::Relu, true, 2);
    let [Op::Unary(Unary::Relu), Op::Pool(pool)] = ops(&draft)[..] else { panic!("{:?}", ops(&draft)) };
    assert_eq!(pool.padding, Padding::Explicit([2, 2, 1, 1]));
    // Numbers below zero, means, and windows of zeros alone.
    for kept in [pooled(Unary::Neg, true, 1), pooled(Unary::Relu, false, 1), pooled(Unary::Relu, true, 3)] {
        assert!(ops(&kept).contains(&&Op::Pad), "{:?}", ops(&kept));
    }
}
