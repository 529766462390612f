//! What products take in of what makes their input.

use super::build::Build;
use super::ops;
use crate::graph::{Activation, Binary, Op, Product, Prologue, Reduce, Unary};
use crate::plan::draft::Draft;
use crate::plan::groups;
use crate::plan::infer::Shapes;

/// A norm of the channels with an activation, and a layer by points behind it.
fn normed(b: &mut Build, x: usize, channels: usize) -> usize {
    let (scale, shift) = (b.floats(&[1, 1, 1, channels]), b.floats(&[channels]));
    let y = b.add(Op::Binary(Binary::Mul), &[x, scale]);
    let y = b.add(Op::Binary(Binary::Sub), &[y, shift]);
    let y = b.add(Op::Unary(Unary::Relu), &[y]);
    b.point(y, channels, 4)
}

/// Of each product; None where there is another operation.
fn prologues(draft: &Draft) -> Vec<Option<Prologue>> {
    let of = |op: &&Op| match op {
        Op::Product(Product { prologue, .. }) => *prologue,
        _ => None,
    };
    ops(draft).iter().map(of).collect()
}

#[test]
fn layers_that_read_all_before_them_copy_nothing() {
    let mut b = Build::new(1);
    let axis = b.ints(&[3]);
    let mut all = b.point(0, 4, 4);
    let mut made = Vec::new();
    for n in 1..=3 {
        made.push(normed(&mut b, all, 4 * n));
        all = b.add(Op::Concat, &[all, made[n - 1], axis]);
    }
    let y = b.point(all, 16, 8);
    let draft = b.after(y, "unused");
    let normed = |parts| Some(Prologue { parts, scale: true, shift: true, activation: Activation::Relu });
    let laid = Some(Prologue { parts: 4, ..Prologue::NONE });
    assert_eq!(prologues(&draft), [None, normed(1), normed(2), normed(3), laid]);
    assert_eq!(draft.nodes[3].inputs.len(), 6, "x, weights, scale, shift and two other parts");
    let image = (0, Some(vec![None, None, None, Some(4)]));
    let groups = groups::of_all(&draft, &Shapes::of(&draft, &[image]));
    assert_eq!(groups.len(), 5, "as many channels as all parts have");
}

#[test]
fn what_others_read_too_is_made_once_for_all() {
    let mut b = Build::new(2);
    let axis = b.ints(&[-1]);
    let first = b.add(Op::Concat, &[0, 1, axis]);
    let y = normed(&mut b, first, 8);
    let all = b.add(Op::Concat, &[first, y, axis]);
    let z = b.point(all, 12, 3);
    let largest = b.add(Op::Unary(Unary::Abs), &[all]);
    b.graph.outputs = vec![z];
    let shown = b.add(Op::Concat, &[largest, z, axis]);
    let draft = b.after(shown, "unused");
    let [Op::Product(_), Op::Concat, Op::Product(last), Op::Unary(Unary::Abs), Op::Concat] = ops(&draft)[..]
    else {
        panic!("{:?}", ops(&draft));
    };
    // The first is read by nobody but those that take its parts; the second by a function too.
    assert_eq!(last.prologue, None);
    assert_eq!(draft.nodes[1].inputs, [0, 1, y, axis]);
    assert_eq!(prologues(&draft)[0].map(|p| p.parts), Some(2));
}

#[test]
fn a_factor_of_each_channel_of_each_image_goes_into_the_layer() {
    let mut b = Build::new(1);
    let axes = b.ints(&[1, 2]);
    let x = b.add(Op::Unary(Unary::Relu), &[0]);
    let mean = b.add(Op::Reduce { kind: Reduce::Mean, keep: true }, &[x, axes]);
    let squeezed = b.point(mean, 4, 2);
    let excited = b.point(squeezed, 2, 4);
    let factors = b.add(Op::Unary(Unary::Sigmoid), &[excited]);
    let scaled = b.add(Op::Binary(Binary::Mul), &[x, factors]);
    let y = b.point(scaled, 4, 8);
    let draft = b.after(y, "unused");
    let scaled = Some(Prologue { scale: true, ..Prologue::NONE });
    assert_eq!(prologues(&draft), [None, None, None, None, scaled]);
    assert_eq!((draft.nodes[4].inputs[0], draft.nodes[4].inputs[2]), (x, factors));

    // Two images that are multiplied with each other.
    let mut b = Build::new(2);
    let scaled = b.add(Op::Binary(Binary::Mul), &[0, 1]);
    let y = b.point(scaled, 4, 8);
    assert_eq!(prologues(&b.after(y, "unused")), [None, None]);
}
