//! Why a pod does not run, in words for the one who wrote the spec. Pure. A Secret is judged by what the kubelet says of
//! it, so that the operator need not be able to read Secrets.

use super::plan::Problem;
use berth_crds::conditions::reasons;
use berth_crds::names::pod;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use std::time::Duration;

/// How long a pod may look for a node before that is a failure: volumes are bound and nodes are added in such times.
pub const SCHEDULING_GRACE: Duration = Duration::from_secs(30);

/// Reasons of a waiting container that do not pass by themselves.
const STUCK: [&str; 9] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PreStartHookError",
];

/// Whether a pod takes requests.
pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
        && pod.metadata.deletion_timestamp.is_none()
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

/// What the scheduler says of a pod for which it has found no node.
fn unscheduled(pod: &Pod) -> Option<&PodCondition> {
    condition(pod, "PodScheduled").filter(|scheduled| scheduled.status == "False")
}

/// Whether a pod still looks for a node.
pub fn looks_for_node(pod: &Pod) -> bool {
    unscheduled(pod).is_some()
}

/// Address of a pod's admin port. The port is found by its name, so that a podTemplate may move it.
pub fn admin_address(pod: &Pod) -> Option<String> {
    let ip = pod.status.as_ref()?.pod_ip.as_deref()?;
    let containers = &pod.spec.as_ref()?.containers;
    let ports = containers.iter().filter_map(|container| container.ports.as_ref()).flatten();
    let port =
        ports.into_iter().find(|port| port.name.as_deref() == Some(pod::ADMIN_PORT_NAME))?.container_port;
    Some(if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") })
}

/// Why the first of the pods that cannot run cannot.
pub fn failing(pods: &[Pod], now: Timestamp) -> Option<Problem> {
    pods.iter().find_map(|pod| one(pod, now))
}

fn one(pod: &Pod, now: Timestamp) -> Option<Problem> {
    let name = pod.name_any();
    if let Some(unscheduled) = unscheduled(pod) {
        let since = unscheduled.last_transition_time.as_ref().map(|time| now.duration_since(time.0));
        if since.is_some_and(|since| since.unsigned_abs() < SCHEDULING_GRACE) {
            return None;
        }
        let message = unscheduled.message.as_deref().unwrap_or("no node takes it");
        return Some(failing_pod(format!("pod {name} cannot be scheduled: {message}")));
    }
    let status = pod.status.as_ref()?;
    let mut containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    containers.find_map(|container| stuck(&name, container))
}

fn failing_pod(message: String) -> Problem {
    Problem { reason: reasons::POD_FAILING, message }
}

fn stuck(pod: &str, container: &ContainerStatus) -> Option<Problem> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| STUCK.contains(reason))?;
    let message = waiting.message.as_deref().unwrap_or_default();
    if reason == "CreateContainerConfigError"
        && let Some(problem) = secret(message)
    {
        return Some(problem);
    }
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let last = ended.map_or_else(String::new, |ended| {
        let why = ended.reason.as_deref().unwrap_or("Error");
        let advice = if why == "OOMKilled" {
            ": raise spec.server.resources.limits.memory or lower spec.cache.memory"
        } else {
            ""
        };
        format!(
            "; it last ended with {why} (exit code {}){advice}; see `kubectl logs {pod} --previous`",
            ended.exit_code
        )
    });
    Some(failing_pod(format!("pod {pod}, container {}: {reason}: {message}{last}", container.name)))
}

/// The kubelet's two messages about Secrets.
fn secret(message: &str) -> Option<Problem> {
    let keys = pod::REQUIRED_CREDENTIALS.join(", ");
    if message.contains("secret") && message.contains("not found") && !message.contains("find key") {
        let message = format!(
            "{message}: create the Secret that spec.models.s3.credentialsSecretRef names, with the keys {keys}"
        );
        return Some(Problem { reason: reasons::SECRET_NOT_FOUND, message });
    }
    (message.contains("find key") && message.contains("Secret")).then(|| Problem {
        reason: reasons::SECRET_INCOMPLETE,
        message: format!(
            "{message}: the Secret of spec.models.s3.credentialsSecretRef needs the keys {keys}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Duration, Pod, SCHEDULING_GRACE, Timestamp, admin_address, failing, is_ready, looks_for_node, reasons,
    };
    use serde_json::{Value, json};

    #[allow(clippy::needless_pass_by_value, reason = "literals are given")]
    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "vision-0"}, "spec": {"containers": [
            {"name": "server", "ports": [{"name": "admin", "containerPort": 9090}]}]}, "status": status}))
        .unwrap()
    }

    fn waiting(reason: &str, message: &str) -> Pod {
        pod(json!({"containerStatuses": [{"name": "server", "image": "", "imageID": "", "ready": false,
            "restartCount": 1, "state": {"waiting": {"reason": reason, "message": message}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]}))
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn secrets_are_judged_by_what_the_kubelet_says() {
        for (message, reason) in [
            ("secret \"s3\" not found", reasons::SECRET_NOT_FOUND),
            ("couldn't find key AWS_ACCESS_KEY_ID in Secret ml/s3", reasons::SECRET_INCOMPLETE),
            ("configmap \"x\" not found", reasons::POD_FAILING),
        ] {
            let found = failing(&[waiting("CreateContainerConfigError", message)], now()).unwrap();
            assert_eq!(found.reason, reason, "{message}");
            assert!(found.message.contains(message));
        }
    }

    #[test]
    fn a_pod_that_cannot_run_says_why_and_what_to_do() {
        let crash = failing(&[waiting("CrashLoopBackOff", "back-off")], now()).unwrap();
        assert!(crash.message.contains("limits.memory") && crash.message.contains("kubectl logs vision-0"));
        assert_eq!(failing(&[waiting("ContainerCreating", "")], now()), None);
    }

    #[test]
    fn a_pod_without_a_node_fails_after_a_while() {
        let unscheduled = pod(json!({"conditions": [{"type": "PodScheduled", "status": "False",
            "message": "0/1 nodes: insufficient memory", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}));
        let almost = Duration::from_secs(1);
        assert!(looks_for_node(&unscheduled));
        assert_eq!(failing(std::slice::from_ref(&unscheduled), now() + SCHEDULING_GRACE - almost), None);
        assert!(
            failing(&[unscheduled], now() + SCHEDULING_GRACE)
                .unwrap()
                .message
                .contains("insufficient memory")
        );
    }

    #[test]
    fn readiness_and_address() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let mut up = pod(json!({"podIP": "10.0.0.1", "conditions": ready}));
        assert!(is_ready(&up));
        assert_eq!(admin_address(&up).as_deref(), Some("10.0.0.1:9090"));
        up.status.as_mut().unwrap().pod_ip = Some("fd00::1".to_owned());
        assert_eq!(admin_address(&up).as_deref(), Some("[fd00::1]:9090"));
        up.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        assert!(!is_ready(&up));
        assert_eq!(admin_address(&pod(json!({}))), None);
    }
}
