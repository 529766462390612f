//! Byte strings, and looking them up.

mod csv;
mod grams;
mod lookup;
mod numbers;
mod scripts;
mod shown;
mod split;
mod tokenize;
mod unicode;

pub use lookup::lookup;

use super::access::{int, sizes};
use super::elementwise::broadcast_shape;
use super::hash::{fingerprint, keyed, murmur};
use super::moves::expand;
use super::{Outcome, Value, elements, fail};
use crate::graph::{Pattern, Text};
use crate::{DType, EngineError};

/// Most bytes of the strings that one operation makes.
const MOST_BYTES: usize = 1 << 30;

/// Runs an operation on strings.
pub fn run(op: &Text, inputs: &[&Value]) -> Result<Vec<Value>, EngineError> {
    match op {
        Text::Split { most } => {
            let by = split::separator(inputs)?;
            split::split(at(inputs, 0)?, |text| split::pieces(text, by, *most))
        }
        Text::SplitAny { skip_empty } => {
            let by = split::separator(inputs)?;
            split::split(at(inputs, 0)?, |text| split::pieces_by_any(text, by, *skip_empty))
        }
        Text::Tokens { pattern, between, least } => {
            split::split(at(inputs, 0)?, |text| split::tokens(text, pattern, *between, *least))
        }
        Text::Csv(how) => csv::csv(how, inputs),
        // There may be no value to write.
        Text::Template(how) => shown::template(how, inputs).map(|v| vec![v]),
        Text::Tokenize(tokenizer) => tokenize::run(tokenizer, inputs),
        Text::Grams(how) => grams::grams(how, at(inputs, 0)?, at(inputs, 1)?),
        Text::Characters { from, faults } => unicode::decode(at(inputs, 0)?, *from, *faults),
        _ => single(op, inputs).map(|v| vec![v]),
    }
}

fn at<'v>(inputs: &[&'v Value], n: usize) -> Result<&'v Value, EngineError> {
    inputs.get(n).copied().ok_or_else(|| fail("an operation lacks an input"))
}

fn single(op: &Text, inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    match op {
        Text::Lower { utf8: false } => each(x, <[u8]>::to_ascii_lowercase),
        Text::Upper { utf8: false } => each(x, <[u8]>::to_ascii_uppercase),
        Text::Lower { utf8: true } => each(x, |t| String::from_utf8_lossy(t).to_lowercase().into_bytes()),
        Text::Upper { utf8: true } => each(x, |t| String::from_utf8_lossy(t).to_uppercase().into_bytes()),
        Text::Strip => each(x, |t| strip(t).to_vec()),
        Text::Length { utf8 } => integers(x, |t| if *utf8 { characters(t) } else { t.len() } as i64),
        Text::Replace { pattern, rewrite, all } => each(x, |t| replace(t, pattern, rewrite, *all)),
        Text::FullMatch(pattern) => {
            let found: Vec<u8> = x.texts()?.iter().map(|t| u8::from(pattern.regex.is_match(t))).collect();
            Value::of(found, x.dims())
        }
        Text::Join(between) => join(inputs, between),
        Text::Substr { utf8 } => substr(x, at(inputs, 1)?, at(inputs, 2)?, *utf8),
        Text::FromNumbers(how) => numbers::from_numbers(x, how),
        Text::ToNumbers { kind } => numbers::to_numbers(x, *kind),
        Text::Bucket(count) => integers(x, |t| (fingerprint(t) % (*count).max(1)).cast_signed()),
        _ => rarer(op, x, inputs),
    }
}

fn rarer(op: &Text, x: &Value, inputs: &[&Value]) -> Outcome {
    let second = || at(inputs, 1);
    let compiled = |whole: bool| {
        let source = second()?.texts()?.first().cloned().unwrap_or_default();
        let pattern = std::str::from_utf8(&source).ok().and_then(|s| Pattern::new(s, whole));
        pattern.ok_or_else(|| fail("a regular expression that is none, or too large"))
    };
    match op {
        Text::BucketStrong { count, key } => {
            integers(x, |t| (keyed(*key, t) % (*count).max(1)).cast_signed())
        }
        Text::BucketFirst(count) => integers(x, |t| (murmur(t) % (*count).max(1)).cast_signed()),
        Text::ReplaceBy { all } => {
            let pattern = compiled(false)?;
            let rewrite = at(inputs, 2)?.texts()?.first().cloned().unwrap_or_default();
            each(x, |t| replace(t, &pattern, &rewrite, *all))
        }
        Text::FullMatchBy => {
            let pattern = compiled(true)?;
            let found: Vec<u8> = x.texts()?.iter().map(|t| u8::from(pattern.regex.is_match(t))).collect();
            Value::of(found, x.dims())
        }
        Text::ReduceJoin { separator, keep } => grams::reduce_join(x, second()?, *keep, separator),
        Text::SegmentJoin(separator) => grams::segment_join(x, second()?, int(at(inputs, 2)?)?, separator),
        Text::FromCharacters { to, faults } => unicode::encode(x, second()?, *to, *faults),
        Text::Transcode { from, to, faults } => unicode::transcode(x, *from, *to, *faults),
        Text::EncodeBase64 { pad } => each(x, |t| numbers::encode_base64(t, *pad)),
        Text::Tensor(dtype) => {
            let [text] = x.texts()? else { return Err(fail("one tensor is parsed at a time")) };
            super::into_value(crate::formats::savedmodel::tensor(text, *dtype)?)
        }
        Text::Serialized(dtype) => {
            let (bytes, texts) = match *dtype {
                DType::String => (Vec::new(), x.texts()?.to_vec()),
                dtype => (super::rare::bytes(x, dtype)?, Vec::new()),
            };
            let made = crate::formats::savedmodel::serialized(*dtype, x.dims(), bytes, texts);
            Value::text(vec![made], &[])
        }
        Text::Scripts => scripts::scripts(x),
        Text::Unpacked(packing) => numbers::unpacked(x, *packing),
        Text::DecodeBase64 => numbers::decode_base64(x),
        Text::DecodeRaw { dtype, big } => {
            let length = inputs.get(1).map(|l| sizes(l)).transpose()?.and_then(|l| l.first().copied());
            numbers::decode_raw(x, *dtype, *big, length)
        }
        other => Err(fail(format!("{other:?} cannot be run"))),
    }
}

fn each(x: &Value, work: impl Fn(&[u8]) -> Vec<u8>) -> Outcome {
    let mut bytes = 0usize;
    let mut made = Vec::with_capacity(x.elem_count());
    for text in x.texts()? {
        let text = work(text);
        bytes = bytes.saturating_add(text.len());
        if bytes > MOST_BYTES {
            return Err(fail(format!("strings of more than {MOST_BYTES} bytes")));
        }
        made.push(text);
    }
    Value::text(made, x.dims())
}

fn integers(x: &Value, work: impl Fn(&[u8]) -> i64) -> Outcome {
    Value::of(x.texts()?.iter().map(|t| work(t)).collect::<Vec<i64>>(), x.dims())
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn strip(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|b| !is_space(*b)).unwrap_or(text.len());
    let end = text.iter().rposition(|b| !is_space(*b)).map_or(begin, |e| e + 1);
    &text[begin..end]
}

/// Bytes that begin a character.
fn begins(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|b| begins(**b)).count()
}

/// RE2's rewriting: `\1` is a group, `\0` the match, `\\` a backslash.
fn replace(text: &[u8], pattern: &Pattern, rewrite: &[u8], all: bool) -> Vec<u8> {
    let expanded = |groups: &regex::bytes::Captures<'_>| {
        let mut out = Vec::new();
        let mut bytes = rewrite.iter();
        while let Some(byte) = bytes.next() {
            match (byte, bytes.as_slice().first()) {
                (b'\\', Some(digit)) if digit.is_ascii_digit() => {
                    bytes.next();
                    out.extend_from_slice(
                        groups.get(usize::from(digit - b'0')).map_or(&[], |g| g.as_bytes()),
                    );
                }
                (b'\\', Some(b'\\')) => {
                    bytes.next();
                    out.push(b'\\');
                }
                _ => out.push(*byte),
            }
        }
        out
    };
    pattern.regex.replacen(text, usize::from(!all), expanded).into_owned()
}

fn join(inputs: &[&Value], between: &[u8]) -> Outcome {
    let shape = inputs.iter().try_fold(Vec::new(), |shape, v| broadcast_shape(&shape, v.dims()))?;
    let parts: Vec<Value> = inputs.iter().map(|v| expand(v, &shape)).collect::<Result<_, _>>()?;
    let texts: Vec<&[Vec<u8>]> = parts.iter().map(Value::texts).collect::<Result<_, _>>()?;
    let count = elements(&shape)?;
    let joined = (0..count).map(|n| texts.iter().map(|t| t[n].as_slice()).collect::<Vec<_>>().join(between));
    Value::text(joined.collect(), &shape)
}

fn substr(x: &Value, position: &Value, length: &Value, utf8: bool) -> Outcome {
    let (position, length) = (expand(position, x.dims())?, expand(length, x.dims())?);
    let places = position.slice::<i64>()?.iter().zip(length.slice::<i64>()?);
    let mut out = Vec::with_capacity(x.elem_count());
    for (text, (position, length)) in x.texts()?.iter().zip(places) {
        let starts: Option<Vec<usize>> = utf8.then(|| (0..text.len()).filter(|n| begins(text[*n])).collect());
        let count = starts.as_ref().map_or(text.len(), Vec::len);
        let from = if *position < 0 { position.saturating_add(count as i64) } else { *position };
        let from = usize::try_from(from).ok().filter(|f| *f <= count);
        let from = from.ok_or_else(|| fail(format!("position {position} is outside of a string")))?;
        let to = from.saturating_add(usize::try_from(*length).unwrap_or(0)).min(count);
        let byte = |n: usize| starts.as_ref().map_or(n, |s| s.get(n).copied().unwrap_or(text.len()));
        out.push(text[byte(from)..byte(to)].to_vec());
    }
    Value::text(out, x.dims())
}

/// Whether strings are equal, broadcast.
pub fn equal(a: &Value, b: &Value, wanted: bool) -> Outcome {
    let shape = broadcast_shape(a.dims(), b.dims())?;
    let (a, b) = (expand(a, &shape)?, expand(b, &shape)?);
    let pairs = a.texts()?.iter().zip(b.texts()?);
    Value::of(pairs.map(|(a, b)| u8::from((a == b) == wanted)).collect::<Vec<u8>>(), &shape)
}
