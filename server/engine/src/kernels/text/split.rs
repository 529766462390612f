//! Texts in pieces: places, pieces and the shape of a sparse array of them.

use super::super::{Value, elements, fail};
use super::{at, characters, is_space};
use crate::EngineError;
use crate::graph::Pattern;

pub fn pieces<'t>(text: &'t [u8], by: &[u8], most: Option<usize>) -> Vec<&'t [u8]> {
    let mut found = Vec::new();
    let mut rest = text;
    let full = |found: &Vec<&[u8]>| most.is_some_and(|m| found.len() >= m);
    if by.is_empty() {
        loop {
            let begin = rest.iter().position(|b| !is_space(*b)).unwrap_or(rest.len());
            rest = &rest[begin..];
            if rest.is_empty() {
                return found;
            }
            let end = rest.iter().position(|b| is_space(*b)).unwrap_or(rest.len());
            let end = if full(&found) { rest.len() } else { end };
            found.push(&rest[..end]);
            rest = &rest[end..];
        }
    }
    while !full(&found) {
        let Some(place) = rest.windows(by.len()).position(|w| w == by) else { break };
        found.push(&rest[..place]);
        rest = &rest[place + by.len()..];
    }
    found.push(rest);
    found
}

/// Bytes of which each separates; none: every byte is a piece.
pub fn pieces_by_any<'t>(text: &'t [u8], by: &[u8], skip_empty: bool) -> Vec<&'t [u8]> {
    if by.is_empty() || text.is_empty() {
        return text.chunks(1).collect();
    }
    text.split(|b| by.contains(b)).filter(|p| !(skip_empty && p.is_empty())).collect()
}

/// What a pattern matches, or what is between that; nothing is no token.
pub fn tokens<'t>(text: &'t [u8], pattern: &Pattern, between: bool, least: usize) -> Vec<&'t [u8]> {
    let least = least.max(1);
    let all: Vec<&[u8]> = if between {
        pattern.regex.split(text).collect()
    } else {
        pattern.regex.find_iter(text).map(|m| m.as_bytes()).collect()
    };
    all.into_iter().filter(|t| characters(t) >= least).collect()
}

pub fn separator<'v>(inputs: &[&'v Value]) -> Result<&'v [u8], EngineError> {
    let by = at(inputs, 1)?.texts()?.first();
    by.map(Vec::as_slice).ok_or_else(|| fail("a split by nothing"))
}

pub fn split(
    x: &Value,
    pieces: impl for<'t> Fn(&'t [u8]) -> Vec<&'t [u8]>,
) -> Result<Vec<Value>, EngineError> {
    let (mut places, mut words, mut longest) = (Vec::new(), Vec::new(), 0);
    for (row, text) in x.texts()?.iter().enumerate() {
        let found = pieces(text);
        longest = longest.max(found.len());
        for (column, word) in found.into_iter().enumerate() {
            places.extend([row as i64, column as i64]);
            words.push(word.to_vec());
        }
    }
    let count = words.len();
    elements(&[count, 2])?;
    let shape = vec![x.elem_count() as i64, longest as i64];
    Ok(vec![Value::of(places, &[count, 2])?, Value::text(words, &[count])?, Value::of(shape, &[2])?])
}
