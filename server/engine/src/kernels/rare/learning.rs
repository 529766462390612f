//! What estimators are made of beside plain arithmetic.

mod coupling;
mod distances;
mod divergence;
mod documents;
mod leaves;
mod shares;

use super::super::access::{make, output};
use super::super::{Outcome, Value, fail};
use super::{Values, at};
use crate::graph::{Categories, Learning};
use crate::value::Kind;

pub fn run(op: &Learning, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let one = |outcome: Outcome| outcome.map(|v| vec![v]);
    match op {
        Learning::Categories(known) => one(numbers(known, x)),
        Learning::Count(vectoriser) => documents::count(vectoriser, x),
        Learning::Distances(metric) => one(distances::distances(*metric, x, at(inputs, 1)?)),
        Learning::Coupling => one(coupling::coupled(x)),
        Learning::Interpolate => one(interpolated(x, at(inputs, 1)?, at(inputs, 2)?)),
        Learning::Between(what) => one(between(what, x, at(inputs, 1)?, at(inputs, 2)?)),
        Learning::ScaledShares(how) => one(divergence::shares(*how, x, at(inputs, 1)?)),
        Learning::LinearLeaves(leaves) => one(leaves::sums(leaves, x, at(inputs, 1)?)),
        Learning::Shares(descent) => one(shares::shares(*descent, x, at(inputs, 1)?)),
    }
}

/// The number of each value.
fn numbers(known: &Categories, x: &Value) -> Outcome {
    let unknown =
        |value: String| fail(format!("column {} has {value}, which is no known category", known.column));
    let found = |number: Option<&i64>, value: &dyn Fn() -> String| match number {
        Some(number) => Ok(*number),
        None if known.strict => Err(unknown(value())),
        None => Ok(-1),
    };
    let mut out = output::<i64>(x.dims())?;
    match x.kind() {
        Kind::Text => {
            for (to, text) in out.iter_mut().zip(x.texts()?) {
                *to = found(known.texts.get(text), &|| format!("{:?}", String::from_utf8_lossy(text)))?;
            }
        }
        _ => {
            for (to, number) in out.iter_mut().zip(x.slice::<f64>()?) {
                *to = found(known.floats.get(&Categories::bits(*number)), &|| number.to_string())?;
            }
        }
    }
    make(out, x.dims())
}

/// Each column on lines between its own places; beyond them, the outermost values.
fn interpolated(x: &Value, places: &Value, values: &Value) -> Outcome {
    let (&[_, width], &[count, of]) = (x.dims(), places.dims()) else {
        return Err(fail("interpolation needs matrices"));
    };
    if width != of || values.dims() != places.dims() || count == 0 {
        return Err(fail(format!("interpolation of {:?} between {:?}", x.dims(), places.dims())));
    }
    let (places, values) = (places.slice::<f64>()?, values.slice::<f64>()?);
    let mut out = output::<f64>(x.dims())?;
    for (n, (to, x)) in out.iter_mut().zip(x.slice::<f64>()?).enumerate() {
        let column = n % width.max(1);
        let (place, value) = (|k: usize| places[k * width + column], |k: usize| values[k * width + column]);
        // The last place that is not above x.
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if place(middle) <= *x { low = middle + 1 } else { high = middle }
        }
        *to = match low {
            _ if x.is_nan() => f64::NAN,
            0 => value(0),
            _ if low == count => value(count - 1),
            _ if place(low - 1) == *x => value(low - 1),
            _ => {
                let slope = (value(low) - value(low - 1)) / (place(low) - place(low - 1));
                slope * (x - place(low - 1)) + value(low - 1)
            }
        };
    }
    make(out, x.dims())
}

/// What is within its bounds; all else is an error.
fn between(what: &str, x: &Value, least: &Value, most: &Value) -> Outcome {
    let (least, most) = (least.slice::<f64>()?, most.slice::<f64>()?);
    if least.is_empty() || least.len() != most.len() {
        return Err(fail("bounds are none"));
    }
    for (n, x) in x.slice::<f64>()?.iter().enumerate() {
        let column = n % least.len();
        let (least, most) = (least[column], most[column]);
        if !(least..=most).contains(x) {
            return Err(fail(format!("{what} takes numbers from {least} to {most}, not {x}")));
        }
    }
    Ok(x.clone())
}
