//! What goes from step to step: the states, each of which a masked step leaves as it is, and what such a step puts out.

use super::Round;
use super::cell::{self, Carried, Found};
use super::lists::maker;
use super::view::View;
use crate::graph::{Compare, Listing, MaskedOutput, Op, Rare, Unary, ValueId};
use crate::value::{Kind, Value};

/// The steps that a loop makes.
pub struct Steps {
    /// The lowest reads the sequence, each other one what the one below it puts out.
    pub levels: Vec<Level>,
    pub mask: Option<Mask>,
}

impl Steps {
    /// Which values of the loop are states.
    pub fn states(&self) -> Vec<usize> {
        self.levels.iter().flat_map(|level| level.states.iter().map(|s| s.number)).collect()
    }
}

/// A cell, of which a step has several if they are stacked.
pub struct Level {
    pub found: Found,
    /// The state and, of an LSTM, the cell.
    pub states: Vec<Carried>,
}

/// Which steps are masked.
pub struct Mask {
    pub output: MaskedOutput,
    pub made: Marks,
    /// What is put out at masked steps, or only before the first other one.
    pub filler: Given,
}

/// Where the marks of steps that are made come from.
pub enum Marks {
    /// Along the first axis the steps.
    Series(ValueId),
    /// The number of a step compared with one value for each row.
    Compared(Compare, ValueId),
}

/// A value from outside of a loop.
pub enum Given {
    Outside(ValueId),
    Constant(Value),
}

/// A value that is taken over at some steps only.
struct Choice {
    test: Test,
    made: ValueId,
    kept: ValueId,
}

/// By what a body chooses.
#[derive(Clone, Copy, PartialEq)]
enum Test {
    /// A list, and which item of it is read.
    Item(ValueId, ValueId),
    /// Two values, one of them the number of the step, the other one for each row.
    Compared(Compare, ValueId, ValueId),
}

impl Choice {
    /// Both ways round where a comparison chooses: which of the two is kept is told by what goes round.
    fn find(view: &View<'_>, value: ValueId) -> Vec<Self> {
        Self::by_item(view, value)
            .into_iter()
            .chain(Self::by_rows(view, value).into_iter().flatten())
            .collect()
    }

    fn by_item(view: &View<'_>, value: ValueId) -> Option<Self> {
        let node = view.node(value)?;
        let [mask, made, kept] = *<&[ValueId; 3]>::try_from(&node.inputs[..]).ok()?;
        let fits = match &node.op {
            Op::Select => true,
            // Its conditions are repeated, or one for each row without an axis of units, which is seldom.
            Op::Rare(rare) => **rare == Rare::SelectRows && view.node(mask)?.op == Op::Tile,
            _ => false,
        };
        fits.then(|| Some(Self { test: mask_item(view, mask)?, made, kept })).flatten()
    }

    /// As TensorFlow 1 writes it: rows whose sequence is over keep what they have.
    fn by_rows(view: &View<'_>, value: ValueId) -> Option<[Self; 2]> {
        let node = view.node(value).filter(|n| matches!(&n.op, Op::Rare(r) if **r == Rare::SelectRows))?;
        let [mask, yes, no] = *<&[ValueId; 3]>::try_from(&node.inputs[..]).ok()?;
        let test = view.node(mask)?;
        let (Op::Compare(compare), [a, b]) = (&test.op, &test.inputs[..]) else { return None };
        let choice = |compare, made, kept| Self { test: Test::Compared(compare, *a, *b), made, kept };
        Some([choice(*compare, yes, no), choice(opposite(*compare), no, yes)])
    }
}

/// What is true of whole numbers where a comparison is not.
fn opposite(compare: Compare) -> Compare {
    match compare {
        Compare::Equal => Compare::NotEqual,
        Compare::NotEqual => Compare::Equal,
        Compare::Less => Compare::GreaterEqual,
        Compare::LessEqual => Compare::Greater,
        Compare::Greater => Compare::LessEqual,
        Compare::GreaterEqual => Compare::Less,
    }
}

/// The same comparison with its sides exchanged.
fn turned(compare: Compare) -> Compare {
    match compare {
        Compare::Less => Compare::Greater,
        Compare::LessEqual => Compare::GreaterEqual,
        Compare::Greater => Compare::Less,
        Compare::GreaterEqual => Compare::LessEqual,
        same => same,
    }
}

/// The list that a mask comes from, and the index; it may have been repeated for each unit.
fn mask_item(view: &View<'_>, mask: ValueId) -> Option<Test> {
    let node = view.node(mask)?;
    match (&node.op, &node.inputs[..]) {
        (Op::Tile, [mask, times]) => {
            // The choice broadcasts: repeating one row's mask along the units says nothing new.
            leaves_rows(view, *times).then_some(())?;
            mask_item(view, *mask)
        }
        (Op::List(Listing::Get(Kind::Bool)), [list, index, ..]) => Some(Test::Item(*list, *index)),
        _ => None,
    }
}

/// Whether something is repeated along its second axis only.
fn leaves_rows(view: &View<'_>, times: ValueId) -> bool {
    if let Some(times) = view.draft.integers(times) {
        return matches!(times, [1, _]);
    }
    let Some(node) = view.node(times) else { return false };
    let rows = node.inputs.first().and_then(|rows| view.draft.integers(*rows));
    matches!(node.op, Op::Pack(_)) && node.inputs.len() == 2 && rows == Some(&[1])
}

/// The steps whose output is `y`; `changing` are the values of the loop that neither count nor collect outputs.
pub fn find(round: &Round<'_>, y: ValueId, changing: &[usize], counters: &[usize]) -> Option<Steps> {
    let choices = Choice::find(&round.body, y);
    if choices.is_empty() {
        return unmasked(round, y, changing);
    }
    choices.iter().find_map(|choice| masked(round, choice, changing, counters))
}

fn unmasked(round: &Round<'_>, y: ValueId, changing: &[usize]) -> Option<Steps> {
    let carried = |number: &usize| Carried {
        number: *number,
        before: round.body.inputs[*number],
        after: round.body.draft.outputs[*number],
    };
    let states: Vec<Carried> = changing.iter().map(carried).collect();
    Some(Steps { levels: levels(&round.body, y, states)?, mask: None })
}

/// Cells on top of each other, the lowest first; the highest puts out `y`. What else goes round is nothing that they read: each is
/// looked at as a whole.
fn levels(view: &View<'_>, y: ValueId, mut states: Vec<Carried>) -> Option<Vec<Level>> {
    let mut levels = vec![highest(view, y, &states)?];
    while let Some(level) = levels.last() {
        states.retain(|s| level.states.iter().all(|own| own.number != s.number));
        let x = level.found.x;
        if states.iter().all(|s| s.after != x) {
            break;
        }
        levels.push(highest(view, x, &states)?);
    }
    levels.reverse();
    Some(levels)
}

/// The cell that puts out `y`, and which states are its.
fn highest(view: &View<'_>, y: ValueId, states: &[Carried]) -> Option<Level> {
    let made = |states: Vec<Carried>| Some(Level { found: cell::find(view, &states)?, states });
    let other = |h: &Carried, c: &Carried| (c.number != h.number).then(|| made(vec![*h, *c])).flatten();
    // The state comes first: it is what is put out.
    let with = |h: &Carried| made(vec![*h]).or_else(|| states.iter().find_map(|c| other(h, c)));
    states.iter().filter(|s| s.after == y).find_map(with)
}

fn masked(round: &Round<'_>, choice: &Choice, changing: &[usize], counters: &[usize]) -> Option<Steps> {
    let body = &round.body;
    // The last output goes round too, in the same form as the state that it is.
    let kept = |number: &usize| {
        let before = body.inputs[*number];
        let own = Choice::find(body, body.draft.outputs[*number]);
        let own = own.into_iter().find(|own| own.test == choice.test && own.kept == before)?;
        Some(Carried { number: *number, before, after: own.made })
    };
    let kept: Vec<Carried> = changing.iter().filter_map(kept).collect();
    let made = marks(round, choice.test, counters)?;
    let previous = kept.iter().find(|s| s.after == choice.made && s.before == choice.kept);
    let (output, filler) = match previous {
        Some(shown) => (MaskedOutput::Previous, given(round, *round.node.inputs.get(shown.number)?)),
        None => (MaskedOutput::Filler, fixed(round, choice.kept)?),
    };
    let mask = Mask { output, made, filler };
    Some(Steps { levels: levels(body, choice.made, kept)?, mask: Some(mask) })
}

/// Where marks come from, outside.
fn marks(round: &Round<'_>, test: Test, counters: &[usize]) -> Option<Marks> {
    let counter = |value: ValueId| counters.iter().any(|n| round.body.inputs[*n] == value);
    let outside = |value: ValueId| round.outside(round.body.inputs, value);
    match test {
        Test::Item(list, index) => counter(index).then(|| round.series(list)).flatten().map(Marks::Series),
        Test::Compared(compare, time, rows) if counter(time) => {
            Some(Marks::Compared(compare, outside(rows)?))
        }
        Test::Compared(compare, rows, time) => {
            counter(time).then(|| outside(rows)).flatten().map(|rows| Marks::Compared(turned(compare), rows))
        }
    }
}

/// A value of a body that is the same at all steps.
fn fixed(round: &Round<'_>, value: ValueId) -> Option<Given> {
    match round.outside(round.body.inputs, value) {
        Some(outside) => Some(given(round, outside)),
        None => round.body.draft.constant(value, Kind::F32).cloned().map(Given::Constant),
    }
}

/// A value from outside. Zeros are known without what they are like: that would be a step that is made for nothing else.
fn given(round: &Round<'_>, value: ValueId) -> Given {
    let zeros = maker(round.draft, value).is_some_and(|n| match (&n.op, &n.inputs[..]) {
        (Op::Unary(Unary::ZerosLike), _) => true,
        (Op::Fill, [_, number]) => round.draft.number(*number) == Some(0.0),
        _ => false,
    });
    match Value::of(vec![0f32], &[]) {
        Ok(zero) if zeros => Given::Constant(zero),
        _ => Given::Outside(value),
    }
}
