//! The list of models, and how full memory and disk are.

use super::layout::{self, Here, ago, bar, encoded, model_link};
use super::names::{PAGE, Slice};
use crate::cache::ModelView;
use crate::catalogue::About;
use crate::units::show_bytes;
use maud::{Markup, html};

/// What the page shows.
pub struct List<'a> {
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// Where the models come from.
    pub source: &'a str,
    /// Memory and disk.
    pub budgets: [Budget; 2],
    /// Models known, in memory, failed.
    pub counts: (usize, usize, usize),
    /// What the names were filtered by.
    pub filter: &'a str,
    /// The names of this page.
    pub slice: &'a Slice,
    /// What is known of each.
    pub rows: Vec<Known>,
    /// What is to be said of the store's list.
    pub note: Option<&'a str>,
}

/// What is known of a model.
#[derive(Default)]
pub struct Known {
    /// By the cache.
    pub view: Option<ModelView>,
    /// Of its artifact.
    pub about: Option<About>,
    /// Bytes on disk.
    pub disk: Option<u64>,
}

/// Bytes that may be used, and by what they are.
pub struct Budget {
    /// Of what.
    pub name: &'static str,
    /// All.
    pub all: u64,
    /// Uses, each with the class that colours it.
    pub uses: Vec<(&'static str, u64)>,
    /// Models.
    pub models: usize,
}

/// The page.
pub fn page(list: &List<'_>) -> Markup {
    let (known, resident, failed) = list.counts;
    let content = html! {
        h1 { "Models" }
        p.lead {
            "From " code { (list.source) } ". "
            (known) " known here, " (resident) " in memory"
            @if failed > 0 { ", " strong { (failed) " failed" } }
            "."
        }
        div.budgets { @for budget in &list.budgets { (shown(budget)) } }
        form.filter method="get" action="/" role="search" {
            label for="q" { "Name contains" }
            input #q name="q" type="search" value=(list.filter) maxlength="256" autocomplete="off" spellcheck="false";
            button { "Filter" }
            @if !list.filter.is_empty() { a href="/" { "Show all" } }
        }
        @if let Some(note) = list.note { div.notice { p { (note) } } }
        @if list.slice.total == 0 { (nothing(list.filter)) } @else { (table(list)) (pager(list)) }
    };
    layout::frame("Models", list.endpoint, Here::Models, &content)
}

fn shown(budget: &Budget) -> Markup {
    let share = |bytes: u64| if budget.all == 0 { 0.0 } else { bytes as f64 / budget.all as f64 };
    let used: u64 = budget.uses.iter().map(|(_, bytes)| *bytes).sum();
    let shares: Vec<_> = budget.uses.iter().map(|(class, bytes)| (*class, share(*bytes))).collect();
    html! {
        div.budget {
            h2 { (budget.name) }
            p.figures { strong { (show_bytes(used)) } " of " (show_bytes(budget.all)) ", " (counted(budget.models, "model")) }
            (bar(share(used), &shares))
        }
    }
}

/// A number of things.
pub fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn nothing(filter: &str) -> Markup {
    html! {
        p.empty {
            @if filter.is_empty() {
                "No model yet. Put an archive (name.tar.gz) under the prefix: it is served at its first request."
            } @else {
                "No model's name contains “" (filter) "”."
            }
        }
    }
}

fn table(list: &List<'_>) -> Markup {
    html! {
        table.models {
            caption.hidden { "Models, sorted by name" }
            thead {
                tr {
                    th scope="col" { "Model" }
                    th scope="col" { "State" }
                    th.wide scope="col" { "Format" }
                    th.number scope="col" { "Memory" }
                    th.number.wide scope="col" { "Disk" }
                    th.number.wide scope="col" { "Hits" }
                    th.number scope="col" { "Last used" }
                }
            }
            tbody { @for (name, known) in list.slice.names.iter().zip(&list.rows) { (row(name.as_str(), known)) } }
        }
    }
}

fn row(name: &str, known: &Known) -> Markup {
    let view = known.view.as_ref();
    html! {
        tr {
            th scope="row" {
                a href=(model_link(name, None)) { (name) }
                @if view.is_some_and(|v| v.pinned) { " " span.tag { "pinned" } }
            }
            td { (layout::state(view.map(|v| v.state))) }
            td.wide { (known.about.as_ref().and_then(|a| a.format).unwrap_or("–")) }
            td.number { (bytes(view.map(|v| v.bytes))) }
            td.number.wide { (bytes(known.disk)) }
            td.number.wide { (hits(view)) }
            td.number { (last_used(view)) }
        }
    }
}

/// Bytes, or a dash where there are none.
pub fn bytes(bytes: Option<u64>) -> String {
    bytes.filter(|b| *b > 0).map_or("–".to_owned(), show_bytes)
}

/// Requests that found the model in memory, of all.
pub fn hits(view: Option<&ModelView>) -> String {
    view.map_or("–".to_owned(), |v| format!("{} of {}", v.hits, v.requests))
}

/// When a request last used the model.
pub fn last_used(view: Option<&ModelView>) -> String {
    view.filter(|v| v.requests > 0).map_or("–".to_owned(), |v| ago(v.idle_seconds))
}

fn pager(list: &List<'_>) -> Markup {
    let Slice { total, page, pages, .. } = *list.slice;
    let first = (page - 1) * PAGE + 1;
    let link = |page: usize| {
        let filter =
            if list.filter.is_empty() { String::new() } else { format!("&q={}", encoded(list.filter)) };
        format!("/?page={page}{filter}")
    };
    html! {
        nav.pager aria-label="Pages of models" {
            span { (first) "–" (first + list.rows.len().saturating_sub(1)) " of " (total) }
            @if page > 1 { a rel="prev" href=(link(page - 1)) { "Previous" } }
            @if page < pages { a rel="next" href=(link(page + 1)) { "Next" } }
        }
    }
}
