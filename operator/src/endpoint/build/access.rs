//! What the pods are, and what they may read: the ModelArtifacts and EndpointSlices of their namespace, nothing else.

use super::super::plan::Plan;
use super::metadata;
use berth_crds::GROUP;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};

/// The pods' service account; none where the spec names one that exists.
pub(super) fn service_account(plan: &Plan) -> Option<ServiceAccount> {
    plan.spec.server.service_account_name.is_none().then(|| ServiceAccount {
        metadata: metadata(plan, &plan.name, "server"),
        ..ServiceAccount::default()
    })
}

/// What they may read.
pub(super) fn role(plan: &Plan) -> Role {
    let read = |group: &str, resource: &str| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: ["list", "watch"].map(ToOwned::to_owned).to_vec(),
        ..PolicyRule::default()
    };
    Role {
        metadata: metadata(plan, &plan.name, "server"),
        rules: Some(vec![read(GROUP, "modelartifacts"), read("discovery.k8s.io", "endpointslices")]),
    }
}

/// That they may.
pub(super) fn role_binding(plan: &Plan) -> RoleBinding {
    RoleBinding {
        metadata: metadata(plan, &plan.name, "server"),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: plan.name.clone(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: plan.service_account().to_owned(),
            namespace: Some(plan.namespace.clone()),
            ..Subject::default()
        }]),
    }
}
