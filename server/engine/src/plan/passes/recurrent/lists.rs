//! Lists that are all of a value, and values that are all of a list, however they are made of each other.

use super::steps::Given;
use crate::graph::{Listing, Masks, Node, Op, ValueId};
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};

/// A number of items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    Number(i64),
    /// As many slices as a value has.
    Slices(ValueId),
    Value(ValueId),
}

impl Count {
    /// What a value says.
    pub fn of(draft: &Draft, value: ValueId) -> Self {
        if let Some([number]) = draft.integers(value) {
            return Self::Number(*number);
        }
        let first = |n: &Node| {
            let only = Masks { shrink: 1, ..Masks::default() };
            let ints = |at: usize| n.inputs.get(at).and_then(|v| draft.integers(*v));
            let [from, to, step] = [ints(1)?, ints(2)?, ints(3)?];
            let from_start = n.op == Op::StridedSlice(only) && from == [0] && to == [1] && step == [1];
            let shape =
                maker(draft, *n.inputs.first()?).filter(|shape| from_start && shape.op == Op::Shape)?;
            shape.inputs.first().copied()
        };
        maker(draft, value).and_then(first).map_or(Self::Value(value), Self::Slices)
    }

    pub fn given(draft: &Draft, given: &Given) -> Option<Self> {
        match given {
            Given::Outside(value) => Some(Self::of(draft, *value)),
            Given::Constant(value) => match value.slice::<i64>().ok()? {
                [number] => Some(Self::Number(*number)),
                _ => None,
            },
        }
    }
}

/// What makes a value.
pub fn maker(draft: &Draft, value: ValueId) -> Option<&Node> {
    draft.nodes.iter().find(|n| n.outputs.contains(&value))
}

/// The value whose slices are the items of a list.
pub fn slices(draft: &Draft, list: ValueId) -> Option<ValueId> {
    let node = maker(draft, list)?;
    match (&node.op, &node.inputs[..]) {
        (Op::List(Listing::FromTensor), [x, ..]) => Some(*x),
        (Op::List(Listing::ScatterInto), [list, x, places]) => {
            let room = Count::given(draft, &reserved(draft, *list)?)?;
            let count = all_places(draft, *places)?;
            let whole = room == count || [room, count].iter().all(|n| *n == Count::Slices(*x));
            whole.then_some(*x)
        }
        _ => None,
    }
}

/// How many places there are, if they are those from the first on.
fn all_places(draft: &Draft, places: ValueId) -> Option<Count> {
    if let Some(places) = draft.constant(places, Kind::I64) {
        let all = places.slice::<i64>().ok()?;
        return all.iter().zip(0..).all(|(a, b)| *a == b).then_some(Count::Number(all.len() as i64));
    }
    let node = maker(draft, places).filter(|n| n.op == Op::Range)?;
    let [from, to, step] = node.inputs[..] else { return None };
    let whole = draft.integers(from) == Some(&[0]) && draft.integers(step) == Some(&[1]);
    whole.then(|| Count::of(draft, to))
}

/// How many items an empty list has room for.
pub fn reserved(draft: &Draft, list: ValueId) -> Option<Given> {
    if let Some(constant) = draft.constants.get(&list) {
        let items = &constant.items().ok()?.items;
        let length = Value::of(vec![items.len() as i64], &[]).ok()?;
        return items.iter().all(Option::is_none).then_some(Given::Constant(length));
    }
    let node = maker(draft, list)?;
    match (&node.op, &node.inputs[..]) {
        (Op::List(Listing::Reserve), [_, length]) => Some(Given::Outside(*length)),
        _ => None,
    }
}

/// Whether a node makes one value of all items of a list that has so many.
pub fn stacks(draft: &Draft, node: &Node, list: ValueId, room: Option<Count>) -> bool {
    match (&node.op, &node.inputs[..]) {
        (Op::List(Listing::Stack(Kind::F32)), [of, ..]) => *of == list,
        (Op::List(Listing::Gather(Kind::F32)), [of, places, ..]) => {
            *of == list && room.is_some() && all_places(draft, *places) == room
        }
        _ => false,
    }
}
