//! One model: what is known of it, how it is called, and a form that calls it.

use super::answer::{self, Said};
use super::example::{self, Place};
use super::layout::{self, Here, model_link};
use super::list::{Known, bytes, hits, last_used};
use super::picture::Target;
use crate::cache::ModelState;
use berth_engine::{Signature, TensorSpec};
use maud::{Markup, html};

/// Bytes of a request that the form shows again.
const KEPT: usize = 256 << 10;

/// What the page shows.
pub struct ModelPage<'a> {
    /// Where it is asked.
    pub place: Place<'a>,
    /// What is known of it.
    pub known: Known,
    /// The signature that was chosen; none: the usual one.
    pub signature: Option<&'a str>,
    /// The JSON that was sent.
    pub sent: &'a str,
    /// What came of it.
    pub said: Option<Said>,
}

/// The page.
pub fn page(page: &ModelPage<'_>) -> Markup {
    let signatures = page.known.about.as_ref().and_then(|a| a.signatures.as_deref()).unwrap_or(&[]);
    let chosen = chosen(signatures, page.signature);
    let content = html! {
        p.crumbs { a href="/" { "Models" } }
        h1.name { (page.place.model) }
        (facts(&page.known))
        @if let Some(signature) = chosen {
            div.columns {
                div {
                    (form(page, signatures, signature))
                }
                div {
                    (answer::section(page.said.as_ref()))
                    (interface(signature))
                    (commands(page, signature))
                }
            }
        } @else {
            (unknown(page))
            @if page.said.is_some() { (answer::section(page.said.as_ref())) }
        }
    };
    layout::frame(page.place.model, page.place.endpoint, Here::Models, &content)
}

/// The signature of this name, or the one that a request without a name means.
fn chosen<'s>(signatures: &'s [Signature], name: Option<&str>) -> Option<&'s Signature> {
    let named = |wanted: &str| signatures.iter().find(|s| s.name == wanted);
    name.and_then(named).or_else(|| named("serving_default")).or(signatures.first())
}

fn facts(known: &Known) -> Markup {
    let (view, about) = (known.view.as_ref(), known.about.as_ref());
    let version = about.map(|a| a.digest.as_str()).filter(|digest| !digest.is_empty());
    html! {
        dl.facts #facts {
            div { dt { "State" } dd { (layout::state(view.map(|v| v.state))) } }
            div { dt { "Format" } dd { (about.and_then(|a| a.format).unwrap_or("–")) } }
            div { dt { "Memory" } dd { (bytes(view.map(|v| v.bytes))) } }
            div { dt { "Disk" } dd { (bytes(known.disk)) } }
            div { dt { "Archive" } dd { (bytes(about.and_then(|a| a.bytes))) } }
            div { dt { "Hits" } dd { (hits(view)) } }
            div { dt { "Last used" } dd { (last_used(view)) } }
            @if view.is_some_and(|v| v.pinned) { div { dt { "Pinned" } dd { "never evicted" } } }
            @if let Some(version) = version { div.wide { dt { "Version" } dd { code { (version) } } } }
        }
        @if let Some(error) = view.and_then(|v| v.error.as_deref()) {
            div.notice.bad {
                strong { @if view.is_some_and(|v| v.state == ModelState::Failed) { "It failed to load" } @else { "The last attempt failed" } }
                p { (error) }
                @if let Some(seconds) = view.and_then(|v| v.retry_in_seconds) {
                    p.soft { "A request tries again in " (seconds.ceil()) " s." }
                }
            }
        }
    }
}

/// Its inputs are not known: it was not loaded yet, and looking at a page loads nothing.
fn unknown(page: &ModelPage<'_>) -> Markup {
    let resident = page.known.view.as_ref().is_some_and(|v| v.state == ModelState::Resident);
    html! {
        section.panel {
            @if resident {
                h2 { "Inputs and outputs" }
                p { "It has more of them than are shown here. It answers all the same." }
            } @else {
                h2 { "Not loaded yet" }
                p { "Its inputs and outputs are known once it is loaded: by its first request, or now." }
                form method="post" action=(model_link(page.place.model, None)) enctype="multipart/form-data" {
                    button.primary name="do" value="load" { "Load it" }
                }
            }
        }
    }
}

fn form(page: &ModelPage<'_>, signatures: &[Signature], signature: &Signature) -> Markup {
    let link = model_link(page.place.model, Some(&signature.name));
    let example = example::request(signature);
    let text = match page.sent {
        "" => example.as_deref().unwrap_or(""),
        sent if sent.len() <= KEPT => sent,
        _ => "",
    };
    html! {
        section.panel aria-labelledby="try-title" {
            h2 #try-title { "Try it" }
            @if signatures.len() > 1 { (choice(page, signatures, signature)) }
            form data-try method="post" action=(link) enctype="multipart/form-data" {
                label for="json" { "JSON" }
                textarea #json name="json" rows="8" spellcheck="false" autocomplete="off"
                    placeholder=(r#"{"instances": [row, …]}"#) { "\n" (text) }
                @if example.is_none() {
                    p.soft { "An example of the right shape would be long: the commands on this page make one." }
                }
                button.primary name="do" value="json" { "Send JSON" }
                @if let Some(target) = Target::of(signature) { (picture(&target)) }
            }
        }
    }
}

fn choice(page: &ModelPage<'_>, signatures: &[Signature], chosen: &Signature) -> Markup {
    html! {
        nav.signatures aria-label="Signatures" {
            @for signature in signatures {
                a href=(model_link(page.place.model, Some(&signature.name)))
                    aria-current=[(signature.name == chosen.name).then_some("true")] { (signature.name) }
            }
        }
    }
}

fn picture(target: &Target) -> Markup {
    let scales = [("1", "0 to 1"), ("signed", "−1 to 1"), ("255", "0 to 255")];
    html! {
        fieldset {
            legend { "Or a picture" }
            label for="picture" { "PNG or JPEG" }
            input #picture type="file" name="picture" accept="image/png,image/jpeg" aria-describedby="picture-note";
            p.soft #picture-note { (target.describe()) }
            @if target.is_scaled() {
                div.scales role="radiogroup" aria-label="Values of a pixel" {
                    span { "Values" }
                    @for (n, (value, name)) in scales.into_iter().enumerate() {
                        label { input type="radio" name="scale" value=(value) checked[n == 0]; (name) }
                    }
                }
            }
            button name="do" value="picture" { "Send picture" }
        }
    }
}

fn interface(signature: &Signature) -> Markup {
    html! {
        section.panel aria-labelledby="interface-title" {
            h2 #interface-title { "Inputs and outputs" }
            p.soft { "Signature " code { (signature.name) } }
            (tensors("Inputs", &signature.inputs))
            (tensors("Outputs", &signature.outputs))
        }
    }
}

fn tensors(title: &str, specs: &[TensorSpec]) -> Markup {
    html! {
        table.tensors {
            caption { (title) }
            thead.hidden { tr { th scope="col" { "Name" } th scope="col" { "Type" } th scope="col" { "Shape" } } }
            tbody {
                @for spec in specs {
                    tr {
                        th scope="row" { code { (spec.name) } }
                        td { (spec.dtype) }
                        td { (shape(spec)) }
                    }
                }
            }
        }
    }
}

/// Extents between signs of multiplication.
fn shape(spec: &TensorSpec) -> String {
    let Some(dims) = &spec.shape else { return "any shape".to_owned() };
    if dims.is_empty() {
        return "one value".to_owned();
    }
    let dim = |(n, dim): (usize, &Option<usize>)| match dim {
        Some(extent) => extent.to_string(),
        None if n == 0 => "N".to_owned(),
        None => "?".to_owned(),
    };
    dims.iter().enumerate().map(dim).collect::<Vec<_>>().join(" × ")
}

fn commands(page: &ModelPage<'_>, signature: &Signature) -> Markup {
    let commands = example::commands(&page.place, signature);
    html! {
        @if !commands.is_empty() {
            section.panel aria-labelledby="commands-title" {
                h2 #commands-title { "From a program" }
                @for (n, command) in commands.iter().enumerate() {
                    details open[n == 0] {
                        summary { (command.title) }
                        pre data-copy { code { (command.text) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
