//! Losses of margins and of distributions.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, unsupported};
use super::super::matrices::argument;

/// The loss of each element, and where the argument is that says what becomes of them; none: it is another operation.
pub fn each(b: &mut Builder, c: &Call, x: &Val) -> Result<Option<(Val, usize)>> {
    let zero = Val::Int(0);
    Ok(Some(match c.name.as_str() {
        "cosine_embedding_loss" => {
            let (y, target) = (argument(c, 1, "input2")?.clone(), argument(c, 2, "target")?.clone());
            let last = Val::Int(-1);
            let likeness = b.apply("cosine_similarity", &[x, &y, &last])?;
            let apart = b.apply("rsub", &[&likeness, &Val::Int(1)])?;
            let near = above(b, &likeness, c.float_or(3, "margin", 0.0)?)?;
            let is_pair = b.apply("gt", &[&target, &zero])?;
            (b.apply("where", &[&is_pair, &apart, &near])?, 4)
        }
        "hinge_embedding_loss" => {
            let target = argument(c, 1, "target")?.clone();
            let less = b.apply("neg", &[x])?;
            let near = above(b, &less, -c.float_or(2, "margin", 1.0)?)?;
            // What is neither a pair nor none counts as both.
            let none = Val::Float(0.0);
            let (not_pair, not_apart) =
                (b.apply("ne", &[&target, &Val::Int(1)])?, b.apply("ne", &[&target, &Val::Int(-1)])?);
            let (far, near) =
                (b.apply("where", &[&not_pair, &near, &none])?, b.apply("where", &[&not_apart, x, &none])?);
            (b.apply("add", &[&far, &near])?, 3)
        }
        "margin_ranking_loss" => {
            let (y, target) = (argument(c, 1, "input2")?.clone(), argument(c, 2, "target")?.clone());
            let difference = b.apply("sub", &[&y, x])?;
            let turned = b.apply("mul", &[&difference, &target])?;
            (above(b, &turned, -c.float_or(3, "margin", 0.0)?)?, 4)
        }
        "triplet_margin_loss" => (triplet(b, c, x)?, 7),
        "soft_margin_loss" => {
            let product = b.apply("mul", &[x, argument(c, 1, "target")?])?;
            let log = b.apply("log_sigmoid", &[&product])?;
            (b.apply("neg", &[&log])?, 2)
        }
        "poisson_nll_loss" => {
            let target = argument(c, 1, "target")?.clone();
            let mut made = if c.flag(2, "log_input", true)? {
                let (rate, part) = (b.apply("exp", &[x])?, b.apply("mul", &[&target, x])?);
                b.apply("sub", &[&rate, &part])?
            } else {
                let sure = b.apply("add", &[x, &Val::Float(c.float_or(4, "eps", 1e-8)?)])?;
                let log = b.apply("log", &[&sure])?;
                let part = b.apply("mul", &[&target, &log])?;
                b.apply("sub", &[x, &part])?
            };
            if c.flag(3, "full", false)? {
                let more = factorial(b, &target)?;
                made = b.apply("add", &[&made, &more])?;
            }
            (made, 5)
        }
        "multi_margin_loss" => (classes(b, c, x)?, 5),
        _ => return Ok(None),
    }))
}

/// How far a value is above a margin.
fn above(b: &mut Builder, x: &Val, margin: f64) -> Result<Val> {
    let over = b.apply("sub", &[x, &Val::Float(margin)])?;
    b.apply("clamp_min", &[&over, &Val::Int(0)])
}

/// How much nearer one vector is to be than another one.
fn triplet(b: &mut Builder, c: &Call, anchor: &Val) -> Result<Val> {
    let (near, far) = (argument(c, 1, "positive")?.clone(), argument(c, 2, "negative")?.clone());
    let (order, least) = (Val::Float(c.float_or(4, "p", 2.0)?), Val::Float(c.float_or(5, "eps", 1e-6)?));
    let mut distance = |x: &Val, y: &Val| b.apply("pairwise_distance", &[x, y, &order, &least]);
    let (own, mut other) = (distance(anchor, &near)?, distance(anchor, &far)?);
    if c.flag(6, "swap", false)? {
        let beside = distance(&near, &far)?;
        other = b.apply("minimum", &[&other, &beside])?;
    }
    let difference = b.apply("sub", &[&own, &other])?;
    above(b, &difference, -c.float_or(3, "margin", 1.0)?)
}

/// How far the scores of other classes come near that of the right one, on average.
fn classes(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    if c.some(4, "weight").is_some() {
        return unsupported("with weights");
    }
    let value = b.of(x)?;
    if b.rank(value)? != 2 {
        return unsupported("but of rows of scores");
    }
    let (one, target) = (Val::Int(1), argument(c, 1, "target")?.clone());
    let place = b.apply("unsqueeze", &[&target, &one])?;
    let own = b.apply("gather", &[x, &one, &place])?;
    let difference = b.apply("sub", &[x, &own])?;
    let near = above(b, &difference, -c.float_or(3, "margin", 1.0)?)?;
    let near = b.apply("pow", &[&near, &Val::Float(c.float_or(2, "p", 1.0)?)])?;
    let near = b.apply("scatter", &[&near, &one, &place, &Val::Float(0.0)])?;
    b.apply("mean", &[&near, &Val::list(vec![one])])
}

/// Stirling's logarithm of a factorial, of numbers above one.
fn factorial(b: &mut Builder, n: &Val) -> Result<Val> {
    let log = b.apply("log", &[n])?;
    let product = b.apply("mul", &[n, &log])?;
    let product = b.apply("sub", &[&product, n])?;
    let round = b.apply("mul", &[n, &Val::Float(std::f64::consts::TAU)])?;
    let round = b.apply("log", &[&round])?;
    let half = b.apply("mul", &[&round, &Val::Float(0.5)])?;
    let all = b.apply("add", &[&product, &half])?;
    let few = b.apply("le", &[n, &Val::Int(1)])?;
    b.apply("masked_fill", &[&all, &few, &Val::Int(0)])
}
