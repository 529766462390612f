//! Products of rows with one of several matrices each: rows of the same matrix lie together.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::matrices::argument;

/// Operations of Transformers' own.
pub const LIBRARY: &str = "transformers.";
/// Matrices that rows may be multiplied with.
const MOST_EXPERTS: i64 = 4096;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "_grouped_mm" | "transformers.grouped_mm_fallback" => grouped(b, c).map(|made| Some(vec![made])),
        _ => Ok(None),
    }
}

/// Rows up to each end with the matrix of that end. Rows behind the last end become zeros.
fn grouped(b: &mut Builder, c: &Call) -> Result<Val> {
    let Some((_, x)) = c.arguments.first().cloned() else { return c.wrong("input", "a tensor") };
    let weights = argument(c, 1, if c.name == "_grouped_mm" { "mat2" } else { "weight" })?.clone();
    let Some(ends) = c.some(2, "offs").cloned() else { return unsupported("without ends of the groups") };
    let (rows, experts) = (b.of(&x)?, b.of(&weights)?);
    if b.rank(rows)? != 2 || b.rank(experts)? != 3 || c.some(3, "bias").is_some() {
        return unsupported("but of rows with one matrix each");
    }
    let count = b.extent(experts, 0)?;
    let Some(count) = b.known(&count).filter(|n| (1..=MOST_EXPERTS).contains(n)) else {
        return unsupported("of a number of matrices that is not known");
    };
    let (first, one) = (Val::Int(0), Val::Int(1));
    let (mut parts, mut begin) = (Vec::new(), first.clone());
    for n in 0..count {
        let end = b.apply("select", &[&ends, &first, &Val::Int(n)])?;
        let end = b.apply("Int", &[&end])?;
        let part = b.apply("slice", &[&x, &first, &begin, &end, &one])?;
        let matrix = b.apply("select", &[&weights, &first, &Val::Int(n)])?;
        parts.push(b.apply("matmul", &[&part, &matrix])?);
        begin = end;
    }
    let rest = b.apply("slice", &[&x, &first, &begin, &Val::Int(i64::MAX), &one])?;
    let Some(last) = parts.last() else { return broken("a product with no matrix") };
    let (extent, width) = (b.apply("size", &[&rest, &first])?, b.apply("size", &[last, &one])?);
    parts.push(b.apply("new_zeros", &[&x, &Val::list(vec![extent, width])])?);
    b.apply("cat", &[&Val::list(parts), &first])
}
