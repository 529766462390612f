//! What all pages share: the frame, the style, the little script, the bars.

use crate::cache::ModelState;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
    height='16' rx='4' fill='%230b5cad'/%3E%3Cpath d='M4 10h8l-1.5 3h-5zM7.3 3h1.4v6H7.3z' fill='%23fff'/%3E%3C/svg%3E";

/// What a query keeps as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What a part of a path keeps as it is.
pub const SEGMENT: &AsciiSet = &QUERY.add(b'/');

/// What a browser may do with a page: show it, run our script, post to us. Nothing comes from elsewhere.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        source(STYLE),
        source(SCRIPT)
    )
});

/// The name in a path where the endpoint has none.
pub const ANY_ENDPOINT: &str = "berth";

/// The pages that the frame leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// The models, or one of them.
    Models,
    /// The documents.
    Docs,
}

fn source(text: &str) -> String {
    use base64::Engine as _;
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
}

/// A whole page.
pub fn frame(title: &str, endpoint: &str, here: Here, content: &Markup) -> Markup {
    let link = |to: Here, href: &str, name: &str| {
        html! { a href=(href) aria-current=[(here == to).then_some("page")] { (name) } }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Berth" }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { "Berth" @if endpoint != ANY_ENDPOINT { span { (endpoint) } } }
                    nav aria-label="Pages" {
                        (link(Here::Models, "/", "Models"))
                        (link(Here::Docs, "/docs", "API"))
                    }
                }
                main #main { (content) }
                footer { "Berth " (env!("CARGO_PKG_VERSION")) " · " a href="/openapi.json" { "openapi.json" } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// A page that says what is wrong.
pub fn problem(title: &str, endpoint: &str, why: &str) -> Markup {
    let content = html! {
        h1 { (title) }
        div.notice.bad role="alert" { p { (why) } }
        p { a href="/" { "All models" } }
    };
    frame(title, endpoint, Here::Models, &content)
}

/// A bar of shares, each with the class that colours it.
pub fn bar(label: f64, shares: &[(&str, f64)]) -> Markup {
    let percent = |share: f64| format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0);
    let placed = shares.iter().scan(0.0, |end, (class, share)| {
        let from = *end;
        *end += share;
        Some((class, from, share))
    });
    html! {
        svg.bar role="img" aria-label=(percent(label)) height="8" width="100%" {
            rect.track width="100%" height="8" rx="4" {}
            @for (class, from, share) in placed {
                rect class=(class) x=(percent(from)) width=(percent(*share)) height="8" rx="4" {}
            }
        }
    }
}

/// Where a model's page is.
pub fn model_link(model: &str, signature: Option<&str>) -> String {
    let mut link = format!("/?model={}", encoded(model));
    if let Some(signature) = signature {
        link += "&signature=";
        link += &encoded(signature);
    }
    link
}

/// A text for a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// A state as a mark of its own colour.
pub fn state(state: Option<ModelState>) -> Markup {
    let (class, name) = match state {
        Some(ModelState::Resident) => ("good", "in memory"),
        Some(ModelState::Failed) => ("bad", "failed"),
        Some(ModelState::Queued) => ("busy", "queued"),
        Some(ModelState::Downloading) => ("busy", "downloading"),
        Some(ModelState::Reserving) => ("busy", "waiting for memory"),
        Some(ModelState::Loading) => ("busy", "loading"),
        Some(ModelState::Draining) => ("busy", "leaving memory"),
        Some(ModelState::Standby) => ("idle", "standby"),
        None => ("idle", "in the store"),
    };
    html! { span.state.(class) { (name) } }
}

/// How long ago something was.
pub fn ago(seconds: f64) -> String {
    match seconds as u64 {
        0..2 => "now".to_owned(),
        s @ 2..120 => format!("{s} s ago"),
        s @ 120..7200 => format!("{} min ago", s / 60),
        s @ 7200..172_800 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_wherever_they_are() {
        let name = "<script>alert(1)</script>\"'&x=.tar.gz";
        let page = problem(name, name, name).into_string();
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
        let link = model_link("a/b c&d=\"<é>.tar.gz", Some("s&t"));
        assert_eq!(link, "/?model=a/b%20c%26d%3D%22%3C%C3%A9%3E.tar.gz&signature=s%26t");
    }

    #[test]
    fn the_policy_allows_our_own_style_and_script_alone() {
        let policy = POLICY.as_str();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        // Inside these elements text ends at the first such tag.
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
