//! A part of a program that is done again and again, as long as another one says so.

use super::super::value::Result;
use super::{Builder, Part, body, captured};
use crate::DType;
use crate::graph::{Control, Op, ValueId};
use std::sync::Arc;

impl Builder {
    /// A loop of turns, each with what its values are next, and of tests, each with whether it goes on. Gives the values at its end.
    pub fn repeated(
        &mut self,
        at_first: &[ValueId],
        (turn, next): (Part, Vec<ValueId>),
        (test, holds): (Part, ValueId),
    ) -> Result<Vec<ValueId>> {
        let mut outer = captured(&turn.nodes, &next);
        let more: Vec<ValueId> =
            captured(&test.nodes, &[holds]).into_iter().filter(|v| !outer.contains(v)).collect();
        outer.extend(more);
        let count = at_first.len();
        let results: Vec<ValueId> = next.iter().chain(&outer).copied().collect();
        let dtypes: Vec<DType> = results.iter().map(|v| self.dtype(*v)).collect();
        let control = Control::Loop {
            condition: body("condition", test.nodes, count, &outer, &[holds])?,
            body: body("turn", turn.nodes, count, &outer, &results)?,
        };
        let inputs: Vec<ValueId> = at_first.iter().copied().chain(outer).collect();
        let mut made = self.ops(Op::Control(Arc::new(control)), &inputs, &dtypes)?;
        made.truncate(count);
        Ok(made)
    }
}
