use super::answers;
use crate::graph::{Branch, Forest, Missing, Real};
use crate::kernels::simd::Isa;
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
fn grow<T: Real>(rng: &mut fastrand::Rng, tree: &mut Vec<Branch<T>>, depth: usize, how: &How) -> usize {
    let at = tree.len();
    if depth == 0 || rng.u8(..4) == 0 {
        tree.push(match how.wide {
            Some(outputs) => Branch::Leaves((0..outputs).map(|_| real(rng.f32() - 0.5)).collect()),
            None => Branch::Leaf(real(rng.f32() - 0.5)),
        });
        return at;
    }
    tree.push(Branch::Leaf(T::zero()));
    let children = [grow(rng, tree, depth - 1, how), grow(rng, tree, depth - 1, how)];
    let missing = how.missing[rng.usize(..how.missing.len())];
    let feature = rng.usize(..how.features);
    tree[at] = if how.categories && rng.bool() {
        let values = (-3..4i8).filter(|_| rng.bool()).map(|v| real(v.into())).collect();
        Branch::Equal { feature, values, missing, children }
    } else if how.categories && rng.bool() {
        Branch::Among {
            feature,
            categories: (0..rng.u32(1..70)).filter(|_| rng.bool()).collect(),
            missing,
            children,
        }
    } else {
        let threshold = if how.fine { rng.f32() * 8.0 - 4.0 } else { rng.i8(-3..4).into() };
        Branch::Below { feature, threshold: real(threshold), missing, children }
    };
    at
}

fn real<T: Real>(value: f32) -> T {
    T::from(value).unwrap()
}

struct How {
    features: usize,
    wide: Option<usize>,
    missing: &'static [Missing],
    categories: bool,
    /// Hardly a threshold is like another.
    fine: bool,
}

/// Forests of many kinds, as they come and laid out for many rows, beside a plain walk of each row through each tree.
fn all_ways_answer_alike<T: super::Answer>(seed: u64) {
    let plain = &[Missing::Left, Missing::Right][..];
    let every = &[Missing::Left, Missing::Right, Missing::Zero, Missing::ZeroLeft, Missing::ZeroRight][..];
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut sliced = 0;
    for case in 0..200 {
        let outputs = rng.usize(1..4);
        let how = How {
            features: rng.usize(1..12),
            wide: rng.bool().then_some(outputs),
            missing: if rng.u8(..4) > 0 { &every[..3] } else { [plain, every][rng.usize(..2)] },
            categories: rng.u8(..4) == 0,
            fine: rng.bool(),
        };
        let base: Vec<T> = (0..outputs).map(|_| real(rng.f32())).collect();
        let count = rng.usize(1..40);
        let mut forest = Forest::new(how.features, base.clone()).unwrap();
        let trees: Vec<(usize, Vec<Branch<T>>)> = (0..count)
            .map(|n| {
                let mut tree = Vec::new();
                grow(&mut rng, &mut tree, case % 10, &how);
                (n % outputs, tree)
            })
            .collect();
        for (output, tree) in &trees {
            forest.add(*output, tree).unwrap();
        }
        let mut finished = forest.clone();
        finished.finish();
        let rows = if case % 5 == 0 { rng.usize(100..700) } else { rng.usize(1..80) };
        let least = |part: &crate::graph::ForestPart<T>| part.sliced.as_ref().map(|(least, _)| *least);
        sliced += usize::from(finished.parts().iter().filter_map(least).any(|least| least <= rows));
        let holes = rng.bool();
        let value = |rng: &mut fastrand::Rng| match rng.u8(..9) {
            0 if holes => T::nan(),
            1 => T::infinity(),
            2 => T::neg_infinity(),
            _ => real(rng.i8(-4..70).into()),
        };
        let x: Vec<T> = (0..rows * how.features).map(|_| value(&mut rng)).collect();
        let given = Value::of(x.clone(), &[rows, how.features]).unwrap();
        let all: Vec<Value> = [&forest, &finished]
            .into_iter()
            .flat_map(|forest| Isa::all().into_iter().map(|isa| answers(isa, forest, &given).unwrap()))
            .collect();
        for (n, row) in x.chunks(how.features).enumerate() {
            let mut expected = base.clone();
            for (output, tree) in &trees {
                match how.wide {
                    Some(_) => expected.iter_mut().zip(naive(tree, row)).for_each(|(e, v)| *e = *e + v),
                    None => expected[*output] = expected[*output] + naive(tree, row)[0],
                }
            }
            for got in &all {
                assert_eq!(got.dims(), [rows, outputs]);
                let got = &got.slice::<T>().unwrap()[n * outputs..][..outputs];
                assert_eq!(got, expected, "case {case}, row {n} of {rows}");
            }
        }
    }
    assert!(sliced > 40, "{sliced} forests were sliced");
}

#[test]
fn walks_and_slices_answer_as_each_row_alone() {
    all_ways_answer_alike::<f32>(7);
    all_ways_answer_alike::<f64>(8);
}

#[test]
fn parts_are_as_many_trees_as_bytes_suffice_for() {
    let mut forest = Forest::new(1, vec![0.0f32]).unwrap();
    let leaf = |value: u16| Branch::Leaf(f32::from(value));
    let below = |threshold: u16, children| {
        let threshold = f32::from(threshold);
        Branch::Below { feature: 0, threshold, missing: Missing::Left, children }
    };
    // Three thresholds each, 600 in all, and the first ones again.
    for n in (0..200).chain(0..60) {
        let tree = [
            below(n * 3 + 1, [1, 2]),
            below(n * 3, [3, 4]),
            below(n * 3 + 2, [5, 6]),
            leaf(0),
            leaf(1),
            leaf(2),
            leaf(3),
        ];
        forest.add(0, &tree).unwrap();
    }
    forest.finish();
    let parts: Vec<_> = forest.parts().iter().map(|part| part.trees.clone()).collect();
    assert_eq!(parts, [0..85, 85..170, 170..255, 255..260]);
    assert!(forest.parts().iter().all(|part| part.sliced.is_some()));
    let x: Vec<f32> = (0..700u16).map(f32::from).collect();
    let got = answers(Isa::best(), &forest, &Value::of(x, &[700, 1]).unwrap()).unwrap();
    for (x, got) in got.slice::<f32>().unwrap().iter().enumerate() {
        let sum: usize = (0..200).chain(0..60).map(|n| (x + 1).saturating_sub(n * 3).min(3)).sum();
        assert_eq!(*got, sum as f32, "{x}");
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
