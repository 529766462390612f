//! What follows from the order of elements: medians, quantiles, running extremes, different values.

mod quantiles;

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::{Outcome, combined};
use crate::DType;
use crate::graph::{Along, Op, Rare, Running};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    match name {
        "median" | "kthvalue" => chosen(b, c, &x).map(Some),
        "msort" => b.apply_all("sort", &[&x, &Val::Int(0)]).map(|mut s| Some(vec![s.remove(0)])),
        "quantile" | "nanquantile" => Ok(Some(vec![quantiles::quantile(b, c, &x)?])),
        "cummax" | "cummin" => extremes(b, c, &x).map(Some),
        "_unique2" | "unique_dim" => unique(b, c, &x),
        "unique_consecutive" => runs(b, c, &x).map(Some),
        "isin" => {
            let Some(tests) = c.get(1, "test_elements").cloned() else {
                return c.wrong("test_elements", "a tensor");
            };
            let tests = b.apply("reshape", &[&tests, &Val::list(vec![Val::Int(-1)])])?;
            let column = b.apply("unsqueeze", &[&x, &Val::Int(-1)])?;
            let same = b.apply("eq", &[&column, &tests])?;
            let found = b.apply("any", &[&same, &Val::Int(-1)])?;
            let invert = c.flag(3, "invert", false)?;
            Ok(Some(vec![if invert { b.apply("logical_not", &[&found])? } else { found }]))
        }
        "bincount" => Ok(Some(vec![counted(b, c, &x)?])),
        _ => Ok(None),
    }
}

/// One element of each row in order, and where it was: the lower one of two medians.
fn chosen(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    let median = c.name == "median";
    if median && c.get(1, "dim").is_none() {
        let flat = b.apply("reshape", &[x, &Val::list(vec![Val::Int(-1)])])?;
        let found = b.apply_all("median", &[&flat, &Val::Int(0)])?;
        return Ok(found.into_iter().take(1).collect());
    }
    let dim = Val::Int(c.int_or(b, if median { 1 } else { 2 }, "dim", -1)?);
    let keep = c.flag(if median { 2 } else { 3 }, "keepdim", false)?;
    let place = if median {
        let extent = b.apply("size", &[x, &dim])?;
        let last = combined(b, "sub", &extent, &Val::Int(1))?;
        combined(b, "floordiv", &last, &Val::Int(2))?
    } else {
        Val::Int(c.int(b, 1, "k")? - 1)
    };
    let sorted = b.apply_all("sort", &[x, &dim, &Val::Bool(false)])?;
    let mut found = Vec::new();
    for all in &sorted {
        let one = b.apply("select", &[all, &dim, &place])?;
        found.push(if keep { b.apply("unsqueeze", &[&one, &dim])? } else { one });
    }
    Ok(found)
}

/// Up to each place the extreme and where it was, the last of several.
fn extremes(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    let kind = if c.name == "cummax" { Running::Max } else { Running::Min };
    let dim = c.int(b, 1, "dim")?;
    let value = b.of(x)?;
    let (rank, at, dtype) = (b.rank(value)?, b.axis(value, dim)?, b.dtype(value));
    let running = |kind| Op::Rare(Box::new(Rare::Running { kind, exclusive: false, reverse: false }));
    let axis = b.int(at as i64)?;
    let made = b.op(running(kind), &[value, axis], dtype)?;
    let extreme = b.as_tensor(made);
    let extent = b.extent(value, at as i64)?;
    let places = super::create::counted(b, &extent)?;
    let mut shape = vec![Val::Int(1); rank];
    shape[at] = Val::Int(-1);
    let places = b.reshape(places, &shape)?;
    let places = b.as_tensor(places);
    let is_new = b.apply("eq", &[x, &extreme])?;
    let marked = b.apply("where", &[&is_new, &places, &Val::Int(0)])?;
    let marked = b.of(&marked)?;
    let found = b.op(running(Running::Max), &[marked, axis], DType::I64)?;
    Ok(vec![extreme, b.as_tensor(found)])
}

/// The different values in order, for each element the number of its value, and how often each is there.
fn unique(b: &mut Builder, c: &Call, x: &Val) -> Outcome {
    let value = b.of(x)?;
    let axis = if c.name == "unique_dim" { Some(c.int(b, 1, "dim")?) } else { None };
    let dtype = b.dtype(value);
    let op = Op::Rare(Box::new(Rare::Along(Along::Unique { axis, sorted: true })));
    let found = b.ops(op, &[value], &[dtype, DType::I64, DType::I64, DType::I64])?;
    match axis {
        None => {
            b.shaped(found[0], vec![None]);
        }
        Some(axis) => {
            let at = b.axis(value, axis)?;
            b.shaped_beside(found[0], value, at);
        }
    }
    b.shaped(found[2], vec![None]);
    b.shaped(found[3], vec![None]);
    let mut owners = b.as_tensor(found[2]);
    if axis.is_none() {
        owners = b.apply("view_as", &[&owners, x])?;
    }
    Ok(Some(vec![b.as_tensor(found[0]), owners, b.as_tensor(found[3])]))
}

/// Values that are not those before them, for each element the number of its run, and how long each is.
fn runs(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    if c.some(3, "dim").is_some() {
        return unsupported("of slices");
    }
    let flat = b.apply("reshape", &[x, &Val::list(vec![Val::Int(-1)])])?;
    let cut = |b: &mut Builder, from: i64, to: i64| {
        b.apply("slice", &[&flat, &Val::Int(0), &Val::Int(from), &Val::Int(to), &Val::Int(1)])
    };
    let (after, before, first) = (cut(b, 1, i64::MAX)?, cut(b, 0, -1)?, cut(b, 0, 1)?);
    let changes = b.apply("ne", &[&after, &before])?;
    let first = b.apply("ones_like", &[&first])?;
    let first = b.apply("bool", &[&first])?;
    let begins = b.apply("cat", &[&Val::list(vec![first, changes]), &Val::Int(0)])?;
    let values = b.apply("masked_select", &[&flat, &begins])?;
    let counted = b.apply("cumsum", &[&begins, &Val::Int(0)])?;
    let owners = b.apply("sub", &[&counted, &Val::Int(1)])?;
    let ones = b.apply("ones_like", &[&owners])?;
    let none = b.apply("zeros_like", &[&values])?;
    let none = b.apply("long", &[&none])?;
    let counts = b.apply("index_add", &[&none, &Val::Int(0), &owners, &ones])?;
    Ok(vec![values, b.apply("view_as", &[&owners, x])?, counts])
}

/// How often each number is there, up to the largest.
fn counted(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let least = c.int_or(b, 2, "minlength", 0)?;
    if least < 0 {
        return broken("a count of less than nothing");
    }
    let start = b.apply("new_full", &[x, &Val::list(vec![Val::Int(1)]), &Val::Int(least - 1)])?;
    let all = b.apply("cat", &[&Val::list(vec![x.clone(), start]), &Val::Int(0)])?;
    let most = b.apply("amax", &[&all])?;
    let count = b.apply("add", &[&most, &Val::Int(1)])?;
    let count = b.apply("Int", &[&count])?;
    let weights = match c.some(1, "weights") {
        Some(weights) => weights.clone(),
        None => b.apply("ones_like", &[x])?,
    };
    let blank = b.apply("new_zeros", &[&weights, &Val::list(vec![count])])?;
    b.apply("index_add", &[&blank, &Val::Int(0), x, &weights])
}
