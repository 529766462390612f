//! Encoders of categories.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{Answer, Family, Lowered, Method, Part, no_such};
use super::labels::Labels;
use crate::formats::pickle::View;
use crate::graph::{Categories, Learning, Literal, Op, ValueId};
use crate::{DType, EngineError};
use std::collections::HashMap;
use std::sync::Arc;

pub const ENCODERS: Family = Family {
    classes: &["OneHotEncoder", "OrdinalEncoder", "TargetEncoder"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| match (method, of.class()) {
        (Method::Transform, Some("OneHotEncoder")) => one_hot(to, of, x),
        (Method::Transform, Some("OrdinalEncoder")) => ordinal(to, of, x),
        (Method::Transform, _) => target(to, of, x),
        _ => Err(no_such(of, method)),
    },
};

pub const LABELS: Family = Family {
    classes: &["LabelEncoder", "LabelBinarizer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: labels,
};

/// A table of values that are known.
pub fn known(labels: Labels, column: &str, strict: bool) -> Result<Arc<Categories>, EngineError> {
    let (mut texts, mut floats) = (HashMap::new(), HashMap::new());
    let numbered = |all: Vec<f64>| all.into_iter().enumerate().map(|(n, x)| (Categories::bits(x), n as i64));
    match labels {
        Labels::Texts(all) => {
            texts.extend(all.into_iter().enumerate().map(|(n, t)| (t.into_bytes(), n as i64)));
        }
        Labels::Floats(all) => floats.extend(numbered(all)),
        Labels::Ints(all) => floats.extend(numbered(all.into_iter().map(|n| n as f64).collect())),
        Labels::Bools(all) => floats.extend(numbered(all.into_iter().map(f64::from).collect())),
    }
    Ok(Arc::new(Categories { column: column.to_owned(), texts, floats, strict }))
}

/// One column's categories: their numbers [rows], how many they are.
fn numbers(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    n: usize,
    strict: bool,
) -> Result<(ValueId, usize), EngineError> {
    let categories = of.get("categories_")?.items();
    let Some(of_column) = categories.get(n) else {
        return Err(EngineError::broken("an encoder without categories"));
    };
    let labels = categories_of(*of_column)?;
    let count = labels.len();
    let name =
        of.find("feature_names_in_").and_then(|names| names.array().ok()?.texts().ok()?.get(n).cloned());
    let table = known(labels, &name.unwrap_or_else(|| n.to_string()), strict)?;
    let column = columns::column(to, x, n)?;
    let found = to.learning(Learning::Categories(table), &[column])?;
    Ok((to.squeeze(found, 1)?, count))
}

/// Categories; a missing one among texts is an empty text.
pub fn categories_of(view: View<'_>) -> Result<Labels, EngineError> {
    let array = view.array()?;
    match array.objects() {
        Some(all) if all.iter().any(|one| one.text().is_some()) => {
            Ok(Labels::Texts(all.iter().map(|one| one.text().unwrap_or("").to_owned()).collect()))
        }
        _ => Labels::of(view),
    }
}

fn is_strict(of: View<'_>) -> bool {
    of.word("handle_unknown").is_none_or(|how| how == "error")
}

/// What is mapped by a table whose first entry is that of unknown values.
fn mapped(
    to: &mut Builder<'_>,
    number: ValueId,
    unknown: f64,
    of_known: &[f64],
) -> Result<ValueId, EngineError> {
    let table = [&[unknown][..], of_known].concat();
    let count = table.len();
    let table = to.constant(table, &[count])?;
    let one = to.int(1)?;
    let place = to.binary(crate::graph::Binary::Add, number, one)?;
    let axis = to.int(0)?;
    to.add(Op::Gather { batch_dims: 0 }, &[table, place, axis])
}

/// The numbers of seldom categories, one number for all of them, and the new number of each category.
fn gathered(of: View<'_>, n: usize, count: usize) -> Result<(Vec<i64>, usize, bool), EngineError> {
    let infrequent = of.find("_default_to_infrequent_mappings").map(View::items).unwrap_or_default();
    match infrequent.get(n).filter(|view| !view.is_none()) {
        Some(mapping) => {
            let mapping = mapping.array()?.ints()?;
            let width = mapping.iter().max().map_or(0, |most| usize::try_from(*most).unwrap_or(0) + 1);
            if mapping.len() != count || width > count {
                return Err(EngineError::broken("seldom categories are not those of a column"));
            }
            Ok((mapping, width, true))
        }
        None => Ok(((0..count as i64).collect(), count, false)),
    }
}

fn one_hot(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let width = columns::width(x);
    let dropped = match of.any(&["_drop_idx_after_grouping", "drop_idx_"]) {
        Some(all) => all.array()?.objects().unwrap_or_else(|| all.items()),
        None => Vec::new(),
    };
    let dropped_ints =
        of.any(&["_drop_idx_after_grouping", "drop_idx_"]).and_then(|all| all.array().ok()?.ints().ok());
    let unknown = of.word("handle_unknown").unwrap_or("error");
    let (mut parts, mut total) = (Vec::new(), 0);
    for n in 0..width {
        let (number, count) = numbers(to, of, x, n, is_strict(of))?;
        let (mapping, kept, has_infrequent) = gathered(of, n, count)?;
        let drop = match (&dropped_ints, dropped.get(n)) {
            (Some(all), _) => all.get(n).copied(),
            (None, Some(one)) if !one.is_none() => Some(one.int()?),
            _ => None,
        };
        let drop = drop.and_then(|n| usize::try_from(n).ok());
        let unseen = if has_infrequent && matches!(unknown, "infrequent_if_exist" | "warn") {
            kept as f64 - 1.0
        } else {
            -1.0
        };
        let place = |column: i64| match drop {
            Some(drop) if column == drop as i64 => -1.0,
            Some(drop) if column > drop as i64 => column as f64 - 1.0,
            _ => column as f64,
        };
        let place =
            mapped(to, number, place(unseen as i64), &mapping.into_iter().map(place).collect::<Vec<f64>>())?;
        let place = to.add(Op::Cast(DType::I64), &[place])?;
        let kept = kept - usize::from(drop.is_some());
        if kept > 0 {
            parts.push(to.one_hot(place, kept)?);
            total += kept;
        }
    }
    if parts.is_empty() {
        return Err(EngineError::broken("OneHotEncoder makes no column"));
    }
    Ok(Answer::Columns(Columns::Numbers(to.beside(&parts)?, total)))
}

fn ordinal(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let width = columns::width(x);
    let unseen = of.find("unknown_value").map_or(Ok(f64::NAN), View::float)?;
    let missing = of.find("encoded_missing_value").map_or(Ok(f64::NAN), View::float)?;
    let categories = of.get("categories_")?.items();
    let mut parts = Vec::new();
    for (n, of_column) in categories.into_iter().enumerate().take(width) {
        let (number, count) = numbers(to, of, x, n, is_strict(of))?;
        let (mapping, _, _) = gathered(of, n, count)?;
        let mut codes: Vec<f64> = mapping.into_iter().map(|n| n as f64).collect();
        for (code, is_missing) in codes.iter_mut().zip(missing_ones(of_column)?) {
            if is_missing {
                *code = missing;
            }
        }
        let code = mapped(to, number, unseen, &codes)?;
        parts.push(to.expand(code, 1)?);
    }
    Ok(Answer::Columns(Columns::Numbers(to.beside(&parts)?, width)))
}

/// Which categories are that of missing values.
fn missing_ones(categories: View<'_>) -> Result<Vec<bool>, EngineError> {
    let array = categories.array()?;
    Ok(match (array.objects(), Labels::of(categories)) {
        (Some(all), _) => {
            all.iter().map(|one| one.text().is_none() && one.float().map_or(true, f64::is_nan)).collect()
        }
        (None, Ok(Labels::Floats(all))) => all.into_iter().map(f64::is_nan).collect(),
        _ => vec![false; array.len()],
    })
}

/// What the target was, on average, for each category; with several classes for each of them.
fn target(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let width = columns::width(x);
    let encodings = of.get("encodings_")?.items();
    let means = columns::floats(of, "target_mean_")?;
    let classes = means.len().max(1);
    let mut parts = Vec::new();
    for n in 0..width {
        let (number, count) = numbers(to, of, x, n, false)?;
        for class in 0..classes {
            let encoding = encodings.get(n * classes + class).map(|e| e.array()?.floats()).transpose()?;
            let encoding = encoding.filter(|e| e.len() == count);
            let encoding = encoding
                .ok_or_else(|| EngineError::broken("TargetEncoder lacks what categories stand for"))?;
            let code = mapped(to, number, means.get(class).copied().unwrap_or(0.0), &encoding)?;
            parts.push(to.expand(code, 1)?);
        }
    }
    let total = parts.len();
    Ok(Answer::Columns(Columns::Numbers(to.beside(&parts)?, total)))
}

/// Encoders of labels: [rows], or a column for each class.
fn labels(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Transform {
        return Err(no_such(of, method));
    }
    let classes = Labels::of(of.get("classes_")?)?;
    let count = classes.len();
    let binarises = of.class() == Some("LabelBinarizer");
    let table = known(classes, "labels", !binarises)?;
    let column = columns::column(to, x, 0)?;
    let number = to.learning(Learning::Categories(table), &[column])?;
    let number = to.squeeze(number, 1)?;
    if !binarises {
        return Ok(Answer::Part(Part { id: number, dtype: DType::I64, width: None }));
    }
    let (on, off) = (of.get("pos_label")?.int()?, of.get("neg_label")?.int()?);
    let values = |n: Vec<i64>| Literal::I64(n, Vec::new());
    let (on, off) = (to.literal(values(vec![on]))?, to.literal(values(vec![off]))?);
    let depth = to.int(count.max(2) as i64)?;
    let hot = to.add(Op::OneHot(-1), &[number, depth, on, off])?;
    // Of two classes only the second has a column.
    let (id, width) = if count <= 2 { (to.pick(hot, &[1])?, 1) } else { (hot, count) };
    Ok(Answer::Part(Part { id, dtype: DType::I64, width: Some(width) }))
}
