use super::run;
use crate::graph::{Branch, Forest, Forests, Missing, Real};
use crate::value::Value;

/// The answer of a tree, by what its nodes say.
fn naive<T: Real>(tree: &[Branch<T>], row: &[T]) -> Vec<T> {
    let mut at = 0;
    loop {
        let given = |feature: usize, missing| {
            let value = row[feature];
            if value.is_nan() && missing == Missing::Zero { T::zero() } else { value }
        };
        let (children, right) = match &tree[at] {
            Branch::Leaf(value) => return vec![*value],
            Branch::Leaves(values) => return values.clone(),
            Branch::Below { feature, threshold, missing, children } => {
                let value = given(*feature, *missing);
                (children, absent(value, *missing).unwrap_or(value >= *threshold))
            }
            Branch::Among { feature, categories, missing, children } => {
                let value = given(*feature, *missing);
                let among = || categories.iter().any(|c| value.to_i64() == Some(i64::from(*c)));
                (children, absent(value, *missing).unwrap_or_else(among))
            }
            Branch::Equal { feature, values, missing, children } => {
                let value = given(*feature, *missing);
                (children, absent(value, *missing).unwrap_or(!values.contains(&value)))
            }
        };
        at = children[usize::from(right)];
    }
}

fn absent<T: Real>(value: T, missing: Missing) -> Option<bool> {
    let zero = matches!(missing, Missing::ZeroLeft | Missing::ZeroRight) && value == T::zero();
    let right = matches!(missing, Missing::Right | Missing::ZeroRight);
    (value.is_nan() || zero).then_some(right)
}

/// A tree of up to `depth` levels below `at`.
fn grow(rng: &mut fastrand::Rng, tree: &mut Vec<Branch<f32>>, depth: usize, how: &How) -> usize {
    let at = tree.len();
    if depth == 0 || rng.u8(..4) == 0 {
        tree.push(match how.wide {
            Some(outputs) => Branch::Leaves((0..outputs).map(|_| rng.f32() - 0.5).collect()),
            None => Branch::Leaf(rng.f32() - 0.5),
        });
        return at;
    }
    tree.push(Branch::Leaf(0.0));
    let children = [grow(rng, tree, depth - 1, how), grow(rng, tree, depth - 1, how)];
    let missing = how.missing[rng.usize(..how.missing.len())];
    let feature = rng.usize(..how.features);
    tree[at] = if how.categories && rng.bool() {
        let values = (-3..4i8).filter(|_| rng.bool()).map(f32::from).collect();
        Branch::Equal { feature, values, missing, children }
    } else if how.categories && rng.bool() {
        Branch::Among {
            feature,
            categories: (0..rng.u32(1..70)).filter(|_| rng.bool()).collect(),
            missing,
            children,
        }
    } else {
        Branch::Below { feature, threshold: rng.i8(-3..4).into(), missing, children }
    };
    at
}

struct How {
    features: usize,
    wide: Option<usize>,
    missing: &'static [Missing],
    categories: bool,
}

#[test]
fn walks_side_by_side_answer_as_each_alone() {
    let plain = &[Missing::Left, Missing::Right][..];
    let every = &[Missing::Left, Missing::Right, Missing::Zero, Missing::ZeroLeft, Missing::ZeroRight][..];
    let mut rng = fastrand::Rng::with_seed(7);
    for case in 0..200 {
        let outputs = rng.usize(1..4);
        let how = How {
            features: rng.usize(1..12),
            wide: rng.bool().then_some(outputs),
            missing: if rng.bool() { plain } else { every },
            categories: rng.u8(..3) == 0,
        };
        let base: Vec<f32> = (0..outputs).map(|_| rng.f32()).collect();
        let count = rng.usize(1..40);
        let mut forest = Forest::new(how.features, base.clone()).unwrap();
        let trees: Vec<(usize, Vec<Branch<f32>>)> = (0..count)
            .map(|n| {
                let mut tree = Vec::new();
                grow(&mut rng, &mut tree, case % 9, &how);
                (n % outputs, tree)
            })
            .collect();
        for (output, tree) in &trees {
            forest.add(*output, tree).unwrap();
        }
        let rows = rng.usize(1..40);
        let holes = rng.bool();
        let value = |rng: &mut fastrand::Rng| match rng.u8(..9) {
            0 if holes => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            _ => rng.i8(-4..70).into(),
        };
        let x: Vec<f32> = (0..rows * how.features).map(|_| value(&mut rng)).collect();
        let given = Value::of(x.clone(), &[rows, how.features]).unwrap();
        let got = run(&Forests::F32(forest), &given).unwrap();
        assert_eq!(got.dims(), [rows, outputs]);
        for (row, got) in x.chunks(how.features).zip(got.slice::<f32>().unwrap().chunks(outputs)) {
            let mut expected = base.clone();
            for (output, tree) in &trees {
                match how.wide {
                    Some(_) => expected.iter_mut().zip(naive(tree, row)).for_each(|(e, v)| *e += v),
                    None => expected[*output] += naive(tree, row)[0],
                }
            }
            assert_eq!(got, expected, "case {case}");
        }
    }
}

#[test]
fn trees_that_are_none_are_refused() {
    let below =
        |feature, children| Branch::Below { feature, threshold: 0.0, missing: Missing::Left, children };
    let leaf = || Branch::Leaf(1.0f32);
    for (what, tree) in [
        ("no node", vec![]),
        ("a child that is not there", vec![below(0, [1, 2]), leaf()]),
        ("a node that is its own child", vec![below(0, [0, 1]), leaf()]),
        ("a loop of two", vec![below(0, [1, 2]), below(0, [0, 2]), leaf()]),
        ("one child twice", vec![below(0, [1, 1]), leaf()]),
        ("a feature that is not there", vec![below(2, [1, 2]), leaf(), leaf()]),
        ("answers of another number", vec![Branch::Leaves(vec![1.0; 3])]),
        (
            "a threshold that is not a number",
            vec![
                Branch::Below { feature: 0, threshold: f32::NAN, missing: Missing::Left, children: [1, 2] },
                leaf(),
                leaf(),
            ],
        ),
    ] {
        let mut forest = Forest::new(2, vec![0.0f32]).unwrap();
        assert!(forest.add(0, &tree).is_err(), "{what}");
    }
    let mut forest = Forest::new(2, vec![0.0f32; 2]).unwrap();
    assert!(forest.add(2, &[leaf()]).is_err() && forest.add(1, &[leaf()]).is_ok());
    assert!(forest.add(0, &[Branch::Leaves(vec![1.0; 2])]).is_err(), "leaves of both kinds");
    assert!(Forest::new(0, vec![0.0f32]).is_err());
    let mut forest = Forest::new(1, vec![0.0f32]).unwrap();
    let among = Branch::Among {
        feature: 0,
        categories: vec![(1 << 24) - 1],
        missing: Missing::Left,
        children: [1, 2],
    };
    let grown = (0..100).map(|_| forest.add(0, &[among.clone(), leaf(), leaf()]));
    assert!(grown.filter(Result::is_err).count() > 0, "a set that is a bit and takes 2 MiB, a hundred times");
}
