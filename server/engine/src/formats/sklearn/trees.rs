//! Decision trees, and forests of them.

mod tree;

pub use tree::{Grown, grown};

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{self, Answer, Family, Lowered, Method, Part, no_such};
use super::labels;
use crate::DType;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Branch, Forest, Forests, Op, ValueId};

pub const CLASSIFIERS: Family = Family {
    classes: &[
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "RandomForestClassifier",
        "ExtraTreesClassifier",
    ],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["DecisionTreeRegressor", "ExtraTreeRegressor", "RandomForestRegressor", "ExtraTreesRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: regressor,
};

/// The trees of an estimator: its own, or those of its estimators.
pub fn trees(of: View<'_>) -> Result<Vec<Grown>, EngineError> {
    let views = match of.find("estimators_") {
        Some(all) => all.array()?.objects().unwrap_or_default(),
        None => vec![of],
    };
    let all = views.into_iter().map(|view| grown(view.get("tree_")?)).collect::<Result<Vec<_>, _>>()?;
    let first = all.first().ok_or_else(|| EngineError::broken("a forest without trees"))?;
    if all.iter().any(|tree| tree.features != first.features || tree.classes != first.classes) {
        return Err(EngineError::broken("trees of one forest are of different kinds"));
    }
    Ok(all)
}

/// Trees take numbers as `float32`.
pub fn single(to: &mut Builder<'_>, x: ValueId) -> Result<ValueId, EngineError> {
    let x = to.add(Op::Cast(DType::F32), &[x])?;
    to.float(x)
}

/// The mean of what trees say, one forest for each signature that asks for it: [rows, outputs].
fn mean(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    (number, outputs): (usize, usize),
    all: &[Grown],
    leaf: impl Fn(&Grown, usize) -> Vec<f64>,
) -> Result<ValueId, EngineError> {
    let features = all.first().map_or(0, |tree| tree.features);
    let x = columns::numbers(to, x, features)?;
    let x = single(to, x)?;
    let sum = to.forest((of.id(), number), x, || {
        let mut forest = Forest::<f64>::new(features, vec![0.0; outputs])?;
        for tree in all {
            forest.add(0, &tree.branches(|node| Ok(Branch::Leaves(leaf(tree, node))))?)?;
        }
        forest.finish();
        Ok(Forests::F64(forest))
    })?;
    if all.len() == 1 { Ok(sum) } else { to.with(Binary::Div, sum, all.len() as f64) }
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let all = trees(of)?;
    let Some(classes) = all.first().map(|tree| tree.classes.clone()) else { return Err(no_such(of, method)) };
    let mut parts = Vec::new();
    for (output, count) in classes.iter().copied().enumerate() {
        let shares = |tree: &Grown, node: usize| {
            let counts = tree.values(node, output).get(..count).unwrap_or(&[]);
            let sum: f64 = counts.iter().sum();
            let sum = if sum == 0.0 { 1.0 } else { sum };
            counts.iter().map(|n| n / sum).collect()
        };
        let chances = mean(to, of, x, (output, count), &all, shares)?;
        let names = of.get("classes_")?;
        let names =
            if classes.len() > 1 { names.items().get(output).copied().unwrap_or(names) } else { names };
        parts.push(match method {
            Method::Proba => Part::floats(chances, Some(count)),
            Method::Predict => {
                let index = to.largest(chances)?;
                labels::labelled(to, names, index)?
            }
            _ => return Err(no_such(of, method)),
        });
    }
    together(to, parts, method)
}

/// Predictions of several outputs lie in one table, probabilities in one for each.
pub fn together(to: &mut Builder<'_>, parts: Vec<Part>, method: Method) -> Lowered {
    if let [only] = parts[..] {
        return Ok(Answer::Part(only));
    }
    let first = parts.first().map(|part| part.dtype);
    if method != Method::Predict || parts.iter().any(|part| Some(part.dtype) != first) {
        return Ok(Answer::Parts(parts));
    }
    let columns = parts.iter().map(|part| to.expand(part.id, 1)).collect::<Result<Vec<_>, _>>()?;
    let id = to.beside(&columns)?;
    Ok(Answer::Part(Part { id, dtype: first.unwrap_or(DType::F64), width: Some(parts.len()) }))
}

fn regressor(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Predict {
        return Err(no_such(of, method));
    }
    let all = trees(of)?;
    let outputs = all.first().map_or(1, |tree| tree.classes.len());
    let sums = mean(to, of, x, (0, outputs), &all, |tree, node| {
        (0..outputs).map(|output| tree.values(node, output).first().copied().unwrap_or(0.0)).collect()
    })?;
    if outputs > 1 {
        return Ok(Answer::Part(Part::floats(sums, Some(outputs))));
    }
    Ok(Answer::Part(Part::floats(to.squeeze(sums, 1)?, None)))
}

pub const ISOLATION: Family = Family {
    classes: &["IsolationForest"],
    methods: |_| Ok(vec![Method::Predict, Method::Decision, Method::Samples]),
    lower: isolation,
};

/// The mean depth of so many points that are told apart at random.
fn depth_of(points: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match points {
        n if n <= 1.0 => 0.0,
        n if n <= 2.0 => 1.0,
        n => 2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n,
    }
}

fn isolation(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let all = trees(of)?;
    let subsets = of.get("estimators_features_")?.array()?.objects().unwrap_or_default();
    let features = super::width::of(of)?;
    let x = columns::numbers(to, x, features)?;
    let x = single(to, x)?;
    let depths = to.forest((of.id(), 0), x, || {
        let mut forest = Forest::<f64>::new(features, vec![0.0])?;
        for (n, tree) in all.iter().enumerate() {
            let subset = subsets.get(n).map(|view| view.array()?.ints()).transpose()?;
            let depths = tree.depths()?;
            let leaf = |node: usize| Ok(Branch::Leaf(depths[node] + depth_of(tree.samples[node])));
            let mut branches = tree.branches(leaf)?;
            for branch in &mut branches {
                if let (Branch::Below { feature, .. }, Some(subset)) = (branch, &subset) {
                    let own = subset.get(*feature).and_then(|f| usize::try_from(*f).ok());
                    *feature = own.ok_or_else(|| {
                        EngineError::broken("a tree asks for a feature that it does not have")
                    })?;
                }
            }
            forest.add(0, &branches)?;
        }
        forest.finish();
        Ok(Forests::F64(forest))
    })?;
    let most = of.any(&["max_samples_", "_max_samples"]);
    let most = most.ok_or_else(|| EngineError::broken("IsolationForest has no max_samples_"))?.float()?;
    let scale = all.len() as f64 * depth_of(most);
    let depths = to.squeeze(depths, 1)?;
    let exponent =
        to.with(Binary::Mul, depths, -std::f64::consts::LN_2 / if scale == 0.0 { 1.0 } else { scale })?;
    let scores = to.unary(crate::graph::Unary::Exp, exponent)?;
    let scores = to.unary(crate::graph::Unary::Neg, scores)?;
    estimator::outliers(to, of, method, scores, of.get("offset_")?.float()?)
}
