//! Cells on top of each other in one loop, masked or not.

use super::*;

/// A step's states: of an LSTM two.
fn states(shape: Shape) -> usize {
    1 + usize::from(shape.has_cell())
}

/// Loops over (sequence, steps, mask, states…), whose values are (time, list, last output, steps, series, mask, states…).
struct Stack<'a> {
    cells: &'a [Shape],
    masked: bool,
    last: bool,
}

const FIRST: usize = 6;

impl Stack<'_> {
    fn states(&self) -> usize {
        self.cells.iter().map(|c| states(*c)).sum()
    }

    fn choose(&self, b: &mut Build, made: usize, kept: usize) -> usize {
        if !self.masked {
            return made;
        }
        let unknown = b.ints(&[-1], &[]);
        let mask = b.add(Op::List(Listing::Get(Kind::Bool)), &[5, 0, unknown]);
        b.add(Op::Select, &[mask, made, kept])
    }

    fn body(&self) -> Graph {
        let mut b = Build::new(FIRST + self.states(), 2);
        b.ins = UNITS;
        let (unknown, zero, one) = (b.ints(&[-1], &[]), b.ints(&[0], &[]), b.ints(&[1], &[]));
        let mut x = b.add(Op::List(Listing::Get(Kind::F32)), &[4, 0, unknown]);
        let (mut at, mut after) = (FIRST, Vec::new());
        for cell in self.cells {
            let [h, c] = b.step(*cell, x, at, at + 1);
            x = h;
            after.extend([(h, at), (c, at + 1)].into_iter().take(states(*cell)));
            at += states(*cell);
        }
        let y = self.choose(&mut b, x, 2);
        let list = b.add(Op::List(Listing::Set { grows: false }), &[1, if self.last { zero } else { 0 }, y]);
        let time = b.two(Binary::Add, 0, one);
        b.graph.outputs = vec![time, list, if self.masked { y } else { 2 }, 3, 4, 5];
        for (made, kept) in after {
            let state = self.choose(&mut b, made, kept);
            b.graph.outputs.push(state);
        }
        b.graph
    }

    fn graph(&self) -> Graph {
        let count = FIRST + self.states();
        let mut test = Build::new(count, 1);
        let less = test.add(Op::Compare(Compare::Less), &[0, 3]);
        test.graph.outputs = vec![less];
        let mut b = Build::new(3 + self.states(), 3);
        let (zero, unknown, single) = (b.ints(&[0], &[]), b.ints(&[-1], &[]), b.ints(&[1], &[]));
        let list = b.add(Op::List(Listing::Reserve), &[unknown, if self.last { single } else { 1 }]);
        let [series, mask] = [0, 2].map(|input| b.add(Op::List(Listing::FromTensor), &[input]));
        let filler = b.of(Unary::ZerosLike, 3);
        let control = Control::Loop {
            condition: Body { name: "test".to_owned(), graph: test.graph },
            body: Body { name: "step".to_owned(), graph: self.body() },
        };
        let mut inputs = vec![zero, list, filler, 1, series, mask];
        inputs.extend(3..3 + self.states());
        let after = b.graph.add_many(Op::Control(Arc::new(control)), inputs, count, "loop").unwrap();
        let stack = b.add(Op::List(Listing::Stack(Kind::F32)), &[after[1], unknown]);
        b.graph.outputs = vec![stack];
        b.graph.outputs.extend(&after[FIRST..]);
        b.graph
    }

    fn inputs(&self, steps: usize, batch: usize) -> Vec<Value> {
        let marks: Vec<u8> = (0..steps * batch).map(|n| u8::from(n * 7 % 5 < 2)).collect();
        let mut all = vec![
            floats(steps * batch * UNITS, &[steps, batch, UNITS]),
            Value::of(vec![steps as i64], &[]).unwrap(),
            Value::of(marks, &[steps, batch, 1]).unwrap(),
        ];
        all.resize(3 + self.states(), floats(batch * UNITS, &[batch, UNITS]));
        all
    }
}

#[test]
fn stacked_cells_become_layers_that_answer_as_the_loop_does() {
    let stacks: [&[Shape]; 5] = [
        &[Shape::LstmBeside, Shape::GruBeside],
        &[Shape::Lstm, Shape::Lstm],
        &[Shape::GruAfter, Shape::Simple],
        &[Shape::Simple, Shape::Lstm, Shape::GruBefore],
        &[Shape::Lstm, Shape::GruAfter, Shape::Lstm],
    ];
    for cells in stacks {
        for (masked, last) in [(false, false), (false, true), (true, false), (true, true)] {
            let stack = Stack { cells, masked, last };
            let what = format!("{cells:?} {masked} {last}");
            let graph = stack.graph();
            let mut draft = fold(&graph, &[]).unwrap();
            super::super::run(&mut draft).unwrap();
            let layers: Vec<Recurrent> = draft.nodes.iter().filter_map(layer_of).collect();
            assert_eq!(layers.len(), cells.len(), "{what}");
            assert!(layers.iter().all(|l| l.mask.is_some() == masked), "{what}");
            assert!(draft.nodes.iter().all(|n| !matches!(n.op, Op::Control(_))), "{what}");
            let [plain, fused] = plans(&graph);
            for (steps, batch) in [(1, 1), (6, 3)] {
                let (a, b) = (plain.run(stack.inputs(steps, batch)), fused.run(stack.inputs(steps, batch)));
                same(&a.unwrap(), &b.unwrap(), &what);
            }
        }
    }
}

/// The higher cell reads what the lower one had before the step.
#[test]
fn cells_that_are_not_stacked_stay_a_loop() {
    let stack = Stack { cells: &[Shape::Simple, Shape::Simple], masked: false, last: false };
    let mut graph = stack.graph();
    for node in &mut graph.nodes {
        if let Op::Control(control) = &mut node.op
            && let Control::Loop { body, .. } = Arc::make_mut(control)
        {
            let lower = body.graph.outputs[FIRST];
            let products = body.graph.nodes.iter_mut().filter(|n| matches!(n.op, Op::MatMul { .. }));
            for product in products.filter(|n| n.inputs[0] == lower) {
                product.inputs[0] = FIRST;
            }
        }
    }
    assert_eq!(found(&graph), None);
}
