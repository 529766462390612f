//! JSON with the numbers that it has no words for.

use serde_json::Value;

/// Reads JSON in which NaN and infinities may stand; they become strings.
pub fn lenient(text: &str) -> Result<Value, String> {
    let (mut out, mut rest, mut quoted) = (String::new(), text, false);
    while let Some(first) = rest.chars().next() {
        let word =
            ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| !quoted && rest.starts_with(word));
        if let Some(word) = word {
            out.push_str(&format!("\"{word}\""));
            rest = &rest[word.len()..];
            continue;
        }
        let escaped = quoted && first == '\\';
        let taken = if escaped { rest.chars().take(2).map(char::len_utf8).sum() } else { first.len_utf8() };
        quoted ^= first == '"' && !escaped;
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    serde_json::from_str(&out).map_err(|e| format!("{e}: {text:.300}"))
}

/// Whether two values are the same; numbers as `float32`, because TensorFlow's answers are.
pub fn same(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            a.is_f64() == b.is_f64() && a.as_f64().map(|a| a as f32) == b.as_f64().map(|b| b as f32)
        }
        (a, b) => a == b,
    }
}
