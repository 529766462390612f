//! Transformers of numbers, column by column.

use super::builder::{Builder, Columns};
use super::columns::{self, floats};
use super::estimator::{Answer, Family, Lowered, Method, no_such};
use super::quantiles;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Reduce, Unary, ValueId};

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

pub fn is_on(of: View<'_>, name: &str, default: bool) -> Result<bool, EngineError> {
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
            let norm = of.word("norm").unwrap_or("l2");
            (normalised(to, x, norm)?, width)
        }
        Some("PolynomialFeatures") => return polynomial(to, of, x, width),
        Some("KBinsDiscretizer") => return binned(to, of, x, width),
        Some("PowerTransformer") => (quantiles::powers(to, of, x, width)?, width),
        _ => (quantiles::quantiles(to, of, x, width)?, width),
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

pub fn centred(
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
    let hot = of.word("encode").is_none_or(|encode| encode.starts_with("onehot"));
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
