//! Support vector machines.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{self, Answer, Family, Lowered, Method, Part, label_of_largest, no_such};
use super::{kernels, labels, linear};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Learning, Unary, ValueId};

/// Classes whose pairs are compared.
const MOST_CLASSES: usize = 256;

pub const CLASSIFIERS: Family = Family {
    classes: &["SVC", "NuSVC"],
    methods: |of| {
        let chances =
            of.find("probability").map_or(Ok(false), |view| view.bool().or(Ok::<_, EngineError>(false)))?;
        Ok([&[Method::Predict, Method::Decision][..], if chances { &[Method::Proba] } else { &[] }].concat())
    },
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["SVR", "NuSVR"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        Ok(Answer::Part(Part::floats(single(to, of, x)?, None)))
    },
};

pub const ONE_CLASS: Family = Family {
    classes: &["OneClassSVM"],
    methods: |_| Ok(vec![Method::Predict, Method::Decision, Method::Samples]),
    lower: |to, of, x, method| {
        let decision = single(to, of, x)?;
        match method {
            Method::Decision => Ok(Answer::Part(Part::floats(decision, None))),
            Method::Predict => estimator::inlier(to, Compare::Greater, decision),
            Method::Samples => {
                let scores =
                    to.with(Binary::Add, decision, floats(of, "offset_")?.first().copied().unwrap_or(0.0))?;
                Ok(Answer::Part(Part::floats(scores, None)))
            }
            _ => Err(no_such(of, method)),
        }
    },
};

/// How like rows are to the support vectors: [rows, vectors].
fn kernel(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<ValueId, EngineError> {
    kernels::named(to, of, x, matrix(of.get("support_vectors_")?)?)
}

/// One sum over the support vectors: [rows].
fn single(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<ValueId, EngineError> {
    let kernel = kernel(to, of, x)?;
    let dual = matrix(of.get("dual_coef_")?)?;
    let sums = columns::linear(to, &Columns::Numbers(kernel, dual.1[1]), &dual, floats(of, "intercept_")?)?;
    to.squeeze(sums, 1)
}

/// Decisions between pairs of classes, above zero for the first: [rows, pairs].
fn pairs(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    classes: usize,
) -> Result<(ValueId, usize), EngineError> {
    let (dual, [rows, vectors]) = matrix(of.get("dual_coef_")?)?;
    let counts = of.any(&["_n_support", "n_support_"]);
    let counts = counts.ok_or_else(|| EngineError::broken("no n_support_"))?.array()?.ints()?;
    let counts: Vec<usize> = counts.into_iter().filter_map(|n| usize::try_from(n).ok()).collect();
    if counts.len() != classes || rows + 1 != classes || counts.iter().sum::<usize>() != vectors {
        return Err(EngineError::broken("support vectors are not those of the classes"));
    }
    if classes > MOST_CLASSES {
        return Err(EngineError::broken(format!("support vectors of {classes} classes")));
    }
    let begins: Vec<usize> = (0..classes).map(|n| counts[..n].iter().sum()).collect();
    let mut weights = Vec::new();
    for first in 0..classes {
        for second in first + 1..classes {
            let mut row = vec![0.0; vectors];
            for (of, against) in [(first, second - 1), (second, first)] {
                let range = begins[of]..begins[of] + counts[of];
                row[range.clone()].copy_from_slice(&dual[against * vectors..][range]);
            }
            weights.extend(row);
        }
    }
    let pairs = classes * (classes - 1) / 2;
    let kernel = kernel(to, of, x)?;
    // With two classes scikit-learn turns the signs of what it shows, not of what it computes with.
    let sign = if classes == 2 { -1.0 } else { 1.0 };
    let weights = weights.into_iter().map(|w| w * sign).collect();
    let intercepts = floats(of, "intercept_")?.into_iter().map(|i| i * sign).collect();
    let sums =
        columns::linear(to, &Columns::Numbers(kernel, vectors), &(weights, [pairs, vectors]), intercepts)?;
    Ok((sums, pairs))
}

/// For each pair in its row, a number in the columns of its first and its second class.
pub fn of_pairs(classes: usize, [first, second]: [f64; 2]) -> (Vec<f64>, [usize; 2]) {
    let mut data = Vec::new();
    for i in 0..classes {
        for j in i + 1..classes {
            let of = |n: usize| {
                if n == i {
                    first
                } else if n == j {
                    second
                } else {
                    0.0
                }
            };
            data.extend((0..classes).map(of));
        }
    }
    (data, [classes * (classes - 1) / 2, classes])
}

/// Votes of pairs, and a little of how sure they are: [rows, classes].
pub fn votes(
    to: &mut Builder<'_>,
    for_first: ValueId,
    sure: Option<ValueId>,
    classes: usize,
) -> Result<ValueId, EngineError> {
    if !(2..=MOST_CLASSES).contains(&classes) {
        return Err(EngineError::broken(format!("pairs of {classes} classes")));
    }
    let pairs = classes * (classes - 1) / 2;
    let hits = to.float(for_first)?;
    let one = to.number(1.0)?;
    let misses = to.binary(Binary::Sub, one, hits)?;
    let wins = columns::product(to, &Columns::Numbers(hits, pairs), of_pairs(classes, [1.0, 0.0]))?;
    let losses = columns::product(to, &Columns::Numbers(misses, pairs), of_pairs(classes, [0.0, 1.0]))?;
    let votes = to.binary(Binary::Add, wins, losses)?;
    let Some(sure) = sure else { return Ok(votes) };
    let sums = columns::product(to, &Columns::Numbers(sure, pairs), of_pairs(classes, [1.0, -1.0]))?;
    let size = to.unary(Unary::Abs, sums)?;
    let size = to.with(Binary::Add, size, 1.0)?;
    let size = to.with(Binary::Mul, size, 3.0)?;
    let share = to.binary(Binary::Div, sums, size)?;
    to.binary(Binary::Add, votes, share)
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let classes = labels::count(of)?;
    let (sums, pairs) = pairs(to, of, x, classes)?;
    if method == Method::Proba {
        return chances(to, of, sums, classes);
    }
    if classes == 2 {
        let shown = to.unary(Unary::Neg, sums)?;
        return linear::decided(to, of, of.get("classes_")?, (shown, 1), method);
    }
    let is_ovr = of.word("decision_function_shape") != Some("ovo");
    let breaks_ties = of.find("break_ties").map_or(Ok(false), View::bool)?;
    let not_below = |to: &mut Builder<'_>| to.compare_with(Compare::GreaterEqual, sums, 0.0);
    match method {
        Method::Decision if !is_ovr => Ok(Answer::Part(Part::floats(sums, Some(pairs)))),
        Method::Decision => {
            let first = not_below(to)?;
            Ok(Answer::Part(Part::floats(votes(to, first, Some(sums), classes)?, Some(classes))))
        }
        Method::Predict => {
            let votes = if is_ovr && breaks_ties {
                let first = not_below(to)?;
                votes(to, first, Some(sums), classes)?
            } else {
                let first = to.compare_with(Compare::Greater, sums, 0.0)?;
                votes(to, first, None, classes)?
            };
            label_of_largest(to, of, votes)
        }
        _ => Err(no_such(of, method)),
    }
}

/// Platt's chances of pairs, then of all classes.
fn chances(to: &mut Builder<'_>, of: View<'_>, sums: ValueId, classes: usize) -> Lowered {
    let attribute = |names: &[&str]| {
        let found =
            of.any(names).ok_or_else(|| EngineError::broken("SVC was fitted without probability=True"))?;
        found.array()?.floats()
    };
    let (slopes, offsets) = (attribute(&["_probA", "probA_"])?, attribute(&["_probB", "probB_"])?);
    if slopes.is_empty() {
        return Err(EngineError::broken("SVC was fitted without probability=True"));
    }
    let scaled = to.with_row(Binary::Mul, sums, slopes)?;
    let moved = to.with_row(Binary::Add, scaled, offsets)?;
    let against = to.unary(Unary::Neg, moved)?;
    let chance = to.unary(Unary::Sigmoid, against)?;
    let chance = to.with(Binary::Max, chance, 1e-7)?;
    let chance = to.with(Binary::Min, chance, 1.0 - 1e-7)?;
    let id = to.learning(Learning::Coupling, &[chance])?;
    Ok(Answer::Part(Part::floats(id, Some(classes))))
}
