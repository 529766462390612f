//! Products, sums and functions of complex numbers, each made of its reals.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, place};
use super::super::super::value::{Result, Val, unsupported};
use super::{apart, as_pairs, joined};

/// What is made of the reals of one or two complex tensors; none: it is something else.
pub fn lower(b: &mut Builder, c: &Call) -> Result<Option<Val>> {
    let name = c.name.as_str();
    if matches!(name, "cat" | "concat" | "stack") {
        return together(b, c);
    }
    let parts = |b: &mut Builder, n: usize| -> Result<Option<(Val, Val)>> {
        match c.arguments.get(n).and_then(|(_, v)| as_pairs(b, v)) {
            Some(pairs) => apart(b, pairs).map(Some),
            None => Ok(None),
        }
    };
    let (first, second) = (parts(b, 0)?, parts(b, 1)?);
    // Where one is complex, the place of the other.
    let other = usize::from(first.is_some());
    Ok(Some(match (name, first, second) {
        ("add" | "sub", Some(x), None) | ("add", None, Some(x)) => {
            let Some((_, other)) = c.arguments.get(other).cloned() else {
                return c.wrong("other", "a tensor or a number");
            };
            let real = b.apply(name, &[&x.0, &other])?;
            let nothing = b.apply("zeros_like", &[&real])?;
            let imaginary = b.apply("add", &[&x.1, &nothing])?;
            joined(b, &real, &imaginary)?
        }
        ("div" | "divide" | "true_divide", Some(x), Some(y)) => {
            let size = squared(b, &y)?;
            let turned = b.apply("neg", &[&y.1])?;
            let (real, imaginary) = times(b, "mul", &x, &(y.0, turned))?;
            quotient(b, &real, &imaginary, &size)?
        }
        ("matmul" | "mm" | "bmm" | "mv" | "dot", x, y) => {
            let plain = |n: usize, b: &mut Builder| {
                let real = c.arguments.get(n).map_or(Val::None, |(_, v)| v.clone());
                let imaginary = b.apply("zeros_like", &[&real])?;
                Ok::<_, super::Stop>((real, imaginary))
            };
            let x = if let Some(x) = x { x } else { plain(0, b)? };
            let y = if let Some(y) = y { y } else { plain(1, b)? };
            let (real, imaginary) = times(b, "matmul", &x, &y)?;
            joined(b, &real, &imaginary)?
        }
        ("reciprocal", Some(x), _) => {
            let size = squared(b, &x)?;
            let turned = b.apply("neg", &[&x.1])?;
            quotient(b, &x.0, &turned, &size)?
        }
        ("exp", Some(x), _) => {
            let size = b.apply("exp", &[&x.0])?;
            b.apply("polar", &[&size, &x.1])?
        }
        ("log", Some(x), _) => {
            let size = squared(b, &x)?;
            let log = b.apply("log", &[&size])?;
            let log = b.apply("mul", &[&log, &Val::Float(0.5)])?;
            let angle = b.apply("atan2", &[&x.1, &x.0])?;
            joined(b, &log, &angle)?
        }
        (
            "sum" | "mean" | "t" | "mT" | "mH" | "adjoint" | "flip" | "roll" | "squeeze" | "expand_as"
            | "tril" | "triu",
            Some(x),
            _,
        ) => apiece(b, c, &x)?,
        _ => return Ok(None),
    }))
}

/// What is done with both parts alike.
fn apiece(b: &mut Builder, c: &Call, x: &(Val, Val)) -> Result<Val> {
    let given: Vec<Val> = c.arguments.iter().skip(1).map(|(_, v)| v.clone()).collect();
    let conjugates = matches!(c.name.as_str(), "mH" | "adjoint");
    let name = if conjugates { "mT" } else { c.name.as_str() };
    let mut one = |part: &Val| {
        let all: Vec<&Val> = std::iter::once(part).chain(&given).collect();
        b.apply(name, &all)
    };
    let (real, mut imaginary) = (one(&x.0)?, one(&x.1)?);
    if conjugates {
        imaginary = b.apply("neg", &[&imaginary])?;
    }
    joined(b, &real, &imaginary)
}

fn squared(b: &mut Builder, x: &(Val, Val)) -> Result<Val> {
    let (p, q) = (b.apply("square", &[&x.0])?, b.apply("square", &[&x.1])?);
    b.apply("add", &[&p, &q])
}

fn quotient(b: &mut Builder, real: &Val, imaginary: &Val, by: &Val) -> Result<Val> {
    let (real, imaginary) = (b.apply("div", &[real, by])?, b.apply("div", &[imaginary, by])?);
    joined(b, &real, &imaginary)
}

/// Any kind of product.
fn times(b: &mut Builder, op: &str, x: &(Val, Val), y: &(Val, Val)) -> Result<(Val, Val)> {
    let (pr, qs) = (b.apply(op, &[&x.0, &y.0])?, b.apply(op, &[&x.1, &y.1])?);
    let (ps, qr) = (b.apply(op, &[&x.0, &y.1])?, b.apply(op, &[&x.1, &y.0])?);
    Ok((b.apply("sub", &[&pr, &qs])?, b.apply("add", &[&ps, &qr])?))
}

/// A sum of products of one or two tensors, if they are of complex numbers.
pub fn summed(b: &mut Builder, c: &Call) -> Result<Option<Val>> {
    let [(_, how), (_, items), ..] = &c.arguments[..] else { return Ok(None) };
    let (how, items) = (how.clone(), items.items().unwrap_or_default());
    if !items.iter().any(|item| as_pairs(b, item).is_some()) {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for item in &items {
        parts.push(match as_pairs(b, item) {
            Some(pairs) => apart(b, pairs)?,
            None => (item.clone(), b.apply("zeros_like", &[item])?),
        });
    }
    let mut sum = |all: &[&Val]| {
        let all = Val::list(all.iter().map(|part| (*part).clone()).collect());
        b.apply("einsum", &[&how, &all])
    };
    let (real, imaginary) = match &parts[..] {
        [x] => (sum(&[&x.0])?, sum(&[&x.1])?),
        [x, y] => {
            let (pr, qs) = (sum(&[&x.0, &y.0])?, sum(&[&x.1, &y.1])?);
            let (ps, qr) = (sum(&[&x.0, &y.1])?, sum(&[&x.1, &y.0])?);
            (b.apply("sub", &[&pr, &qs])?, b.apply("add", &[&ps, &qr])?)
        }
        _ => return unsupported("of three or more complex tensors; multiply two at a time"),
    };
    joined(b, &real, &imaginary).map(Some)
}

/// Several tensors beside each other, if they are of complex numbers.
fn together(b: &mut Builder, c: &Call) -> Result<Option<Val>> {
    let items = c.arguments.first().and_then(|(_, v)| v.items()).unwrap_or_default();
    let pairs: Option<Vec<_>> = items.iter().map(|item| as_pairs(b, item)).collect();
    let Some(pairs) = pairs.filter(|p| !p.is_empty()) else {
        return if items.iter().any(|item| as_pairs(b, item).is_some()) {
            unsupported("of complex numbers and others")
        } else {
            Ok(None)
        };
    };
    let rank = b.rank(pairs[0])? - usize::from(c.name != "stack");
    let at = place(c.int_or(b, 1, "dim", 0)?, rank)?;
    let pairs = pairs.iter().map(|p| b.as_tensor(*p)).collect();
    let made = b.apply(&c.name, &[&Val::list(pairs), &Val::Int(at as i64)])?;
    let made = b.of(&made)?;
    Ok(Some(b.complex(made)))
}
