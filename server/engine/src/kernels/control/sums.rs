//! Lists as what gradients of loops are summed up in.

use super::super::{elementwise, fail};
use super::Inputs;
use crate::EngineError;
use crate::graph::{Binary, Unary};
use crate::value::{Kind, List, Value};

/// Zeros in the place of the items; those that are lists themselves have such items.
pub fn zeros(mut list: List) -> Result<List, EngineError> {
    for item in list.items.iter_mut().flatten() {
        *item = match item.kind() {
            Kind::List => Value::list(zeros(item.items()?.clone())?),
            _ => elementwise::unary(Unary::ZerosLike, item)?,
        };
    }
    Ok(list)
}

/// Items that are in one list alone are as they are.
pub fn sum(inputs: &mut Inputs) -> Result<List, EngineError> {
    let mut total = inputs.list()?;
    for other in inputs.0.by_ref() {
        let other = other.into_items()?;
        if other.items.len() != total.items.len() {
            return Err(fail(format!(
                "a sum of lists of {} and {} items",
                total.items.len(),
                other.items.len()
            )));
        }
        for (item, more) in total.items.iter_mut().zip(other.items) {
            *item = match (item.take(), more) {
                (Some(a), Some(b)) => Some(elementwise::binary(Binary::Add, &a, &b)?),
                (a, b) => a.or(b),
            };
        }
    }
    Ok(total)
}
