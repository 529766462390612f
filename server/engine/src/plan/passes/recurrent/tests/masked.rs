//! Layers with a mask, as Keras has written them over the years.

use super::*;
use crate::graph::{MaskedOutput, Rare};
use crate::plan::draft::Draft;

/// How a step chooses between what it made and what was before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// By a mask that is broadcast.
    Broadcast,
    /// By one that is repeated once, which says nothing.
    Once,
    /// By one that is repeated for each unit.
    Tiled,
    /// By one that is repeated as often as a shape says, with the older operation.
    TiledAsShape,
}

/// What is put out at a masked step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    /// The output before; at first zeros like a step's output.
    Before,
    /// The same, at first something from outside.
    BeforeGiven,
    /// Zeros like a step's output.
    Zeros,
    /// Something from outside.
    Given,
}

/// What makes a loop one that is no such layer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    /// The state is chosen by another item of the mask than the output.
    OtherMask,
    /// The state goes on at masked steps.
    Unmasked,
    /// Steps are made where the mask is false.
    Inverted,
    /// What is put out at masked steps goes round, but is no output.
    OddOutput,
    /// The mask is repeated along the rows.
    TiledRows,
}

struct Masked {
    shape: Shape,
    form: Form,
    shown: Shown,
    last: bool,
    flaw: Flaw,
}

// Values of the loop: (counter, most, time, list, last output, h, c, steps, series, mask, filler).
const TIME: usize = 2;
const LAST_OUTPUT: usize = 4;
const H: usize = 5;
const C: usize = 6;
const MASK: usize = 9;
const FILLER: usize = 10;

impl Masked {
    fn new(shape: Shape) -> Self {
        Self { shape, form: Form::Once, shown: Shown::Before, last: false, flaw: Flaw::None }
    }

    /// The mask as a choice takes it.
    fn condition(&self, b: &mut Build, item: usize) -> usize {
        let times = match (self.flaw, self.form) {
            (Flaw::TiledRows, _) => b.ints(&[2, 1], &[2]),
            (_, Form::Broadcast) => return item,
            (_, Form::Once) => b.ints(&[1, 1], &[2]),
            (_, Form::Tiled) => b.ints(&[1, UNITS as i64], &[2]),
            (_, Form::TiledAsShape) => {
                let shape = b.add(Op::Shape, &[H]);
                let (from, to, one) = (b.ints(&[1], &[1]), b.ints(&[2], &[1]), b.ints(&[1], &[1]));
                let masks = Masks { shrink: 1, ..Masks::default() };
                let units = b.add(Op::StridedSlice(masks), &[shape, from, to, one]);
                let one = b.ints(&[1], &[]);
                b.add(Op::Pack(0), &[one, units])
            }
        };
        b.add(Op::Tile, &[item, times])
    }

    fn choose(&self, b: &mut Build, index: usize, made: usize, kept: usize) -> usize {
        let unknown = b.ints(&[-1], &[]);
        let item = b.add(Op::List(Listing::Get(Kind::Bool)), &[MASK, index, unknown]);
        let condition = self.condition(b, item);
        let older = self.form == Form::TiledAsShape;
        let op = if older { Op::Rare(Box::new(Rare::SelectRows)) } else { Op::Select };
        let branches = if self.flaw == Flaw::Inverted { [kept, made] } else { [made, kept] };
        b.add(op, &[condition, branches[0], branches[1]])
    }

    fn body(&self) -> Graph {
        let mut b = Build::new(11, 2);
        let (unknown, zero, one) = (b.ints(&[-1], &[]), b.ints(&[0], &[]), b.ints(&[1], &[]));
        let x = b.add(Op::List(Listing::Get(Kind::F32)), &[8, TIME, unknown]);
        let [new_h, new_c] = b.step(self.shape, x, H, C);
        let kept =
            if matches!(self.shown, Shown::Before | Shown::BeforeGiven) { LAST_OUTPUT } else { FILLER };
        let y = self.choose(&mut b, TIME, new_h, kept);
        let h = match self.flaw {
            Flaw::Unmasked => new_h,
            Flaw::OtherMask => self.choose(&mut b, zero, new_h, H),
            _ => self.choose(&mut b, TIME, new_h, H),
        };
        let c = if new_c == C { C } else { self.choose(&mut b, TIME, new_c, C) };
        let index = if self.last { zero } else { TIME };
        let list = b.add(Op::List(Listing::Set { grows: false }), &[3, index, y]);
        let (counter, time) = (b.two(Binary::Add, 0, one), b.two(Binary::Add, TIME, one));
        let shown = if self.flaw == Flaw::OddOutput { b.of(Unary::Tanh, y) } else { y };
        b.graph.outputs = vec![counter, 1, time, list, shown, h, c, 7, 8, MASK, FILLER];
        b.graph
    }

    /// Of (sequence, h, c, steps, mask, filler).
    fn graph(&self) -> Graph {
        let mut test = Build::new(11, 1);
        let less = Op::Compare(Compare::Less);
        let (a, b) = (test.add(less.clone(), &[TIME, 7]), test.add(less, &[0, 1]));
        let both = test.two(Binary::And, a, b);
        test.graph.outputs = vec![both];
        let mut b = Build::new(6, 3);
        let (zero, unknown, single) = (b.ints(&[0], &[]), b.ints(&[-1], &[]), b.ints(&[1], &[]));
        let list = b.add(Op::List(Listing::Reserve), &[unknown, if self.last { single } else { 3 }]);
        let [series, mask] = [0, 4].map(|input| b.add(Op::List(Listing::FromTensor), &[input]));
        let most = b.ints(&[100], &[]);
        let filler = if matches!(self.shown, Shown::Before | Shown::Zeros) {
            let output = b.of(Unary::Tanh, 1);
            b.of(Unary::ZerosLike, output)
        } else {
            5
        };
        let control = Control::Loop {
            condition: Body { name: "test".to_owned(), graph: test.graph },
            body: Body { name: "step".to_owned(), graph: self.body() },
        };
        let inputs = vec![zero, most, zero, list, filler, 1, 2, 3, series, mask, filler];
        let after = b.graph.add_many(Op::Control(Arc::new(control)), inputs, 11, "loop").unwrap();
        let stack = b.add(Op::List(Listing::Stack(Kind::F32)), &[after[3], unknown]);
        b.graph.outputs = vec![stack, after[H]];
        if self.shape == Shape::Lstm {
            b.graph.outputs.push(after[C]);
        }
        b.graph
    }
}

/// What such a layer takes; of four marks of the mask, `made` are true.
fn masked_inputs(steps: usize, batch: usize, mask: &[usize], made: usize) -> Vec<Value> {
    let count = mask.iter().product::<usize>();
    let marks: Vec<u8> = (0..count).map(|n| u8::from((n * 7 + n / 3) % 4 < made)).collect();
    let mut all = inputs(steps, batch, steps as i64);
    all.push(Value::of(marks, mask).unwrap());
    all.push(floats(batch * UNITS, &[batch, UNITS]));
    all
}

const FORMS: [Form; 4] = [Form::Broadcast, Form::Once, Form::Tiled, Form::TiledAsShape];
const OUTPUTS: [Shown; 4] = [Shown::Before, Shown::BeforeGiven, Shown::Zeros, Shown::Given];

#[test]
fn masked_layers_are_found_and_answer_as_the_loops_do() {
    let shapes = [Shape::Simple, Shape::Lstm, Shape::GruAfter, Shape::GruBefore, Shape::GruSplit];
    let all =
        shapes.iter().flat_map(|s| FORMS.map(|f| (*s, f))).flat_map(|(s, f)| OUTPUTS.map(|o| (s, f, o)));
    for (shape, form, shown) in all {
        for last in [false, true] {
            let graph = Masked { shape, form, shown, last, flaw: Flaw::None }.graph();
            let what = format!("{shape:?} {form:?} {shown:?} {last}");
            let output = match shown {
                Shown::Before | Shown::BeforeGiven => MaskedOutput::Previous,
                Shown::Zeros | Shown::Given => MaskedOutput::Filler,
            };
            let layer = found(&graph).unwrap_or_else(|| panic!("{what} stays a loop"));
            assert_eq!((layer.mask, layer.last), (Some(output), last), "{what}");
            let [plain, fused] = plans(&graph);
            for made in 0..5 {
                let (steps, batch) = (2 + made, 1 + made % 3);
                let given = masked_inputs(steps, batch, &[steps, batch, 1], made);
                let (a, b) = (plain.run(given.clone()), fused.run(given));
                same(&a.unwrap(), &b.unwrap(), &what);
            }
        }
    }
}

/// Masks of other shapes are used or refused as a choice does it.
#[test]
fn masks_of_any_shape_are_used_as_the_loop_does() {
    let [plain, fused] = plans(&Masked { form: Form::Broadcast, ..Masked::new(Shape::Lstm) }.graph());
    let (steps, batch) = (4, 3);
    let fits: [&[usize]; 7] = [
        &[steps, batch, UNITS],
        &[steps, 1, UNITS],
        &[steps, 1, 1],
        &[steps, batch],
        &[steps, UNITS],
        &[steps],
        &[steps + 2, batch, 1],
    ];
    for mask in fits {
        let given = masked_inputs(steps, batch, mask, 2);
        let (a, b) = (plain.run(given.clone()), fused.run(given));
        same(&a.unwrap(), &b.unwrap(), &format!("{mask:?}"));
    }
    let unfit: [&[usize]; 5] =
        [&[steps - 1, batch, 1], &[steps, batch + 1, 1], &[steps, batch, UNITS + 1], &[0, batch, 1], &[]];
    for mask in unfit {
        let given = masked_inputs(steps, batch, mask, 2);
        assert!(plain.run(given.clone()).is_err() && fused.run(given).is_err(), "{mask:?}");
    }
    // Numbers are no mask.
    let mut given = masked_inputs(steps, batch, &[steps, batch, 1], 2);
    given[4] = floats(steps * batch, &[steps, batch, 1]);
    assert!(fused.run(given).is_err());
}

/// Before: a loop, and a first output that is made only for its shape. After: a product and a layer.
#[test]
fn nothing_is_left_of_a_masked_loop() {
    let mut draft = fold(&Masked { last: true, ..Masked::new(Shape::GruAfter) }.graph(), &[]).unwrap();
    let names = |draft: &Draft| -> Vec<String> {
        let name = |op: &Op| format!("{op:?}").split(['(', ' ']).next().unwrap_or_default().to_owned();
        draft.nodes.iter().map(|n| name(&n.op)).collect()
    };
    assert_eq!(names(&draft), ["List", "List", "Unary", "Unary", "Control", "List"]);
    super::super::run(&mut draft).unwrap();
    assert_eq!(names(&draft), ["Dense", "Recurrent"]);
}

#[test]
fn what_is_nearly_a_masked_layer_stays_a_loop() {
    for flaw in [Flaw::OtherMask, Flaw::Unmasked, Flaw::Inverted, Flaw::OddOutput, Flaw::TiledRows] {
        for last in [false, true] {
            let layer = Masked { last, flaw, ..Masked::new(Shape::Lstm) };
            assert_eq!(found(&layer.graph()), None, "{flaw:?}");
        }
    }
    assert_eq!(found(&Masked::new(Shape::OddGate).graph()), None);
}
