//! One pod: the serving container as Pod Security's `restricted` wants it, stopped so that no request fails.

use super::super::plan::Plan;
use super::common_labels;
use berth_crds::endpoint::ServerSpec;
use berth_crds::names::{annotations, pod};
use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar,
    EnvVarSource, HTTPGetAction, ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements, SeccompProfile, SecretKeySelector, SecurityContext, TopologySpreadConstraint,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;
use std::collections::BTreeMap;

/// Volume of the artifacts.
pub(super) const CACHE_VOLUME: &str = "cache";
const CONFIG_VOLUME: &str = "config";
const TMP_VOLUME: &str = "tmp";
/// Not root, and no user of any system.
const USER: i64 = 65532;
/// Seconds that a stopping pod has beyond its requests, to write and to end.
const STOP_MARGIN: i64 = 10;

/// Seconds from being told to stop until a pod is killed: as long as it goes on taking requests, which others may send until they
/// have noticed, as long as the last of them may take, and a margin. There is no `preStop`: a server that is told to stop does this
/// itself, and sends its clients away meanwhile.
pub fn stop_seconds(server: &ServerSpec) -> i64 {
    i64::from(server.drain_seconds) + i64::from(server.request_deadline_seconds) + STOP_MARGIN
}

/// The template, with what the spec lays over it.
pub(super) fn template(plan: &Plan, config_digest: &str) -> PodTemplateSpec {
    let mut template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(common_labels(plan, "server")),
            annotations: Some(BTreeMap::from([(
                annotations::CONFIG_DIGEST.to_owned(),
                config_digest.to_owned(),
            )])),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(plan)),
    };
    if let Some(overlay) = &plan.overlay {
        template.merge_from(overlay.clone());
    }
    template
}

fn pod_spec(plan: &Plan) -> PodSpec {
    PodSpec {
        service_account_name: Some(plan.service_account().to_owned()),
        automount_service_account_token: Some(true),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(stop_seconds(&plan.spec.server)),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        topology_spread_constraints: Some(vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            label_selector: Some(LabelSelector {
                match_labels: Some(super::selector(&plan.name)),
                ..LabelSelector::default()
            }),
            ..TopologySpreadConstraint::default()
        }]),
        containers: vec![container(plan)],
        volumes: Some(volumes(plan)),
        ..PodSpec::default()
    }
}

fn container(plan: &Plan) -> Container {
    Container {
        name: pod::CONTAINER.to_owned(),
        image: Some(plan.image.clone()),
        command: Some(vec!["berth-server".to_owned()]),
        args: Some(arguments()),
        env: Some(environment(plan)),
        ports: Some(vec![
            port(pod::HTTP_PORT_NAME, pod::HTTP_PORT),
            port(pod::ADMIN_PORT_NAME, pod::ADMIN_PORT),
        ]),
        resources: Some(ResourceRequirements {
            limits: Some(plan.resources.limits.clone()),
            requests: Some(plan.resources.requests.clone()).filter(|requests| !requests.is_empty()),
            ..ResourceRequirements::default()
        }),
        startup_probe: Some(probe("/livez", 2, 150)),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        liveness_probe: Some(probe("/livez", 10, 6)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(vec![
            mount(CONFIG_VOLUME, pod::CONFIG_DIRECTORY, true),
            mount(CACHE_VOLUME, pod::CACHE_DIRECTORY, false),
            mount(TMP_VOLUME, "/tmp", false),
        ]),
        ..Container::default()
    }
}

fn arguments() -> Vec<String> {
    [
        "serve",
        "--manifest",
        &format!("{}/{}", pod::CONFIG_DIRECTORY, pod::CONFIG_KEY),
        "--kubernetes",
        "--listen",
        &format!("0.0.0.0:{}", pod::HTTP_PORT),
        "--admin-listen",
        &format!("0.0.0.0:{}", pod::ADMIN_PORT),
        "--cache-dir",
        pod::CACHE_DIRECTORY,
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

fn environment(plan: &Plan) -> Vec<EnvVar> {
    let field = |name: &str, path: &str| EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_owned(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    };
    let value = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    };
    let mut all =
        vec![field(pod::POD_NAME, "metadata.name"), field(pod::POD_NAMESPACE, "metadata.namespace")];
    let Some(s3) = &plan.spec.models.s3 else { return all };
    all.push(value(pod::S3_REGION, s3.region.as_deref().unwrap_or("us-east-1")));
    all.extend(s3.endpoint.as_deref().map(|endpoint| value(pod::S3_ENDPOINT, endpoint)));
    if let Some(secret) = &s3.credentials_secret_ref {
        let required = pod::REQUIRED_CREDENTIALS.map(|key| secret_key(&secret.name, key, false));
        all.extend(required);
        all.push(secret_key(&secret.name, pod::OPTIONAL_CREDENTIAL, true));
    }
    all
}

fn secret_key(secret: &str, key: &str, optional: bool) -> EnvVar {
    EnvVar {
        name: key.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.to_owned(),
                key: key.to_owned(),
                optional: Some(optional),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(number),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(pod::ADMIN_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn volumes(plan: &Plan) -> Vec<Volume> {
    let empty = |name: &str, size: Quantity| Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource { size_limit: Some(size), ..EmptyDirVolumeSource::default() }),
        ..Volume::default()
    };
    let config = Volume {
        name: CONFIG_VOLUME.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: plan.name.clone(),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let mut all = vec![config, empty(TMP_VOLUME, Quantity("1Gi".to_owned()))];
    // With a class the volume comes from the StatefulSet's claim of this name.
    if plan.spec.cache.disk.storage_class_name.is_none() {
        all.push(empty(CACHE_VOLUME, plan.spec.cache.disk.size.clone()));
    }
    all
}
