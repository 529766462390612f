//! The pods. A StatefulSet, not a Deployment: stable names keep models at home over a rolling update, because peers rank
//! each other by name.

use super::super::plan::Plan;
use super::{metadata, pod, selector};
use berth_crds::names::peers_service;
use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ObjectMeta;
use std::collections::BTreeMap;

/// The pods as they are to be: all started at once, replaced one at a time.
pub(super) fn stateful_set(plan: &Plan, config_digest: &str) -> StatefulSet {
    StatefulSet {
        metadata: metadata(plan, &plan.name, "server"),
        spec: Some(StatefulSetSpec {
            replicas: Some(plan.spec.replicas),
            service_name: Some(peers_service(&plan.name)),
            selector: LabelSelector { match_labels: Some(selector(&plan.name)), ..LabelSelector::default() },
            template: pod::template(plan, config_digest),
            volume_claim_templates: volume_claims(plan),
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateStatefulSetStrategy {
                    partition: Some(0),
                    ..RollingUpdateStatefulSetStrategy::default()
                }),
            }),
            // What is on the volumes is a cache: it goes with the pods that will not come back.
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some("Delete".to_owned()),
                when_scaled: Some("Delete".to_owned()),
            }),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn volume_claims(plan: &Plan) -> Option<Vec<PersistentVolumeClaim>> {
    let disk = &plan.spec.cache.disk;
    let class = disk.storage_class_name.clone()?;
    Some(vec![PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(pod::CACHE_VOLUME.to_owned()), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: Some(class),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), disk.size.clone())])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }])
}
