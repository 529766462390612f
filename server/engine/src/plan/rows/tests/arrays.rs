//! Matrices and other arrays of rows.

use super::*;
use crate::graph::{Align, Imaging, LstmBlock, Matrix, Rare, Text};

fn rare(op: Rare) -> Op {
    Op::Rare(Box::new(op))
}

fn shapes(op: Op, inputs: &[Fact], outputs: usize) -> Option<Vec<Vec<i64>>> {
    let made = found(&op, inputs, outputs).ok()?;
    assert!(made.iter().all(|fact| fact.axis().is_some()), "{op:?}: {made:?}");
    let number = |size: &Size| if *size == Size::rows() { N } else { size.known().unwrap_or(0) };
    Some(made.iter().map(|fact| fact.shape.as_ref().unwrap().iter().map(number).collect()).collect())
}

#[test]
fn matrices_of_rows_stay_apart() {
    let solve = || rare(Rare::Matrix(Matrix::Solve { adjoint: false }));
    keeps(solve(), &[rows(&[N, 3, 3]), rows(&[N, 3, 2])], &[N, 3, 2]);
    mixes(solve(), &[rows(&[3, N]), rows(&[3, N])]);
    mixes(solve(), &[same(&[3, 3]), rows(&[N, 2])]);
    mixes(solve(), &[rows(&[N, 3, 3]), rows(&[2 * N, 3, 2])]);
    keeps(rare(Rare::Cross), &[rows(&[N, 3]), rows(&[N, 3])], &[N, 3]);
    mixes(rare(Rare::Cross), &[rows(&[N]), rows(&[N])]);
    let qr = shapes(rare(Rare::Qr { full: false }), &[rows(&[N, 4, 3])], 2);
    assert_eq!(qr, Some(vec![vec![N, 0, 0], vec![N, 0, 0]]));
    let svd = || rare(Rare::Svd { vectors: true });
    assert_eq!(shapes(svd(), &[rows(&[N, 4, 3])], 3), Some(vec![vec![N, 0], vec![N, 0, 0], vec![N, 0, 0]]));
    assert_eq!(shapes(svd(), &[rows(&[4, N])], 3), None);
    let align = Align { upper_left: true, lower_left: true };
    let part = || rare(Rare::MatrixDiagPart(align));
    keeps(part(), &[rows(&[N, 4, 4]), told(&[0]), same(&[])], &[N, 0]);
    keeps(part(), &[rows(&[N, 4, 4]), told(&[-1, 1]), same(&[])], &[N, 0, 0]);
    mixes(part(), &[rows(&[N, 4]), told(&[0]), same(&[])]);
    let diagonal = || rare(Rare::MatrixDiag(align));
    keeps(diagonal(), &[rows(&[N, 4]), told(&[0]), same(&[]), same(&[]), same(&[])], &[N, 0, 0]);
    mixes(diagonal(), &[rows(&[N]), told(&[0]), same(&[]), same(&[]), same(&[])]);
    let set = || rare(Rare::MatrixSetDiag(align));
    keeps(set(), &[rows(&[N, 4, 4]), rows(&[N, 4]), told(&[0])], &[N, 4, 4]);
    mixes(set(), &[rows(&[N, 4, 4]), same(&[4]), told(&[0])]);
}

#[test]
fn what_looks_at_one_row_keeps_rows() {
    keeps(rare(Rare::InTopK), &[rows(&[N, 5]), rows(&[N]), scalar(2)], &[N]);
    mixes(rare(Rare::InTopK), &[rows(&[N, 5]), same(&[3]), scalar(2)]);
    let sorted = || rare(Rare::SearchSorted { upper: false });
    keeps(sorted(), &[rows(&[N, 5]), rows(&[N, 2])], &[N, 2]);
    mixes(sorted(), &[rows(&[N]), rows(&[N])]);
    let join = || Op::Text(Text::ReduceJoin { separator: Vec::new(), keep: false });
    keeps(join(), &[rows(&[N, 5]), told(&[1])], &[N]);
    mixes(join(), &[rows(&[N, 5]), told(&[0])]);
    mixes(join(), &[rows(&[N, 5]), told(&[])]);
    let block = LstmBlock { candidate_second: true, forget: 1.0, clip: 0.0, peepholes: false };
    let block = || rare(Rare::LstmBlock(block));
    let parameters = || [same(&[7, 16]), same(&[4]), same(&[4]), same(&[4]), same(&[16])];
    let given = |x: Fact| [&[scalar(5), x, rows(&[N, 4]), rows(&[N, 4])][..], &parameters()].concat();
    assert_eq!(shapes(block(), &given(rows(&[5, N, 3])), 7), Some(vec![vec![5, N, 4]; 7]));
    assert_eq!(shapes(block(), &given(rows(&[N, 5, 3])), 7), None);
    let detections = || rare(Rare::Image(Imaging::SuppressClasses { pad_per_class: false, clip: true }));
    let most = || [scalar(3), scalar(9), same(&[]), same(&[])];
    let given = |scores: Fact| [&[rows(&[N, 6, 1, 4]), scores][..], &most()].concat();
    let wanted = vec![vec![N, 0, 4], vec![N, 0], vec![N, 0], vec![N]];
    assert_eq!(shapes(detections(), &given(rows(&[N, 6, 2])), 4), Some(wanted));
    assert_eq!(shapes(detections(), &given(same(&[1, 6, 2])), 4), None);
}
