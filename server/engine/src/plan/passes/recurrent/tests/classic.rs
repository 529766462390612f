//! Loops of TensorFlow 1 over arrays: rows whose sequence is over keep their states, and put out zeros or something else.

use super::*;
use crate::graph::{MaskedOutput, Rare, Reduce};

/// How the sequence and the outputs are held.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// As arrays that are filled and read by places.
    Arrays,
    /// As lists.
    Lists,
}

/// What makes a loop one that is no such layer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    /// The array of outputs has another length than the sequence, and would have to grow.
    Short,
    /// Not all outputs are read.
    Fewer,
    /// The states of rows that are over go on.
    Unmasked,
    /// Outputs are chosen by another comparison than states.
    OtherTest,
    /// What is compared is no counter.
    NoCounter,
}

#[derive(Clone, Copy, Debug)]
struct Classic {
    shape: Shape,
    form: Form,
    /// Of rows; none: all steps of all rows are made.
    lengths: bool,
    /// Rows that are over put out zeros.
    zeros: bool,
    flaw: Flaw,
}

// Values of the loop: (counter, most, time, list, h, c, steps, series, lengths, filler).
const TIME: usize = 2;
const H: usize = 4;
const C: usize = 5;
const SERIES: usize = 7;
const LENGTHS: usize = 8;
const FILLER: usize = 9;

impl Classic {
    fn choose(&self, b: &mut Build, compare: Compare, made: usize, kept: usize) -> usize {
        if !self.lengths {
            return made;
        }
        let time = if self.flaw == Flaw::NoCounter { 1 } else { TIME };
        let over = b.add(Op::Compare(compare), &[time, LENGTHS]);
        b.add(Op::Rare(Box::new(Rare::SelectRows)), &[over, kept, made])
    }

    fn body(&self) -> Graph {
        let mut b = Build::new(10, 2);
        let (unknown, one) = (b.ints(&[-1], &[]), b.ints(&[1], &[]));
        let x = b.add(Op::List(Listing::Get(Kind::F32)), &[SERIES, TIME, unknown]);
        let [new_h, new_c] = b.step(self.shape, x, H, C);
        let over = Compare::GreaterEqual;
        let other = if self.flaw == Flaw::OtherTest { Compare::Greater } else { over };
        let y = self.choose(&mut b, other, new_h, FILLER);
        let h = if self.flaw == Flaw::Unmasked { new_h } else { self.choose(&mut b, over, new_h, H) };
        let c = if new_c == C { C } else { self.choose(&mut b, over, new_c, C) };
        let list = b.add(Op::List(Listing::Set { grows: self.form == Form::Arrays }), &[3, TIME, y]);
        let (counter, time) = (b.two(Binary::Add, 0, one), b.two(Binary::Add, TIME, one));
        b.graph.outputs = vec![counter, 1, time, list, h, c, 6, SERIES, LENGTHS, FILLER];
        b.graph
    }

    /// Of (sequence, h, c, lengths, filler).
    fn graph(&self) -> Graph {
        let mut test = Build::new(10, 1);
        let less = Op::Compare(Compare::Less);
        let (a, b) = (test.add(less.clone(), &[0, 1]), test.add(less, &[TIME, 6]));
        let both = test.two(Binary::And, a, b);
        test.graph.outputs = vec![both];
        let mut b = Build::new(5, 3);
        let (zero, one, unknown) = (b.ints(&[0], &[]), b.ints(&[1], &[]), b.ints(&[-1], &[]));
        let steps = b.extent(0);
        let room = if self.flaw == Flaw::Short { one } else { steps };
        let list = b.add(Op::List(Listing::Reserve), &[unknown, room]);
        let series = match self.form {
            Form::Lists => b.add(Op::List(Listing::FromTensor), &[0]),
            Form::Arrays => {
                let (room, count) = (b.extent(0), b.extent(0));
                let places = b.add(Op::Range, &[zero, count, one]);
                let empty = b.add(Op::List(Listing::Reserve), &[unknown, room]);
                b.add(Op::List(Listing::ScatterInto), &[empty, 0, places])
            }
        };
        let axis = b.ints(&[0], &[1]);
        let longest = b.add(Op::Reduce { kind: Reduce::Max, keep: false }, &[3, axis]);
        let longest = b.two(Binary::Max, one, longest);
        let most = if self.lengths { b.two(Binary::Min, steps, longest) } else { steps };
        let filler = if self.zeros { b.of(Unary::ZerosLike, 1) } else { 4 };
        let control = Control::Loop {
            condition: Body { name: "test".to_owned(), graph: test.graph },
            body: Body { name: "step".to_owned(), graph: self.body() },
        };
        let inputs = vec![zero, steps, zero, list, 1, 2, most, series, 3, filler];
        let after = b.graph.add_many(Op::Control(Arc::new(control)), inputs, 10, "loop").unwrap();
        let stack = match self.form {
            Form::Lists => b.add(Op::List(Listing::Stack(Kind::F32)), &[after[3], unknown]),
            Form::Arrays => {
                let count = if self.flaw == Flaw::Fewer { one } else { b.extent(0) };
                let places = b.add(Op::Range, &[zero, count, one]);
                b.add(Op::List(Listing::Gather(Kind::F32)), &[after[3], places, unknown])
            }
        };
        b.graph.outputs = vec![stack, after[H]];
        if self.shape.has_cell() {
            b.graph.outputs.push(after[C]);
        }
        b.graph
    }
}

const SHAPES: [Shape; 4] = [Shape::LstmBeside, Shape::GruBeside, Shape::SimpleBeside, Shape::GruAfter];

fn given(steps: usize, lengths: &[i64]) -> Vec<Value> {
    let batch = lengths.len();
    let mut all = inputs(steps, batch, 0);
    all[3] = Value::of(lengths.to_vec(), &[batch]).unwrap();
    all.push(floats(batch * UNITS, &[batch, UNITS]));
    all
}

#[test]
fn loops_over_arrays_are_found_and_answer_as_they_do() {
    for shape in SHAPES {
        for (form, lengths, zeros) in [
            (Form::Arrays, true, true),
            (Form::Arrays, true, false),
            (Form::Arrays, false, true),
            (Form::Lists, true, true),
            (Form::Lists, false, false),
        ] {
            let loops = Classic { shape, form, lengths, zeros, flaw: Flaw::None };
            let graph = loops.graph();
            let layer = found(&graph).unwrap_or_else(|| panic!("{loops:?} stays a loop"));
            assert_eq!(
                (layer.mask, layer.last),
                (lengths.then_some(MaskedOutput::Filler), false),
                "{loops:?}"
            );
            let [plain, fused] = plans(&graph);
            for rows in [&[3i64, 0, 5, 1][..], &[2], &[0, 0], &[9, -1, 3], &[5; 6]] {
                let (a, b) = (plain.run(given(5, rows)), fused.run(given(5, rows)));
                let (a, b) = (a.unwrap(), b.unwrap());
                same(&a, &b, &format!("{loops:?} {rows:?}"));
            }
        }
    }
}

/// Rows do not wait for the longest: how many steps are made follows from the shape.
#[test]
fn nothing_is_asked_of_all_lengths() {
    let loops =
        Classic { shape: SHAPES[0], form: Form::Arrays, lengths: true, zeros: true, flaw: Flaw::None };
    let asks = |loops: Classic| {
        let mut draft = fold(&loops.graph(), &[]).unwrap();
        super::super::run(&mut draft).unwrap();
        assert!(draft.nodes.iter().all(|n| !matches!(n.op, Op::Control(_) | Op::List(_))));
        draft.nodes.iter().any(|n| matches!(n.op, Op::Reduce { .. }))
    };
    assert!(!asks(loops));
    // Steps that are made put out something else than those that are not.
    assert!(asks(Classic { zeros: false, ..loops }));
}

#[test]
fn what_is_nearly_such_a_loop_stays_one() {
    for flaw in [Flaw::Short, Flaw::Fewer, Flaw::Unmasked, Flaw::OtherTest, Flaw::NoCounter] {
        let loops = Classic { shape: SHAPES[0], form: Form::Arrays, lengths: true, zeros: true, flaw };
        let graph = loops.graph();
        assert_eq!(found(&graph), None, "{flaw:?}");
        let [plain, left] = plans(&graph);
        let (a, b) = (plain.run(given(5, &[3, 0, 5])), left.run(given(5, &[3, 0, 5])));
        same(&a.unwrap(), &b.unwrap(), &format!("{flaw:?}"));
    }
}
