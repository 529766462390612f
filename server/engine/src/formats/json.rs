//! JSON as Python and XGBoost write it: with `NaN` and `Infinity`, which JSON does not know.

use serde::de::DeserializeOwned;

/// Reads a document. None of what is read of it may be one of those numbers.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| {
        let Some(rewritten) = without_nan(bytes) else { return Err(error) };
        serde_json::from_slice(&rewritten)
    })
}

/// The text with `null` for NaN and the largest number for infinity outside of strings; none: there are none.
fn without_nan(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at, mut changed) = (Vec::new(), 0, false);
    let words: [(&[u8], &[u8]); 2] = [(b"NaN", b"0"), (b"Infinity", b"3.4028235e38")];
    while at < bytes.len() {
        if bytes[at] == b'"' {
            let end = end_of_string(bytes, at);
            out.extend_from_slice(&bytes[at..end]);
            at = end;
        } else if let Some((word, instead)) = words.iter().find(|(word, _)| bytes[at..].starts_with(word)) {
            out.extend_from_slice(instead);
            (at, changed) = (at + word.len(), true);
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    changed.then_some(out)
}

/// One behind the quotation mark that ends the string that begins here.
fn end_of_string(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += 1 + usize::from(bytes[at] == b'\\');
    }
    (at + 1).min(bytes.len())
}
