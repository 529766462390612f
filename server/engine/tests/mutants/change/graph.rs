//! Changes of nodes, their shapes and constants, and of the functions that they call.

use super::super::wire::{Field, Value};
use super::{Random, any};

const OPERATIONS: [&str; 34] = [
    "Tile",
    "Fill",
    "Range",
    "BroadcastTo",
    "OneHot",
    "Pad",
    "PadV2",
    "MirrorPad",
    "Reshape",
    "Transpose",
    "ConcatV2",
    "Split",
    "SplitV",
    "Pack",
    "Unpack",
    "GatherV2",
    "StridedSlice",
    "Slice",
    "MatMul",
    "BatchMatMulV2",
    "Conv2D",
    "MaxPool",
    "AvgPool",
    "ResizeBilinear",
    "SpaceToBatchND",
    "BatchToSpaceND",
    "DepthToSpace",
    "TopKV2",
    "Cast",
    "Sum",
    "ExpandDims",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "While",
];

/// A node: a name, an operation, perhaps inputs and attributes.
fn is_node(value: &Value) -> bool {
    let Value::Message(fields) = value else { return false };
    let text = |at: usize, number: u64| {
        fields.get(at).is_some_and(|f| f.number == number && matches!(f.value, Value::Bytes(_)))
    };
    text(0, 1) && text(1, 2) && fields.iter().all(|f| f.number <= 8) && fields.iter().any(|f| f.number == 5)
}

pub fn operation(root: &mut [Field], random: &mut Random) -> String {
    let new = OPERATIONS[random.below(OPERATIONS.len())];
    let Some(Value::Message(node)) = any(root, random, &is_node) else { return String::new() };
    let done = format!("an operation becomes {new}");
    node[1].value = Value::Bytes(new.as_bytes().to_vec());
    done
}

pub fn input(root: &mut [Field], random: &mut Random) -> String {
    let other = match any(root, random, &is_node) {
        Some(Value::Message(node)) => node[0].value.clone(),
        _ => return String::new(),
    };
    let (how, pick) = (random.below(4), random.next() as usize);
    let Some(Value::Message(node)) = any(root, random, &is_node) else { return String::new() };
    let own = node[0].value.clone();
    let inputs: Vec<usize> = (0..node.len()).filter(|i| node[*i].number == 3).collect();
    let Some(at) = pick.checked_rem(inputs.len()).map(|i| inputs[i]) else { return String::new() };
    match how {
        0 => node[at].value = own,
        1 => node[at].value = other,
        2 => drop(node.remove(at)),
        _ => node.insert(at, Field { number: 3, value: other }),
    }
    format!("input {how}")
}

/// A shape: dimensions (2), each with a size (1).
fn is_shape(value: &Value) -> bool {
    let Value::Message(fields) = value else { return false };
    !fields.is_empty()
        && fields.iter().all(|f| {
            f.number == 2 && matches!(&f.value, Value::Message(d) if matches!(d.as_slice(), [Field { number: 1, value: Value::Varint(_) }]))
        })
}

pub fn shape(root: &mut [Field], random: &mut Random) -> String {
    let (pick, new) = (random.next() as usize, random.number());
    let Some(Value::Message(dims)) = any(root, random, &is_shape) else { return String::new() };
    let at = pick % dims.len();
    dims[at].value = Value::Message(vec![Field { number: 1, value: Value::Varint(new) }]);
    format!("a dimension becomes {new}")
}

/// A constant's values: a type (1), a shape (2), and bytes (4).
fn is_tensor(value: &Value) -> bool {
    let Value::Message(fields) = value else { return false };
    matches!(fields.first(), Some(Field { number: 1, value: Value::Varint(_) }))
        && fields.iter().any(|f| f.number == 2)
        && fields.iter().any(|f| f.number >= 4 && f.number <= 13)
}

pub fn constant(root: &mut [Field], random: &mut Random) -> String {
    let new = random.number();
    let small = random.below(2) == 0;
    let Some(Value::Message(tensor)) = any(root, random, &is_tensor) else { return String::new() };
    for field in tensor.iter_mut().filter(|f| f.number >= 4) {
        match &mut field.value {
            Value::Varint(v) => *v = new,
            Value::Bytes(bytes) => {
                let width = if small { 4 } else { 8 };
                for part in bytes.chunks_mut(width) {
                    part.copy_from_slice(&new.to_le_bytes()[..part.len()]);
                }
            }
            Value::Message(_) => field.value = Value::Bytes(new.to_le_bytes().to_vec()),
            _ => {}
        }
    }
    format!("a constant becomes {new}")
}

/// One function's name in place of another's: calls that meet themselves.
pub fn function(root: &mut [Field], random: &mut Random) -> String {
    let is_name = |v: &Value| matches!(v, Value::Bytes(b) if b.starts_with(b"__inference") || b.starts_with(b"__forward"));
    let Some(name) = any(root, random, &is_name).map(|v| v.clone()) else { return String::new() };
    let Some(value) = any(root, random, &is_name) else { return String::new() };
    *value = name;
    "a function by another's name".to_owned()
}
