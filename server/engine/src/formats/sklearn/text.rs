//! Documents: what of them is counted, and how counts weigh.

use super::builder::{Builder, Columns};
use super::columns::{self, floats};
use super::estimator::{Answer, Family, Method, no_such};
use crate::formats::pickle::{Node, View};
use crate::graph::{
    Analyser, Binary, Learning, Literal, Op, Rare, Rows, Segment, Unary, ValueId, Vectoriser, Vocabulary,
};
use crate::{DType, EngineError};
use std::collections::{HashMap, HashSet};

/// The pattern of words that vectorisers have if they are told none.
const WORDS: &str = r"(?u)\b\w\w+\b";
/// Words, or characters, of a run.
const LONGEST_RUN: usize = 64;
/// A compiled pattern has at most these bytes.
const LARGEST_PATTERN: usize = 1 << 20;

pub const VECTORISERS: Family = Family {
    classes: &["CountVectorizer", "TfidfVectorizer", "HashingVectorizer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        let documents = match x {
            Columns::Documents(id) if method == Method::Transform => *id,
            Columns::Texts(id, 1) if method == Method::Transform => to.squeeze(*id, 1)?,
            _ if method == Method::Transform => {
                return Err(EngineError::broken("documents are given as something else"));
            }
            _ => return Err(no_such(of, method)),
        };
        let vectoriser = to.vectoriser(of.id(), || vectoriser(of))?;
        let width = vectoriser.columns;
        let op = Op::Rare(Box::new(Rare::Learning(Learning::Count(vectoriser))));
        let counted = to.add_many(op, &[documents], 3)?;
        let counted = [counted[0], counted[1], counted[2]];
        let made = match of.class() {
            Some("TfidfVectorizer") => weighed(to, of.get("_tfidf")?, counted)?,
            Some("HashingVectorizer") => {
                let norm = of.word("norm").map(str::to_owned);
                [counted[0], scaled(to, counted, norm.as_deref())?, counted[2]]
            }
            _ => counted,
        };
        Ok(Answer::Columns(Columns::Sparse(made, width)))
    },
};

pub const WEIGHERS: Family = Family {
    classes: &["TfidfTransformer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let (counted, width) = columns::sparse(to, x)?;
        Ok(Answer::Columns(Columns::Sparse(weighed(to, of, counted)?, width)))
    },
};

/// Counts by how seldom their words are, and rows of one length.
fn weighed(
    to: &mut Builder<'_>,
    of: View<'_>,
    [indices, values, shape]: [ValueId; 3],
) -> Result<[ValueId; 3], EngineError> {
    let mut values = values;
    if of.find("sublinear_tf").map_or(Ok(false), View::bool)? {
        let log = to.unary(Unary::Log, values)?;
        values = to.with(Binary::Add, log, 1.0)?;
    }
    if of.find("use_idf").map_or(Ok(true), View::bool)? {
        let weights = inverse_frequencies(of)?;
        let count = weights.len();
        let weights = to.constant(weights, &[count])?;
        let axis = to.int(0)?;
        let column = to.pick(indices, &[1])?;
        let column = to.squeeze(column, 1)?;
        let each = to.add(Op::Gather { batch_dims: 0 }, &[weights, column, axis])?;
        values = to.binary(Binary::Mul, values, each)?;
    }
    let norm = of.word("norm");
    let values = scaled(to, [indices, values, shape], norm)?;
    Ok([indices, values, shape])
}

/// Newer versions keep them as they are, older ones on the diagonal of a matrix.
fn inverse_frequencies(of: View<'_>) -> Result<Vec<f64>, EngineError> {
    if of.find("idf_").is_some() {
        return floats(of, "idf_");
    }
    floats(of.get("_idf_diag")?, "data")
}

/// Values of rows of one length.
fn scaled(
    to: &mut Builder<'_>,
    [indices, values, shape]: [ValueId; 3],
    norm: Option<&str>,
) -> Result<ValueId, EngineError> {
    let Some(norm) = norm else { return Ok(values) };
    let sizes = match norm {
        "l2" => to.unary(Unary::Square, values)?,
        "l1" => to.unary(Unary::Abs, values)?,
        other => return Err(EngineError::broken(format!("norm {other:?} of documents"))),
    };
    let row = to.pick(indices, &[0])?;
    let row = to.squeeze(row, 1)?;
    let (first, axis) = (to.int(0)?, to.int(0)?);
    let count = to.add(Op::Gather { batch_dims: 0 }, &[shape, first, axis])?;
    let sums = to.rows(Rows::UnsortedSegments(Segment::Sum, DType::F64), &[sizes, row, count], 1)?[0];
    let lengths = if norm == "l2" { to.unary(Unary::Sqrt, sums)? } else { sums };
    let each = to.add(Op::Gather { batch_dims: 0 }, &[lengths, row, axis])?;
    to.binary(Binary::DivNoNan, values, each)
}

/// The columns of a sparse table that have a new number, the others go.
pub fn renumbered(
    to: &mut Builder<'_>,
    [indices, values, shape]: [ValueId; 3],
    places: Vec<i64>,
    width: usize,
) -> Result<Columns, EngineError> {
    let places = to.ints(places)?;
    let axis = to.int(0)?;
    let column = to.pick(indices, &[1])?;
    let moved = to.add(Op::Gather { batch_dims: 0 }, &[places, column, axis])?;
    let flat = to.squeeze(moved, 1)?;
    let none = to.literal(Literal::I64(vec![0], Vec::new()))?;
    let kept = to.compare(crate::graph::Compare::GreaterEqual, flat, none)?;
    let kept = to.rows(Rows::Where, &[kept], 1)?[0];
    let kept = to.squeeze(kept, 1)?;
    let row = to.pick(indices, &[0])?;
    let both = to.beside(&[row, moved])?;
    let indices = to.add(Op::Gather { batch_dims: 0 }, &[both, kept, axis])?;
    let values = to.add(Op::Gather { batch_dims: 0 }, &[values, kept, axis])?;
    let (first, last) = (to.ints(vec![0])?, to.ints(vec![width as i64])?);
    let rows = to.add(Op::Gather { batch_dims: 0 }, &[shape, first, axis])?;
    let shape = to.add(Op::Concat, &[rows, last, axis])?;
    Ok(Columns::Sparse([indices, values, shape], width))
}

fn vectoriser(of: View<'_>) -> Result<Vectoriser, EngineError> {
    let text = |name: &str| of.word(name);
    for name in ["preprocessor", "tokenizer"] {
        if of.find(name).is_some() {
            return Err(EngineError::broken(format!(
                "the vectoriser has a {name} of its own, and nothing of a pickle is called: use its options instead"
            )));
        }
    }
    if let Some(encoding) =
        text("encoding").filter(|e| !e.eq_ignore_ascii_case("utf-8") && !e.eq_ignore_ascii_case("utf8"))
    {
        return Err(EngineError::broken(format!("documents in {encoding}; only UTF-8 is read")));
    }
    let strip_accents = match of.find("strip_accents") {
        None => None,
        Some(view) if view.text() == Some("ascii") => Some(true),
        Some(view) if view.text() == Some("unicode") => Some(false),
        Some(_) => {
            return Err(EngineError::broken(
                "strip_accents is a function, and nothing of a pickle is called",
            ));
        }
    };
    let runs = of.get("ngram_range")?.array()?.ints()?;
    let runs: Vec<usize> = runs.into_iter().filter_map(|n| usize::try_from(n).ok()).collect();
    let &[shortest, longest] = &runs[..] else {
        return Err(EngineError::broken("a vectoriser's ngram_range"));
    };
    if shortest == 0 || longest > LONGEST_RUN {
        return Err(EngineError::broken(format!("a vectoriser of runs of {shortest} to {longest}")));
    }
    let (vocabulary, columns) = vocabulary(of)?;
    Ok(Vectoriser {
        analyser: analyser(of)?,
        lowercase: of.find("lowercase").map_or(Ok(true), View::bool)?,
        strip_accents,
        stop_words: stop_words(of)?,
        runs: [shortest, longest],
        vocabulary,
        columns,
        binary: of.find("binary").map_or(Ok(false), View::bool)?,
    })
}

fn analyser(of: View<'_>) -> Result<Analyser, EngineError> {
    match of.get("analyzer")?.text() {
        Some("word") => {}
        Some("char") => return Ok(Analyser::Characters),
        Some("char_wb") => return Ok(Analyser::CharactersInWords),
        _ => {
            return Err(EngineError::broken(
                "a vectoriser's analyzer is a function, and nothing of a pickle is called",
            ));
        }
    }
    let source = of.word("token_pattern").unwrap_or(WORDS);
    if source == WORDS {
        return Ok(Analyser::Words);
    }
    let mut builder = regex::RegexBuilder::new(source);
    let pattern = builder.size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build();
    let pattern =
        pattern.map_err(|e| EngineError::broken(format!("token_pattern {source:?} cannot be used: {e}")))?;
    if pattern.captures_len() > 2 {
        return Err(EngineError::broken(format!("token_pattern {source:?} has more than one group")));
    }
    Ok(Analyser::Pattern(pattern))
}

fn stop_words(of: View<'_>) -> Result<HashSet<Box<str>>, EngineError> {
    let Some(words) = of.find("stop_words") else { return Ok(HashSet::new()) };
    if of.word("analyzer") != Some("word") {
        return Ok(HashSet::new());
    }
    if words.text() == Some("english") {
        return Ok(ENGLISH.split_whitespace().map(Box::from).collect());
    }
    let all = words.items().into_iter().map(|word| word.text().map(Box::from));
    all.collect::<Option<_>>().ok_or_else(|| EngineError::broken("stop words are no words"))
}

fn vocabulary(of: View<'_>) -> Result<(Vocabulary, usize), EngineError> {
    if of.class() == Some("HashingVectorizer") {
        let columns = of.get("n_features")?.size()?;
        let count = u32::try_from(columns).ok().filter(|n| (1..=1 << 30).contains(n));
        let count =
            count.ok_or_else(|| EngineError::broken(format!("HashingVectorizer of {columns} features")))?;
        let signed = of.find("alternate_sign").map_or(Ok(true), View::bool)?;
        return Ok((Vocabulary::Hashed { columns: count, signed }, columns));
    }
    let words = of.any(&["vocabulary_", "vocabulary"]);
    let words = words
        .ok_or_else(|| EngineError::broken("the vectoriser has no vocabulary_: was it fitted?"))?
        .entries();
    let count = words.len();
    let mut known = HashMap::with_capacity(count);
    for (word, column) in words {
        let word = word.text().ok_or_else(|| EngineError::broken("a word of a vocabulary is no text"))?;
        let column = if let Node::Int(n) = column.node() { n } else { column.int()? };
        let column = u32::try_from(column).ok().filter(|n| (*n as usize) < count);
        let column = column
            .ok_or_else(|| EngineError::broken("a word of a vocabulary has a column that is not there"))?;
        known.insert(Box::from(word), column);
    }
    Ok((Vocabulary::Known(known), count))
}

/// Words that scikit-learn leaves out of English texts.
const ENGLISH: &str = include_str!("text/english.txt");
