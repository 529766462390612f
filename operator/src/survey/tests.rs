use super::{ModelCounts, PodReport, Survey, Surveys};
use berth_crds::ModelArtifact;
use berth_crds::report::{DiskUse, MemoryUse, ModelReport, ModelState, Summary};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) fn report(model: &str, state: ModelState) -> ModelReport {
    ModelReport {
        model: model.to_owned(),
        state,
        size_bytes: None,
        digest: None,
        format: None,
        reason: None,
        message: None,
    }
}

pub(crate) fn pod(reports: &[ModelReport]) -> PodReport {
    PodReport {
        summary: Summary {
            known: 5,
            resident: 2,
            failed: 1,
            memory: MemoryUse { budget: 1, resident: 1 },
            disk: DiskUse { budget: 1, used: 1 },
        },
        models: reports
            .iter()
            .map(|report| (report.model.clone(), report.clone()))
            .collect::<HashMap<_, _>>(),
    }
}

pub(crate) fn survey(pods: &[(&str, Option<PodReport>)]) -> Survey {
    let pods = pods.iter().map(|(name, pod)| ((*name).to_owned(), pod.clone())).collect();
    Survey { pods, asked: vec!["a".to_owned(), "b".to_owned()] }
}

#[test]
fn numbers_are_of_the_pods_that_answer() {
    assert_eq!(survey(&[("x", None)]).counts(), None);
    let counts = survey(&[("x", Some(pod(&[]))), ("y", Some(pod(&[]))), ("z", None)]).counts();
    assert_eq!(counts, Some(ModelCounts { known: 5, resident: 4, failed: 2 }));
}

#[test]
fn it_moves_while_a_model_is_on_its_way_or_a_pod_is_silent() {
    for (state, moves) in [
        (ModelState::Unknown, true),
        (ModelState::Downloading, true),
        (ModelState::Standby, false),
        (ModelState::Resident, false),
        (ModelState::Failed, false),
    ] {
        assert_eq!(survey(&[("x", Some(pod(&[report("a", state)])))]).is_moving(), moves, "{state:?}");
    }
    assert!(survey(&[("x", None)]).is_moving());
    assert!(!survey(&[]).is_moving());
}

#[test]
fn only_artifacts_of_which_something_new_is_said_are_triggered() {
    let artifact = |name: &str| -> Arc<ModelArtifact> {
        Arc::new(
            serde_json::from_value(json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
                "metadata": {"name": name, "namespace": "ml"}, "spec": {"endpoint": "vision"}}))
            .unwrap(),
        )
    };
    let (surveys, mut queue) = Surveys::new();
    let mut names = |before: &Survey, after: &Survey| {
        surveys.trigger(&[artifact("a"), artifact("b")], before, after);
        std::iter::from_fn(|| queue.try_recv().ok().map(|object| object.name)).collect::<Vec<_>>()
    };
    let loading =
        survey(&[("x", Some(pod(&[report("a", ModelState::Loading), report("b", ModelState::Standby)])))]);
    let loaded =
        survey(&[("x", Some(pod(&[report("a", ModelState::Resident), report("b", ModelState::Standby)])))]);
    assert_eq!(names(&Survey::default(), &loading), ["a", "b"]);
    assert_eq!(names(&loading, &loaded), ["a"]);
    assert!(names(&loaded, &loaded).is_empty());
}
