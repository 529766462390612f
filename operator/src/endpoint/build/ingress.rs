//! The way from outside, where the spec asks for it.

use super::super::plan::Plan;
use super::metadata;
use berth_crds::names::pod;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};

/// Every path of the host goes to the clients' Service.
pub(super) fn ingress(plan: &Plan) -> Option<Ingress> {
    let wanted = plan.spec.ingress.as_ref()?;
    let backend = IngressBackend {
        service: Some(IngressServiceBackend {
            name: plan.name.clone(),
            port: Some(ServiceBackendPort { name: Some(pod::HTTP_PORT_NAME.to_owned()), number: None }),
        }),
        resource: None,
    };
    let path = HTTPIngressPath { path: Some("/".to_owned()), path_type: "Prefix".to_owned(), backend };
    let mut metadata = metadata(plan, &plan.name, "server");
    metadata.annotations = Some(wanted.annotations.clone()).filter(|annotations| !annotations.is_empty());
    let tls = wanted.tls_secret_name.as_ref().map(|secret| {
        let hosts = wanted.host.clone().map(|host| vec![host]);
        vec![IngressTLS { hosts, secret_name: Some(secret.clone()) }]
    });
    Some(Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: wanted.class_name.clone(),
            rules: Some(vec![IngressRule {
                host: wanted.host.clone(),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            tls,
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    })
}
