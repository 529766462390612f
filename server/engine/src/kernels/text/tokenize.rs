//! Texts as numbers of tokens.

use super::super::access::output;
use super::super::{Value, fail};
use super::at;
use crate::EngineError;
use crate::graph::Tokenizer;

/// Texts [n], and texts that belong to them → ids, mask, types [n, longest].
pub fn run(tokenizer: &Tokenizer, inputs: &[&Value]) -> Result<Vec<Value>, EngineError> {
    let first = at(inputs, 0)?.texts()?;
    let second = inputs.get(1).map(|x| x.texts()).transpose()?;
    if second.is_some_and(|second| second.len() != first.len()) {
        return Err(fail("there are not as many second texts as first ones"));
    }
    let mut all = Vec::with_capacity(first.len());
    for (n, text) in first.iter().enumerate() {
        let second = second.and_then(|second| second.get(n)).map(|text| unicode(text)).transpose()?;
        all.push(tokenizer.encode(unicode(text)?, second)?);
    }
    let lengths = tokenizer.lengths();
    // A row without tokens still has a place, which is padding.
    let width = all.iter().map(|tokens| tokens.ids.len()).max().unwrap_or(0).max(1);
    let shape = [all.len(), width];
    let (mut ids, mut mask, mut types) =
        (output::<i64>(&shape)?, output::<i64>(&shape)?, output::<i64>(&shape)?);
    ids.fill(lengths.pad);
    mask.fill(0);
    types.fill(lengths.pad_type);
    for (n, tokens) in all.iter().enumerate() {
        let count = tokens.ids.len();
        let begin = n * width + if lengths.pad_left { width - count } else { 0 };
        ids[begin..begin + count].copy_from_slice(&tokens.ids);
        mask[begin..begin + count].fill(1);
        types[begin..begin + count].copy_from_slice(&tokens.types);
    }
    Ok(vec![Value::of(ids, &shape)?, Value::of(mask, &shape)?, Value::of(types, &shape)?])
}

fn unicode(text: &[u8]) -> Result<&str, EngineError> {
    std::str::from_utf8(text).map_err(|_| EngineError::input("a text is not UTF-8"))
}
