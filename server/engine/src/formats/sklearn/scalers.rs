//! Transformers of numbers, column by column.

use super::builder::{Builder, Columns};
use super::columns::{self, floats};
use super::estimator::{Answer, Family, Lowered, Method, no_such};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Learning, Reduce, Unary, ValueId};

pub const SCALERS: Family = Family {
    classes: &[
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "Normalizer",
        "Binarizer",
        "PolynomialFeatures",
        "KBinsDiscretizer",
        "PowerTransformer",
        "QuantileTransformer",
    ],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let (id, width) = columns::dense(to, x)?;
        scaled(to, of, id, width)
    },
};

fn is_on(of: View<'_>, name: &str, default: bool) -> Result<bool, EngineError> {
    of.find(name).map_or(Ok(default), View::bool)
}

fn scaled(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Lowered {
    let (x, width) = match of.class() {
        Some("StandardScaler") => (centred(to, of, x, ["mean_", "scale_"])?, width),
        Some("RobustScaler") => (centred(to, of, x, ["center_", "scale_"])?, width),
        Some("MaxAbsScaler") => (centred(to, of, x, ["", "scale_"])?, width),
        Some("MinMaxScaler") => {
            let x = to.with_row(Binary::Mul, x, floats(of, "scale_")?)?;
            let x = to.with_row(Binary::Add, x, floats(of, "min_")?)?;
            if !is_on(of, "clip", false)? {
                return made(x, width);
            }
            let [low, high] = pair(of.get("feature_range")?)?;
            let x = to.with(Binary::Max, x, low)?;
            (to.with(Binary::Min, x, high)?, width)
        }
        Some("Binarizer") => {
            let above = to.compare_with(Compare::Greater, x, of.get("threshold")?.float()?)?;
            (to.float(above)?, width)
        }
        Some("Normalizer") => {
            let norm = of.find("norm").and_then(|norm| norm.text()).unwrap_or("l2");
            (normalised(to, x, norm)?, width)
        }
        Some("PolynomialFeatures") => return polynomial(to, of, x, width),
        Some("KBinsDiscretizer") => return binned(to, of, x, width),
        Some("PowerTransformer") => (powers(to, of, x, width)?, width),
        _ => (quantiles(to, of, x, width)?, width),
    };
    made(x, width)
}

fn made(x: ValueId, width: usize) -> Lowered {
    Ok(Answer::Columns(Columns::Numbers(x, width)))
}

pub fn pair(of: View<'_>) -> Result<[f64; 2], EngineError> {
    let items = of.array()?.floats()?;
    items.try_into().map_err(|_| EngineError::broken("a pair of numbers is none"))
}

fn centred(
    to: &mut Builder<'_>,
    of: View<'_>,
    mut x: ValueId,
    [centre, scale]: [&str; 2],
) -> Result<ValueId, EngineError> {
    let wanted = |flag: &str| is_on(of, flag, true);
    if of.find(centre).is_some() && wanted("with_mean")? && wanted("with_centering")? {
        x = to.with_row(Binary::Sub, x, floats(of, centre)?)?;
    }
    if of.find(scale).is_some() && wanted("with_std")? && wanted("with_scaling")? {
        x = to.with_row(Binary::Div, x, floats(of, scale)?)?;
    }
    // A robust scaler of unit variance has that in its scale already; only the newest clip.
    if of.class() == Some("MaxAbsScaler") && is_on(of, "clip", false)? {
        x = to.with(Binary::Max, x, -1.0)?;
        x = to.with(Binary::Min, x, 1.0)?;
    }
    Ok(x)
}

/// Rows of length 1; rows of nothing stay.
pub fn normalised(to: &mut Builder<'_>, x: ValueId, norm: &str) -> Result<ValueId, EngineError> {
    let length = match norm {
        "l1" => {
            let sizes = to.unary(Unary::Abs, x)?;
            to.sum(sizes)?
        }
        "l2" => {
            let squares = to.unary(Unary::Square, x)?;
            let sum = to.sum(squares)?;
            to.unary(Unary::Sqrt, sum)?
        }
        "max" => {
            let sizes = to.unary(Unary::Abs, x)?;
            to.reduce(Reduce::Max, sizes, 1, true)?
        }
        other => return Err(EngineError::broken(format!("norm {other:?} is not known"))),
    };
    to.binary(Binary::DivNoNan, x, length)
}

/// Products of columns: for each factor of a term a column, or one of ones.
fn polynomial(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Lowered {
    const MOST_TERMS: usize = 1 << 20;
    let degree = of.get("degree")?;
    let (least, most) = match degree.int() {
        Ok(most) => (0, most),
        Err(_) => {
            let both = degree.array()?.ints()?;
            let &[least, most] = &both[..] else {
                return Err(EngineError::broken("degrees of a polynomial"));
            };
            (least, most)
        }
    };
    let range = usize::try_from(least).ok().zip(usize::try_from(most).ok()).filter(|(_, most)| *most <= 32);
    let (least, most) = range.ok_or_else(|| EngineError::broken(format!("a polynomial of degree {most}")))?;
    let alone = is_on(of, "interaction_only", false)?;
    let mut terms: Vec<Vec<usize>> = Vec::new();
    let mut of_degree: Vec<Vec<usize>> = vec![Vec::new()];
    if is_on(of, "include_bias", true)? {
        terms.push(Vec::new());
    }
    for degree in 1..=most {
        let longer = of_degree.iter().flat_map(|term| {
            let first = term.last().map_or(0, |last| last + usize::from(alone));
            (first..width).map(|column| [&term[..], &[column]].concat())
        });
        of_degree = longer.take(MOST_TERMS + 1).collect();
        if degree >= least {
            terms.extend(of_degree.iter().cloned());
        }
        if terms.len() > MOST_TERMS || of_degree.len() > MOST_TERMS {
            return Err(EngineError::broken(format!("a polynomial of more than {MOST_TERMS} terms")));
        }
    }
    let ones = to.unary(Unary::OnesLike, x)?;
    let one = to.pick(ones, &[0])?;
    let extended = to.beside(&[x, one])?;
    let mut product = None;
    for factor in 0..most.max(1) {
        let of_terms: Vec<usize> =
            terms.iter().map(|term| term.get(factor).copied().unwrap_or(width)).collect();
        let factors = to.pick(extended, &of_terms)?;
        product = Some(match product {
            Some(product) => to.binary(Binary::Mul, product, factors)?,
            None => factors,
        });
    }
    let product = product.ok_or_else(|| EngineError::broken("a polynomial without terms"))?;
    made(product, terms.len())
}

/// The number of the bin that each value is in.
fn binned(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Lowered {
    let edges = of.get("bin_edges_")?.array()?.objects().unwrap_or_default();
    if edges.len() != width {
        return Err(EngineError::broken("bins of another number of columns"));
    }
    let hot =
        of.find("encode").and_then(|encode| encode.text()).is_none_or(|encode| encode.starts_with("onehot"));
    // Versions before 1.1 take what is a little below an edge for it.
    let near = !super::is_since(of, [1, 1]);
    let (mut parts, mut total) = (Vec::new(), 0);
    for (n, edges) in edges.iter().enumerate() {
        let edges = edges.array()?.floats()?;
        let inner = edges.get(1..edges.len().saturating_sub(1)).unwrap_or(&[]).to_vec();
        let count = inner.len() + 1;
        let mut column = to.pick(x, &[n])?;
        if near {
            let size = to.unary(Unary::Abs, column)?;
            let size = to.with(Binary::Mul, size, 1e-5)?;
            let size = to.with(Binary::Add, size, 1e-8)?;
            column = to.binary(Binary::Add, column, size)?;
        }
        let number = if inner.is_empty() {
            to.unary(Unary::ZerosLike, column)?
        } else {
            let inner = to.row(inner)?;
            let above = to.compare(Compare::GreaterEqual, column, inner)?;
            let above = to.float(above)?;
            to.sum(above)?
        };
        if hot {
            let number = to.squeeze(number, 1)?;
            let number = to.add(crate::graph::Op::Cast(crate::DType::I64), &[number])?;
            parts.push(to.one_hot(number, count)?);
        } else {
            parts.push(number);
        }
        total += if hot { count } else { 1 };
    }
    made(to.beside(&parts)?, total)
}

fn powers(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Result<ValueId, EngineError> {
    let lambdas = floats(of, "lambdas_")?;
    if lambdas.len() != width {
        return Err(EngineError::broken("powers of another number of columns"));
    }
    let is_box_cox = of.find("method").and_then(|method| method.text()) == Some("box-cox");
    let mut parts = Vec::new();
    for (n, lambda) in lambdas.into_iter().enumerate() {
        let column = to.pick(x, &[n])?;
        parts.push(if lambda.is_nan() {
            column
        } else if is_box_cox {
            power(to, column, lambda)?
        } else {
            yeo_johnson(to, column, lambda)?
        });
    }
    let x = to.beside(&parts)?;
    match of.find("_scaler") {
        Some(scaler) if is_on(of, "standardize", true)? => centred(to, scaler, x, ["mean_", "scale_"]),
        _ => Ok(x),
    }
}

/// `(x^lambda - 1) / lambda`, or the logarithm.
fn power(to: &mut Builder<'_>, x: ValueId, lambda: f64) -> Result<ValueId, EngineError> {
    if lambda.abs() < f64::EPSILON {
        return to.unary(Unary::Log, x);
    }
    let raised = to.with(Binary::Pow, x, lambda)?;
    let raised = to.with(Binary::Sub, raised, 1.0)?;
    to.with(Binary::Div, raised, lambda)
}

fn yeo_johnson(to: &mut Builder<'_>, x: ValueId, lambda: f64) -> Result<ValueId, EngineError> {
    let size = to.unary(Unary::Abs, x)?;
    let beyond = to.with(Binary::Add, size, 1.0)?;
    let above = power(to, beyond, lambda)?;
    let below = power(to, beyond, 2.0 - lambda)?;
    let below = to.unary(Unary::Neg, below)?;
    let is_above = to.compare_with(Compare::GreaterEqual, x, 0.0)?;
    let made = to.select(is_above, above, below)?;
    // What is missing stays.
    to.binary(Binary::Add, made, x).and_then(|sum| to.binary(Binary::Sub, sum, x))
}

/// Each value's place among the quantiles of training.
fn quantiles(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Result<ValueId, EngineError> {
    let (quantiles, [count, of_width]) = columns::matrix(of.get("quantiles_")?)?;
    let references = floats(of, "references_")?;
    if of_width != width || references.len() != count || count == 0 {
        return Err(EngineError::broken("quantiles of another number of columns"));
    }
    let spread =
        |values: &[f64]| values.iter().flat_map(|v| std::iter::repeat_n(*v, width)).collect::<Vec<f64>>();
    let shape = [count, width];
    let places = to.constant(quantiles.clone(), &shape)?;
    let values = to.constant(spread(&references), &shape)?;
    // Flat stretches from both sides: the middle.
    let turned: Vec<f64> = quantiles.chunks_exact(width).rev().flatten().map(|q| -q).collect();
    let back: Vec<f64> = references.iter().rev().map(|r| -r).collect();
    let (turned, back) = (to.constant(turned, &shape)?, to.constant(spread(&back), &shape)?);
    let up = to.learning(Learning::Interpolate, &[x, places, values])?;
    let against = to.unary(Unary::Neg, x)?;
    let down = to.learning(Learning::Interpolate, &[against, turned, back])?;
    let apart = to.binary(Binary::Sub, up, down)?;
    let mut share = to.with(Binary::Mul, apart, 0.5)?;
    let is_normal = of.find("output_distribution").and_then(|of| of.text()) == Some("normal");
    let (first, last) = (quantiles[..width].to_vec(), quantiles[(count - 1) * width..].to_vec());
    for (bound, end, is_low) in [(first, 0.0, true), (last, 1.0, false)] {
        // Of a normal distribution what is almost at an end is there.
        let bound = bound
            .into_iter()
            .map(|b| if is_normal { if is_low { b + 1e-7 } else { b - 1e-7 } } else { b })
            .collect();
        let bound = to.row(bound)?;
        let compare = match (is_normal, is_low) {
            (true, true) => Compare::Less,
            (true, false) => Compare::Greater,
            _ => Compare::Equal,
        };
        let there = to.compare(compare, x, bound)?;
        let end = to.number(end)?;
        share = to.select(there, end, share)?;
    }
    if !is_normal {
        return Ok(share);
    }
    let function = crate::graph::Rare::Function(crate::graph::Function::Ndtri);
    let normal = to.add(crate::graph::Op::Rare(Box::new(function)), &[share])?;
    // The outermost 1e-7 of the distribution, as scikit-learn has it.
    let normal = to.with(Binary::Max, normal, NORMAL_END)?;
    to.with(Binary::Min, normal, -NORMAL_END)
}

/// The normal distribution's quantile of `1e-7 - 2^-52`.
const NORMAL_END: f64 = -5.199_337_582_605_575;
