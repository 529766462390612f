//! Small loops and branches, made by hand.

use super::Budget;
use super::budget::MOST_NODES;
use crate::graph::{Binary, Body, Compare, Control, Graph, Listing, Literal, Op};
use crate::plan::{NoWeights, Outline, Plan, Weights};
use crate::value::{Kind, Value};
use std::sync::Arc;

struct Build(Graph);

impl Build {
    fn new(inputs: usize) -> Self {
        Self(Graph::of_inputs(inputs))
    }

    fn add(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.0.add(op, inputs.to_vec(), "n").unwrap()
    }

    fn int(&mut self, value: i64) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(vec![value], vec![]))), &[])
    }

    fn floats(&mut self, values: &[f32], dims: &[usize]) -> usize {
        self.add(Op::Literal(Arc::new(Literal::F32(values.to_vec(), dims.to_vec()))), &[])
    }

    fn named(mut self, name: &str, outputs: &[usize]) -> Body {
        self.0.outputs = outputs.to_vec();
        Body { name: name.to_owned(), graph: self.0 }
    }

    fn control(&mut self, control: Control, inputs: &[usize], outputs: usize) -> Vec<usize> {
        self.0.add_many(Op::Control(Arc::new(control)), inputs.to_vec(), outputs, "loop").unwrap()
    }

    fn plan(mut self, outputs: &[usize]) -> Plan {
        self.0.outputs = outputs.to_vec();
        let outline = Outline::new(&self.0, &[], &vec![None; self.0.inputs.len()]).unwrap();
        outline.finish(&Weights::new(&NoWeights, None)).unwrap()
    }
}

const ADD: Op = Op::Binary(Binary::Add);

fn int(value: i64) -> Value {
    Value::of(vec![value], &[]).unwrap()
}

fn floats(values: &[f32], dims: &[usize]) -> Value {
    Value::of(values.to_vec(), dims).unwrap()
}

/// (i, n, x, w, list) while i < n: i + 1, n, x w, w, list[i] = x
fn powers() -> Control {
    let mut c = Build::new(5);
    let less = c.add(Op::Compare(Compare::Less), &[0, 1]);
    let mut b = Build::new(5);
    let one = b.int(1);
    let i = b.add(ADD, &[0, one]);
    let x = b.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[2, 3]);
    let list = b.add(Op::List(Listing::Set { grows: false }), &[4, 0, 2]);
    Control::Loop { condition: c.named("less", &[less]), body: b.named("step", &[i, 1, x, 3, list]) }
}

#[test]
fn a_loop_fills_a_list() {
    let mut b = Build::new(2);
    let (zero, shape) = (b.int(0), b.int(-1));
    let w = b.floats(&[0.0, 1.0, 2.0, 0.0], &[2, 2]);
    let list = b.add(Op::List(Listing::Reserve), &[shape, 0]);
    let after = b.control(powers(), &[zero, 0, 1, w, list], 5);
    let all = b.add(Op::List(Listing::Stack(Kind::F32)), &[after[4], shape]);
    let plan = b.plan(&[after[0], after[2], all]);
    // Twice: what the first run noted must be right for the second, which is of another length and shape.
    for (rows, n) in [(1, 3), (1, 2), (2, 4), (1, 0)] {
        let made = plan.run(vec![int(n), floats(&vec![1.0; rows * 2], &[rows, 2])]);
        if n == 0 {
            assert!(made.unwrap_err().to_string().contains("empty list"));
            continue;
        }
        let made = made.unwrap();
        assert_eq!(made[0].slice::<i64>().unwrap(), [n]);
        assert_eq!(made[2].dims(), [n as usize, rows, 2]);
        let mut x = vec![1.0, 1.0];
        for step in made[2].slice::<f32>().unwrap().chunks_exact(rows * 2) {
            assert_eq!(step[..2], x[..]);
            x = vec![2.0 * x[1], x[0]];
        }
        assert_eq!(made[1].slice::<f32>().unwrap()[..2], x[..]);
    }
}

#[test]
fn weights_of_a_body_are_packed_at_load() {
    let mut b = Build::new(2);
    let (zero, shape) = (b.int(0), b.int(-1));
    let w = b.floats(&vec![0.5; 64 * 64], &[64, 64]);
    let list = b.add(Op::List(Listing::Reserve), &[shape, 0]);
    let after = b.control(powers(), &[zero, 0, 1, w, list], 5);
    let plan = b.plan(&[after[2]]);
    let packed = format!("{plan:?}").matches("PackedProduct {").count();
    assert_eq!(packed, 1, "the product in the body has its weights");
}

#[test]
fn a_branch_is_chosen() {
    let constant = |number: f32| {
        let mut b = Build::new(1);
        let c = b.floats(&[number], &[]);
        let y = b.add(ADD, &[0, c]);
        b.named("branch", &[y])
    };
    for by_truth in [true, false] {
        let mut b = Build::new(2);
        let branches = vec![constant(1.0), constant(2.0)];
        let y = b.control(Control::Branch { branches, by_truth }, &[0, 1], 1);
        let plan = b.plan(&y);
        for (choice, wanted) in [(0, 1.0), (1, 2.0), (7, 2.0), (-1, 2.0)] {
            let made = plan.run(vec![int(choice), floats(&[0.0], &[])]).unwrap();
            assert_eq!(made[0].slice::<f32>().unwrap(), [wanted], "{choice}");
        }
    }
}

#[test]
fn a_loop_without_end_is_an_error() {
    let mut c = Build::new(1);
    let yes = c.add(Op::Literal(Arc::new(Literal::Bool(vec![1], vec![]))), &[]);
    let mut s = Build::new(1);
    let one = s.int(1);
    let i = s.add(ADD, &[0, one]);
    let mut b = Build::new(1);
    let (condition, body) = (c.named("always", &[yes]), s.named("count", &[i]));
    let y = b.control(Control::Loop { condition, body }, &[0], 1);
    let error = b.plan(&y).run(vec![int(0)]).unwrap_err().to_string();
    assert!(error.contains("\"loop\"") && error.contains("not come to an end"), "{error}");
    assert!(Budget::new().spend(MOST_NODES).is_err());
}

#[test]
fn errors_say_where_they_happened() {
    let mut b = Build::new(2);
    let (zero, shape, two) = (b.int(0), b.int(-1), b.int(2));
    let w = b.floats(&[1.0, 0.0, 0.0, 1.0], &[2, 2]);
    let list = b.add(Op::List(Listing::Reserve), &[shape, two]);
    let after = b.control(powers(), &[zero, 0, 1, w, list], 5);
    let error = b.plan(&after[..1]).run(vec![int(5), floats(&[1.0, 1.0], &[1, 2])]).unwrap_err();
    let text = error.to_string();
    for part in ["node \"loop\"", "iteration 2", "function \"step\"", "node \"n\"", "item 2 of a list of 2"] {
        assert!(text.contains(part), "{text} does not say {part}");
    }
}
