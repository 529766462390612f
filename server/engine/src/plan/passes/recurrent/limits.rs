//! How many steps a loop makes.

use super::Round;
use super::lists::maker;
use super::steps::{Given, Marks, Mask};
use super::view::View;
use crate::graph::{Binary, Compare, MaskedOutput, Op, Reduce, ValueId};
use crate::plan::draft::Draft;
use crate::value::Kind;

/// Most limits that a condition may name.
const MOST: usize = 8;

/// What a condition says of counters: each is less than something that does not change.
pub fn find(test: &View<'_>, round: &Round<'_>, counters: &[usize]) -> Option<Vec<Given>> {
    let mut limits = Vec::new();
    let mut open = vec![*test.draft.outputs.first()?];
    while let Some(value) = open.pop() {
        if let Some(both) = test.binary(value, Binary::And) {
            open.extend(both);
        } else {
            limits.push(limit(test, round, counters, value)?);
        }
        if limits.len() + open.len() > MOST {
            return None;
        }
    }
    Some(limits)
}

fn limit(test: &View<'_>, round: &Round<'_>, counters: &[usize], value: ValueId) -> Option<Given> {
    let node = test.node(value)?;
    let (Op::Compare(Compare::Less), [counter, limit]) = (&node.op, &node.inputs[..]) else { return None };
    counters.iter().find(|n| test.inputs[**n] == *counter)?;
    match test.draft.constants.get(limit) {
        Some(value) if value.kind() == Kind::I64 && value.elem_count() == 1 => {
            Some(Given::Constant(value.clone()))
        }
        Some(_) => None,
        None => Some(Given::Outside(round.outside(test.inputs, *limit)?)),
    }
}

/// Limits without those that only leave out steps at which every sequence is over: where nothing is put out and nothing changes then, they
/// say nothing, but would make each row wait for the longest.
pub fn of_rows(draft: &Draft, limits: Vec<Given>, mask: Option<&Mask>) -> Vec<Given> {
    let Some(Mask { output: MaskedOutput::Filler, made: Marks::Compared(Compare::Less, rows), filler }) =
        mask
    else {
        return limits;
    };
    let nothing = matches!(filler, Given::Constant(value) if value.slice::<f32>().is_ok_and(|f| f == [0.0]));
    let rest = |limit: Given| match limit {
        Given::Outside(value) if nothing => Given::Outside(without_longest(draft, value, *rows)),
        limit => limit,
    };
    limits.into_iter().map(rest).collect()
}

/// Of the lesser of a number and the longest row (or a first step), the number.
fn without_longest(draft: &Draft, value: ValueId, rows: ValueId) -> ValueId {
    let two = |value: ValueId, op: Binary| {
        let node = maker(draft, value).filter(|n| n.op == Op::Binary(op))?;
        let [a, b] = node.inputs[..] else { return None };
        Some([[a, b], [b, a]])
    };
    let longest = |value: ValueId| {
        maker(draft, value).is_some_and(|n| {
            let max = matches!(n.op, Op::Reduce { kind: Reduce::Max, .. });
            max && n.inputs.first() == Some(&rows)
                && n.inputs.get(1).and_then(|a| draft.integers(*a)) == Some(&[0])
        })
    };
    let at_least_one = |value: ValueId| {
        let ways = two(value, Binary::Max).into_iter().flatten();
        ways.into_iter().any(|[a, b]| longest(a) && draft.integers(b) == Some(&[1]))
    };
    let ways = two(value, Binary::Min).into_iter().flatten();
    let found = ways.into_iter().find(|[_, b]| longest(*b) || at_least_one(*b));
    found.map_or(value, |[a, _]| a)
}
