//! Rows as sums of hidden factors: with noise of each feature's own, or of parts none of which is less than nothing.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{Answer, Family, Lowered, Method, Part, no_such};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Descent, Divergence, Learning, Matrix, Op, Rare, Unary, ValueId};

/// Parts for each feature: what they have to do with each other is in proportion to what the file holds.
const MOST_PARTS: usize = 64;
/// Rounds of a search, at most.
const MOST_ROUNDS: usize = 10_000;

pub const ANALYSIS: Family = Family {
    classes: &["FactorAnalysis"],
    methods: |_| Ok(vec![Method::Transform, Method::Samples]),
    lower: analysis,
};

fn analysis(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let (loadings, shape) = matrix(of.get("components_")?)?;
    let [count, width] = shape;
    let noise = floats(of, "noise_variance_")?;
    if count > width || noise.len() != width {
        return Err(EngineError::broken("FactorAnalysis has factors or noise of other features"));
    }
    let weighted: Vec<f64> = loadings.iter().enumerate().map(|(n, w)| w / noise[n % width]).collect();
    let x = columns::numbers(to, x, width)?;
    let x = to.with_row(Binary::Sub, x, floats(of, "mean_")?)?;
    let along =
        columns::product(to, &Columns::Numbers(x, width), columns::transposed(&(weighted.clone(), shape)))?;
    // How sure the factors are: I + W / noise · Wᵀ.
    let unit = (0..count * count).map(|n| f64::from(u8::from(n % (count + 1) == 0))).collect();
    let (unit, weighted) = (to.constant(unit, &[count, count])?, to.constant(weighted, &shape)?);
    let loadings = to.constant(loadings, &shape)?;
    let inner = to.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[weighted, loadings])?;
    let inner = to.binary(Binary::Add, inner, unit)?;
    let inverse = to.add(Op::Rare(Box::new(Rare::Matrix(Matrix::Inverse { adjoint: false }))), &[inner])?;
    let made = to.product(along, inverse)?;
    match method {
        Method::Transform => Ok(Answer::Columns(Columns::Numbers(made, count))),
        Method::Samples => {
            let scores = likelihoods(to, x, &noise, [along, made, inner])?;
            Ok(Answer::Part(Part::floats(scores, None)))
        }
        _ => Err(no_such(of, method)),
    }
}

/// How likely rows are, which lie around the origin: [rows]. Told by the small matrix of the factors, not the large one of the features.
fn likelihoods(
    to: &mut Builder<'_>,
    x: ValueId,
    noise: &[f64],
    [along, made, inner]: [ValueId; 3],
) -> Result<ValueId, EngineError> {
    let squares = to.unary(Unary::Square, x)?;
    let scaled = to.with_row(Binary::Div, squares, noise.to_vec())?;
    let (all, both) = (to.sum(scaled)?, to.binary(Binary::Mul, along, made)?);
    let explained = to.sum(both)?;
    let distance = to.binary(Binary::Sub, all, explained)?;
    let logs = to.add_many(Op::Rare(Box::new(Rare::Matrix(Matrix::LogDeterminant))), &[inner], 2)?;
    let moved = to.binary(Binary::Add, distance, logs[1])?;
    let base = noise.len() as f64 * std::f64::consts::TAU.ln() + noise.iter().map(|v| v.ln()).sum::<f64>();
    let doubled = to.with(Binary::Add, moved, base)?;
    let scores = to.with(Binary::Mul, doubled, -0.5)?;
    to.squeeze(scores, 1)
}

pub const NON_NEGATIVE: Family =
    Family { classes: &["NMF"], methods: |_| Ok(vec![Method::Transform]), lower: non_negative };

fn non_negative(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Transform {
        return Err(no_such(of, method));
    }
    let parts = matrix(of.get("components_")?)?;
    let [count, width] = parts.1;
    let (tolerance, rounds) = (of.get("tol")?.float()?, of.get("max_iter")?.size()?);
    if count > width.saturating_mul(MOST_PARTS) || rounds > MOST_ROUNDS {
        return Err(EngineError::broken(format!(
            "NMF of {count} parts and {width} features in {rounds} rounds; at most {MOST_PARTS} parts for each feature and \
             {MOST_ROUNDS} rounds (max_iter) are read"
        )));
    }
    let [absolute, square] = penalties(of, width)?;
    let made = match of.word("solver") {
        Some("cd") if of.find("shuffle").map_or(Ok(false), View::bool)? => {
            return Err(EngineError::broken("NMF that shuffles: its answers depend on chance"));
        }
        Some("cd") => descended(to, x, parts, [absolute, square], Descent { tolerance, rounds })?,
        Some("mu") => {
            let how = Divergence { beta: beta(of)?, tolerance, rounds, absolute, square };
            scaled(to, x, parts, how)?
        }
        other => return Err(EngineError::broken(format!("NMF by solver {other:?}"))),
    };
    Ok(Answer::Columns(Columns::Numbers(made, count)))
}

/// The least squares.
fn descended(
    to: &mut Builder<'_>,
    x: &Columns,
    parts: (Vec<f64>, [usize; 2]),
    [absolute, square]: [f64; 2],
    descent: Descent,
) -> Result<ValueId, EngineError> {
    let count = parts.1[0];
    let x = not_below(to, x, 0.0)?;
    let sums = columns::product(to, &x, columns::transposed(&parts))?;
    let sums = to.with(Binary::Sub, sums, absolute)?;
    let diagonal = (0..count * count).map(|n| if n % (count + 1) == 0 { square } else { 0.0 }).collect();
    let diagonal = to.constant(diagonal, &[count, count])?;
    let parts = to.constant(parts.0, &parts.1)?;
    let gram = to.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[parts, parts])?;
    let gram = to.binary(Binary::Add, gram, diagonal)?;
    to.learning(Learning::Shares(descent), &[sums, gram])
}

/// The least divergence.
fn scaled(
    to: &mut Builder<'_>,
    x: &Columns,
    parts: (Vec<f64>, [usize; 2]),
    how: Divergence,
) -> Result<ValueId, EngineError> {
    let x = columns::numbers(to, x, parts.1[1])?;
    // Of nothing some divergences are without end.
    let least = if how.beta <= 0.0 { f64::MIN_POSITIVE } else { 0.0 };
    let x = not_below(to, &Columns::Numbers(x, parts.1[1]), least)?;
    let (x, _) = columns::dense(to, &x)?;
    let parts = to.constant(parts.0, &parts.1)?;
    to.learning(Learning::ScaledShares(how), &[x, parts])
}

/// The kind of divergence.
fn beta(of: View<'_>) -> Result<f64, EngineError> {
    let given = of.get("beta_loss")?;
    match given.text() {
        Some("frobenius") => Ok(2.0),
        Some("kullback-leibler") => Ok(1.0),
        Some("itakura-saito") => Ok(0.0),
        Some(other) => Err(EngineError::broken(format!("NMF by the divergence {other:?}"))),
        None => given.float(),
    }
}

/// Rows of which nothing is below a limit.
fn not_below(to: &mut Builder<'_>, x: &Columns, least: f64) -> Result<Columns, EngineError> {
    let (least, most) = (to.number(least)?, to.number(f64::MAX)?);
    let op = Learning::Between("NMF".into());
    if let Columns::Sparse([indices, values, shape], width) = x {
        let values = to.learning(op, &[*values, least, most])?;
        return Ok(Columns::Sparse([*indices, values, *shape], *width));
    }
    let (x, width) = columns::dense(to, x)?;
    Ok(Columns::Numbers(to.learning(op, &[x, least, most])?, width))
}

/// What shares cost by their size, and by its square.
fn penalties(of: View<'_>, width: usize) -> Result<[f64; 2], EngineError> {
    let ratio = of.find("l1_ratio").map_or(Ok(0.0), View::float)?;
    let alpha = match of.find("alpha_W").map_or(Ok(0.0), View::float)? {
        // Until 1.1, and not by the number of features; since 1.0 it is a text where it was not given.
        0.0 => {
            let of_parts = |kind: View<'_>| kind.is_none() || kind.text() == Some("components");
            let spared = of.attribute("regularization").is_some_and(of_parts);
            let old = of.find("alpha").filter(|alpha| !spared && alpha.text().is_none());
            old.map_or(Ok(0.0), View::float)?
        }
        alpha => alpha * width as f64,
    };
    Ok([alpha * ratio, alpha * (1.0 - ratio)])
}
