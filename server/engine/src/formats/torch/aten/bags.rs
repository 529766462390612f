//! Sums, means and maxima of rows of a table, each of a bag of indices.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val};
use super::Outcome;
use super::matrices::argument;

/// The indices of all bags in a row, and of each the number of its bag.
struct Bags {
    indices: Val,
    owners: Val,
    count: Val,
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    if c.name == "embedding_renorm" {
        return shortened(b, c).map(|made| Some(vec![made]));
    }
    if !matches!(c.name.as_str(), "embedding_bag" | "_embedding_bag" | "_embedding_bag_forward_only") {
        return Ok(None);
    }
    let bags = bags(b, c)?;
    let Some(table) = c.get(0, "weight").cloned() else { return c.wrong("weight", "a tensor") };
    let mut rows = b.apply("embedding", &[&table, &bags.indices])?;
    let padding = c.int_or(b, 8, "padding_idx", -1)?;
    let mut kept = b.apply("ne", &[&bags.indices, &Val::Int(padding)])?;
    let values = b.of(&rows)?;
    let dtype = Val::Type(b.dtype(values));
    kept = b.apply("to", &[&kept, &dtype])?;
    let column = b.apply("unsqueeze", &[&kept, &Val::Int(1)])?;
    let y = match c.int_or(b, 4, "mode", 0)? {
        2 => greatest(b, &bags, &rows, &column, padding)?,
        mode => {
            if let Some(weights) = c.some(6, "per_sample_weights") {
                let flat = b.apply("reshape", &[weights, &Val::list(vec![Val::Int(-1), Val::Int(1)])])?;
                rows = b.apply("mul", &[&rows, &flat])?;
            }
            if padding >= 0 {
                rows = b.apply("mul", &[&rows, &column])?;
            }
            let sums = gathered(b, &bags, &rows, "sum")?;
            if mode == 0 {
                sums
            } else {
                let counts = gathered(b, &bags, &column, "sum")?;
                let counts = b.apply("clamp_min", &[&counts, &Val::Int(1)])?;
                b.apply("div", &[&sums, &counts])?
            }
        }
    };
    // What follows is for training, and nothing reads it.
    Ok(Some(vec![y, Val::None, Val::None, Val::None]))
}

/// What each bag's rows come to.
fn gathered(b: &mut Builder, bags: &Bags, rows: &Val, how: &str) -> Result<Val> {
    let width = b.apply("size", &[rows, &Val::Int(1)])?;
    let shape = Val::list(vec![bags.count.clone(), width]);
    let blank = b.apply("new_zeros", &[rows, &shape])?;
    let with_blank = Val::Bool(how == "sum");
    b.apply("index_reduce", &[&blank, &Val::Int(0), &bags.owners, rows, &Val::text(how), &with_blank])
}

/// Maxima; of a bag of nothing zeros.
fn greatest(b: &mut Builder, bags: &Bags, rows: &Val, kept: &Val, padding: i64) -> Result<Val> {
    if padding < 0 {
        return gathered(b, bags, rows, "amax");
    }
    let gone = b.apply("eq", &[kept, &Val::Int(0)])?;
    let rows = b.apply("masked_fill", &[rows, &gone, &Val::Float(f64::NEG_INFINITY)])?;
    let most = gathered(b, bags, &rows, "amax")?;
    let empty = b.apply("eq", &[&most, &Val::Float(f64::NEG_INFINITY)])?;
    b.apply("masked_fill", &[&most, &empty, &Val::Int(0)])
}

fn bags(b: &mut Builder, c: &Call) -> Result<Bags> {
    let (Some(indices), Some(offsets)) = (c.get(1, "indices"), c.get(2, "offsets")) else {
        return c.wrong("offsets", "a tensor");
    };
    let mut count = b.apply("size", &[offsets, &Val::Int(0)])?;
    let mut offsets = offsets.clone();
    if c.flag(7, "include_last_offset", false)? {
        count = super::combined(b, "sub", &count, &Val::Int(1))?;
        offsets = b.apply("narrow", &[&offsets, &Val::Int(0), &Val::Int(0), &count])?;
    }
    let length = b.apply("size", &[indices, &Val::Int(0)])?;
    let places = b.apply("arange", &[&length])?;
    // So many bags begin at a place or before it.
    let begun = b.apply("bucketize", &[&places, &offsets, &Val::Bool(false), &Val::Bool(true)])?;
    let owners = b.apply("sub", &[&begun, &Val::Int(1)])?;
    Ok(Bags { indices: indices.clone(), owners, count })
}

/// A table whose rows are no longer than they may be. What is not looked up in it may be so too: nobody sees it.
fn shortened(b: &mut Builder, c: &Call) -> Result<Val> {
    let (table, most) = (argument(c, 0, "self")?.clone(), c.float_or(2, "max_norm", 1.0)?);
    let order = Val::Float(c.float_or(3, "norm_type", 2.0)?);
    let size =
        b.apply("linalg_vector_norm", &[&table, &order, &Val::list(vec![Val::Int(1)]), &Val::Bool(true)])?;
    let sure = b.apply("add", &[&size, &Val::Float(1e-7)])?;
    let factor = b.apply("reciprocal", &[&sure])?;
    let factor = b.apply("mul", &[&factor, &Val::Float(most)])?;
    let fits = b.apply("le", &[&size, &Val::Float(most)])?;
    let factor = b.apply("masked_fill", &[&factor, &fits, &Val::Int(1)])?;
    b.apply("mul", &[&table, &factor])
}
