//! Where rows go when shapes change, and numbers that are computed of shapes.

use super::{N, T, counts, found, keeps, mixes, rows, same, scalar, told};
use crate::graph::{Binary, Compare, Masks, Op, Reduce};

#[test]
fn shapes_tell_where_the_rows_go() {
    keeps(Op::Reshape, &[rows(&[N, 2, 3]), told(&[N, 6])], &[N, 6]);
    keeps(Op::Reshape, &[rows(&[N, 2, 3]), told(&[-1, 3])], &[2 * N, 3]);
    keeps(Op::Reshape, &[rows(&[2 * N, 3]), told(&[N, -1])], &[N, 6]);
    keeps(Op::Reshape, &[rows(&[N, T, 3]), told(&[-1, T, 3])], &[N, T, 3]);
    keeps(Op::Reshape, &[rows(&[T, N, 6]), told(&[T, 2 * N, 3])], &[T, 2 * N, 3]);
    mixes(Op::Reshape, &[rows(&[N, 2]), told(&[-1, 4])]);
    mixes(Op::Reshape, &[rows(&[N, T]), told(&[-1, 4])]);
    mixes(Op::Reshape, &[rows(&[N, 4]), told(&[2, -1])]);
    mixes(Op::Reshape, &[rows(&[N, 4]), told(&[4, N])]);
    mixes(Op::Reshape, &[rows(&[4, N, 2]), told(&[N, 8])]);
    mixes(Op::Reshape, &[rows(&[N, 4]), rows(&[N])]);
    keeps(Op::Transpose, &[rows(&[N, 3, 4]), told(&[1, 0, 2])], &[3, N, 4]);
    keeps(Op::ExpandDims, &[rows(&[N, 3]), scalar(0)], &[1, N, 3]);
    keeps(Op::Squeeze(vec![1]), &[rows(&[N, 1, 3])], &[N, 3]);
    mixes(Op::Squeeze(vec![0]), &[rows(&[N, 1, 3])]);
    mixes(Op::Squeeze(vec![]), &[rows(&[N, 1, 3])]);
    keeps(Op::Fill, &[told(&[N, 7]), same(&[])], &[N, 7]);
    keeps(Op::BroadcastTo, &[same(&[1, 7]), told(&[N, 7])], &[N, 7]);
    mixes(Op::BroadcastTo, &[same(&[3, 7]), told(&[N, 7])]);
    keeps(Op::Tile, &[same(&[1, 7]), told(&[N, 2])], &[N, 14]);
    keeps(Op::Tile, &[rows(&[N, 7]), told(&[1, 2])], &[N, 14]);
    mixes(Op::Tile, &[rows(&[N, 7]), told(&[2, 1])]);
    keeps(Op::Pad, &[rows(&[N, 7]), told(&[0, 0, 1, 2])], &[N, 10]);
    mixes(Op::Pad, &[rows(&[N, 7]), told(&[0, 1, 0, 0])]);
    keeps(Op::OneHot(-1), &[rows(&[N]), scalar(5), same(&[]), same(&[])], &[N, 5]);
    mixes(Op::Range, &[scalar(1), scalar(N), scalar(1)]);
}

#[test]
fn rows_are_cut_and_put_together_along_other_axes() {
    keeps(Op::Concat, &[rows(&[N, 3]), rows(&[N, 4]), scalar(1)], &[N, 7]);
    mixes(Op::Concat, &[rows(&[N, 3]), rows(&[N, 3]), scalar(0)]);
    mixes(Op::Concat, &[rows(&[N, 3]), same(&[1, 3]), scalar(1)]);
    keeps(Op::Pack(1), &[rows(&[N, 3]), rows(&[N, 3])], &[N, 2, 3]);
    keeps(Op::Pack(0), &[rows(&[N, 3]), rows(&[N, 3])], &[2, N, 3]);
    let parts = found(&Op::Split(2), &[rows(&[N, 4]), scalar(1)], 2).unwrap();
    assert_eq!(parts, vec![rows(&[N, 2]); 2]);
    assert!(found(&Op::Split(2), &[rows(&[N, 4]), scalar(0)], 2).is_err());
    let steps = found(&Op::Unpack(1, 5), &[rows(&[N, 5, 4])], 5).unwrap();
    assert_eq!(steps, vec![rows(&[N, 4]); 5]);
    keeps(Op::Slice, &[rows(&[N, 8]), told(&[0, 2]), told(&[-1, 3])], &[N, 3]);
    keeps(Op::Slice, &[rows(&[N, 8]), told(&[0, 2]), told(&[N, 3])], &[N, 3]);
    mixes(Op::Slice, &[rows(&[N, 8]), told(&[1, 2]), told(&[-1, 3])]);
    mixes(Op::Slice, &[rows(&[N, 8]), told(&[0, 2]), told(&[2, 3])]);
    let masks = |begin, end, shrink| Op::StridedSlice(Masks { begin, end, shrink, ..Masks::default() });
    let cut = |from: &[i64], to: &[i64], by: &[i64]| [rows(&[N, 8]), told(from), told(to), told(by)];
    keeps(masks(1, 1, 0), &cut(&[0, 2], &[0, 7], &[1, 2]), &[N, 3]);
    keeps(masks(0, 0, 2), &cut(&[0, 2], &[N, 3], &[1, 1]), &[N]);
    keeps(masks(0, 0, 0), &cut(&[0, 0], &[i64::MAX, 4], &[1, 1]), &[N, 4]);
    mixes(masks(1, 1, 0), &cut(&[0, 2], &[0, 7], &[-1, 1]));
    mixes(masks(1, 1, 0), &cut(&[0, 2], &[0, 7], &[2, 1]));
    mixes(masks(0, 0, 1), &cut(&[0, 2], &[1, 7], &[1, 1]));
    mixes(masks(1, 0, 0), &cut(&[0, 2], &[100, 7], &[1, 1]));
    mixes(masks(1, 1, 0), &cut(&[0, 0], &[0, N], &[1, 1]));
    let gather = |batch_dims| Op::Gather { batch_dims };
    keeps(gather(0), &[same(&[100, 6]), rows(&[N, T]), scalar(0)], &[N, T, 6]);
    keeps(gather(0), &[rows(&[N, 9, 2]), same(&[3, 4]), scalar(1)], &[N, 3, 4, 2]);
    keeps(gather(1), &[rows(&[N, 9, 2]), rows(&[N, 4]), scalar(1)], &[N, 4, 2]);
    mixes(gather(0), &[rows(&[N, 9]), rows(&[N]), scalar(0)]);
    mixes(gather(0), &[rows(&[N, 9]), same(&[2]), scalar(0)]);
    mixes(gather(0), &[rows(&[N, 9]), rows(&[N]), scalar(1)]);
}

#[test]
fn shapes_are_computed_with_number_by_number() {
    let x = || rows(&[N, T, 6]);
    counts(Op::Shape, &[x()], &[N, T, 6]);
    counts(Op::Rank, &[x()], &[3]);
    let whole = |kind| Op::Reduce { kind, keep: false };
    counts(whole(Reduce::Prod), &[told(&[N, 2, 3]), told(&[0])], &[6 * N]);
    counts(Op::Gather { batch_dims: 0 }, &[told(&[N, T, 6]), told(&[0, 2]), scalar(0)], &[N, 6]);
    counts(Op::Concat, &[told(&[N]), told(&[5]), scalar(0)], &[N, 5]);
    counts(Op::Pack(0), &[scalar(N), scalar(5)], &[N, 5]);
    counts(Op::Binary(Binary::FloorDiv), &[told(&[6 * N]), told(&[N])], &[6]);
    counts(Op::Binary(Binary::Max), &[scalar(N), scalar(1)], &[N]);
    counts(Op::Compare(Compare::Equal), &[told(&[N, 6]), told(&[-1, -1])], &[0, 0]);
    counts(Op::Select, &[told(&[0, 1]), told(&[1, 1]), told(&[N, 6])], &[N, 1]);
    mixes(Op::Binary(Binary::Add), &[scalar(N), scalar(1)]);
    mixes(Op::Compare(Compare::Equal), &[scalar(N), scalar(4)]);
    mixes(Op::Unary(crate::graph::Unary::Sqrt), &[scalar(N)]);
}
