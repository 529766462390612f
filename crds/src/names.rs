//! Every name, label, annotation and key that more than one place must spell alike.

/// The operator's field manager in server-side apply.
pub const FIELD_MANAGER: &str = "berth-operator";
/// Reporter of the operator's events.
pub const CONTROLLER: &str = "berth-operator";

/// Standard labels, set on every child of an endpoint.
pub mod labels {
    /// Always [`NAME_VALUE`].
    pub const NAME: &str = "app.kubernetes.io/name";
    /// Value of [`NAME`].
    pub const NAME_VALUE: &str = "berth";
    /// The endpoint's name.
    pub const INSTANCE: &str = "app.kubernetes.io/instance";
    /// What the object is for: `server` or `peers`.
    pub const COMPONENT: &str = "app.kubernetes.io/component";
    /// Always [`MANAGED_BY_VALUE`].
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// Value of [`MANAGED_BY`].
    pub const MANAGED_BY_VALUE: &str = "berth-operator";
    /// The endpoint's name, also on the pods: what Services and the StatefulSet select.
    pub const ENDPOINT: &str = "berth.dev/endpoint";
    /// Set to `true` on the peers Service, whose EndpointSlices (which inherit it) the pods watch.
    pub const PEERS: &str = "berth.dev/peers";
}

/// Annotations.
pub mod annotations {
    /// Digest of `endpoint.yaml`, on the pod template: another configuration is another revision.
    pub const CONFIG_DIGEST: &str = "berth.dev/config-digest";
}

/// The pod as the operator builds it and the server finds itself in.
pub mod pod {
    /// The container that serves. A `podTemplate` adds to it by this name.
    pub const CONTAINER: &str = "server";
    /// Name of the port that takes requests.
    pub const HTTP_PORT_NAME: &str = "http";
    /// Port that takes requests.
    pub const HTTP_PORT: u16 = 8080;
    /// Name of the admin port.
    pub const ADMIN_PORT_NAME: &str = "admin";
    /// Admin port: probes, metrics, reports.
    pub const ADMIN_PORT: u16 = 9090;
    /// Where the ConfigMap is mounted.
    pub const CONFIG_DIRECTORY: &str = "/etc/berth";
    /// Key in the ConfigMap and name of the file: a MultiModelEndpoint whose defaults are resolved.
    pub const CONFIG_KEY: &str = "endpoint.yaml";
    /// Where artifacts are kept.
    pub const CACHE_DIRECTORY: &str = "/var/cache/berth";
    /// Environment variable with the pod's name.
    pub const POD_NAME: &str = "POD_NAME";
    /// Environment variable with the pod's namespace.
    pub const POD_NAMESPACE: &str = "POD_NAMESPACE";
    /// Keys that a credentials Secret must have; they are the names of the variables too.
    pub const REQUIRED_CREDENTIALS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    /// Key that it may have.
    pub const OPTIONAL_CREDENTIAL: &str = "AWS_SESSION_TOKEN";
    /// Environment variable with the store's address.
    pub const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
    /// Environment variable with the store's region.
    pub const S3_REGION: &str = "AWS_REGION";
}

/// The Service that clients use has the endpoint's own name; this is the headless one of its pods.
pub fn peers_service(endpoint: &str) -> String {
    format!("{endpoint}-peers")
}
