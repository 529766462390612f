//! The sections of a model's text.

use crate::EngineError;
use std::collections::HashMap;
use std::str::FromStr;

/// Lines `name=value`, and names alone.
#[derive(Debug, Default)]
pub struct Section<'t> {
    values: HashMap<&'t str, &'t str>,
}

/// The whole model's section, then one for each tree.
pub fn all(text: &str) -> impl Iterator<Item = Section<'_>> {
    let text = text.split("\nend of trees").next().unwrap_or(text);
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest?;
        let (section, after) = match now.split_once("\nTree=") {
            Some((section, after)) => (section, Some(after)),
            None => (now, None),
        };
        rest = after;
        Some(Section {
            values: section.lines().map(|line| line.split_once('=').unwrap_or((line.trim(), ""))).collect(),
        })
    })
}

impl<'t> Section<'t> {
    /// Whether a name is there.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A value as it is written.
    pub fn text(&self, name: &str) -> Option<&'t str> {
        self.values.get(name).map(|value| value.trim())
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<usize, EngineError> {
        let text = self.text(name).ok_or_else(|| EngineError::broken(format!("{name} is missing")))?;
        text.parse().map_err(|_| EngineError::broken(format!("{name} is {text:?}, not a number")))
    }

    /// So many numbers.
    pub fn numbers<T: FromStr>(&self, name: &str, count: usize) -> Result<Vec<T>, EngineError> {
        let text = self.text(name).unwrap_or("");
        let wrong = |what: String| EngineError::broken(format!("{name}: {what}"));
        let numbers = text.split_ascii_whitespace();
        let numbers = numbers.map(|n| n.parse().map_err(|_| wrong(format!("{n:?} is not a number"))));
        let numbers: Vec<T> = numbers.collect::<Result<_, _>>()?;
        if numbers.len() == count {
            Ok(numbers)
        } else {
            Err(wrong(format!("{} numbers, not {count}", numbers.len())))
        }
    }
}
