//! Gradient boosting over histograms: trees with missing values and categories.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{Answer, Family, Lowered, Method, Part, no_such};
use super::{encoders, estimator, labels, linear};
use crate::EngineError;
use crate::formats::pickle::{Array, View};
use crate::graph::{Branch, Compare, Forest, Forests, Learning, Missing, Unary, ValueId};

pub const CLASSIFIERS: Family = Family {
    classes: &["HistGradientBoostingClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba, Method::Decision]),
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["HistGradientBoostingRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: regressor,
};

/// Bits of one tree's sets of categories: words of 32, in rows.
struct Sets(Vec<i64>, usize);

impl Sets {
    fn of(tree: View<'_>) -> Result<Self, EngineError> {
        let Some(sets) = tree.find("raw_left_cat_bitsets") else { return Ok(Self(Vec::new(), 0)) };
        let sets = sets.array()?;
        Ok(Self(sets.ints()?, sets.shape.get(1).copied().unwrap_or(0)))
    }

    fn categories(&self, number: f64) -> Result<Vec<u32>, EngineError> {
        let begin = number as usize;
        let row = begin.checked_mul(self.1).and_then(|at| self.0.get(at..at + self.1));
        let row = row.ok_or_else(|| EngineError::broken("a tree's set of categories is not there"))?;
        let bits = (0..row.len() as u32 * 32).filter(|bit| row[*bit as usize / 32] >> (bit % 32) & 1 == 1);
        Ok(bits.collect())
    }
}

fn branches(tree: View<'_>) -> Result<Vec<Branch<f64>>, EngineError> {
    let nodes: Array<'_> = tree.get("nodes")?.array()?;
    let field = |name: &str| nodes.field(name);
    let optional =
        |name: &str| if nodes.has_field(name) { nodes.field(name) } else { Ok(vec![0.0; nodes.len()]) };
    let (values, leaves) = (field("value")?, field("is_leaf")?);
    // The name before 0.24.
    let thresholds = field(if nodes.has_field("num_threshold") { "num_threshold" } else { "threshold" })?;
    let (features, left, right) = (field("feature_idx")?, field("left")?, field("right")?);
    let (missing, among, numbers) =
        (optional("missing_go_to_left")?, optional("is_categorical")?, optional("bitset_idx")?);
    let sets = Sets::of(tree)?;
    let node = |n: usize| {
        if leaves[n] != 0.0 {
            return Ok(Branch::Leaf(values[n]));
        }
        let children = [left[n] as usize, right[n] as usize];
        let feature = features[n] as usize;
        let goes_left = missing[n] != 0.0;
        if among[n] != 0.0 {
            // Here it is the categories of the set that go left.
            let missing = if goes_left { Missing::Right } else { Missing::Left };
            let categories = sets.categories(numbers[n])?;
            return Ok(Branch::Among { feature, categories, missing, children: [children[1], children[0]] });
        }
        let missing = if goes_left { Missing::Left } else { Missing::Right };
        Ok(Branch::Below { feature, threshold: thresholds[n].next_up(), missing, children })
    };
    (0..nodes.len()).map(node).collect()
}

/// Sums of trees and what they begin with: [rows, outputs].
fn sums(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let rounds = of.get("_predictors")?.items();
    let base = columns::floats(of, "_baseline_prediction")?;
    let outputs = rounds.first().map_or(base.len(), |round| round.items().len()).max(1);
    let base = if base.len() == outputs { base } else { vec![base.first().copied().unwrap_or(0.0); outputs] };
    let (x, features) = match of.find("_preprocessor") {
        Some(preprocessor) => {
            let made = estimator::transformed(to, preprocessor, x)?;
            columns::dense(to, &made)?
        }
        None => columns::dense(to, x)?,
    };
    let x = if of.find("_preprocessor").is_some() { x } else { without_unknown(to, of, x, features)? };
    let sums = to.forest((of.id(), 0), x, || {
        let mut forest = Forest::<f64>::new(features, base)?;
        for tree in rounds.iter().flat_map(|round| round.items()).enumerate() {
            forest.add(tree.0 % outputs, &branches(tree.1)?)?;
        }
        forest.finish();
        Ok(Forests::F64(forest))
    })?;
    Ok((sums, outputs))
}

/// Categories that training has not seen count as missing. Newer versions encode them before.
fn without_unknown(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: ValueId,
    features: usize,
) -> Result<ValueId, EngineError> {
    let Some(categorical) = of.find("is_categorical_") else { return Ok(x) };
    let categorical = categorical.array()?.ints()?;
    if categorical.iter().all(|flag| *flag == 0) {
        return Ok(x);
    }
    let bins = of.get("_bin_mapper")?.get("bin_thresholds_")?.items();
    let mut parts = Vec::new();
    for feature in 0..features {
        let column = to.pick(x, &[feature])?;
        if categorical.get(feature).is_none_or(|flag| *flag == 0) {
            parts.push(column);
            continue;
        }
        let known = bins.get(feature).ok_or_else(|| EngineError::broken("a feature has no categories"))?;
        let known = labels::Labels::Floats(known.array()?.floats()?);
        let table = encoders::known(known, &format!("{feature}"), false)?;
        let number = to.learning(Learning::Categories(table), &[column])?;
        let number = to.float(number)?;
        let is_known = to.compare_with(Compare::GreaterEqual, number, 0.0)?;
        let missing = to.number(f64::NAN)?;
        parts.push(to.select(is_known, column, missing)?);
    }
    to.beside(&parts)
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let sums = sums(to, of, x)?;
    linear::by_odds(to, of, sums, method)
}

fn regressor(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Predict {
        return Err(no_such(of, method));
    }
    let (sums, _) = sums(to, of, x)?;
    let log = matches!(of.word("loss"), Some("poisson" | "gamma"));
    let sums = if log { to.unary(Unary::Exp, sums)? } else { sums };
    Ok(Answer::Part(Part::floats(to.squeeze(sums, 1)?, None)))
}
