//! Condition types, their reasons, and how a condition is set.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The summary of either kind.
pub const READY: &str = "Ready";
/// Of an endpoint: enough pods take requests.
pub const AVAILABLE: &str = "Available";
/// Of an endpoint: its objects or pods are on their way to what the spec says.
pub const PROGRESSING: &str = "Progressing";
/// Of an endpoint: what the spec says can be done.
pub const SPEC_VALID: &str = "SpecValid";
/// Of an artifact: the store has it, and it is what it must be.
pub const ARTIFACT_AVAILABLE: &str = "ArtifactAvailable";
/// Of an artifact: as many pods as it asks for have it in memory.
pub const LOADED: &str = "Loaded";

/// Reasons of conditions, and of the events beside them.
pub mod reasons {
    /// Nothing is to be said.
    pub const AS_EXPECTED: &str = "AsExpected";
    /// It was not looked at yet.
    pub const PENDING: &str = "Pending";
    /// Pods start, stop or are replaced.
    pub const ROLLOUT_IN_PROGRESS: &str = "RolloutInProgress";
    /// A pod cannot start or keeps ending; the message says why.
    pub const POD_FAILING: &str = "PodFailing";
    /// No pod takes requests, or fewer than wanted.
    pub const PODS_NOT_READY: &str = "PodsNotReady";
    /// `spec.replicas` is 0.
    pub const SCALED_TO_ZERO: &str = "ScaledToZero";
    /// A field of the spec cannot be as it is.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// The podTemplate cannot be laid over the pods.
    pub const INVALID_POD_TEMPLATE: &str = "InvalidPodTemplate";
    /// The memory budget does not fit below the container's limit.
    pub const INVALID_MEMORY: &str = "InvalidMemory";
    /// Neither the spec nor the operator names an image.
    pub const IMAGE_MISSING: &str = "ImageMissing";
    /// The Secret of the credentials is not there.
    pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
    /// The Secret lacks a key.
    pub const SECRET_INCOMPLETE: &str = "SecretIncomplete";
    /// The StorageClass is not there.
    pub const STORAGE_CLASS_NOT_FOUND: &str = "StorageClassNotFound";
    /// The ServiceAccount that the spec names is not there.
    pub const SERVICE_ACCOUNT_NOT_FOUND: &str = "ServiceAccountNotFound";
    /// An object of a name that is needed belongs to something else.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// The API server refused an object.
    pub const APPLY_REFUSED: &str = "ApplyRefused";
    /// The API server could not be asked or failed.
    pub const API_UNAVAILABLE: &str = "ApiUnavailable";
    /// The endpoint that an artifact names is not there.
    pub const ENDPOINT_NOT_FOUND: &str = "EndpointNotFound";
    /// The endpoint has no pod that can be asked.
    pub const ENDPOINT_NOT_READY: &str = "EndpointNotReady";
    /// Two artifacts give one endpoint the same target model.
    pub const DUPLICATE_TARGET_MODEL: &str = "DuplicateTargetModel";
    /// In memory on enough pods.
    pub const RESIDENT: &str = "Resident";
    /// Known, and loaded when it is asked for.
    pub const STANDBY: &str = "Standby";
    /// On its way into memory.
    pub const LOADING: &str = "Loading";
    /// It could not be loaded, and the pod did not say why.
    pub const LOAD_FAILED: &str = "LoadFailed";
}

/// Reasons by which a pod says that the artifact itself, not its load, is what fails.
pub const ARTIFACT_REASONS: [&str; 6] = [
    "ModelNotFound",
    "StoreDenied",
    "StoreUnavailable",
    "ArtifactOverwritten",
    "DigestMismatch",
    "InvalidArchive",
];

/// Longest message of a condition that is written, in bytes; the API's own limit is 32768.
const MESSAGE_BYTES: usize = 1024;

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// It holds.
    True,
    /// It does not.
    False,
    /// That cannot be said.
    Unknown,
}

impl Is {
    fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition before it has a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The type: one of the constants above.
    pub kind: &'static str,
    /// Whether it holds.
    pub is: Is,
    /// One CamelCase word.
    pub reason: String,
    /// What to know or do; empty if there is nothing.
    pub message: String,
}

impl Observation {
    /// A condition that was observed.
    pub fn new(kind: &'static str, is: Is, reason: &str, message: impl Into<String>) -> Self {
        Self { kind, is, reason: reason.to_owned(), message: message.into() }
    }
}

/// The conditions that follow the old ones: a transition time changes only where a status does, and types that
/// others set stay.
pub fn merge(
    old: &[Condition],
    observed: &[Observation],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let new = observed.iter().map(|observation| {
        let status = observation.is.text();
        let before = old.iter().find(|c| c.type_ == observation.kind && c.status == status);
        Condition {
            type_: observation.kind.to_owned(),
            status: status.to_owned(),
            reason: observation.reason.clone(),
            message: shortened(&observation.message),
            observed_generation: generation,
            last_transition_time: before.map_or(Time(now), |before| before.last_transition_time.clone()),
        }
    });
    let others = old.iter().filter(|c| observed.iter().all(|o| o.kind != c.type_)).cloned();
    new.chain(others).collect()
}

fn shortened(message: &str) -> String {
    if message.len() <= MESSAGE_BYTES {
        return message.to_owned();
    }
    format!("{}…", &message[..message.floor_char_boundary(MESSAGE_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::{Condition, Is, MESSAGE_BYTES, Observation, READY, Timestamp, merge, reasons};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn observed(is: Is, message: &str) -> [Observation; 1] {
        [Observation::new(READY, is, reasons::PENDING, message)]
    }

    #[test]
    fn the_time_changes_with_the_status_and_nothing_else() {
        let first = merge(&[], &observed(Is::False, "a"), Some(1), at(10));
        let second = merge(&first, &observed(Is::False, "b"), Some(2), at(20));
        assert_eq!(second[0].last_transition_time.0, at(10));
        assert_eq!((second[0].message.as_str(), second[0].observed_generation), ("b", Some(2)));
        let third = merge(&second, &observed(Is::True, "b"), Some(2), at(30));
        assert_eq!(third[0].last_transition_time.0, at(30));
        assert_eq!(merge(&third, &observed(Is::True, "b"), Some(2), at(40)), third);
    }

    #[test]
    fn conditions_of_others_stay() {
        let other = Condition {
            type_: "Other".to_owned(),
            ..merge(&[], &observed(Is::True, ""), None, at(1))[0].clone()
        };
        let merged = merge(std::slice::from_ref(&other), &observed(Is::True, ""), None, at(2));
        assert!(merged.contains(&other) && merged.len() == 2);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let merged = merge(&[], &observed(Is::True, &"ä".repeat(MESSAGE_BYTES)), None, at(1));
        assert!(merged[0].message.len() <= MESSAGE_BYTES + 3 && merged[0].message.ends_with("ä…"));
    }
}
