#![allow(clippy::needless_pass_by_value, clippy::cloned_ref_to_slice_refs, reason = "rows of a table")]

use super::{Extents, Known, Numbers, results};
use crate::graph::{
    Activation, Along, Binary, Compare, Conv, Masks, Op, Padding, Pool, Product, Products, Rare, Reduce,
    Resize,
};

fn shaped(shape: &[i64]) -> Known {
    Known::shaped(extents(shape))
}

/// -1 stands for what is not known.
fn extents(shape: &[i64]) -> Extents {
    shape.iter().map(|d| usize::try_from(*d).ok()).collect()
}

/// A constant vector of integers.
fn told(numbers: &[i64]) -> Known {
    let numbers: Numbers = numbers.iter().copied().map(Some).collect();
    let shape = vec![Some(numbers.len())];
    Known::integers(numbers, shape)
}

/// A vector of integers of which only some are known.
fn partly(numbers: &[Option<i64>]) -> Known {
    Known::integers(numbers.to_vec(), vec![Some(numbers.len())])
}

fn scalar(number: i64) -> Known {
    Known::integers(vec![Some(number)], Vec::new())
}

fn only(op: Op, inputs: &[Known]) -> Result<Known, crate::EngineError> {
    let inputs: Vec<&Known> = inputs.iter().collect();
    results(&op, &inputs, 1).map(|mut all| all.remove(0))
}

#[track_caller]
fn gives(op: Op, inputs: &[Known], shape: &[i64]) {
    let found = only(op.clone(), inputs).unwrap_or_else(|e| panic!("{op:?}: {e}"));
    assert_eq!(found.shape, Some(extents(shape)), "{op:?}");
}

#[track_caller]
fn refuses(op: Op, inputs: &[Known]) {
    assert!(only(op.clone(), inputs).is_err(), "{op:?}");
}

fn conv(padding: Padding, stride: usize) -> Conv {
    Conv { strides: [stride; 2], dilations: [1, 1], padding, activation: Activation::None }
}

#[test]
fn values_element_by_element_are_broadcast() {
    let add = || Op::Binary(Binary::Add);
    gives(add(), &[shaped(&[-1, 3]), shaped(&[3])], &[-1, 3]);
    gives(add(), &[shaped(&[-1, 1, 4]), shaped(&[5, 1])], &[-1, 5, 4]);
    refuses(add(), &[shaped(&[2, 3]), shaped(&[2])]);
    gives(Op::Compare(Compare::Less), &[shaped(&[2, 1]), shaped(&[1, 7])], &[2, 7]);
    gives(Op::Select, &[shaped(&[4]), shaped(&[4, 2]), shaped(&[4, 2])], &[4, 2]);
    refuses(Op::Select, &[shaped(&[3, 2]), shaped(&[4, 2]), shaped(&[4, 2])]);
}

#[test]
fn what_is_added_to_a_product_is_broadcast_with_it() {
    let product = || {
        let kind = Products::Conv(conv(Padding::Same, 2));
        Op::Product(Product {
            kind,
            prologue: None,
            bias: true,
            residual: true,
            activation: Activation::None,
            pool: false,
        })
    };
    let with = |other: Known| [shaped(&[-1, 8, 1, 3]), shaped(&[3, 3, 3, 4]), shaped(&[4]), other];
    gives(product(), &with(shaped(&[-1, 4, 1, 4])), &[-1, 4, 1, 4]);
    gives(product(), &with(shaped(&[-1, 4, 7, 1])), &[-1, 4, 7, 4]);
    refuses(product(), &with(shaped(&[-1, 8, 1, 4])));
}

#[test]
fn products_need_equal_inner_extents() {
    let matmul = |a, b| Op::MatMul { transpose_a: a, transpose_b: b };
    gives(matmul(false, false), &[shaped(&[-1, 3]), shaped(&[3, 5])], &[-1, 5]);
    gives(matmul(true, true), &[shaped(&[7, 3, 2]), shaped(&[5, 3])], &[7, 2, 5]);
    refuses(matmul(false, false), &[shaped(&[-1, 4]), shaped(&[3, 5])]);
    refuses(matmul(false, false), &[shaped(&[4]), shaped(&[4, 5])]);
    let dense = Product {
        kind: Products::Dense,
        prologue: None,
        bias: false,
        residual: false,
        activation: Activation::None,
        pool: false,
    };
    gives(Op::Product(dense.clone()), &[shaped(&[2, -1, 3]), shaped(&[3, 9])], &[2, -1, 9]);
    refuses(Op::Product(dense), &[shaped(&[2, -1, 4]), shaped(&[3, 9])]);
}

#[test]
fn windows_have_to_fit_the_image() {
    let image = shaped(&[-1, 9, -1, 4]);
    let filter = shaped(&[3, 3, 4, 8]);
    gives(Op::Conv(conv(Padding::Valid, 2)), &[image.clone(), filter.clone()], &[-1, 4, -1, 8]);
    gives(Op::Conv(conv(Padding::Same, 2)), &[image.clone(), filter.clone()], &[-1, 5, -1, 8]);
    refuses(Op::Conv(conv(Padding::Valid, 1)), &[shaped(&[1, 2, 9, 4]), filter.clone()]);
    refuses(Op::Conv(conv(Padding::Same, 1)), &[shaped(&[1, 9, 9, 6]), filter.clone()]);
    refuses(Op::Conv(conv(Padding::Same, 1)), &[shaped(&[1, 9, 4]), filter]);
    gives(Op::Depthwise(conv(Padding::Same, 1)), &[image.clone(), shaped(&[3, 3, 4, 2])], &[-1, 9, -1, 8]);
    let pool = Pool { max: true, window: [2, 2], strides: [2, 2], padding: Padding::Valid };
    gives(Op::Pool(pool), &[image.clone()], &[-1, 4, -1, 4]);
    let how = Resize { bilinear: true, align_corners: false, half_pixel: true };
    gives(Op::Resize(how), &[image, told(&[5, 6])], &[-1, 5, 6, 4]);
}

#[test]
fn reductions_drop_or_keep_axes() {
    let reduce = |keep| Op::Reduce { kind: Reduce::Mean, keep };
    gives(reduce(false), &[shaped(&[-1, 7, 7, 64]), told(&[1, 2])], &[-1, 64]);
    gives(reduce(true), &[shaped(&[-1, 7, 7, 64]), told(&[-3, 2])], &[-1, 1, 1, 64]);
    refuses(reduce(true), &[shaped(&[-1, 7]), told(&[2])]);
    gives(Op::ArgExtreme { max: true }, &[shaped(&[-1, 7]), scalar(-1)], &[-1]);
}

#[test]
fn shapes_are_computed_from_shapes() {
    // What Flatten does: the batch is not known, all else is.
    let image = shaped(&[-1, 4, 4, 48]);
    let shape = only(Op::Shape, &[image.clone()]).unwrap();
    let masks = Masks { shrink: 1, ..Masks::default() };
    let batch = only(Op::StridedSlice(masks), &[shape, told(&[0]), told(&[1]), told(&[1])]).unwrap();
    let wanted = only(Op::Pack(0), &[batch, scalar(768)]).unwrap();
    assert_eq!(wanted.numbers, Some(vec![None, Some(768)]));
    gives(Op::Reshape, &[image, wanted], &[-1, 768]);
    let product = only(Op::Reduce { kind: Reduce::Prod, keep: false }, &[told(&[4, 5]), told(&[0])]).unwrap();
    assert_eq!(product.numbers, Some(vec![Some(20)]));
    let twice = only(Op::Binary(Binary::Mul), &[told(&[4, 5]), scalar(2)]).unwrap();
    assert_eq!(twice.numbers, Some(vec![Some(8), Some(10)]));
}

#[test]
fn reshapes_keep_the_number_of_elements() {
    gives(Op::Reshape, &[shaped(&[2, 6]), told(&[3, -1])], &[3, 4]);
    gives(Op::Reshape, &[shaped(&[-1, 6]), told(&[-1, 2, 3])], &[-1, 2, 3]);
    refuses(Op::Reshape, &[shaped(&[2, 6]), told(&[5, -1])]);
    refuses(Op::Reshape, &[shaped(&[2, 6]), told(&[-1, -1])]);
    refuses(Op::Squeeze(vec![1]), &[shaped(&[2, 6])]);
    gives(Op::Squeeze(vec![-1]), &[shaped(&[-1, 6, 1])], &[-1, 6]);
    gives(Op::ExpandDims, &[shaped(&[-1, 6]), scalar(-1)], &[-1, 6, 1]);
    gives(Op::Transpose, &[shaped(&[-1, 6, 2]), told(&[2, 0, 1])], &[2, -1, 6]);
    refuses(Op::Transpose, &[shaped(&[-1, 6, 2]), told(&[1, 0])]);
    gives(Op::Pad, &[shaped(&[-1, 6]), told(&[0, 0, 1, 2])], &[-1, 9]);
    refuses(Op::MirrorPad { symmetric: false }, &[shaped(&[3]), told(&[3, 0])]);
    gives(Op::Tile, &[shaped(&[-1, 6]), told(&[1, 2])], &[-1, 12]);
    gives(Op::OneHot(-1), &[shaped(&[-1]), scalar(5)], &[-1, 5]);
    gives(Op::Range, &[scalar(2), scalar(9), scalar(3)], &[3]);
    gives(Op::BroadcastTo, &[shaped(&[1, 3]), told(&[2, 3])], &[2, 3]);
    refuses(Op::BroadcastTo, &[shaped(&[2, 3]), told(&[3, 3])]);
}

#[test]
fn parts_fit_each_other() {
    gives(Op::Concat, &[shaped(&[-1, 3]), shaped(&[-1, 5]), scalar(1)], &[-1, 8]);
    gives(Op::Concat, &[shaped(&[-1, 3]), shaped(&[2, 5]), scalar(-1)], &[2, 8]);
    refuses(Op::Concat, &[shaped(&[4, 3]), shaped(&[5, 3]), scalar(1)]);
    refuses(Op::Pack(0), &[shaped(&[2, 3]), shaped(&[2, 4])]);
    gives(Op::Slice, &[shaped(&[-1, 9]), told(&[0, 2]), told(&[-1, 3])], &[-1, 3]);
    refuses(Op::Slice, &[shaped(&[-1, 9]), told(&[0, 7]), told(&[-1, 3])]);
    let masks = Masks { begin: 3, end: 1, ..Masks::default() };
    let cut = [shaped(&[-1, 9]), told(&[0, 0]), told(&[0, -2]), told(&[1, 2])];
    gives(Op::StridedSlice(masks), &cut, &[-1, 4]);
    let beyond = Masks { shrink: 1, ..Masks::default() };
    refuses(Op::StridedSlice(beyond), &[shaped(&[3]), told(&[3]), told(&[4]), told(&[1])]);
    gives(Op::Gather { batch_dims: 0 }, &[shaped(&[-1, 9, 2]), shaped(&[4]), scalar(1)], &[-1, 4, 2]);
}

/// Of what requests decide at least the number of axes is known.
#[test]
fn what_is_seldom_has_axes() {
    let rare = |op| Op::Rare(Box::new(op));
    let (x, free) = (shaped(&[-1, 9, 2]), shaped(&[2]));
    gives(
        rare(Rare::Along(Along::Slice)),
        &[x.clone(), free.clone(), free.clone(), told(&[0, 1])],
        &[-1, -1, -1],
    );
    gives(rare(Rare::Along(Along::Unsqueeze)), &[x.clone(), free.clone()], &[-1, -1, -1, -1, -1]);
    gives(rare(Rare::Along(Along::Squeeze)), &[x.clone(), free.clone()], &[-1]);
    gives(rare(Rare::Along(Along::GatherNd { batch: 1 })), &[x.clone(), shaped(&[-1, 4, 1])], &[-1, -1, -1]);
    gives(rare(Rare::Einsum("bij,bjk->bik".to_owned())), &[x.clone(), x.clone()], &[-1, -1, -1]);
    gives(
        Op::StridedSlice(Masks::default()),
        &[x.clone(), shaped(&[1]), told(&[1]), told(&[1])],
        &[-1, -1, -1],
    );
    // How large an image becomes says nothing of its batch.
    let image =
        Conv { strides: [1, 2], dilations: [1, 1], padding: Padding::Valid, activation: Activation::None };
    let nothing = Known::default();
    let made = only(Op::ConvTranspose(image), &[told(&[1, 9]), shaped(&[1, 4, 3, 2]), nothing.clone()]);
    assert_eq!(made.unwrap(), nothing);
    let both =
        only(rare(Rare::BroadcastArgs), &[partly(&[Some(4), None]), partly(&[None, Some(1), Some(3)])]);
    assert_eq!(both.unwrap(), partly(&[None, Some(4), Some(3)]));
}

#[test]
fn several_results_have_shapes_of_their_own() {
    let (x, axis) = (shaped(&[-1, 12]), scalar(1));
    let halves = results(&Op::Split(2), &[&x, &axis], 2).unwrap();
    assert_eq!(halves, vec![shaped(&[-1, 6]); 2]);
    assert!(results(&Op::Split(5), &[&x, &axis], 5).is_err());
    let sizes = results(&Op::SplitSizes(2), &[&x, &told(&[5, -1]), &axis], 2).unwrap();
    assert_eq!(sizes, vec![shaped(&[-1, 5]), shaped(&[-1, 7])]);
    assert!(results(&Op::SplitSizes(2), &[&x, &told(&[5, 8]), &axis], 2).is_err());
    assert_eq!(results(&Op::Unpack(1, 12), &[&x], 12).unwrap(), vec![shaped(&[-1]); 12]);
    assert!(results(&Op::Unpack(1, 11), &[&x], 11).is_err());
    assert!(results(&Op::TopK, &[&x, &scalar(13)], 2).is_err());
}

#[test]
fn what_is_not_known_is_no_error() {
    let nothing = Known::default();
    for op in [Op::Reshape, Op::Concat, Op::Transpose, Op::Tile, Op::Pad, Op::Slice, Op::Select] {
        assert!(only(op.clone(), &[nothing.clone(), nothing.clone(), nothing.clone()]).is_ok(), "{op:?}");
        assert!(only(op.clone(), &[]).is_ok(), "{op:?}");
    }
}
