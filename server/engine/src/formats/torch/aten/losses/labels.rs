//! Losses of labels: of sequences whose steps are not told, and of several labels at once.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, broken};
use super::super::matrices::argument;
use crate::graph::{Op, Rare};

/// How unlikely each sequence of labels is.
pub fn sequences(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let value = b.of(x)?;
    let single = b.rank(value)? == 2;
    let steps = if single { b.apply("unsqueeze", &[x, &Val::Int(1)])? } else { x.clone() };
    let counted = |b: &mut Builder, place, name| {
        let given = argument(c, place, name)?.clone();
        let numbers = if matches!(given, Val::Tensor(_)) { given } else { b.apply("tensor", &[&given])? };
        b.apply("reshape", &[&numbers, &Val::list(vec![Val::Int(-1)])])
    };
    let lengths = counted(b, 2, "input_lengths")?;
    let counts = counted(b, 3, "target_lengths")?;
    let mut inputs = Vec::new();
    for one in [&steps, &lengths, argument(c, 1, "targets")?, &counts] {
        inputs.push(b.of(one)?);
    }
    for one in &mut inputs[1..] {
        *one = b.cast(*one, crate::DType::I64)?;
    }
    let (blank, dtype) = (c.int_or(b, 4, "blank", 0)?, b.dtype(inputs[0]));
    let batch = b.shape(inputs[0]).and_then(|s| s.get(1).copied().flatten());
    let made = b.op(Op::Rare(Box::new(Rare::CtcLoss { blank })), &inputs, dtype)?;
    b.shaped(made, vec![batch]);
    let mut each = b.as_tensor(made);
    if c.name == "_ctc_loss" {
        return if single { b.apply("squeeze", &[&each, &Val::Int(0)]) } else { Ok(each) };
    }
    if c.flag(6, "zero_infinity", false)? {
        let never = b.apply("isinf", &[&each])?;
        each = b.apply("masked_fill", &[&each, &never, &Val::Int(0)])?;
    }
    match c.int_or(b, 5, "reduction", 1)? {
        0 if single => b.apply("squeeze", &[&each, &Val::Int(0)]),
        1 => {
            // Long sequences count no more than short ones.
            let least = b.apply("clamp_min", &[&counts, &Val::Int(1)])?;
            b.apply("div", &[&each, &least])
        }
        _ => Ok(each),
    }
}

/// How far labels that are named are above those that are not.
pub fn several(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let target = argument(c, 1, "target")?.clone();
    let value = b.of(x)?;
    if !(1..=2).contains(&b.rank(value)?) {
        return broken("a loss of labels of other than rows");
    }
    let (last, zero) = (Val::Int(-1), Val::Int(0));
    // The first that is below zero ends a row.
    let is_one = b.apply("ge", &[&target, &zero])?;
    let is_one = b.apply("long", &[&is_one])?;
    let counts = b.apply("cumprod", &[&is_one, &last])?;
    let places = b.apply("mul", &[&target, &counts])?;
    let blank = b.apply("zeros_like", &[&target])?;
    let named =
        b.apply("scatter_reduce", &[&blank, &last, &places, &counts, &Val::text("amax"), &Val::Bool(true)])?;
    let scores = b.apply("gather", &[x, &last, &places])?;
    let scores = b.apply("unsqueeze", &[&scores, &last])?;
    let others = b.apply("unsqueeze", &[x, &Val::Int(-2)])?;
    let apart = b.apply("sub", &[&others, &scores])?;
    let apart = b.apply("add", &[&apart, &Val::Int(1)])?;
    let apart = b.apply("clamp_min", &[&apart, &zero])?;
    let is_other = b.apply("rsub", &[&named, &Val::Int(1)])?;
    let is_other = b.apply("unsqueeze", &[&is_other, &Val::Int(-2)])?;
    let counts = b.apply("unsqueeze", &[&counts, &last])?;
    let weights = b.apply("mul", &[&counts, &is_other])?;
    let all = b.apply("mul", &[&apart, &weights])?;
    let sum = b.apply("sum", &[&all, &Val::list(vec![Val::Int(-2), last.clone()])])?;
    let count = b.apply("size", &[x, &last])?;
    b.apply("div", &[&sum, &count])
}
