//! Protobuf without a schema: what decodes as fields is a message.

/// A value as the wire has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    Message(Vec<Field>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub number: u64,
    pub value: Value,
}

pub fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 127).checked_shl(shift).unwrap_or(0);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &'b [u8], at: &mut usize, n: usize) -> Option<&'b [u8]> {
    let part = bytes.get(*at..at.checked_add(n)?)?;
    *at += n;
    Some(part)
}

/// The fields of a message, if that is what it is.
pub fn decode(bytes: &[u8], depth: usize) -> Option<Vec<Field>> {
    let (mut at, mut fields) = (0, Vec::new());
    while at < bytes.len() {
        let key = varint(bytes, &mut at)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(bytes, &mut at)?),
            1 => Value::Fixed64(take(bytes, &mut at, 8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(bytes, &mut at)?).ok()?;
                nested(take(bytes, &mut at, length)?, depth)
            }
            5 => Value::Fixed32(take(bytes, &mut at, 4)?.try_into().ok()?),
            _ => return None,
        };
        if key >> 3 == 0 {
            return None;
        }
        fields.push(Field { number: key >> 3, value });
    }
    Some(fields)
}

fn nested(part: &[u8], depth: usize) -> Value {
    // A name may look like a message; a message that is printable text all through is rather a name.
    let text = part.iter().all(|b| (32..127).contains(b));
    let inner = if text || depth > 40 { None } else { decode(part, depth + 1) };
    match inner {
        Some(fields) if encode(&fields) == part => Value::Message(fields),
        _ => Value::Bytes(part.to_vec()),
    }
}

pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn encode(fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        let key = |kind: u64| field.number << 3 | kind;
        match &field.value {
            Value::Varint(v) => {
                put(&mut out, key(0));
                put(&mut out, *v);
            }
            Value::Fixed64(b) => {
                put(&mut out, key(1));
                out.extend(b);
            }
            Value::Fixed32(b) => {
                put(&mut out, key(5));
                out.extend(b);
            }
            Value::Bytes(b) => {
                put(&mut out, key(2));
                put(&mut out, b.len() as u64);
                out.extend(b);
            }
            Value::Message(inner) => {
                let inner = encode(inner);
                put(&mut out, key(2));
                put(&mut out, inner.len() as u64);
                out.extend(inner);
            }
        }
    }
    out
}
