//! What a model is given: rows of numbers, rows of texts, documents, or columns of different types by name.

use super::builder::{Builder, Columns};
use super::{compose, encoders, estimator, labels, tables, width};
use crate::formats::pickle::View;
use crate::signature::Dim;
use crate::{DType, EngineError, TensorSpec};

/// Estimators in estimators.
const DEEPEST: usize = 24;
/// Columns that are inputs of their own.
const MOST_INPUTS: usize = 4096;

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    Document,
    Label(bool),
}

/// What each column is that an estimator takes.
pub fn kinds(of: View<'_>) -> Result<Vec<Kind>, EngineError> {
    kinds_at(of, 0)
}

fn kinds_at(of: View<'_>, depth: usize) -> Result<Vec<Kind>, EngineError> {
    if depth > DEEPEST {
        return Err(EngineError::broken("estimators are nested too deep"));
    }
    match of.class() {
        Some("CountVectorizer" | "TfidfVectorizer" | "HashingVectorizer") => Ok(vec![Kind::Document]),
        Some("FunctionTransformer") => of_numbers(of).or(Ok(Vec::new())),
        Some("LabelEncoder" | "LabelBinarizer") => {
            let texts = matches!(labels::Labels::of(of.get("classes_")?)?, labels::Labels::Texts(_));
            Ok(vec![Kind::Label(texts)])
        }
        Some("OneHotEncoder" | "OrdinalEncoder" | "TargetEncoder") => {
            of.get("categories_")?.items().into_iter().map(of_categories).collect()
        }
        Some("SimpleImputer") => {
            let statistics = of.get("statistics_")?.array()?;
            let texts = statistics.texts().is_ok() && statistics.floats().is_err();
            Ok(vec![if texts { Kind::Text } else { Kind::Number }; statistics.len()])
        }
        Some("ColumnTransformer") => of_table(of, depth),
        Some("FeatureUnion") => {
            let mut all: Vec<Kind> = Vec::new();
            for part in of.get("transformer_list")?.items() {
                let Some(part) = part.items().get(1).copied().filter(|p| p.text().is_none() && !p.is_none())
                else {
                    continue;
                };
                let kinds = kinds_at(part, depth + 1)?;
                if kinds.iter().any(|kind| *kind != Kind::Number) || all.is_empty() {
                    all = kinds;
                }
            }
            Ok(all)
        }
        _ => {
            // Numbers, whatever the estimators within, where it says how many.
            let inner = width::inner(of).filter(|inner| inner.package() == Some("sklearn"));
            let inner = inner.and_then(|inner| kinds_at(inner, depth + 1).ok());
            match inner.filter(|kinds| kinds.iter().any(|kind| *kind != Kind::Number)) {
                Some(kinds) => Ok(kinds),
                None => of_numbers(of),
            }
        }
    }
}

fn of_numbers(of: View<'_>) -> Result<Vec<Kind>, EngineError> {
    Ok(vec![Kind::Number; width::of(of)?])
}

fn of_categories(categories: View<'_>) -> Result<Kind, EngineError> {
    Ok(if matches!(encoders::categories_of(categories)?, labels::Labels::Texts(_)) {
        Kind::Text
    } else {
        Kind::Number
    })
}

fn of_table(of: View<'_>, depth: usize) -> Result<Vec<Kind>, EngineError> {
    let parts = tables::parts(of)?;
    let seen = parts.iter().flat_map(|(_, part)| &part.columns).max().map_or(0, |most| most + 1);
    let width = width::of(of).ok().or(names(of)?.map(|names| names.len())).unwrap_or(seen).max(seen);
    if width > 1 << 20 {
        return Err(EngineError::broken(format!("a table of {width} columns")));
    }
    let mut all = vec![Kind::Number; width];
    for (_, part) in parts {
        if compose::is_passed(part.transformer) {
            continue;
        }
        let kinds = kinds_at(part.transformer, depth + 1)?;
        for (place, kind) in part.columns.iter().zip(kinds) {
            // What one part takes as text is text for all.
            if kind != Kind::Number {
                all[*place] = Kind::Text;
            }
        }
    }
    Ok(all)
}

/// The names of an estimator's columns, if it was fitted to a table that had some.
pub fn names(of: View<'_>) -> Result<Option<Vec<String>>, EngineError> {
    let mut view = Some(of);
    for _ in 0..DEEPEST {
        let Some(at) = view else { break };
        if let Some(names) = at.any(&["feature_names_in_", "_feature_names_in"]) {
            return names.array()?.texts().map(Some);
        }
        // Before 0.24 a table kept pandas' own object.
        if let Some(index) = at.find("_df_columns") {
            let values = index.arguments().into_iter().find_map(|argument| argument.entry("data"));
            return values.map(|values| values.array()?.texts()).transpose();
        }
        view = width::inner(at);
    }
    Ok(None)
}

fn spec(name: &str, dtype: DType, rest: &[Dim]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype, shape: Some([&[None], rest].concat()) }
}

/// What a model is given, and how it looks from outside.
pub fn inputs(to: &mut Builder<'_>, of: View<'_>) -> Result<(Columns, Vec<TensorSpec>), EngineError> {
    let kinds = kinds(of)?;
    let width = kinds.len();
    match kinds[..] {
        [] => Err(EngineError::broken(format!("{} takes no columns", estimator::class(of)))),
        [Kind::Document] => Ok((Columns::Documents(to.input()?), vec![spec("text", DType::String, &[])])),
        [Kind::Label(texts)] => {
            let id = to.input()?;
            let id = to.expand(id, 1)?;
            let (columns, dtype) = if texts {
                (Columns::Texts(id, 1), DType::String)
            } else {
                (Columns::Numbers(id, 1), DType::F64)
            };
            Ok((columns, vec![spec("labels", dtype, &[])]))
        }
        _ if kinds.iter().all(|kind| *kind == Kind::Number) => {
            Ok((Columns::Numbers(to.input()?, width), vec![spec("features", DType::F64, &[Some(width)])]))
        }
        _ if kinds.iter().all(|kind| *kind == Kind::Text) => {
            Ok((Columns::Texts(to.input()?, width), vec![spec("features", DType::String, &[Some(width)])]))
        }
        _ => by_name(to, &kinds, names(of)?),
    }
}

/// An input for each column, sorted by name.
fn by_name(
    to: &mut Builder<'_>,
    kinds: &[Kind],
    names: Option<Vec<String>>,
) -> Result<(Columns, Vec<TensorSpec>), EngineError> {
    if kinds.len() > MOST_INPUTS {
        return Err(EngineError::broken(format!("{} columns of different types", kinds.len())));
    }
    let names = names.filter(|names| names.len() == kinds.len());
    let names = names.unwrap_or_else(|| (0..kinds.len()).map(|n| format!("x{n}")).collect());
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    order.sort_by(|a, b| names[*a].cmp(&names[*b]));
    if order.windows(2).any(|two| names[two[0]] == names[two[1]]) {
        return Err(EngineError::broken("two columns have one name"));
    }
    let mut parts = vec![None; kinds.len()];
    let mut specs = Vec::new();
    for n in order {
        let id = to.input()?;
        let id = to.expand(id, 1)?;
        let is_text = kinds[n] != Kind::Number;
        parts[n] = Some(if is_text { Columns::Texts(id, 1) } else { Columns::Numbers(id, 1) });
        specs.push(spec(&names[n], if is_text { DType::String } else { DType::F64 }, &[]));
    }
    Ok((Columns::Frame(parts.into_iter().flatten().collect()), specs))
}
