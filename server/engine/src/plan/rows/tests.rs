//! What each rule makes of rows. In shapes and numbers `N` stands for the number of rows, `T` for an extent that is not known.

#![allow(clippy::needless_pass_by_value, clippy::cloned_ref_to_slice_refs, reason = "rows of a table")]

mod arrays;
mod graphs;
mod shapes;

use super::fact::{Fact, Reads};
use super::of_op;
use super::size::{Names, Size};
use crate::graph::{
    Activation, Attention, Binary, Conv, LayerNorm, Op, Padding, Pool, Reduce, Rnn, RnnCell, RnnFunction,
};
use std::cell::OnceCell;

const N: i64 = -1000;
const T: i64 = -7777;

thread_local! {
    static NAMES: OnceCell<(Names, Size)> = const { OnceCell::new() };
}

fn with<R>(f: impl FnOnce(&Names, &Size) -> R) -> R {
    NAMES.with(|cell| {
        let (names, steps) = cell.get_or_init(|| {
            let names = Names::default();
            let steps = names.fresh();
            (names, steps)
        });
        f(names, steps)
    })
}

/// `N` may have a small factor: `2 * N`.
fn sizes(all: &[i64]) -> Vec<Size> {
    let size = |n: &i64| match *n {
        T => with(|_, steps| steps.clone()),
        n if n <= N && n % N == 0 => Size::rows().times(&Size::number(n / N)),
        n => Size::number(n),
    };
    all.iter().map(size).collect()
}

/// A value with rows along the axis of `N`.
fn rows(shape: &[i64]) -> Fact {
    let axis = shape.iter().position(|n| *n < 0 && *n % N == 0).unwrap();
    Fact::rows(sizes(shape), axis).unwrap()
}

fn same(shape: &[i64]) -> Fact {
    Fact::same(Some(sizes(shape)))
}

/// A vector of numbers.
fn told(numbers: &[i64]) -> Fact {
    Fact::numbers(sizes(numbers), vec![Size::extent(numbers.len())]).unwrap()
}

fn scalar(number: i64) -> Fact {
    Fact::numbers(sizes(&[number]), Vec::new()).unwrap()
}

fn found(op: &Op, inputs: &[Fact], outputs: usize) -> super::Found {
    let all: Vec<&Fact> = inputs.iter().collect();
    with(|names, _| of_op(op, &Reads { all: &all, outputs, names }))
}

/// The result has rows, and this shape; what is 0 in it may be anything.
#[track_caller]
fn keeps(op: Op, inputs: &[Fact], shape: &[i64]) {
    let made = found(&op, inputs, 1).unwrap_or_else(|why| panic!("{op:?}: {why}")).remove(0);
    let wanted = rows(shape);
    assert_eq!(made.of, wanted.of, "{op:?}: {made:?}");
    let (made, wanted) = (made.shape.unwrap(), wanted.shape.unwrap());
    let alike = made.len() == wanted.len() && made.iter().zip(&wanted).all(|(a, b)| a == b || b.is(0));
    assert!(alike, "{op:?}: {made:?}, not {wanted:?}");
}

#[track_caller]
fn mixes(op: Op, inputs: &[Fact]) {
    let made = found(&op, inputs, 1);
    assert!(made.is_err(), "{op:?}: {made:?}");
}

/// The result has these numbers.
#[track_caller]
fn counts(op: Op, inputs: &[Fact], numbers: &[i64]) {
    let made = found(&op, inputs, 1).unwrap_or_else(|why| panic!("{op:?}: {why}")).remove(0);
    assert_eq!(made.numbers, Some(sizes(numbers)), "{op:?}");
}

#[test]
fn values_element_by_element_meet_along_other_axes_only() {
    let add = || Op::Binary(Binary::Add);
    keeps(add(), &[rows(&[N, 3]), same(&[3])], &[N, 3]);
    keeps(add(), &[rows(&[N, 1]), same(&[1, 5])], &[N, 5]);
    keeps(add(), &[rows(&[N, 3]), rows(&[N, 1])], &[N, 3]);
    keeps(add(), &[rows(&[4, N, 3]), rows(&[N, 3])], &[4, N, 3]);
    mixes(add(), &[rows(&[N, 3]), rows(&[N])]);
    mixes(add(), &[rows(&[N, 3]), rows(&[2 * N, 3])]);
    mixes(add(), &[rows(&[N, 3]), same(&[7, 3])]);
    mixes(add(), &[rows(&[N, 3]), same(&[T, 3])]);
    mixes(add(), &[rows(&[N, 3]), Fact::same(None)]);
    mixes(add(), &[rows(&[N]), scalar(N)]);
    let branches = || [rows(&[N, 3]), same(&[])];
    keeps(Op::Select, &[&[rows(&[N, 1])][..], &branches()].concat(), &[N, 3]);
    // A condition of one axis is for rows or for columns, as it fits.
    mixes(Op::Select, &[&[rows(&[N])][..], &branches()].concat());
    keeps(Op::Select, &[rows(&[N]), rows(&[N, 1]), same(&[])], &[N, 1]);
    keeps(Op::Select, &[same(&[3]), rows(&[N, 3]), same(&[])], &[N, 3]);
}

#[test]
fn what_is_computed_along_the_rows_mixes_them() {
    let sum = |keep| Op::Reduce { kind: Reduce::Sum, keep };
    keeps(sum(false), &[rows(&[N, 3, 4]), told(&[1])], &[N, 4]);
    keeps(sum(false), &[rows(&[3, N, 4]), told(&[0, 2])], &[N]);
    keeps(sum(true), &[rows(&[N, 3, 4]), told(&[-1])], &[N, 3, 1]);
    mixes(sum(false), &[rows(&[N, 3, 4]), told(&[0])]);
    mixes(sum(false), &[rows(&[N, 3]), told(&[-2])]);
    mixes(sum(false), &[rows(&[N, 3]), same(&[1])]);
    keeps(Op::Softmax { log: false }, &[rows(&[N, 3])], &[N, 3]);
    mixes(Op::Softmax { log: false }, &[rows(&[3, N])]);
    keeps(Op::ArgExtreme { max: true }, &[rows(&[N, 3]), scalar(-1)], &[N]);
    mixes(Op::ArgExtreme { max: true }, &[rows(&[N, 3]), scalar(0)]);
    keeps(Op::Reverse, &[rows(&[N, 3]), told(&[1])], &[N, 3]);
    mixes(Op::Reverse, &[rows(&[N, 3]), told(&[0])]);
    let norm =
        |axis| Op::LayerNorm(LayerNorm { axis, epsilon: 1e-3, centred: true, gamma: true, beta: false });
    keeps(norm(-1), &[rows(&[N, 3]), same(&[3])], &[N, 3]);
    mixes(norm(0), &[rows(&[N, 3]), same(&[3])]);
    let best = found(&Op::TopK, &[rows(&[N, 9]), scalar(2)], 2).unwrap();
    assert!(best.iter().all(|b| *b == rows(&[N, 2])));
    assert!(found(&Op::TopK, &[rows(&[N]), scalar(2)], 2).is_err());
}

#[test]
fn products_keep_rows_and_batches() {
    let matmul = |a, b| Op::MatMul { transpose_a: a, transpose_b: b };
    keeps(matmul(false, false), &[rows(&[N, 3]), same(&[3, 4])], &[N, 4]);
    keeps(matmul(true, false), &[rows(&[3, N]), same(&[3, 4])], &[N, 4]);
    keeps(matmul(false, true), &[same(&[4, 3]), rows(&[N, 3])], &[4, N]);
    keeps(matmul(false, true), &[rows(&[N, 5, 3]), rows(&[N, T, 3])], &[N, 5, T]);
    keeps(matmul(false, false), &[rows(&[N, 5, 3]), same(&[3, 2])], &[N, 5, 2]);
    keeps(matmul(false, false), &[same(&[5, 3]), rows(&[N, 3, 2])], &[N, 5, 2]);
    mixes(matmul(false, false), &[same(&[5, 3]), rows(&[N, 2])]);
    mixes(matmul(false, true), &[rows(&[N, 3]), rows(&[N, 3])]);
    mixes(matmul(true, false), &[rows(&[N, 3]), rows(&[N, 3])]);
    mixes(matmul(false, false), &[rows(&[N, 5, 3]), same(&[4, 3, 2])]);
    keeps(Op::Dense(Activation::None), &[rows(&[N, T, 3]), same(&[3, 4])], &[N, T, 4]);
    mixes(Op::Dense(Activation::None), &[rows(&[3, N]), same(&[3, 4])]);
    let conv =
        Conv { strides: [2, 2], dilations: [1, 1], padding: Padding::Same, activation: Activation::None };
    keeps(Op::Conv(conv), &[rows(&[N, 8, 8, 3]), same(&[3, 3, 3, 5])], &[N, 4, 4, 5]);
    mixes(Op::Conv(conv), &[rows(&[8, N, 8, 3]), same(&[3, 3, 3, 5])]);
    mixes(Op::Conv(conv), &[same(&[8, 8, 8, 3]), rows(&[N, 3, 3, 5])]);
    let pool = Pool { max: true, window: [2, 2], strides: [2, 2], padding: Padding::Valid };
    keeps(Op::Pool(pool), &[rows(&[N, 8, 8, 3])], &[N, 4, 4, 3]);
    keeps(
        Op::ConvTranspose(conv),
        &[told(&[N, 8, 8, 5]), same(&[3, 3, 5, 3]), rows(&[N, 4, 4, 3])],
        &[N, 8, 8, 5],
    );
    mixes(Op::ConvTranspose(conv), &[told(&[N, N, 8, 5]), same(&[3, 3, 5, 3]), rows(&[N, 4, 4, 3])]);
    mixes(Op::ConvTranspose(conv), &[told(&[2, 8, 8, 5]), same(&[3, 3, 5, 3]), rows(&[N, 4, 4, 3])]);
}

/// Places in pairs of the number of a row and of something that the row has.
#[test]
fn rows_may_pick_of_their_own() {
    let one = |op: Op, inputs: &[Fact]| found(&op, inputs, 1).unwrap().remove(0);
    let numbers = || one(Op::Range, &[scalar(0), scalar(N), scalar(1)]);
    keeps(Op::Gather { batch_dims: 0 }, &[rows(&[N, 9]), numbers(), scalar(0)], &[N, 9]);
    let pairs = one(Op::Pack(-1), &[numbers(), rows(&[N])]);
    let nd = || Op::Rare(Box::new(crate::graph::Rare::GatherNd));
    keeps(nd(), &[rows(&[N, 9, 4]), pairs.clone()], &[N, 4]);
    mixes(nd(), &[rows(&[9, N, 4]), pairs.clone()]);
    mixes(nd(), &[rows(&[2 * N, 9]), pairs]);
    mixes(nd(), &[rows(&[N, 9, 4]), rows(&[N, 2])]);
    mixes(Op::Pack(0), &[numbers(), rows(&[N])]);
    mixes(Op::Pack(-1), &[rows(&[N]), numbers()]);
    mixes(Op::Binary(Binary::Add), &[numbers(), rows(&[N])]);
    let answers = found(&Op::Cast(crate::DType::F32), &[numbers()], 1);
    assert!(answers.is_err(), "the number of a row is another one alone");
}

#[test]
fn layers_over_sequences_keep_rows() {
    let plain = Attention { scale: 1.0, mask: false, interleaved: false };
    let masked = Attention { mask: true, ..plain };
    let heads = || rows(&[N, 2, T, 4]);
    keeps(Op::Attention(plain), &[heads(), heads(), rows(&[N, 2, T, 5])], &[N, 2, T, 5]);
    keeps(Op::Attention(masked), &[heads(), heads(), heads(), rows(&[N, 1, 1, T])], &[N, 2, T, 4]);
    keeps(Op::Attention(masked), &[heads(), heads(), heads(), same(&[1, 1, T, T])], &[N, 2, T, 4]);
    mixes(Op::Attention(masked), &[heads(), heads(), heads(), rows(&[N, T])]);
    mixes(Op::Attention(plain), &[rows(&[2, N, 4]), rows(&[2, N, 4]), rows(&[2, N, 4])]);
    let rnn = Rnn {
        cell: RnnCell::Gru { reset_after: true },
        forward: true,
        backward: true,
        functions: vec![RnnFunction::Sigmoid; 4],
        clip: None,
        limits: None,
        batch_first: false,
        has: [false; 6],
    };
    let layer = |rnn: &Rnn| Op::Rare(Box::new(crate::graph::Rare::Rnn(rnn.clone())));
    let weights = || [same(&[2, 12, 3]), same(&[2, 12, 4])];
    let made = found(&layer(&rnn), &[&[rows(&[T, N, 3])][..], &weights()].concat(), 2).unwrap();
    assert_eq!(made, [rows(&[T, 2, N, 4]), rows(&[2, N, 4])]);
    assert!(found(&layer(&rnn), &[&[rows(&[N, 7, 3])][..], &weights()].concat(), 2).is_err());
    let begun = Rnn { has: [false, false, true, false, false, false], ..rnn };
    let from =
        |state: Fact| found(&layer(&begun), &[&[rows(&[T, N, 3])][..], &weights(), &[state]].concat(), 2);
    assert_eq!(from(same(&[2, 1, 4])).unwrap(), made);
    assert_eq!(from(rows(&[2, N, 4])).unwrap(), made);
    assert!(from(same(&[2, 3, 4])).is_err());
}
