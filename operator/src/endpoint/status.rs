//! The status that follows from what was applied and what the pods say (pure), written if it changed.

mod compute;

use super::apply::Applied;
use super::observe::Observed;
use super::plan::Planned;
use super::pods;
use crate::context::Context;
use crate::error::Error;
use crate::status::Change;
use crate::survey::Survey;
use berth_crds::MultiModelEndpointStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

pub use compute::{Seen, compute};

/// Computes and writes. Conditions are written at once, numbers and words at most once in a while: the time that they still have
/// to wait is returned.
pub async fn report(
    observed: &Observed,
    planned: &Planned,
    applied: &Applied,
    failure: Option<&Error>,
    survey: &Survey,
    context: &Context,
) -> Result<Option<Duration>, Error> {
    let now = Timestamp::now();
    let failing = pods::failing(&observed.pods, now);
    let seen = Seen {
        endpoint: &observed.endpoint,
        namespace: &observed.namespace,
        planned,
        stateful_set: applied.stateful_set(),
        failure,
        failing: failing.as_ref(),
        counts: survey.counts(),
    };
    let status = compute(&seen, now);
    let old = observed.endpoint.status.clone().unwrap_or_default();
    let pace = same_but_numbers(&status, &old).then(|| context.config.status_interval());
    let (before, after) = (&old.conditions[..], &status.conditions[..]);
    let change = Change { kind: "MultiModelEndpoint", old: &old, new: &status, before, after, pace };
    crate::status::report(&*observed.endpoint, change, context).await
}

/// Whether two statuses differ only in numbers and in words: what a scheduler says of a pod changes with every node.
fn same_but_numbers(new: &MultiModelEndpointStatus, old: &MultiModelEndpointStatus) -> bool {
    let without = |status: &MultiModelEndpointStatus| MultiModelEndpointStatus {
        replicas: 0,
        ready_replicas: 0,
        models: None,
        conditions: status
            .conditions
            .iter()
            .map(|condition| Condition { message: String::new(), ..condition.clone() })
            .collect(),
        ..status.clone()
    };
    without(new) == without(old)
}

#[cfg(test)]
mod tests {
    use super::{Condition, MultiModelEndpointStatus, Timestamp, same_but_numbers};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn status(reason: &str, message: &str, ready: i32) -> MultiModelEndpointStatus {
        let condition = Condition {
            type_: "Ready".to_owned(),
            status: "False".to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        MultiModelEndpointStatus { ready_replicas: ready, conditions: vec![condition], ..Default::default() }
    }

    #[test]
    fn numbers_and_words_are_not_urgent_and_reasons_are() {
        let now = status("PodFailing", "0/3 nodes are available", 0);
        assert!(same_but_numbers(&now, &status("PodFailing", "0/4 nodes are available", 1)));
        assert!(!same_but_numbers(&now, &status("PodsNotReady", "0/3 nodes are available", 0)));
        let later = MultiModelEndpointStatus { observed_generation: Some(2), ..now.clone() };
        assert!(!same_but_numbers(&now, &later));
    }
}
