//! Tables whose columns are transformed each in its way.

use super::builder::Columns;
use super::columns;
use super::compose::{is_dropped, is_passed, weighted};
use super::estimator::{self, Answer, Family, Method, no_such};
use crate::EngineError;
use crate::formats::pickle::{Node, View};

/// One transformer of a table's columns.
pub struct Part<'t> {
    pub transformer: View<'t>,
    pub columns: Vec<usize>,
    /// It takes one column as documents, not a table of one column.
    pub is_single: bool,
}

pub const TABLES: Family = Family {
    classes: &["ColumnTransformer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let weights = of.find("transformer_weights");
        let mut made = Vec::new();
        for (name, part) in parts(of)? {
            let taken = columns::picked(to, x, &part.columns)?;
            let taken = match taken {
                Columns::Texts(id, 1) if part.is_single => Columns::Documents(to.squeeze(id, 1)?),
                taken => taken,
            };
            let answer = if is_passed(part.transformer) {
                taken
            } else {
                estimator::transformed(to, part.transformer, &taken)?
            };
            made.push(weighted(to, answer, weights.and_then(|weights| weights.entry(name)))?);
        }
        columns::beside(to, &made).map(Answer::Columns)
    },
};

/// The transformers of a table, but those that drop or get nothing, by name.
pub fn parts(of: View<'_>) -> Result<Vec<(&str, Part<'_>)>, EngineError> {
    let names = super::inputs::names(of)?;
    let width = super::width::of(of).ok().or(names.as_ref().map(Vec::len));
    let mut all = Vec::new();
    for named in of.get("transformers_")?.items() {
        let items = named.items();
        let [name, transformer, columns, ..] = &items[..] else {
            return Err(EngineError::broken("a part of a ColumnTransformer is none"));
        };
        if is_dropped(*transformer) {
            continue;
        }
        let name = name.text().unwrap_or("");
        let resolved = of.find("_transformer_to_input_indices").and_then(|all| all.entry(name));
        let is_single = columns.text().is_some() || matches!(columns.node(), Node::Int(_));
        let columns = match resolved {
            Some(indices) => places(indices, &[], width)?,
            None => places(*columns, names.as_deref().unwrap_or(&[]), width)?,
        };
        if !columns.is_empty() {
            all.push((name, Part { transformer: *transformer, columns, is_single }));
        }
    }
    Ok(all)
}

/// The columns that somebody names: by number, by name, by truth, or from one to another.
fn places(columns: View<'_>, names: &[String], width: Option<usize>) -> Result<Vec<usize>, EngineError> {
    let unknown = || EngineError::broken("columns of a ColumnTransformer cannot be told");
    let by_name = |name: &str| names.iter().position(|known| known == name).ok_or_else(unknown);
    let by_number = |n: i64| {
        let n = if n < 0 { width.and_then(|w| n.checked_add(w as i64)) } else { Some(n) };
        n.and_then(|n| usize::try_from(n).ok()).ok_or_else(unknown)
    };
    if let Some(name) = columns.text() {
        return by_name(name).map(|place| vec![place]);
    }
    if columns.class() == Some("slice") {
        return sliced(columns, names, width);
    }
    // A list of the newer versions is in an object.
    let columns = columns.find("data").unwrap_or(columns);
    let array = columns.array()?;
    if let Some(objects) = array.objects() {
        let truths = objects.iter().all(|one| matches!(one.node(), Node::Bool(_))) && !objects.is_empty();
        if !truths {
            let place = |one: &View<'_>| one.text().map_or_else(|| by_number(one.int()?), by_name);
            return objects.iter().map(place).collect();
        }
    } else if array.dtype != crate::formats::pickle::Type::Bool {
        return match array.ints() {
            Ok(numbers) => numbers.into_iter().map(by_number).collect(),
            Err(_) => array.texts()?.iter().map(|name| by_name(name)).collect(),
        };
    }
    Ok(array.ints()?.iter().enumerate().filter(|(_, flag)| **flag != 0).map(|(n, _)| n).collect())
}

fn sliced(columns: View<'_>, names: &[String], width: Option<usize>) -> Result<Vec<usize>, EngineError> {
    let unknown = || EngineError::broken("a slice of columns cannot be told");
    let arguments = columns.arguments();
    let [begin, end, step] = &arguments[..] else { return Err(unknown()) };
    let width = width.ok_or_else(unknown)?;
    let place = |view: View<'_>, default: usize, more: usize| match (view.text(), view.is_none()) {
        (_, true) => Ok(default),
        // To a name means that column too.
        (Some(name), _) => names.iter().position(|known| known == name).map(|n| n + more).ok_or_else(unknown),
        _ => {
            let n = view.int()?;
            let n = if n < 0 { n.saturating_add(width as i64).max(0) } else { n };
            Ok(usize::try_from(n).unwrap_or(width).min(width))
        }
    };
    let (begin, end) = (place(*begin, 0, 0)?, place(*end, width, 1)?);
    let step = if step.is_none() { 1 } else { step.size()? };
    if step == 0 { Err(unknown()) } else { Ok((begin..end).step_by(step).collect()) }
}
