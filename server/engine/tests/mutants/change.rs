//! Changes that know what a graph is made of.

use super::wire::{self, Field, Value};

/// Numbers that have broken readers before.
const NUMBERS: [u64; 18] = [
    0,
    1,
    2,
    3,
    5,
    7,
    23,
    127,
    128,
    65_535,
    1 << 31,
    (1 << 31) - 1,
    1 << 32,
    1 << 40,
    1 << 60,
    u64::MAX,
    u64::MAX - 1,
    1 << 63,
];
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

/// The same numbers for the same seed, everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn number(&mut self) -> u64 {
        NUMBERS[self.below(NUMBERS.len())]
    }
}

/// Changes a graph in one to three places, and says how.
pub fn change(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let Some(mut root) = wire::decode(bytes, 0) else { return "nothing".to_owned() };
    let mut done = Vec::new();
    for _ in 0..1 + random.below(3) {
        done.push(match random.below(9) {
            0 => number(&mut root, random),
            1 => text(&mut root, random),
            2 => structure(&mut root, random),
            3 | 4 => operation(&mut root, random),
            5 => input(&mut root, random),
            6 => shape(&mut root, random),
            7 => constant(&mut root, random),
            _ => function(&mut root, random),
        });
    }
    if random.below(60) == 0 {
        root.push(Field { number: 2, value: Value::Bytes(nested()) });
        done.push("nests deeply".to_owned());
    }
    *bytes = wire::encode(&root);
    done.join(", ")
}

/// Changes any message in one to three places, without knowing what it is.
pub fn anything(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let Some(mut root) = wire::decode(bytes, 0) else { return "nothing".to_owned() };
    let mut done = Vec::new();
    for _ in 0..1 + random.below(3) {
        done.push(match random.below(3) {
            0 => number(&mut root, random),
            1 => text(&mut root, random),
            _ => structure(&mut root, random),
        });
    }
    *bytes = wire::encode(&root);
    done.join(", ")
}

/// Messages within messages, each field 2 of the one around it.
fn nested() -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..3_000 {
        let mut outer = Vec::new();
        wire::put(&mut outer, 18);
        wire::put(&mut outer, inner.len() as u64);
        outer.extend(&inner);
        inner = outer;
    }
    inner
}

fn walk<'f>(fields: &'f mut [Field], wanted: &dyn Fn(&Value) -> bool, found: &mut Vec<&'f mut Value>) {
    for field in fields {
        if wanted(&field.value) {
            found.push(&mut field.value);
        } else if let Value::Message(inner) = &mut field.value {
            walk(inner, wanted, found);
        }
    }
}

/// One of the values that are wanted.
fn any<'f>(
    root: &'f mut [Field],
    random: &mut Random,
    wanted: &dyn Fn(&Value) -> bool,
) -> Option<&'f mut Value> {
    let mut found = Vec::new();
    walk(root, wanted, &mut found);
    let at = random.below(found.len());
    (!found.is_empty()).then(|| found.swap_remove(at))
}

fn number(root: &mut [Field], random: &mut Random) -> String {
    let new = random.number();
    let Some(value) = any(root, random, &|v| matches!(v, Value::Varint(_))) else { return String::new() };
    let done = format!("{value:?} becomes {new}");
    *value = Value::Varint(new);
    done
}

fn text(root: &mut [Field], random: &mut Random) -> String {
    let leaf = |v: &Value| matches!(v, Value::Bytes(_));
    let other = any(root, random, &leaf).map(|v| v.clone());
    let how = random.below(4);
    let number = random.number();
    let Some(Value::Bytes(bytes)) = any(root, random, &leaf) else { return String::new() };
    match how {
        0 => bytes.clear(),
        1 => bytes.extend(number.to_le_bytes()),
        2 => bytes.truncate(bytes.len() / 2),
        _ => {
            if let Some(Value::Bytes(other)) = other {
                *bytes = other;
            }
        }
    }
    format!("text {how}")
}

/// Deletes, doubles or swaps the parts of a message.
fn structure(root: &mut [Field], random: &mut Random) -> String {
    let how = random.below(3);
    let picks = (random.next() as usize, random.next() as usize);
    let mut found = Vec::new();
    gather(root, &mut found);
    let Some(at) = picks.0.checked_rem(found.len()) else { return String::new() };
    let inner = found.swap_remove(at);
    let (one, two) = (picks.1 % inner.len(), (picks.1 >> 20) % inner.len());
    match how {
        0 => drop(inner.remove(one)),
        1 => inner.insert(two, inner[one].clone()),
        _ => inner.swap(one, two),
    }
    format!("structure {how}")
}

/// Every message that has fields; none inside of it then, for they are one loan.
fn gather<'f>(fields: &'f mut [Field], found: &mut Vec<&'f mut Vec<Field>>) {
    for field in fields {
        if let Value::Message(inner) = &mut field.value {
            if inner.iter().any(|f| matches!(f.value, Value::Message(_))) && inner.len() != 3 {
                gather(inner, found);
            } else if !inner.is_empty() {
                found.push(inner);
            }
        }
    }
}

/// A node: a name, an operation, perhaps inputs and attributes.
fn is_node(value: &Value) -> bool {
    let Value::Message(fields) = value else { return false };
    let text = |at: usize, number: u64| {
        fields.get(at).is_some_and(|f| f.number == number && matches!(f.value, Value::Bytes(_)))
    };
    text(0, 1) && text(1, 2) && fields.iter().all(|f| f.number <= 8) && fields.iter().any(|f| f.number == 5)
}

fn operation(root: &mut [Field], random: &mut Random) -> String {
    let new = OPERATIONS[random.below(OPERATIONS.len())];
    let Some(Value::Message(node)) = any(root, random, &is_node) else { return String::new() };
    let done = format!("an operation becomes {new}");
    node[1].value = Value::Bytes(new.as_bytes().to_vec());
    done
}

fn input(root: &mut [Field], random: &mut Random) -> String {
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

fn shape(root: &mut [Field], random: &mut Random) -> String {
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

fn constant(root: &mut [Field], random: &mut Random) -> String {
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
fn function(root: &mut [Field], random: &mut Random) -> String {
    let is_name = |v: &Value| matches!(v, Value::Bytes(b) if b.starts_with(b"__inference") || b.starts_with(b"__forward"));
    let Some(name) = any(root, random, &is_name).map(|v| v.clone()) else { return String::new() };
    let Some(value) = any(root, random, &is_name) else { return String::new() };
    *value = name;
    "a function by another's name".to_owned()
}
