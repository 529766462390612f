//! The chart's objects, as the API server takes them.

use super::cluster;
use berth_crds::names::FIELD_MANAGER;
use berth_tests::cluster::tools::HELM;
use berth_tests::cluster::unless_missing;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// Flags of the renderings.
const RENDERINGS: [&[&str]; 3] = [
    &[],
    &["--set", "watchNamespace=default", "--set", "networkPolicy.enabled=true", "--set", "crds.keep=false"],
    &[
        "--set",
        "metrics.dashboard.enabled=true",
        "--set",
        "crds.install=false",
        "--set",
        "operator.replicas=1",
    ],
];

fn helm() -> Option<PathBuf> {
    unless_missing(HELM.path())
}

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/berth");

/// What `helm template` prints, or its complaint.
fn render(helm: &PathBuf, flags: &[&str]) -> Result<Vec<Value>, String> {
    let output = Command::new(helm).args(["template", "berth", CHART]).args(flags).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Applies without keeping it.
async fn dry_run(client: &Client, object: &Value) -> Result<DynamicObject, kube::Error> {
    let version = object["apiVersion"].as_str().unwrap();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = object["kind"].as_str().unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let of_cluster = ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"].contains(&kind);
    let api: Api<DynamicObject> = if of_cluster {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::default_namespaced_with(client.clone(), &resource)
    };
    let parameters = PatchParams::apply(FIELD_MANAGER).force().dry_run().validation_strict();
    api.patch(object["metadata"]["name"].as_str().unwrap(), &parameters, &Patch::Apply(object)).await
}

#[tokio::test]
async fn the_charts_objects_are_taken_whatever_its_values() {
    let Some(helm) = helm() else { return };
    let lint = Command::new(&helm).args(["lint", "--strict", CHART]).output().unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
    let Some((_plane, client)) = cluster().await else { return };
    for flags in RENDERINGS {
        let objects = render(&helm, flags).unwrap();
        assert!(objects.len() >= 8, "{flags:?}");
        for object in objects {
            let kind = object["kind"].as_str().unwrap();
            dry_run(&client, &object).await.unwrap_or_else(|e| panic!("{flags:?} {kind}: {e}"));
            let kept = object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
            assert_eq!(kept, kind == "CustomResourceDefinition" && !flags.contains(&"crds.keep=false"));
        }
    }
}

#[test]
fn values_that_the_schema_does_not_know_are_refused() {
    let Some(helm) = helm() else { return };
    for (value, says) in [
        ("operator.replica=2", "additional properties 'replica' not allowed"),
        ("operator.concurrency=100", "maximum"),
        ("image.digest=latest", "does not match pattern"),
        ("test.model=", "minLength"),
    ] {
        let refused = render(&helm, &["--set", value]).unwrap_err();
        assert!(refused.contains(says), "{value}: {refused}");
    }
}
