//! The files beside `src` are what the types print, describe every field, and take the examples.

use berth_crds::{ModelArtifact, MultiModelEndpoint, custom_resource_definitions, yaml};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn the_files_are_what_the_types_print() {
    for definition in custom_resource_definitions() {
        let singular = definition.spec.names.singular.clone().unwrap();
        let printed = yaml(&definition).unwrap();
        for place in [directory(), directory().join("../charts/berth/files/crds")] {
            let file = place.join(format!("{singular}.yaml"));
            assert!(
                std::fs::read_to_string(&file).unwrap() == printed,
                "{} is not what the types print: run `cargo run -p berth-crds --bin crdgen`",
                file.display()
            );
        }
    }
}

#[test]
fn every_field_is_described() {
    for definition in custom_resource_definitions() {
        let schema = definition.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
        let properties = schema.properties.unwrap();
        for part in ["spec", "status"] {
            undescribed(&serde_json::to_value(&properties[part]).unwrap(), part);
        }
    }
}

fn undescribed(schema: &Value, path: &str) {
    // Conditions are Kubernetes' own type.
    if path == "status.conditions" {
        return;
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let text = field["description"].as_str().unwrap_or_default();
        assert!(text.ends_with(['.', ']']) && text.len() > 10, "{path} is not described: {text:?}");
        undescribed(field, &path);
    }
}

#[test]
fn the_examples_are_of_the_types_and_keep_the_rules() {
    let file = directory().join("../examples/kubernetes/vision.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (mut endpoints, mut artifacts) = (0, 0);
    for document in documents {
        match document["kind"].as_str().unwrap() {
            "MultiModelEndpoint" => {
                let endpoint: MultiModelEndpoint = serde_json::from_value(document).unwrap();
                kube::core::cel::validate_cel(&endpoint).unwrap();
                endpoints += 1;
            }
            "ModelArtifact" => {
                let artifact: ModelArtifact = serde_json::from_value(document).unwrap();
                kube::core::cel::validate_cel(&artifact).unwrap();
                artifacts += 1;
            }
            other => panic!("an example of an unknown kind {other}"),
        }
    }
    assert_eq!((endpoints, artifacts), (1, 1));
}
