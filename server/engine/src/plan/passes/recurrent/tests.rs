//! Layers as Keras writes them are found and answer as the loops do; what is nearly one stays a loop.

use crate::formats::Access;
use crate::graph::{
    Activation, Binary, Body, Cell, Compare, Control, Graph, Listing, Masks, Node, Op, Recurrent, Unary,
};
use crate::plan::draft::fold;
use crate::plan::passes::PASSES;
use crate::plan::{Held, NoWeights, Outline, Plan, Weights};
use crate::value::{Kind, Value};
use build::{Build, INS, Shape, UNITS};
use std::sync::Arc;

mod build;
mod classic;
mod masked;
mod stacked;

/// (counter, most, time, list, h, c, n, series) of a loop; a layer of one state leaves c as it is.
fn layer(shape: Shape, last: bool) -> Graph {
    let mut test = Build::new(8, 1);
    let (a, b) =
        (test.add(Op::Compare(Compare::Less), &[2, 6]), test.add(Op::Compare(Compare::Less), &[0, 1]));
    let both = test.two(Binary::And, a, b);
    test.graph.outputs = vec![both];
    let mut body = Build::new(8, 2);
    let unknown = body.ints(&[-1], &[]);
    let x = body.add(Op::List(Listing::Get(Kind::F32)), &[7, 2, unknown]);
    let [h, c] = body.step(shape, x, 4, 5);
    let index = if last { body.ints(&[0], &[]) } else { 2 };
    let list = body.add(Op::List(Listing::Set { grows: false }), &[3, index, h]);
    let (one, two) = (body.ints(&[1], &[]), body.ints(&[2], &[]));
    let counter = body.two(Binary::Add, 0, if shape == Shape::Hurried { two } else { one });
    let time = body.two(Binary::Add, 2, one);
    body.graph.outputs = vec![counter, 1, time, list, h, c, 6, 7];
    let mut b = Build::new(4, 3);
    let (zero, unknown, single) = (b.ints(&[0], &[]), b.ints(&[-1], &[]), b.ints(&[1], &[]));
    let list = b.add(Op::List(Listing::Reserve), &[unknown, if last { single } else { 3 }]);
    let series = b.add(Op::List(Listing::FromTensor), &[0]);
    let most = b.ints(&[100], &[]);
    let control = Control::Loop {
        condition: Body { name: "test".to_owned(), graph: test.graph },
        body: Body { name: "step".to_owned(), graph: body.graph },
    };
    let inputs = vec![zero, most, zero, list, 1, 2, 3, series];
    let after = b.graph.add_many(Op::Control(Arc::new(control)), inputs, 8, "loop").unwrap();
    let stack = b.add(Op::List(Listing::Stack(Kind::F32)), &[after[3], unknown]);
    b.graph.outputs = vec![stack, after[4], after[5]];
    if !shape.has_cell() {
        b.graph.outputs.truncate(2);
    }
    b.graph
}

/// The layer that the pass finds.
fn found(graph: &Graph) -> Option<Recurrent> {
    let mut draft = fold(graph, &[]).unwrap();
    for (_, pass) in PASSES {
        pass(&mut draft).unwrap();
    }
    draft.nodes.iter().find_map(layer_of)
}

fn layer_of(node: &Node) -> Option<Recurrent> {
    match node.op {
        Op::Recurrent(layer) => Some(layer),
        _ => None,
    }
}

fn floats(count: usize, dims: &[usize]) -> Value {
    Value::of((0..count).map(|n| (n as f32 * 0.37).sin()).collect::<Vec<_>>(), dims).unwrap()
}

fn inputs(steps: usize, batch: usize, wanted: i64) -> Vec<Value> {
    vec![
        floats(steps * batch * INS, &[steps, batch, INS]),
        floats(batch * UNITS, &[batch, UNITS]),
        floats(batch * UNITS, &[batch, UNITS]),
        Value::of(vec![wanted], &[]).unwrap(),
    ]
}

/// The loop as it is, and what the passes make of it.
fn plans(graph: &Graph) -> [Plan; 2] {
    let shapes = vec![None; graph.inputs.len()];
    let ready = |outline: Outline| outline.finish(&Weights::new(&NoWeights, None)).unwrap();
    let plain = Outline::of(fold(graph, &[]).unwrap(), vec![], &graph.inputs, &shapes);
    [ready(plain), ready(Outline::new(graph, &[], &shapes).unwrap())]
}

fn same(a: &[Value], b: &[Value], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.dims(), b.dims(), "{what}");
        for (a, b) in a.slice::<f32>().unwrap().iter().zip(b.slice::<f32>().unwrap()) {
            assert!((a - b).abs() < 1e-5, "{what}: {a} and {b}");
        }
    }
}

#[test]
fn layers_are_found_and_answer_as_the_loops_do() {
    let (activation, recurrent) = (Activation::Tanh, Activation::Sigmoid);
    let gru = |reset_after| Cell::Gru { activation, recurrent, reset_after };
    let cells = [
        (Shape::Simple, Some(Cell::Simple { activation })),
        (Shape::Lstm, Some(Cell::Lstm { activation, recurrent })),
        (Shape::GruAfter, Some(gru(true))),
        (Shape::GruBefore, Some(gru(false))),
        (Shape::GruSplit, Some(gru(false))),
        (Shape::OddGate, None),
        (Shape::Exchanged, Some(Cell::Lstm { activation, recurrent })),
        (Shape::SimpleBeside, Some(Cell::Simple { activation })),
        (Shape::LstmBeside, Some(Cell::Lstm { activation, recurrent })),
        (Shape::LstmBefore, Some(Cell::Lstm { activation, recurrent })),
        (Shape::GruBeside, Some(gru(false))),
        (Shape::GruBesideOther, None),
        (Shape::Hurried, None),
    ];
    for (shape, cell) in cells {
        for last in [false, true] {
            let graph = layer(shape, last);
            assert_eq!(
                found(&graph),
                cell.map(|cell| Recurrent { cell, last, mask: None }),
                "{shape:?} {last}"
            );
            let [plain, fused] = plans(&graph);
            for (steps, batch, n) in [(4, 1, 4), (3, 6, 3), (5, 2, 3)] {
                let (a, b) = (plain.run(inputs(steps, batch, n)), fused.run(inputs(steps, batch, n)));
                same(&a.unwrap(), &b.unwrap(), &format!("{shape:?} {last}"));
            }
            // More steps than there are items: both say so.
            assert!(plain.run(inputs(2, 1, 3)).is_err() && fused.run(inputs(2, 1, 3)).is_err());
        }
    }
}

/// Keras's: both directions, states put out, backwards, both kinds of GRU, a mask, two stacked cells. TensorFlow 1's: both directions by
/// lengths, three stacked cells.
#[test]
fn layers_of_saved_models_are_found() {
    for (name, layers) in [("recurrent", 12), ("dynamic", 5)] {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let artifact = crate::formats::read(&dir, Access::FOREIGN).unwrap();
        let read = |w| Held::Here(artifact.source.weight(w).unwrap());
        let weights: Vec<Held> = artifact.weights.iter().map(read).collect();
        let program = artifact.programs.iter().find(|p| p.signature.name == "serving_default").unwrap();
        let mut draft = fold(&program.graph, &weights).unwrap();
        crate::plan::passes::prune(&mut draft).unwrap();
        crate::plan::passes::run(&mut draft).unwrap();
        let count = |wanted: fn(&Op) -> bool| draft.nodes.iter().filter(|n| wanted(&n.op)).count();
        assert_eq!(count(|op| matches!(op, Op::Recurrent(_))), layers, "{name}");
        assert_eq!(count(|op| matches!(op, Op::Control(_))), 0, "{name}");
    }
}

#[test]
fn a_layer_whose_counter_is_used_stays_a_loop() {
    let mut graph = layer(Shape::Lstm, false);
    let node = graph.nodes.iter().find(|n| n.name == "loop").unwrap();
    let time = node.outputs[2];
    graph.outputs.push(time);
    assert_eq!(found(&graph), None);
}
