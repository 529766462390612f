//! ATen's operations → the graph's. Exports and programs in text share them.

mod attention;
mod bags;
mod binary;
mod cells;
mod complex;
mod create;
mod distances;
mod encoder;
mod experts;
mod extremes;
mod factors;
mod grids;
mod image;
mod index;
mod inner;
mod join;
mod losses;
mod matrices;
mod moves;
mod norm;
mod ordered;
mod pads;
mod parts;
mod picked;
mod pointwise;
mod pooling;
mod product;
mod quantised;
mod random;
mod recurrent;
mod reduce;
mod renamed;
mod resize;
mod scalars;
mod segments;
mod slopes;
mod softmax;
mod special;
mod statistics;
mod triangles;
mod views;
mod vision;
mod written_out;

use super::arguments::Call;
use super::build::Builder;
use super::value::{Result, Stop, Val, broken};
use crate::graph::ValueId;

/// What an operation gives; None: it is not one of these.
pub type Outcome = Result<Option<Vec<Val>>>;

/// Operations that say something of their inputs and compute nothing.
const SILENT: [&str; 13] = [
    "_assert_scalar",
    "_assert_async",
    "_assert_tensor_metadata",
    "sym_constrain_range",
    "sym_constrain_range_for_size",
    "_check",
    "warn",
    "_assert",
    "manual_seed",
    "profiler_record_function_enter",
    "_functional_assert_async",
    "_functional_sym_constrain_range",
    "_linalg_check_errors",
];

const GROUPS: [fn(&mut Builder, &Call) -> Outcome; 45] = [
    renamed::lower,
    encoder::lower,
    complex::lower,
    picked::lower,
    scalars::lower,
    views::lower,
    pointwise::lower,
    binary::lower,
    image::lower,
    pooling::lower,
    norm::lower,
    product::lower,
    experts::lower,
    attention::lower,
    softmax::lower,
    reduce::lower,
    extremes::lower,
    parts::lower,
    join::lower,
    moves::lower,
    pads::lower,
    index::lower,
    create::lower,
    resize::lower,
    recurrent::lower,
    cells::lower,
    bags::lower,
    grids::lower,
    vision::lower,
    distances::lower,
    losses::lower,
    ordered::lower,
    matrices::lower,
    factors::lower,
    triangles::lower,
    special::lower,
    statistics::lower,
    written_out::lower,
    inner::lower,
    segments::lower,
    slopes::lower,
    random::lower,
    quantised::lower,
    quantised::eager::lower,
    quantised::recurrent::lower,
];

/// Whether an operation is of another library that is known.
pub fn is_of_library(name: &str) -> bool {
    [vision::LIBRARY, experts::LIBRARY, quantised::LIBRARY, quantised::eager::LIBRARY]
        .iter()
        .any(|library| name.starts_with(library))
}

/// Adds an operation to the graph.
pub fn lower(b: &mut Builder, call: &Call) -> Result<Vec<Val>> {
    if SILENT.contains(&call.name.as_str()) {
        return Ok(Vec::new());
    }
    if let Some(plain) = in_place(&call.name) {
        return write(b, call, plain);
    }
    if let Some(values) = quantised::steps::on_steps(b, call)? {
        return Ok(values);
    }
    for group in GROUPS {
        if let Some(values) = group(b, call)? {
            return Ok(values);
        }
    }
    Err(Stop::Unsupported(String::new()))
}

/// The operation whose result an operation writes to its first argument.
fn in_place(name: &str) -> Option<&str> {
    name.strip_suffix('_').filter(|plain| !plain.is_empty() && !plain.ends_with('_'))
}

fn write(b: &mut Builder, call: &Call, plain: &str) -> Result<Vec<Val>> {
    let to = call.first()?;
    let plain = Call { name: plain.to_owned(), ..call.clone() };
    let [Val::Tensor(from), ..] = lower(b, &plain)?[..] else {
        return broken(format!("{} gives no tensor", call.name));
    };
    if let (Some(_), Some(pairs)) = (b.pairs(to), b.pairs(from)) {
        b.write(to, pairs)?;
        return Ok(vec![Val::Tensor(to)]);
    }
    let (old, new) = (b.value(to)?, b.value(from)?);
    let dtype = b.dtype(old);
    let mut new = b.cast(new, dtype)?;
    if b.shape(old) != b.shape(new) && b.shape(old).is_some() {
        let shape = b.extents(old)?;
        new = b.broadcast(new, &shape)?;
    }
    b.write(to, new)?;
    Ok(vec![Val::Tensor(to)])
}

/// The numbers that a tensor of whole steps means.
pub fn numbers_of_steps(b: &mut Builder, steps: &Val, told: &[Val]) -> Result<Val> {
    quantised::steps::meant(b, steps, told)
}

/// Arithmetic with two numbers of the program.
pub fn combined(b: &mut Builder, name: &str, x: &Val, y: &Val) -> Result<Val> {
    scalars::combine(b, name, x, y)
}

/// Whether two numbers of the program are equal.
pub fn equal_numbers(b: &mut Builder, x: &Val, y: &Val) -> Result<Val> {
    let plain = |v: &Val| matches!(v, Val::Int(_) | Val::Float(_) | Val::Bool(_) | Val::Symbol(_));
    if plain(x) && plain(y) { scalars::combine(b, "eq", x, y) } else { Ok(Val::Bool(false)) }
}

impl Builder {
    /// The first result of another operation, called with arguments by their places.
    fn apply(&mut self, name: &str, arguments: &[&Val]) -> Result<Val> {
        Ok(self.apply_all(name, arguments)?.into_iter().next().unwrap_or(Val::None))
    }

    /// All results of another operation, called with arguments by their places.
    fn apply_all(&mut self, name: &str, arguments: &[&Val]) -> Result<Vec<Val>> {
        let arguments = arguments.iter().map(|value| (None, (*value).clone())).collect();
        lower(self, &Call { name: name.to_owned(), overload: String::new(), arguments })
    }

    /// A value as a tensor of the program.
    fn as_tensor(&mut self, value: ValueId) -> Val {
        Val::Tensor(self.tensor(value))
    }

    /// The value of a tensor of the program.
    fn of(&self, tensor: &Val) -> Result<ValueId> {
        match tensor {
            Val::Tensor(handle) => self.value(*handle),
            other => broken(format!("{} where a tensor is wanted", other.describe())),
        }
    }

    /// A value as the only result.
    fn give(&mut self, value: ValueId) -> Outcome {
        Ok(Some(vec![Val::Tensor(self.tensor(value))]))
    }

    /// Values as results.
    fn give_all(&mut self, values: &[ValueId]) -> Outcome {
        Ok(Some(values.iter().map(|v| Val::Tensor(self.tensor(*v))).collect()))
    }

    /// Values as a list, which is the only result.
    fn give_list(&mut self, values: &[ValueId]) -> Outcome {
        let items = values.iter().map(|v| Val::Tensor(self.tensor(*v))).collect();
        Ok(Some(vec![Val::list(items)]))
    }
}
