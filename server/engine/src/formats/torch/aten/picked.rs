//! Elements put, picked and padded in ways that few programs use.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, broken, unsupported};
use super::matrices::argument;
use super::{Outcome, combined};
use crate::DType;
use crate::graph::{Op, Rare};

/// Lists of sequences, and places that are asked for.
const MOST: i64 = 1 << 20;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    let made = match c.name.as_str() {
        "put" => {
            let flat = Val::list(vec![Val::Int(-1)]);
            let all = b.apply("reshape", &[&x, &flat])?;
            let places = b.apply("reshape", &[argument(c, 1, "index")?, &flat])?;
            let values = b.apply("reshape", &[argument(c, 2, "source")?, &flat])?;
            let adds = Val::Bool(c.flag(3, "accumulate", false)?);
            let made = b.apply("index_put", &[&all, &Val::list(vec![places]), &values, &adds])?;
            b.apply("view_as", &[&made, &x])?
        }
        "nonzero_static" => {
            let size = c.int(b, usize::MAX, "size")?;
            if !(0..=MOST).contains(&size) {
                return broken(format!("{size} places"));
            }
            let fill = Val::Int(c.int_or(b, usize::MAX, "fill_value", -1)?);
            let found = b.apply("nonzero", &[&x])?;
            let pads = Val::list([0, 0, 0, size].map(Val::Int).to_vec());
            let more = b.apply("constant_pad_nd", &[&found, &pads, &fill])?;
            b.apply("slice", &[&more, &Val::Int(0), &Val::Int(0), &Val::Int(size), &Val::Int(1)])?
        }
        "pad_sequence" => sequences(b, c, &x)?,
        "fill_diagonal" => {
            let value = b.of(&x)?;
            if b.rank(value)? != 2 || c.flag(2, "wrap", false)? {
                return unsupported("but of a matrix, once");
            }
            let unit = diagonal_of(b, &x)?;
            b.apply("masked_fill", &[&x, &unit, argument(c, 1, "fill_value")?])?
        }
        "diagonal_scatter" => onto_diagonal(b, c, &x)?,
        "mode" => return most_frequent(b, c, &x).map(Some),
        "combinations" => {
            if c.int_or(b, 1, "r", 2)? != 2 {
                return unsupported("but of pairs");
            }
            let extent = b.apply("size", &[&x, &Val::Int(0)])?;
            let offset = Val::Int(i64::from(!c.flag(2, "with_replacement", false)?));
            let pairs = b.apply("triu_indices", &[&extent, &extent, &offset])?;
            let pairs = b.apply("t", &[&pairs])?;
            b.apply("index", &[&x, &Val::list(vec![pairs])])?
        }
        "view" if matches!(c.get(1, "dtype"), Some(Val::Type(_))) => bits(b, c, &x)?,
        "real" => x,
        "angle" => {
            let is_below = b.apply("lt", &[&x, &Val::Int(0)])?;
            let blank = b.apply("mul", &[&x, &Val::Float(0.0)])?;
            b.apply("masked_fill", &[&blank, &is_below, &Val::Float(std::f64::consts::PI)])?
        }
        "conv_tbc" => {
            let input = b.apply("permute", &[&x, &Val::list([1, 2, 0].map(Val::Int).to_vec())])?;
            let order = Val::list([2, 1, 0].map(Val::Int).to_vec());
            let weight = b.apply("permute", &[argument(c, 1, "weight")?, &order])?;
            let bias = argument(c, 2, "bias")?.clone();
            let pad = Val::list(vec![Val::Int(c.int_or(b, 3, "pad", 0)?)]);
            let made = b.apply("conv1d", &[&input, &weight, &bias, &Val::Int(1), &pad])?;
            b.apply("permute", &[&made, &Val::list([2, 0, 1].map(Val::Int).to_vec())])?
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

/// Sequences of different lengths as rows of one tensor.
fn sequences(b: &mut Builder, c: &Call, all: &Val) -> Result<Val> {
    let Some(items) = all.items().filter(|items| !items.is_empty()) else {
        return c.wrong("sequences", "a list of tensors");
    };
    let number = Val::Float(c.float_or(2, "padding_value", 0.0)?);
    if c.text(3, "padding_side").is_some_and(|side| &*side != "right") {
        return unsupported("but behind each sequence");
    }
    let (mut lengths, mut longest) = (Vec::new(), Val::Int(0));
    for item in &items {
        let length = b.apply("size", &[item, &Val::Int(0)])?;
        longest = combined(b, "max", &longest, &length)?;
        lengths.push(length);
    }
    let mut rows = Vec::new();
    for (item, length) in items.iter().zip(&lengths) {
        let value = b.of(item)?;
        let more = combined(b, "sub", &longest, length)?;
        let pads = [vec![Val::Int(0); 2 * b.rank(value)? - 1], vec![more]].concat();
        rows.push(b.apply("constant_pad_nd", &[item, &Val::list(pads), &number])?);
    }
    let at = i64::from(!c.flag(1, "batch_first", false)?);
    b.apply("stack", &[&Val::list(rows), &Val::Int(at)])
}

/// Truths about a matrix's places: whether they are on its diagonal.
fn diagonal_of(b: &mut Builder, x: &Val) -> Result<Val> {
    let (rows, columns) = (b.apply("size", &[x, &Val::Int(-2)])?, b.apply("size", &[x, &Val::Int(-1)])?);
    let (rows, columns) = (b.apply("arange", &[&rows])?, b.apply("arange", &[&columns])?);
    let rows = b.apply("unsqueeze", &[&rows, &Val::Int(1)])?;
    b.apply("eq", &[&rows, &columns])
}

/// Elements put on a diagonal.
fn onto_diagonal(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let offset = c.int_or(b, 2, "offset", 0)?;
    let axes = [c.int_or(b, 3, "dim1", 0)?, c.int_or(b, 4, "dim2", 1)?];
    let own = Val::list(axes.map(Val::Int).to_vec());
    let first = Val::list([0, 1].map(Val::Int).to_vec());
    let source = argument(c, 1, "src")?.clone();
    let count = b.apply("size", &[&source, &Val::Int(-1)])?;
    let source = b.apply("movedim", &[&source, &Val::Int(-1), &Val::Int(0)])?;
    let moved = b.apply("movedim", &[x, &own, &first])?;
    let places = b.apply("arange", &[&count])?;
    let rows = b.apply("add", &[&places, &Val::Int((-offset).max(0))])?;
    let columns = b.apply("add", &[&places, &Val::Int(offset.max(0))])?;
    let made = b.apply("index_put", &[&moved, &Val::list(vec![rows, columns]), &source])?;
    b.apply("movedim", &[&made, &first, &own])
}

/// The element that is there most often, the least of several, and the last place where it is.
fn most_frequent(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    let (dim, last) = (Val::Int(c.int_or(b, 1, "dim", -1)?), Val::Int(-1));
    let keep = c.flag(2, "keepdim", false)?;
    let moved = b.apply("movedim", &[x, &dim, &last])?;
    let sorted = b.apply_all("sort", &[&moved, &last, &Val::Bool(false)])?.remove(0);
    let (column, row) =
        (b.apply("unsqueeze", &[&sorted, &last])?, b.apply("unsqueeze", &[&sorted, &Val::Int(-2)])?);
    let same = b.apply("eq", &[&column, &row])?;
    let counts = b.apply("sum", &[&same, &Val::list(vec![last.clone()])])?;
    let place = b.apply("argmax", &[&counts, &last, &Val::Bool(true)])?;
    let value = b.apply("gather", &[&sorted, &last, &place])?;
    let is_it = b.apply("eq", &[&moved, &value])?;
    let extent = b.apply("size", &[&moved, &last])?;
    let numbers = b.apply("arange", &[&extent])?;
    let marked = b.apply("mul", &[&is_it, &numbers])?;
    let at = b.apply("amax", &[&marked, &Val::list(vec![last.clone()]), &Val::Bool(true)])?;
    let mut found = Vec::new();
    for one in [value, at] {
        let single = b.apply("squeeze", &[&one, &last])?;
        found.push(if keep { b.apply("unsqueeze", &[&single, &dim])? } else { single });
    }
    Ok(found)
}

/// The bits of elements as others of the same width.
fn bits(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let (value, to) = (b.of(x)?, c.dtype(1, "dtype")?.unwrap_or(DType::F32));
    let from = b.dtype(value);
    let wide = |dtype: DType| match dtype {
        DType::F32 | DType::I32 => Some(32),
        DType::F64 | DType::I64 => Some(64),
        _ => None,
    };
    if from == to {
        return Ok(x.clone());
    }
    if wide(from).is_none() || wide(from) != wide(to) || is_float(from) == is_float(to) {
        return unsupported("of bits as another type");
    }
    let shape = b.shape(value).map(<[_]>::to_vec);
    let made = b.op(Op::Rare(Box::new(Rare::Bitcast { from, to })), &[value], to)?;
    let made = shape.map_or(made, |shape| b.shaped(made, shape));
    Ok(b.as_tensor(made))
}
