//! What a model said, for people: the highest values, where the time went, the JSON.

use super::ask::{Times, Told};
use super::layout::bar;
use super::list::counted;
use super::pretty::laid_out;
use crate::error::InvokeError;
use berth_engine::{Data, Tensor};
use maud::{Markup, html};
use std::time::Duration;

/// Highest values that are shown of a row.
const TOP: usize = 5;
/// Rows that are shown.
const ROWS: usize = 3;
/// Values of a row; more are no classes.
const CLASSES: usize = 100_000;
/// Bytes of JSON that are shown.
const SHOWN: usize = 32 << 10;

/// The highest values of an output, row by row.
#[derive(Debug, PartialEq)]
pub struct Ranking {
    /// The output.
    pub output: String,
    /// Rows that are not shown.
    pub more: usize,
    /// Rows, each with the highest values first.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// What the model calls it.
    pub label: Option<String>,
    /// Places and values.
    pub values: Vec<Value>,
}

/// One value.
#[derive(Debug, PartialEq)]
pub struct Value {
    /// Its place in the row.
    pub place: usize,
    /// What the model calls it.
    pub label: Option<String>,
    /// The value.
    pub value: f64,
}

/// What is said of a request.
pub enum Said {
    /// An answer; true: the model had to be loaded for it.
    Told(Box<Told>, bool),
    /// A refusal.
    Failed(InvokeError),
}

/// The rankings of outputs that are rows of numbers.
pub fn rankings(outputs: &[(String, Tensor)]) -> Vec<Ranking> {
    outputs.iter().filter_map(|(name, tensor)| ranking(name, tensor, outputs)).collect()
}

fn ranking(name: &str, tensor: &Tensor, outputs: &[(String, Tensor)]) -> Option<Ranking> {
    let [rows, classes @ 2..=CLASSES] = *tensor.shape() else { return None };
    let number: Box<dyn Fn(usize) -> f64> = match tensor.data() {
        Data::F32(v) => Box::new(|at| f64::from(v[at])),
        Data::F64(v) => Box::new(|at| v[at]),
        _ => return None,
    };
    let one = |row: usize| {
        let mut places: Vec<usize> = (0..classes).collect();
        let value = |place: usize| number(row * classes + place);
        places.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
        places.retain(|place| !value(*place).is_nan());
        let values = places.into_iter().take(TOP).map(|place| {
            let label = text(outputs, &[rows, classes], row * classes + place);
            Value { place, label, value: value(place) }
        });
        Row { label: text(outputs, &[rows], row), values: values.collect() }
    };
    let shown = (0..rows.min(ROWS)).map(one).collect();
    Some(Ranking { output: name.to_owned(), more: rows.saturating_sub(ROWS), rows: shown })
}

/// A text of an output of this shape: what the model calls something.
fn text(outputs: &[(String, Tensor)], shape: &[usize], at: usize) -> Option<String> {
    outputs.iter().find_map(|(_, tensor)| match tensor.data() {
        Data::String(texts) if tensor.shape() == shape => {
            texts.get(at).map(|text| String::from_utf8_lossy(text).chars().take(80).collect())
        }
        _ => None,
    })
}

/// The section; it is there before there is an answer.
pub fn section(said: Option<&Said>) -> Markup {
    html! {
        section #answer .panel aria-live="polite" aria-labelledby="answer-title" {
            h2 #answer-title { "Answer" }
            @match said {
                None => p.soft { "What the model says will be here, and how long it took." },
                Some(Said::Failed(error)) => {
                    div.notice.bad role="alert" {
                        strong { (error.reason()) }
                        p { (error) }
                    }
                }
                Some(Said::Told(told, cold)) => {
                    (times(&told.times, *cold))
                    @for ranking in &told.rankings { (highest(ranking)) }
                    (json(&told.body))
                }
            }
        }
    }
}

fn times(times: &Times, cold: bool) -> Markup {
    let waited = if cold { "loading and waiting" } else { "waiting" };
    let parts = [
        (waited, times.wait),
        ("reading", times.read),
        ("computing", times.compute),
        ("writing", times.write),
    ];
    let all: Duration = parts.iter().map(|(_, time)| *time).sum();
    html! {
        dl.times {
            div.all { dt { "Time" } dd { (shown(all)) } }
            @for (name, time) in parts { div { dt { (name) } dd { (shown(time)) } } }
        }
    }
}

/// A time in its own unit.
fn shown(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        _ if ms >= 1e4 => format!("{:.1} s", ms / 1e3),
        _ if ms >= 100.0 => format!("{ms:.0} ms"),
        _ if ms >= 1.0 => format!("{ms:.1} ms"),
        _ => format!("{:.0} µs", ms * 1e3),
    }
}

fn highest(ranking: &Ranking) -> Markup {
    let all = || ranking.rows.iter().flat_map(|r| &r.values);
    let shares = all().all(|v| (0.0..=1.0).contains(&v.value));
    html! {
        div.ranking {
            h3 { "Highest of " code { (ranking.output) } }
            @for (n, row) in ranking.rows.iter().enumerate() {
                @if ranking.rows.len() > 1 || row.label.is_some() {
                    p.row-title {
                        @if ranking.rows.len() > 1 { "Row " (n + 1) " " }
                        @if let Some(label) = &row.label { strong { (label) } }
                    }
                }
                ol.values {
                    @for value in &row.values {
                        li {
                            span.name { @match &value.label { Some(label) => (label), None => { "#" (value.place) } } }
                            @if shares { (bar(value.value, &[("value", value.value)])) }
                            span.number { (format_args!("{:.6}", value.value)) }
                        }
                    }
                }
            }
            @if ranking.more > 0 { p.soft { "and " (counted(ranking.more, "more row")) } }
        }
    }
}

fn json(body: &[u8]) -> Markup {
    let text = String::from_utf8_lossy(body);
    let laid = laid_out(&text, SHOWN);
    html! {
        div.code {
            h3 { "JSON" }
            pre data-copy { code { (laid.text) } }
            @if laid.rest > 0 { p.soft { "and " (laid.rest) " more bytes" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_values_come_first_with_their_names() {
        let scores = Tensor::new(vec![1, 3], Data::F32(vec![0.25, f32::NAN, 0.75])).unwrap();
        let names = ["cat", "dog", "owl"].map(|n| n.as_bytes().to_vec()).to_vec();
        let classes = Tensor::new(vec![1, 3], Data::String(names)).unwrap();
        let best = Tensor::new(vec![1], Data::String(vec![b"owl".to_vec()])).unwrap();
        let outputs =
            [("scores", scores), ("classes", classes), ("label", best)].map(|(n, t)| (n.to_owned(), t));
        let found = rankings(&outputs);
        let [ranking] = &found[..] else { panic!("{found:?}") };
        assert_eq!((ranking.output.as_str(), ranking.more), ("scores", 0));
        assert_eq!(ranking.rows[0].label.as_deref(), Some("owl"));
        let values: Vec<_> =
            ranking.rows[0].values.iter().map(|v| (v.place, v.label.as_deref(), v.value)).collect();
        assert_eq!(values, [(2, Some("owl"), 0.75), (0, Some("cat"), 0.25)]);
        let odd = Tensor::new(vec![2, 0], Data::F32(Vec::new())).unwrap();
        assert_eq!(rankings(&[("none".to_owned(), odd)]), []);
    }
}
