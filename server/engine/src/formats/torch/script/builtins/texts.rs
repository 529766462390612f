//! Strings.

use super::super::super::value::{Result, Val, broken};
use super::super::interpret::Interpreter;

/// Bytes of a string.
const LONGEST: usize = 1 << 16;

/// What is done with a string; none: it is no such thing.
pub fn on_text(interpreter: &Interpreter<'_>, name: &str, text: &str, places: &[Val]) -> Result<Option<Val>> {
    let given = |n: usize| match places.get(n) {
        Some(Val::Text(other)) => Some(&**other),
        _ => None,
    };
    let number = |n: usize| places.get(n).and_then(|v| interpreter.builder.known(v));
    let made = match (name, given(1)) {
        ("len", _) => return Ok(Some(Val::Int(text.chars().count() as i64))),
        ("startswith", Some(other)) => return Ok(Some(Val::Bool(text.starts_with(other)))),
        ("endswith", Some(other)) => return Ok(Some(Val::Bool(text.ends_with(other)))),
        ("__contains__", Some(other)) => return Ok(Some(Val::Bool(text.contains(other)))),
        ("isdigit", _) => {
            return Ok(Some(Val::Bool(!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))));
        }
        ("find", Some(other)) => {
            let at = text.find(other).map_or(-1, |at| text[..at].chars().count() as i64);
            return Ok(Some(Val::Int(at)));
        }
        ("split", other) => {
            let parts: Vec<&str> = match other.filter(|o| !o.is_empty()) {
                Some(other) => text.split(other).collect(),
                None => text.split_whitespace().collect(),
            };
            return Ok(Some(Val::list(parts.into_iter().map(Val::text).collect())));
        }
        ("__getitem__" | "slice", _) => part(text, name, [number(1), number(2), number(3)])?,
        ("add", Some(other)) => format!("{text}{other}"),
        ("mul", _) => match number(1).and_then(|n| usize::try_from(n.max(0)).ok()) {
            Some(count) if text.len().saturating_mul(count) <= LONGEST => text.repeat(count),
            _ => return broken("a string that is too long"),
        },
        ("lower", _) => text.to_lowercase(),
        ("upper", _) => text.to_uppercase(),
        ("strip", None) => text.trim().to_owned(),
        ("replace", Some(from)) if !from.is_empty() => text.replace(from, given(2).unwrap_or_default()),
        ("join", _) => {
            let items = places.get(1).and_then(Val::items).unwrap_or_default();
            let texts: Vec<String> = items.iter().map(written).collect();
            texts.join(text)
        }
        ("format", _) => formatted(text, &places[1..]),
        _ => return Ok(None),
    };
    if made.len() > LONGEST { broken("a string that is too long") } else { Ok(Some(Val::text(&made))) }
}

/// A character or several, counted from the end if a number is negative.
fn part(text: &str, name: &str, [begin, end, step]: [Option<i64>; 3]) -> Result<String> {
    let all: Vec<char> = text.chars().collect();
    let length = all.len() as i64;
    let place = |n: i64| (if n < 0 { n.saturating_add(length) } else { n }).clamp(0, length);
    if name == "slice" {
        let (begin, end) = (place(begin.unwrap_or(0)), place(end.unwrap_or(i64::MAX)));
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1).max(1);
        let count = usize::try_from(end - begin).unwrap_or(0);
        return Ok(all
            .into_iter()
            .skip(usize::try_from(begin).unwrap_or(0))
            .take(count)
            .step_by(step)
            .collect());
    }
    let at = begin.map(|n| if n < 0 { n.saturating_add(length) } else { n });
    match at.and_then(|at| all.get(usize::try_from(at).ok()?)) {
        Some(one) => Ok(one.to_string()),
        None => broken("a character that a string does not have"),
    }
}

/// What is known of a value, as it is written; what the request decides is left out.
fn written(value: &Val) -> String {
    match value {
        Val::Text(text) => text.to_string(),
        Val::Int(n) => n.to_string(),
        Val::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Val::Float(x) => format!("{x:?}"),
        Val::None => "None".to_owned(),
        _ => String::new(),
    }
}

/// Every pair of braces is the next value.
fn formatted(text: &str, values: &[Val]) -> String {
    let mut made = String::new();
    let mut values = values.iter();
    for (n, part) in text.split("{}").enumerate() {
        if n > 0 {
            made.push_str(&values.next().map(written).unwrap_or_default());
        }
        made.push_str(part);
    }
    made
}
