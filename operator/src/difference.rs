//! Whether an object in the cluster still is what was applied.
//!
//! Two things call for a write. The intent changed: its digest, an annotation that is part of it, differs; so a field
//! that is no longer wanted goes too. Or the object drifted: something that the intent says is not so in the cluster.
//! What the intent does not mention (defaults, fields and list elements of others) is nobody's drift: applying again
//! would not remove it. The alternatives write or ask the server to (a dry run is a write to its audit log), or know of
//! ownership but not of values (`managedFields`).

use berth_crds::quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The annotation with the digest of the intent.
pub const APPLIED: &str = "berth.dev/applied";

/// Marks an intent with its digest.
pub fn sealed(mut intent: Value) -> Value {
    let digest = digest(&intent.to_string());
    if let Some(metadata) = intent.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations =
            metadata.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(APPLIED.to_owned(), Value::String(digest));
        }
    }
    intent
}

/// A SHA-256 digest as hexadecimal digits; of 64 the first 32, which is plenty against chance.
pub fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The first field that is not as the intent says, as a path.
pub fn first(intent: &Value, live: &Value) -> Option<String> {
    compare(intent, live, "", false)
}

fn compare(intent: &Value, live: &Value, path: &str, quantities: bool) -> Option<String> {
    match (intent, live) {
        (Value::Object(fields), Value::Object(_)) => fields.iter().find_map(|(name, value)| {
            let inside = quantities || matches!(name.as_str(), "requests" | "limits" | "sizeLimit");
            let found = live.get(name).unwrap_or(&Value::Null);
            compare(value, found, &format!("{path}.{name}"), inside)
        }),
        (Value::Array(items), Value::Array(found)) => list(items, found, path),
        // The API server leaves out what is empty.
        (_, Value::Null) if is_empty(intent) => None,
        (Value::String(a), Value::String(b)) if quantities && same_quantity(a, b) => None,
        (Value::Number(a), Value::String(b)) if quantities && same_quantity(&a.to_string(), b) => None,
        _ => (intent != live).then(|| path.trim_start_matches('.').to_owned()),
    }
}

/// Lists that are maps, by the field that is their key: others may add elements. All other lists are one value.
const MAPS: [(&str, &[&str]); 8] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("env", &["name"]),
    ("ports", &["name", "containerPort"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("imagePullSecrets", &["name"]),
    ("ownerReferences", &["uid"]),
];

fn list(items: &[Value], found: &[Value], path: &str) -> Option<String> {
    let field = path.rsplit('.').next().unwrap_or_default();
    let keys = MAPS.iter().find(|(name, _)| *name == field).map_or(&[][..], |(_, keys)| *keys);
    if let Some(key) = keys.iter().find(|key| items.iter().all(|item| item.get(key).is_some())) {
        return items.iter().find_map(|item| {
            let name = &item[*key];
            let twin = found.iter().find(|other| other.get(key) == Some(name)).unwrap_or(&Value::Null);
            compare(item, twin, &format!("{path}[{}]", name.to_string().trim_matches('"')), false)
        });
    }
    if items.len() != found.len() {
        return Some(path.trim_start_matches('.').to_owned());
    }
    items.iter().zip(found).enumerate().find_map(|(i, (a, b))| compare(a, b, &format!("{path}[{i}]"), false))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The API server writes `1024Mi` as `1Gi`.
fn same_quantity(a: &str, b: &str) -> bool {
    let thousandths = |text: &str| quantity::thousandths(&Quantity(text.to_owned()));
    a == b || thousandths(a).is_some_and(|a| Some(a) == thousandths(b))
}

#[cfg(test)]
mod tests {
    use super::{APPLIED, Value, first, sealed};
    use serde_json::json;

    fn intent() -> Value {
        json!({"metadata": {"name": "x", "labels": {"a": "1"}}, "spec": {
            "replicas": 2,
            "empty": {}, "none": [],
            "containers": [{"name": "server", "args": ["a", "b"],
                "resources": {"limits": {"memory": "1024Mi", "cpu": "0.5"}, "requests": {"cpu": "1500m"}}}],
            "ports": [{"containerPort": 80}]}, "subjects": [{"name": "a"}]})
    }

    fn live() -> Value {
        json!({"metadata": {"name": "x", "labels": {"a": "1", "other": "2"}, "uid": "u"}, "spec": {
            "replicas": 2, "paused": false,
            "containers": [
                {"name": "sidecar"},
                {"name": "server", "args": ["a", "b"], "image": "defaulted",
                "resources": {"limits": {"memory": "1Gi", "cpu": "500m"}, "requests": {"cpu": "1500m"}}}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}]}, "subjects": [{"name": "a"}]})
    }

    #[test]
    fn defaults_additions_and_other_spellings_are_no_drift() {
        assert_eq!(first(&intent(), &live()), None);
    }

    #[test]
    fn each_kind_of_drift_is_found() {
        for (pointer, value, path) in [
            ("/metadata/labels/a", json!("2"), "metadata.labels.a"),
            ("/spec/replicas", json!(3), "spec.replicas"),
            ("/spec/replicas", Value::Null, "spec.replicas"),
            ("/spec/containers/1/args", json!(["a"]), "spec.containers[server].args"),
            ("/spec/containers/1/args/1", json!("c"), "spec.containers[server].args[1]"),
            ("/spec/containers/1/name", json!("other"), "spec.containers[server]"),
            (
                "/spec/containers/1/resources/limits/memory",
                json!("2Gi"),
                "spec.containers[server].resources.limits.memory",
            ),
            (
                "/spec/containers/1/resources/requests/cpu",
                json!("1501m"),
                "spec.containers[server].resources.requests.cpu",
            ),
            ("/spec/ports", json!([]), "spec.ports[80]"),
            ("/subjects", json!([{"name": "a"}, {"name": "b"}]), "subjects"),
        ] {
            let mut drifted = live();
            *drifted.pointer_mut(pointer).unwrap() = value;
            assert_eq!(first(&intent(), &drifted).as_deref(), Some(path));
        }
    }

    #[test]
    fn another_intent_has_another_digest_although_all_it_says_is_so() {
        let before = sealed(intent());
        let mut smaller = intent();
        smaller["metadata"]["labels"] = json!({});
        let differs = first(&sealed(smaller), &before);
        assert_eq!(differs, Some(format!("metadata.annotations.{APPLIED}")));
        assert_eq!(first(&sealed(intent()), &before), None);
    }
}
