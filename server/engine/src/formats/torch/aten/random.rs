//! Random numbers. Each draw goes on where the one before it ended; seeds of generators are not kept in programs.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::matrices::argument;
use crate::DType;
use crate::graph::{Draw, Op, Random, Rare, Source, Stream, ValueId};
use std::sync::Arc;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let made = match c.name.as_str() {
        "rand" | "randn" => {
            let sizes = c.sizes(0, "size")?;
            let dtype = told(c, 1)?.unwrap_or(DType::F32);
            let draw = if c.name == "rand" { Draw::Uniform } else { Draw::Normal };
            drawn(b, draw, &sizes, &[], dtype)?
        }
        "rand_like" | "randn_like" => {
            let own = c.x(b)?;
            let (sizes, dtype) = (b.extents(own)?, told(c, 1)?.unwrap_or(b.dtype(own)));
            let draw = if c.name == "rand_like" { Draw::Uniform } else { Draw::Normal };
            drawn(b, draw, &sizes, &[], dtype)?
        }
        "randint" | "randint_like" => integers(b, c)?,
        "randperm" => {
            let count = argument(c, 0, "n")?.clone();
            let keys = drawn(b, Draw::Uniform, &[count], &[], DType::F64)?;
            b.apply("argsort", &[&keys])?
        }
        "bernoulli" => {
            let x = argument(c, 0, "self")?.clone();
            let chance = match c.get(1, "p") {
                Some(p @ (Val::Float(_) | Val::Int(_) | Val::Tensor(_))) => p.clone(),
                _ if c.overload == "float" => Val::Float(0.5),
                _ => x.clone(),
            };
            let keys = b.apply("rand_like", &[&x])?;
            let is_one = b.apply("lt", &[&keys, &chance])?;
            b.apply("type_as", &[&is_one, &x])?
        }
        "normal" | "normal_functional" => normal(b, c)?,
        "uniform" | "exponential" => {
            let x = argument(c, 0, "self")?.clone();
            let keys = b.apply("rand_like", &[&x])?;
            if c.name == "exponential" {
                let rest = b.apply("rsub", &[&keys, &Val::Int(1)])?;
                let log = b.apply("log", &[&rest])?;
                b.apply("mul", &[&log, &Val::Float(-1.0 / c.float_or(1, "lambd", 1.0)?)])?
            } else {
                let (low, high) = (c.float_or(1, "from", 0.0)?, c.float_or(2, "to", 1.0)?);
                let wide = b.apply("mul", &[&keys, &Val::Float(high - low)])?;
                b.apply("add", &[&wide, &Val::Float(low)])?
            }
        }
        "poisson" => {
            let x = c.x(b)?;
            let (sizes, dtype) = (b.extents(x)?, b.dtype(x));
            drawn(b, Draw::Poisson, &sizes, &[x], dtype)?
        }
        "multinomial" => chosen(b, c)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

/// The type that is told, by its name or its place.
fn told(c: &Call, place: usize) -> Result<Option<DType>> {
    match c.get(usize::MAX, "dtype").or_else(|| c.get(place, "dtype")) {
        Some(Val::Type(_) | Val::Int(_)) if c.get(usize::MAX, "dtype").is_some() => {
            c.dtype(usize::MAX, "dtype")
        }
        Some(Val::Type(_) | Val::Int(_)) => c.dtype(place, "dtype"),
        _ => Ok(None),
    }
}

/// Numbers of a shape, which are drawn anew in each run.
fn drawn(b: &mut Builder, draw: Draw, sizes: &[Val], more: &[ValueId], dtype: DType) -> Result<Val> {
    let shape: Vec<Option<usize>> =
        sizes.iter().map(|n| b.known(n).and_then(|n| usize::try_from(n).ok())).collect();
    let inputs = [&[b.vector(sizes)?], more].concat();
    let exact = match dtype {
        DType::F64 | DType::I64 => dtype,
        _ if super::super::build::is_float(dtype) => DType::F32,
        _ => DType::I64,
    };
    let source = Source::Stream(Arc::new(Stream::new(0, 0)));
    let op = Op::Rare(Box::new(Rare::Random(Random::Draw { draw, dtype: exact, source })));
    let made = b.op(op, &inputs, exact)?;
    b.shaped(made, shape);
    let made = b.cast(made, dtype)?;
    Ok(b.as_tensor(made))
}

/// `randint(high, size)`, `randint(low, high, size)`, and like another tensor.
fn integers(b: &mut Builder, c: &Call) -> Result<Val> {
    let like = c.name == "randint_like";
    let first = usize::from(like);
    let is_number = |v: Option<&Val>| matches!(v, Some(Val::Int(_) | Val::Symbol(_)));
    // With two limits the least comes first.
    let two = c.get(usize::MAX, "low").is_some()
        || (c.get(usize::MAX, "high").is_none()
            && is_number(c.get(first, "low"))
            && is_number(c.get(first + 1, "high")));
    let low = if two { argument(c, first, "low")?.clone() } else { Val::Int(0) };
    let high = argument(c, first + usize::from(two), "high")?.clone();
    let (sizes, own) = if like {
        let own = c.x(b)?;
        (b.extents(own)?, Some(b.dtype(own)))
    } else {
        (c.sizes(1 + usize::from(two), "size")?, None)
    };
    let dtype = told(c, 2 + usize::from(two))?.or(own).unwrap_or(DType::I64);
    if matches!((b.known(&low), b.known(&high)), (Some(low), Some(high)) if low >= high) {
        return broken("random integers between limits that leave none");
    }
    let limits = [b.scalar(&low)?, b.scalar(&high)?];
    let made = drawn(b, Draw::Between, &sizes, &limits, DType::I64)?;
    b.apply("to", &[&made, &Val::Type(dtype)])
}

/// Around a mean, as wide as a deviation; each is a number or a tensor.
fn normal(b: &mut Builder, c: &Call) -> Result<Val> {
    let in_place = c.name == "normal_functional"
        || c.get(usize::MAX, "self").is_some()
        || [1, 2].iter().all(|at| matches!(c.get(*at, ""), Some(Val::Float(_) | Val::Int(_))));
    let first = usize::from(in_place);
    let number = |place, name, usual| c.some(place, name).cloned().unwrap_or(Val::Float(usual));
    let (mean, deviation) = (number(first, "mean", 0.0), number(first + 1, "std", 1.0));
    let keys = if in_place {
        b.apply("randn_like", &[argument(c, 0, "self")?])?
    } else if has_sizes(c) {
        let sizes = c.sizes(2, "size")?;
        drawn(b, Draw::Normal, &sizes, &[], told(c, 4)?.unwrap_or(DType::F32))?
    } else {
        let both = b.apply("add", &[&mean, &deviation])?;
        b.apply("randn_like", &[&both])?
    };
    let wide = b.apply("mul", &[&keys, &deviation])?;
    b.apply("add", &[&wide, &mean])
}

fn has_sizes(c: &Call) -> bool {
    c.get(2, "size").is_some_and(|v| v.items().is_some())
}

/// So many classes of each row by their weights, once each or again and again.
fn chosen(b: &mut Builder, c: &Call) -> Result<Val> {
    let mut x = argument(c, 0, "self")?.clone();
    let value = b.of(&x)?;
    let single = b.rank(value)? == 1;
    if single {
        x = b.apply("unsqueeze", &[&x, &Val::Int(0)])?;
    }
    let count = argument(c, 1, "num_samples")?.clone();
    let made = if c.flag(2, "replacement", false)? {
        let logs = b.apply("log", &[&x])?;
        let (logs, count) = (b.of(&logs)?, b.scalar(&count)?);
        let source = Source::Stream(Arc::new(Stream::new(0, 0)));
        let op = Random::Draw { draw: Draw::Categorical, dtype: DType::I64, source };
        let made = b.op(Op::Rare(Box::new(Rare::Random(op))), &[logs, count], DType::I64)?;
        let rows = b.shape(logs).and_then(|s| s.first().copied().flatten());
        let columns = b.known(&b.symbol(count)).and_then(|n| usize::try_from(n).ok());
        b.shaped(made, vec![rows, columns]);
        b.as_tensor(made)
    } else {
        // The first ones to come, of classes that come as often as they weigh.
        let times = b.apply("exponential", &[&x])?;
        let keys = b.apply("div", &[&x, &times])?;
        let found = b.apply_all("topk", &[&keys, &count, &Val::Int(-1)])?;
        let Some(places) = found.get(1).cloned() else { return unsupported("without places") };
        places
    };
    if single { b.apply("squeeze", &[&made, &Val::Int(0)]) } else { Ok(made) }
}
