//! The rights that the chart grants: none is missing, none is unused.

use berth_tests::cluster::audit::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The chart's rules, which have no templates in them.
pub fn rules() -> Vec<Value> {
    let helpers = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../charts/berth/templates/_helpers.tpl"
    ));
    let helpers = helpers.unwrap();
    let (_, rest) = helpers.split_once("{{- define \"berth.rules\" -}}").unwrap();
    let (rules, _) = rest.split_once("{{- end -}}").unwrap();
    let mut rules: Vec<Value> = serde_saphyr::from_str(rules).unwrap();
    rules.push(json!({"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get"]}));
    rules.push(json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]}));
    rules
}

/// What the operator holds only to hand on to the pods.
fn is_handed_on(right: &str) -> bool {
    right.ends_with(" endpointslices")
}

fn each(rules: &[Value]) -> BTreeSet<String> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let rights = rules.iter().flat_map(|rule| {
        let verbs = texts(&rule["verbs"]);
        texts(&rule["resources"])
            .into_iter()
            .flat_map(move |resource| verbs.clone().into_iter().map(move |verb| format!("{verb} {resource}")))
    });
    rights.filter(|right| !is_handed_on(right)).collect()
}

/// Rights that no request has used.
pub fn unused(rules: &[Value], requests: &[Event]) -> BTreeSet<String> {
    let used: BTreeSet<String> = requests.iter().flat_map(uses).collect();
    each(rules).difference(&used).cloned().collect()
}

fn uses(request: &Event) -> Vec<String> {
    let Some(object) = &request.object_ref else { return Vec::new() };
    let resource = &object.resource;
    let sub = if object.subresource.is_empty() { String::new() } else { format!("/{}", object.subresource) };
    let mut used = vec![format!("{} {resource}{sub}", request.verb)];
    // An object that an apply makes needs the right to create too.
    if request.response_status.as_ref().is_some_and(|status| status.code == 201) {
        used.push(format!("create {resource}"));
    }
    used
}

/// Requests that were refused.
pub fn denied(requests: &[Event]) -> Vec<String> {
    let denied = requests.iter().filter(|request| request.denied());
    denied.map(|request| format!("{} {}", request.verb, request.uri)).collect()
}
