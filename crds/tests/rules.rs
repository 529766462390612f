//! The rules in the schemas, each with what it takes and what it refuses, by the client-side evaluation of CEL.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use berth_crds::{ModelArtifact, MultiModelEndpoint};
use serde_json::{Value, json};

/// Lays `patch` over `base`; null removes.
fn with(base: &Value, patch: &Value) -> Value {
    let (Some(base), Some(patch)) = (base.as_object(), patch.as_object()) else { return patch.clone() };
    let mut merged = base.clone();
    for (key, value) in patch {
        if value.is_null() {
            merged.remove(key);
        } else {
            let under = merged.get(key).cloned().unwrap_or(json!({}));
            merged.insert(key.clone(), with(&under, value));
        }
    }
    Value::Object(merged)
}

fn endpoint() -> Value {
    json!({"apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint", "metadata": {"name": "vision"},
           "spec": {"models": {"uri": "s3://models/vision/", "s3": {"endpoint": "http://minio:9000"}}}})
}

fn artifact() -> Value {
    json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact", "metadata": {"name": "cifar"},
           "spec": {"endpoint": "vision"}})
}

fn check<T>(base: &Value, patch: &Value, old: Option<&Value>) -> Result<(), String>
where
    T: kube::CustomResourceExt + serde::Serialize + serde::de::DeserializeOwned,
{
    let read = |value: Value| serde_json::from_value::<T>(value).unwrap();
    let object = read(with(base, patch));
    match old {
        None => kube::core::cel::validate_cel(&object),
        Some(old) => kube::core::cel::validate_cel_update(&object, &read(with(base, old))),
    }
    .map_err(|e| e.to_string())
}

#[test]
fn endpoints_that_keep_the_rules_are_taken() {
    for patch in [
        json!({}),
        json!({"spec": {"models": {"uri": "s3://models"}}}),
        json!({"spec": {"models": {"uri": "/models", "s3": null}}}),
        json!({"spec": {"models": {"s3": {"endpoint": "https://store.example.com/", "region": "eu-west-1"}}}}),
        json!({"spec": {"ingress": {"host": "models.example.com", "tlsSecretName": "tls"}}}),
        json!({"spec": {"server": {"resources": {"limits": {"memory": "8Gi", "cpu": 2}}}}}),
    ] {
        assert_eq!(check::<MultiModelEndpoint>(&endpoint(), &patch, None), Ok(()), "{patch}");
    }
}

#[test]
fn endpoints_that_break_a_rule_are_refused_with_what_to_do() {
    for (patch, says) in [
        (json!({"metadata": {"name": "3d"}}), "begin with a letter"),
        (json!({"metadata": {"name": "a".repeat(49)}}), "at most 48"),
        (json!({"metadata": {"name": "a.b"}}), "lower-case letters"),
        (json!({"spec": {"models": {"uri": "gs://models/x"}}}), "s3://bucket/prefix/"),
        (json!({"spec": {"models": {"uri": "s3:///x", "s3": null}}}), "s3://bucket/prefix/"),
        (json!({"spec": {"models": {"uri": "models", "s3": null}}}), "absolute directory"),
        (json!({"spec": {"models": {"uri": "/models"}}}), "s3 is for a uri"),
        (json!({"spec": {"models": {"s3": {"endpoint": "minio:9000"}}}}), "http://host"),
        (json!({"spec": {"models": {"s3": {"endpoint": "http://key:secret@minio"}}}}), "without credentials"),
        (json!({"spec": {"models": {"s3": {"region": "us east"}}}}), "us-east-1"),
        (json!({"spec": {"server": {"resources": {"limits": {"cpu": "2"}}}}}), "limits.memory must be set"),
        (json!({"spec": {"ingress": {"tlsSecretName": "tls"}}}), "needs host"),
        (json!({"spec": {"ingress": {"host": "http://x"}}}), "host name"),
    ] {
        let refused = check::<MultiModelEndpoint>(&endpoint(), &patch, None).unwrap_err();
        assert!(refused.contains(says), "{patch}: {refused}");
    }
}

#[test]
fn what_is_fixed_in_an_endpoint_cannot_change() {
    let disk = |disk: Value| json!({"spec": {"cache": {"disk": disk}}});
    let gp3 = || disk(json!({"size": "5Gi", "storageClassName": "gp3"}));
    for (old, new, says) in [
        (gp3(), disk(json!({"size": "5Gi", "storageClassName": "io2"})), "storageClassName cannot change"),
        (gp3(), disk(json!({"size": "5Gi"})), "storageClassName cannot change"),
        (disk(json!({"size": "5Gi"})), gp3(), "storageClassName cannot change"),
        (gp3(), disk(json!({"size": "6Gi", "storageClassName": "gp3"})), "size cannot change"),
    ] {
        let refused = check::<MultiModelEndpoint>(&endpoint(), &new, Some(&old)).unwrap_err();
        assert!(refused.contains(says), "{old} to {new}: {refused}");
    }
    let (five, six) = (disk(json!({"size": "5Gi"})), disk(json!({"size": "6Gi"})));
    assert_eq!(check::<MultiModelEndpoint>(&endpoint(), &six, Some(&five)), Ok(()));
}

#[test]
fn artifacts_that_keep_the_rules_are_taken() {
    let sha256 = "0123456789abcdef".repeat(4);
    for patch in [
        json!({}),
        json!({"spec": {"targetModel": "tenant-a/x y.tar.gz"}}),
        json!({"spec": {"targetModel": "a..b/...c"}}),
        json!({"spec": {"source": {"uri": "s3://elsewhere/cifar-v3.tar.gz", "sha256": sha256}}}),
        json!({"spec": {"source": {"uri": "/models/cifar.tar.gz"}}}),
        json!({"spec": {"preload": true, "minCopies": 2}}),
    ] {
        assert_eq!(check::<ModelArtifact>(&artifact(), &patch, None), Ok(()), "{patch}");
    }
}

#[test]
fn artifacts_that_break_a_rule_are_refused_with_what_to_do() {
    for (patch, says) in [
        (json!({"spec": {"targetModel": "/etc/passwd"}}), "relative path"),
        (json!({"spec": {"targetModel": "a/../b"}}), "relative path"),
        (json!({"spec": {"targetModel": "a//b"}}), "relative path"),
        (json!({"spec": {"targetModel": "a\nb"}}), "relative path"),
        (json!({"spec": {"source": {}}}), "needs uri, sha256 or both"),
        (json!({"spec": {"source": {"uri": "s3://bucket"}}}), "s3://bucket/key"),
        (json!({"spec": {"source": {"uri": "s3://bucket/a/"}}}), "s3://bucket/key"),
        (json!({"spec": {"source": {"sha256": "A".repeat(64)}}}), "64 lower-case"),
        (json!({"spec": {"minCopies": 2}}), "needs preload"),
    ] {
        let refused = check::<ModelArtifact>(&artifact(), &patch, None).unwrap_err();
        assert!(refused.contains(says), "{patch}: {refused}");
    }
}

#[test]
fn what_is_fixed_in_an_artifact_cannot_change() {
    let target = |name: &str| json!({"spec": {"targetModel": name}});
    for (old, new, says) in [
        (json!({}), json!({"spec": {"endpoint": "other"}}), "endpoint cannot change"),
        (target("a"), target("b"), "targetModel cannot change"),
        (json!({}), target("b"), "targetModel cannot change"),
        (target("a"), json!({}), "targetModel cannot change"),
    ] {
        let refused = check::<ModelArtifact>(&artifact(), &new, Some(&old)).unwrap_err();
        assert!(refused.contains(says), "{old} to {new}: {refused}");
    }
}
