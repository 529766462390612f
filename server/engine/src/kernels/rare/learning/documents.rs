//! Counts of words, of runs of words or of characters.

use super::super::super::access::make;
use super::super::super::{Value, fail};
use super::super::Values;
use crate::EngineError;
use crate::graph::{Analyser, Vectoriser, Vocabulary};
use std::borrow::Cow;
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Counts of all documents of a request.
const MOST_COUNTS: usize = 1 << 26;

/// Documents [n] → indices, counts, shape; columns of a row in their order.
pub fn count(vectoriser: &Vectoriser, x: &Value) -> Values {
    let texts = x.texts()?;
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    let mut counts: HashMap<u32, f64> = HashMap::new();
    let mut row: Vec<(u32, f64)> = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let text = std::str::from_utf8(text).map_err(|_| EngineError::input("a document is not UTF-8"))?;
        counts.clear();
        each_run(vectoriser, &prepared(vectoriser, text), |run| match &vectoriser.vocabulary {
            Vocabulary::Known(words) => {
                if let Some(column) = words.get(run) {
                    *counts.entry(*column).or_default() += 1.0;
                }
            }
            Vocabulary::Hashed { columns, signed } => {
                let hash = murmur3(run.as_bytes()) as i32;
                let sign = if *signed && hash < 0 { -1.0 } else { 1.0 };
                *counts.entry(hash.unsigned_abs() % columns).or_default() += sign;
            }
        });
        row.clear();
        row.extend(counts.iter().map(|(column, count)| (*column, *count)));
        row.sort_unstable_by_key(|(column, _)| *column);
        if values.len() + row.len() > MOST_COUNTS {
            return Err(fail(format!("the documents have more than {MOST_COUNTS} different words")));
        }
        for (column, count) in &row {
            indices.extend([n as i64, i64::from(*column)]);
            values.push(if vectoriser.binary { 1.0 } else { *count });
        }
    }
    let count = values.len();
    let shape = vec![texts.len() as i64, vectoriser.columns as i64];
    Ok(vec![make(indices, &[count, 2])?, make(values, &[count])?, make(shape, &[2])?])
}

/// A document in small letters and without accents, as far as that is wanted.
fn prepared<'t>(vectoriser: &Vectoriser, text: &'t str) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    if vectoriser.lowercase {
        text = if text.is_ascii() { text.to_ascii_lowercase().into() } else { text.to_lowercase().into() };
    }
    match vectoriser.strip_accents {
        _ if text.is_ascii() => text,
        None => text,
        Some(true) => text.nfkd().filter(char::is_ascii).collect::<String>().into(),
        Some(false) => text.nfkd().filter(|c| canonical_combining_class(*c) == 0).collect::<String>().into(),
    }
}

fn each_run(vectoriser: &Vectoriser, text: &str, mut take: impl FnMut(&str)) {
    match &vectoriser.analyser {
        Analyser::Words => {
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            runs_of_words(vectoriser, words.filter(|word| word.chars().nth(1).is_some()), take);
        }
        Analyser::Pattern(pattern) => {
            let found = pattern.captures_iter(text).filter_map(|found| found.get(found.len() - 1));
            runs_of_words(vectoriser, found.map(|found| found.as_str()), take);
        }
        Analyser::Characters => characters(&single_spaces(text), vectoriser.runs, false, &mut take),
        Analyser::CharactersInWords => {
            for word in text.split_whitespace() {
                characters(&format!(" {word} "), vectoriser.runs, true, &mut take);
            }
        }
    }
}

fn runs_of_words<'t>(
    vectoriser: &Vectoriser,
    words: impl Iterator<Item = &'t str>,
    mut take: impl FnMut(&str),
) {
    let words =
        words.filter(|word| vectoriser.stop_words.is_empty() || !vectoriser.stop_words.contains(*word));
    let [shortest, longest] = vectoriser.runs;
    if longest == 1 {
        words.for_each(take);
        return;
    }
    let words: Vec<&str> = words.collect();
    let mut run = String::new();
    for begin in 0..words.len() {
        run.clear();
        for (length, word) in words[begin..].iter().take(longest).enumerate() {
            if length > 0 {
                run.push(' ');
            }
            run.push_str(word);
            if length + 1 >= shortest {
                take(&run);
            }
        }
    }
}

/// Two and more white spaces are one space.
fn single_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() && chars.peek().is_some_and(|next| next.is_whitespace()) {
            while chars.next_if(|next| next.is_whitespace()).is_some() {}
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

/// Runs of characters. A word that is shorter than a run is one itself, once.
fn characters(text: &str, [shortest, longest]: [usize; 2], short_too: bool, take: &mut impl FnMut(&str)) {
    let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    places.push(text.len());
    let count = places.len() - 1;
    for length in shortest..=longest {
        if length > count {
            if short_too {
                take(text);
            }
            break;
        }
        for begin in 0..=count - length {
            take(&text[places[begin]..places[begin + length]]);
        }
        // Longer runs would be the same one.
        if short_too && length == count {
            break;
        }
    }
}

/// MurmurHash3, 32 bits, seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0u32;
    for block in blocks {
        hash = (hash ^ mix(u32::from_le_bytes(*block)))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let last = tail.iter().enumerate().fold(0, |k, (n, byte)| k | u32::from(*byte) << (8 * n));
        hash ^= mix(last);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
