//! A body over the items of sequences, as a loop.

use super::{Elem, Lowering, Outcome, Val};
use crate::graph::{Binary as B, Listing, Op, ValueId};

impl Lowering<'_, '_> {
    /// State: the step, the lists of the results, how many items there are, what it takes, what the body reads of the graph around.
    pub(super) fn map(&mut self) -> Outcome {
        let graph = self.graph("body")?;
        let (first, _) = self.sequence(0)?;
        let length = self.add(Op::List(Listing::Length), &[first])?;
        let count = graph.output.len();
        let mut state: Vec<ValueId> = vec![self.build().int(0)?];
        let mut takes = vec![Self::scalar_given(Elem::I64)];
        let (lists, given) = self.lists(count)?;
        state.extend(lists);
        takes.extend(given);
        state.push(length);
        takes.push(Self::scalar_given(Elem::I64));
        for val in self.inputs.clone() {
            let (value, mut given) = self.given(val)?;
            given.shape = self.build().shape(value).cloned();
            state.push(value);
            takes.push(given);
        }
        let mut body = self.context.apart(graph, &takes, |context, inputs| {
            let build = context.build();
            let (at, shape) = (build.graph.inputs[0], build.int(-1)?);
            let mut bound = Vec::new();
            for val in &inputs[count + 2..] {
                bound.push(match *val {
                    Val::Sequence(list, elem) => {
                        let item = Op::List(Listing::Get(elem.kind()));
                        Val::Tensor(build.add(item, &[list, at, shape])?, elem)
                    }
                    other => other,
                });
            }
            Ok(bound)
        })?;
        let results = Self::results(&body)?;
        state.extend(body.captured());
        let build = &mut body.level.build;
        let (inputs, one) = (build.graph.inputs.clone(), build.int(1)?);
        let mut next = vec![build.add(Op::Binary(B::Add), &[inputs[0], one])?];
        for (n, (value, _)) in results.iter().enumerate() {
            next.push(build.add(Op::List(Listing::Push), &[inputs[1 + n], *value])?);
        }
        next.extend(&inputs[1 + count..]);
        let condition = Self::condition(state.len(), [0, 1 + count], None)?;
        let made = self.looped(condition, body.function("body", next), &state)?;
        let vals = made[1..].iter().zip(results).map(|(list, (_, val))| match val {
            Val::Tensor(_, elem) => Ok(Val::Sequence(*list, elem)),
            _ => Self::refuse("a body that makes sequences"),
        });
        vals.collect::<Result<Vec<_>, _>>().map(Some)
    }
}
