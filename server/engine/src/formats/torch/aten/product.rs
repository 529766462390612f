//! Products of matrices.

use super::super::arguments::Call;
use super::super::build::{Builder, place};
use super::super::dtypes::{Operand, promoted};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::pointwise::with;
use super::reduce::reduced;
use crate::graph::{Binary as B, Op, Rare, Reduce, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let value = match c.name.as_str() {
        "linear" => {
            let (x, weight) = (c.value(b, 0, "input")?, c.value(b, 1, "weight")?);
            let bias = c.maybe(b, 2, "bias")?;
            linear(b, x, weight, bias)?
        }
        "matmul" | "mm" | "bmm" | "mv" | "dot" | "inner" => {
            let second = ["mat2", "other", "vec", "tensor"];
            let second = second.into_iter().find(|n| c.get(usize::MAX, n).is_some()).unwrap_or("other");
            let (x, y) = (c.x(b)?, c.value(b, 1, second)?);
            matmul(b, x, y)?
        }
        "addmm" | "addmv" | "baddbmm" | "addbmm" => {
            let names = match c.name.as_str() {
                "addmm" => ["mat1", "mat2"],
                "addmv" => ["mat", "vec"],
                _ => ["batch1", "batch2"],
            };
            let (x, y) = (c.value(b, 1, names[0])?, c.value(b, 2, names[1])?);
            let (beta, alpha) = (c.float_or(usize::MAX, "beta", 1.0)?, c.float_or(usize::MAX, "alpha", 1.0)?);
            let mut product = matmul(b, x, y)?;
            if c.name == "addbmm" {
                product = reduced(b, Reduce::Sum, product, Some(&[0]), false)?;
            }
            if alpha != 1.0 {
                product = with(b, B::Mul, product, alpha)?;
            }
            if beta == 0.0 {
                return b.give(product);
            }
            let own = c.x(b)?;
            let own = if beta == 1.0 { own } else { with(b, B::Mul, own, beta)? };
            b.binary(B::Add, product, own)?
        }
        "einsum" => einsum(b, c)?,
        "outer" | "ger" => {
            let (x, y) = (c.x(b)?, c.value(b, 1, "vec2")?);
            let (column, row) = (b.expand_dims(x, 1)?, b.expand_dims(y, 0)?);
            b.binary(B::Mul, column, row)?
        }
        "tensordot" => tensordot(b, c)?,
        _ => return Ok(None),
    };
    b.give(value)
}

/// `x · weightᵀ + bias`.
pub fn linear(b: &mut Builder, x: ValueId, weight: ValueId, bias: Option<ValueId>) -> Result<ValueId> {
    let dtype = b.dtype(x);
    let is_row = b.shape(x).is_some_and(|s| s.len() == 1);
    let rows = if is_row { b.expand_dims(x, 0)? } else { x };
    let product = Op::MatMul { transpose_a: false, transpose_b: true };
    let mut y = b.op(product, &[rows, weight], dtype)?;
    if let Some(bias) = bias {
        y = b.binary(B::Add, y, bias)?;
    }
    if is_row { b.squeeze(y, vec![0]) } else { Ok(y) }
}

/// What has one axis is a row on the left and a column on the right.
pub fn matmul(b: &mut Builder, x: ValueId, y: ValueId) -> Result<ValueId> {
    let dtype = promoted(&[Operand::tensor(b, x), Operand::tensor(b, y)]);
    let (x, y) = (b.cast(x, dtype)?, b.cast(y, dtype)?);
    let one = |b: &Builder, v| b.shape(v).is_some_and(|s| s.len() == 1);
    let (row, column) = (one(b, x), one(b, y));
    let left = if row { b.expand_dims(x, 0)? } else { x };
    let right = if column { b.expand_dims(y, -1)? } else { y };
    let mut product = b.op(Op::MatMul { transpose_a: false, transpose_b: false }, &[left, right], dtype)?;
    if column {
        product = b.squeeze(product, vec![-1])?;
    }
    if row {
        product = b.squeeze(product, vec![if column { -1 } else { -2 }])?;
    }
    Ok(product)
}

/// A product over pairs of axes: those of both become one.
fn tensordot(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, y) = (c.x(b)?, c.value(b, 1, "other")?);
    let (over_x, over_y) = (c.ints(b, 2, "dims_self")?, c.ints(b, 3, "dims_other")?);
    let (rank_x, rank_y) = (b.rank(x)?, b.rank(y)?);
    let over_x = over_x.iter().map(|d| place(*d, rank_x)).collect::<Result<Vec<_>>>()?;
    let over_y = over_y.iter().map(|d| place(*d, rank_y)).collect::<Result<Vec<_>>>()?;
    let rest = |rank: usize, over: &[usize]| (0..rank).filter(|a| !over.contains(a)).collect::<Vec<_>>();
    let (rest_x, rest_y) = (rest(rank_x, &over_x), rest(rank_y, &over_y));
    let (shape_x, shape_y) = (b.extents(x)?, b.extents(y)?);
    let inner: Option<i64> = over_y.iter().try_fold(1i64, |n, at| n.checked_mul(b.known(&shape_y[*at])?));
    let Some(inner) = inner else { return unsupported("over axes whose extents are not known") };
    let (x, y) = (
        b.transpose(x, &[&rest_x[..], &over_x].concat())?,
        b.transpose(y, &[&over_y[..], &rest_y].concat())?,
    );
    let (x, y) =
        (b.reshape(x, &[Val::Int(-1), Val::Int(inner)])?, b.reshape(y, &[Val::Int(inner), Val::Int(-1)])?);
    let product = matmul(b, x, y)?;
    let shape = rest_x.iter().map(|a| &shape_x[*a]).chain(rest_y.iter().map(|a| &shape_y[*a])).cloned();
    b.reshape(product, &shape.collect::<Vec<Val>>())
}

fn einsum(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let Some(equation) = c.text(0, "equation") else { return c.wrong("equation", "a string") };
    let mut all = match c.get(1, "operands").or_else(|| c.get(1, "tensors")) {
        Some(Val::List(_) | Val::Tuple(_)) => {
            let name = if c.get(usize::MAX, "tensors").is_some() { "tensors" } else { "operands" };
            c.tensors(b, 1, name)?
        }
        _ => return c.wrong("operands", "a list of tensors"),
    };
    let operands: Vec<Operand> = all.iter().map(|v| Operand::tensor(b, *v)).collect();
    let dtype = promoted(&operands);
    for value in &mut all {
        *value = b.cast(*value, dtype)?;
    }
    let mut equation = explicit(&equation);
    while all.len() > 2 {
        let (first, rest) = first_pair(&equation)?;
        let both = [all.remove(0), all.remove(0)];
        all.insert(0, contracted(b, first, &both, dtype)?);
        equation = rest;
    }
    contracted(b, equation, &all, dtype)
}

/// The first two terms as an equation of their own, and what is left with its result in their place.
fn first_pair(equation: &str) -> Result<(String, String)> {
    let Some((terms, result)) = equation.split_once("->") else {
        return broken("an equation without a result");
    };
    let terms: Vec<&str> = terms.split(',').collect();
    let [first, second, rest @ ..] = &terms[..] else { return broken("an equation of too few terms") };
    let rest = rest.join(",");
    let hidden = if first.contains("...") || second.contains("...") { "..." } else { "" };
    let mut made = hidden.to_owned();
    for letter in first.chars().chain(second.chars()).filter(char::is_ascii_alphabetic) {
        if !made.contains(letter) && (rest.contains(letter) || result.contains(letter)) {
            made.push(letter);
        }
    }
    Ok((format!("{first},{second}->{made}"), format!("{made},{rest}->{result}")))
}

fn contracted(b: &mut Builder, equation: String, all: &[ValueId], dtype: crate::DType) -> Result<ValueId> {
    let ranks: Vec<Option<usize>> = all.iter().map(|v| b.shape(*v).map(<[_]>::len)).collect();
    let shape = shape(b, &equation, all);
    let value = b.op(Op::Rare(Box::new(Rare::Einsum(equation))), all, dtype)?;
    Ok(match shape {
        Some(shape) if ranks.iter().all(Option::is_some) => b.shaped(value, shape),
        _ => value,
    })
}

/// The equation with its result: where it is left out, the letters that come once, in order.
fn explicit(equation: &str) -> String {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    if equation.contains("->") {
        return equation;
    }
    let letters: Vec<char> = equation.chars().filter(char::is_ascii_alphabetic).collect();
    let mut once: Vec<char> =
        letters.iter().copied().filter(|c| letters.iter().filter(|o| *o == c).count() == 1).collect();
    once.sort_unstable();
    let hidden = if equation.contains("...") { "..." } else { "" };
    format!("{equation}->{hidden}{}", once.into_iter().collect::<String>())
}

/// The shape of the result, where every axis has a letter.
fn shape(b: &Builder, equation: &str, all: &[ValueId]) -> Option<Vec<Option<usize>>> {
    let (terms, result) = equation.split_once("->")?;
    let terms: Vec<&str> = terms.split(',').collect();
    if equation.contains('.') || terms.len() != all.len() {
        return None;
    }
    let extent = |letter: char| {
        let known = terms.iter().zip(all).find_map(|(term, value)| {
            let at = term.chars().position(|c| c == letter)?;
            b.shape(*value)?.get(at).copied().flatten()
        });
        Some(known)
    };
    result.chars().map(extent).collect()
}
