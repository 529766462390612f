//! Events beside the conditions: one when the summary's status or reason changes, so that a reconcile of an unchanged
//! object publishes none.

use crate::context::Context;
use berth_crds::conditions::reasons;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

/// Reasons that pass by themselves, or are as somebody wanted it.
const PASSING: [&str; 5] = [
    reasons::PODS_NOT_READY,
    reasons::ENDPOINT_NOT_READY,
    reasons::PENDING,
    reasons::LOADING,
    reasons::SCALED_TO_ZERO,
];
/// Longest note that the API takes.
const NOTE_BYTES: usize = 1000;

/// Tells of a change of a condition. An event that cannot be published costs nothing but itself.
pub async fn of_change<K: Resource<DynamicType = ()>>(
    object: &K,
    kind: &str,
    old: &[Condition],
    new: &[Condition],
    context: &Context,
) {
    let Some(event) = event(kind, old, new) else { return };
    let reference = object.object_ref(&());
    let publish = context.recorder.publish(&event, &reference);
    let doing = format!("publish an event of {}", reference.name.as_deref().unwrap_or_default());
    if let Err(error) = context.writer.write("Event", "create", doing, publish).await {
        tracing::warn!(error = %crate::error::chain(&error), "Could not publish an event");
    }
}

fn event(kind: &str, old: &[Condition], new: &[Condition]) -> Option<Event> {
    let find = |all: &[Condition]| all.iter().find(|condition| condition.type_ == kind).cloned();
    let now = find(new)?;
    let before = find(old);
    if before.as_ref().is_some_and(|before| before.status == now.status && before.reason == now.reason) {
        return None;
    }
    let is_well = now.status == "True" || PASSING.contains(&now.reason.as_str());
    // That a new object is not ready yet is no news.
    if before.is_none() && is_well && now.status != "True" {
        return None;
    }
    let said = if now.message.is_empty() { format!("{kind} is {}", now.status) } else { now.message };
    Some(Event {
        type_: if is_well { EventType::Normal } else { EventType::Warning },
        reason: if now.status == "True" { kind.to_owned() } else { now.reason },
        note: Some(said[..said.floor_char_boundary(NOTE_BYTES)].to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Condition, EventType, event};
    use berth_crds::conditions::{Is, Observation, READY, merge, reasons};
    use k8s_openapi::jiff::Timestamp;

    fn ready(is: Is, reason: &str, message: &str) -> Vec<Condition> {
        merge(&[], &[Observation::new(READY, is, reason, message)], None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn only_a_change_of_status_or_reason_is_an_event() {
        let bad = ready(Is::False, reasons::SECRET_NOT_FOUND, "create it");
        let told = event(READY, &[], &bad).unwrap();
        assert_eq!((told.type_, told.reason.as_str()), (EventType::Warning, reasons::SECRET_NOT_FOUND));
        assert_eq!(told.note.as_deref(), Some("create it"));
        let new = ready(Is::False, reasons::PODS_NOT_READY, "0 of 1");
        assert!(event(READY, &[], &new).is_none(), "a new object is not ready yet");
        assert!(event(READY, &ready(Is::True, reasons::AS_EXPECTED, ""), &new).is_some());
        assert!(event(READY, &bad, &ready(Is::False, reasons::SECRET_NOT_FOUND, "now")).is_none());
        let good = event(READY, &bad, &ready(Is::True, reasons::AS_EXPECTED, "")).unwrap();
        assert_eq!((good.type_, good.reason.as_str()), (EventType::Normal, READY));
    }
}
