//! The pods of one endpoint, from the EndpointSlices of its headless Service.

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use std::sync::Arc;

/// Names of the pods that take requests.
pub fn ready(slices: &[Arc<EndpointSlice>]) -> Vec<String> {
    slices.iter().flat_map(|slice| &slice.endpoints).filter(|e| takes_requests(e)).filter_map(name).collect()
}

/// A condition that is not told counts as the API says: ready, and not terminating.
fn takes_requests(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    conditions.and_then(|c| c.ready).unwrap_or(true)
        && !conditions.and_then(|c| c.terminating).unwrap_or(false)
}

fn name(endpoint: &Endpoint) -> Option<String> {
    let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
    pod.or_else(|| endpoint.hostname.clone()).or_else(|| endpoint.addresses.first().cloned())
}

#[cfg(test)]
mod tests {
    use super::{Arc, EndpointSlice, ready};
    use serde_json::json;

    #[test]
    fn pods_that_are_not_ready_or_are_going_take_no_share() {
        let slice: EndpointSlice = serde_json::from_value(json!({
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": ["10.0.0.1"], "conditions": {"ready": true},
                 "targetRef": {"kind": "Pod", "name": "v-0"}, "hostname": "x"},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false}, "hostname": "v-1"},
                {"addresses": ["10.0.0.3"], "conditions": {"ready": true, "terminating": true}, "hostname": "v-2"},
                {"addresses": ["10.0.0.4"], "hostname": "v-3"},
                {"addresses": ["10.0.0.5"]},
            ],
        }))
        .unwrap();
        assert_eq!(ready(&[Arc::new(slice)]), ["v-0", "v-3", "10.0.0.5"]);
    }
}
