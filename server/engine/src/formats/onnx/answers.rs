//! What a model answers: its tensors, and those of a sequence where it is known how many there are, each by a name of its own.

use super::context::Context;
use super::elem::Elem;
use super::proto::{Graph, ValueInfo};
use super::scope::Val;
use super::signature;
use crate::graph::{Listing, Op, ValueId};
use crate::{EngineError, TensorSpec};

/// What is said of others.
const NO_TENSORS: &str =
    "an answer carries tensors, not sequences; put ConcatFromSequence or SequenceAt behind it";

impl Context<'_> {
    /// The outputs of the whole model.
    pub(super) fn answers(&mut self, graph: &Graph) -> Result<Vec<TensorSpec>, EngineError> {
        let mut made = Vec::new();
        for info in &graph.output {
            match self.find(&info.name)? {
                Val::Tensor(value, elem) => made.push(self.answer(info, info.name.clone(), value, elem)),
                Val::Sequence(list, elem) => match self.items(list) {
                    Some(items) => {
                        for (n, item) in items.into_iter().enumerate() {
                            let name = format!("{}_{n}", info.name);
                            if graph.output.iter().any(|other| other.name == name) {
                                return Err(EngineError::broken(format!(
                                    "two of its outputs would be {name:?}"
                                )));
                            }
                            made.push(self.answer(info, name, item, elem));
                        }
                    }
                    None => self.refuse("(output)", &info.name, NO_TENSORS),
                },
                Val::Unknown => {}
                Val::Absent | Val::Optional(..) => self.refuse("(output)", &info.name, NO_TENSORS),
            }
        }
        Ok(made)
    }

    fn answer(&mut self, info: &ValueInfo, name: String, value: ValueId, elem: Elem) -> TensorSpec {
        let known = self.build().shape(value).cloned();
        self.build().graph.outputs.push(value);
        TensorSpec { name, ..signature::output(info, elem, known) }
    }

    /// The items of a list that were put into it one after the other.
    fn items(&mut self, mut list: ValueId) -> Option<Vec<ValueId>> {
        let (build, mut items) = (self.build(), Vec::new());
        loop {
            match (build.maker(list)?, build.reads(list)) {
                (Op::List(Listing::Push), [before, item]) => {
                    items.push(*item);
                    list = *before;
                }
                (Op::List(Listing::Empty), _) => {
                    items.reverse();
                    return Some(items);
                }
                _ => return None,
            }
        }
    }
}
