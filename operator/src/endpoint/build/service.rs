//! The clients' Service, and the headless one by which the pods find each other.

use super::super::plan::Plan;
use super::{metadata, selector};
use berth_crds::names::{labels, peers_service, pod};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Port of the clients' Service.
pub(crate) const SERVICE_PORT: i32 = 80;

/// The clients' Service.
pub(super) fn clients(plan: &Plan) -> Service {
    Service {
        metadata: metadata(plan, &plan.name, "server"),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(selector(&plan.name)),
            ports: Some(vec![port(pod::HTTP_PORT_NAME, SERVICE_PORT)]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The peers' Service. It does not publish addresses that are not ready: that would set `ready` on all of them, and
/// readiness is what a pod ranks its peers by. (EndpointSlices list the others too, as not ready.)
pub(super) fn peers(plan: &Plan) -> Service {
    let mut metadata = metadata(plan, &peers_service(&plan.name), "peers");
    metadata.labels.get_or_insert_default().insert(labels::PEERS.to_owned(), "true".to_owned());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(selector(&plan.name)),
            ports: Some(vec![
                port(pod::HTTP_PORT_NAME, i32::from(pod::HTTP_PORT)),
                port(pod::ADMIN_PORT_NAME, i32::from(pod::ADMIN_PORT)),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::String(name.to_owned())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}
