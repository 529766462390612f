use super::{MOST_ITEMS, listing, truth};
use crate::graph::Listing;
use crate::kernels::Value;
use crate::value::Kind;

fn ints(values: &[i64]) -> Value {
    Value::of(values.to_vec(), &[values.len()]).unwrap()
}

fn int(value: i64) -> Value {
    Value::of(vec![value], &[]).unwrap()
}

fn floats(values: &[f32], dims: &[usize]) -> Value {
    Value::of(values.to_vec(), dims).unwrap()
}

fn run(op: Listing, inputs: &[&Value]) -> Vec<Value> {
    listing(&op, inputs.iter().map(|v| (*v).clone()).collect()).unwrap()
}

fn refused(op: Listing, inputs: &[&Value]) -> String {
    listing(&op, inputs.iter().map(|v| (*v).clone()).collect()).unwrap_err().to_string()
}

#[test]
fn what_was_put_in_comes_out() {
    let x = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]);
    let list = &run(Listing::FromTensor, &[&x])[0];
    assert_eq!(run(Listing::Length, &[list])[0].slice::<i64>().unwrap(), [3]);
    assert_eq!(run(Listing::Shape, &[list])[0].slice::<i64>().unwrap(), [2]);
    let shape = ints(&[2]);
    let second = &run(Listing::Get(Kind::F32), &[list, &int(1), &shape])[0];
    assert_eq!(second.slice::<f32>().unwrap(), [3.0, 4.0]);
    let changed = &run(Listing::Set { grows: false }, &[list, &int(0), second])[0];
    let whole = &run(Listing::Stack(Kind::F32), &[changed, &shape])[0];
    assert_eq!(whole.dims(), [3, 2]);
    assert_eq!(whole.slice::<f32>().unwrap(), [3.0, 4.0, 3.0, 4.0, 5.0, 6.0]);
    let picked = &run(Listing::Gather(Kind::F32), &[list, &ints(&[2, 0]), &shape])[0];
    assert_eq!(picked.slice::<f32>().unwrap(), [5.0, 6.0, 1.0, 2.0]);
    let spread = &run(Listing::Scatter, &[&x, &ints(&[2, 0, 4])])[0];
    let spread = &run(Listing::Stack(Kind::F32), &[spread, &shape])[0];
    assert_eq!(spread.slice::<f32>().unwrap(), [3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
    let parts = &run(Listing::Split, &[&x, &ints(&[1, 2])])[0];
    let made = run(Listing::Concat(Kind::F32), &[parts, &int(-1)]);
    assert_eq!(made[0].slice::<f32>().unwrap(), x.slice::<f32>().unwrap());
    assert_eq!(made[1].slice::<i64>().unwrap(), [1, 2]);
}

#[test]
fn sequences_grow_and_shrink_anywhere() {
    let x = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    let parts = |keep, lengths: &[Value]| {
        let inputs: Vec<&Value> = [&x].into_iter().chain(lengths).collect();
        let items = run(Listing::Cut { axis: -1, keep }, &inputs)[0].items().unwrap().items.clone();
        items.into_iter().map(|i| i.unwrap().dims().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(parts(true, &[]), [[2, 1], [2, 1], [2, 1]]);
    assert_eq!(parts(false, &[]), [[2], [2], [2]]);
    assert_eq!(parts(false, &[int(2)]), [[2, 2], [2, 1]]);
    assert_eq!(parts(false, &[ints(&[0, 3])]), [[2, 0], [2, 3]]);
    let list = &run(Listing::Cut { axis: 1, keep: true }, &[&x, &ints(&[1, 2])])[0];
    let first = floats(&[7.0, 8.0], &[2, 1]);
    let more = &run(Listing::Insert, &[list, &int(1), &first])[0];
    let along = Listing::Along { kind: Kind::F32, axis: 1, stacked: false };
    let whole = &run(along, &[more])[0];
    assert_eq!(whole.slice::<f32>().unwrap(), [1.0, 7.0, 2.0, 3.0, 4.0, 8.0, 5.0, 6.0]);
    let fewer = &run(Listing::Erase, &[more, &int(2)])[0];
    let stacked = Listing::Along { kind: Kind::F32, axis: -1, stacked: true };
    let whole = &run(stacked, &[fewer])[0];
    assert_eq!((whole.dims(), whole.slice::<f32>().unwrap()), (&[2, 1, 2][..], &[1.0, 7.0, 4.0, 8.0][..]));
    assert!(refused(Listing::Erase, &[fewer, &int(2)]).contains("item 2"));
    assert!(refused(Listing::Insert, &[fewer, &int(3), &first]).contains("item 3"));
    assert!(refused(Listing::Cut { axis: 1, keep: true }, &[&x, &int(0)]).contains("no length"));
    assert!(refused(Listing::Cut { axis: 1, keep: true }, &[&x, &ints(&[1])]).contains("sum up"));
}

#[test]
fn places_that_were_not_written_are_zeros() {
    let list = &run(Listing::Reserve, &[&ints(&[-1, 2]), &int(2)])[0];
    assert!(refused(Listing::Stack(Kind::F32), &[list, &ints(&[-1, 2])]).contains("not known"));
    let zeros = &run(Listing::Stack(Kind::F32), &[list, &ints(&[1, 2])])[0];
    assert_eq!(zeros.dims(), [2, 1, 2]);
    let list = &run(Listing::Set { grows: false }, &[list, &int(1), &floats(&[7.0, 8.0], &[1, 2])])[0];
    let whole = &run(Listing::Stack(Kind::F32), &[list, &int(-1)])[0];
    assert_eq!(whole.slice::<f32>().unwrap(), [0.0, 0.0, 7.0, 8.0]);
}

#[test]
fn lists_grow_and_shrink() {
    let list = &run(Listing::Empty, &[&ints(&[1]), &int(-1)])[0];
    let list = &run(Listing::Push, &[list, &floats(&[1.0], &[1])])[0];
    let list = &run(Listing::Push, &[list, &floats(&[2.0], &[1])])[0];
    let popped = run(Listing::Pop(Kind::F32), &[list, &ints(&[1])]);
    assert_eq!(popped[1].slice::<f32>().unwrap(), [2.0]);
    assert_eq!(popped[0].items().unwrap().items.len(), 1);
    let longer = &run(Listing::Resize, &[&popped[0], &int(4)])[0];
    assert_eq!(longer.items().unwrap().items.len(), 4);
    let joined = &run(Listing::Join, &[longer, list])[0];
    assert_eq!(joined.items().unwrap().items.len(), 6);
    let grown = &run(Listing::Set { grows: true }, &[list, &int(4), &floats(&[3.0], &[1])])[0];
    assert_eq!(grown.items().unwrap().items.len(), 5);
}

#[test]
fn a_list_that_nobody_else_holds_is_changed_in_place() {
    let mut list = run(Listing::Reserve, &[&ints(&[1]), &int(3)]).remove(0);
    let before = list.items().unwrap().items.as_ptr();
    for n in 0..3 {
        let inputs = vec![list, int(n), floats(&[n as f32], &[1])];
        list = listing(&Listing::Set { grows: false }, inputs).unwrap().remove(0);
        assert_eq!(list.items().unwrap().items.as_ptr(), before);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let list = &run(Listing::Reserve, &[&ints(&[1]), &int(2)])[0];
    let x = floats(&[1.0], &[1]);
    assert!(refused(Listing::Set { grows: false }, &[list, &int(2), &x]).contains("item 2 of a list of 2"));
    assert!(refused(Listing::Get(Kind::F32), &[list, &int(-1), &ints(&[1])]).contains("item -1"));
    assert!(refused(Listing::Reserve, &[&ints(&[1]), &int(1 << 40)]).contains("at most"));
    assert!(refused(Listing::Resize, &[list, &int(MOST_ITEMS as i64 + 1)]).contains("at most"));
    assert!(refused(Listing::Set { grows: true }, &[list, &int(1 << 40), &x]).contains("item"));
    assert!(refused(Listing::Scatter, &[&x, &ints(&[1 << 40])]).contains("at most"));
    assert!(refused(Listing::Split, &[&x, &ints(&[2])]).contains("sum up"));
    assert!(refused(Listing::Pop(Kind::F32), &[&run(Listing::Empty, &[&int(-1)])[0]]).contains("empty"));
    assert!(refused(Listing::Length, &[&x]).contains("expected List"));
}

#[test]
fn truths() {
    assert!(truth(&floats(&[0.5], &[])).unwrap());
    assert!(!truth(&int(0)).unwrap());
    assert!(!truth(&Value::of(Vec::<f32>::new(), &[0]).unwrap()).unwrap());
    assert!(truth(&Value::of(vec![0u8], &[1]).unwrap()).unwrap());
    assert!(!truth(&Value::text(vec![Vec::new()], &[]).unwrap()).unwrap());
}
