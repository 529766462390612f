//! Changes that know what a graph is made of.

#[path = "change/graph.rs"]
mod graph;

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
            3 | 4 => graph::operation(&mut root, random),
            5 => graph::input(&mut root, random),
            6 => graph::shape(&mut root, random),
            7 => graph::constant(&mut root, random),
            _ => graph::function(&mut root, random),
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
