//! Where a cluster is: which addresses its API server, its Services and its pods have.

use std::net::Ipv4Addr;

/// How many clusters with a node there is room for on a machine: in 198.18.0.0/15, which is set aside for tests and which no network
/// of anybody has.
pub(super) const ROOM: u32 = 32;
/// Addresses of each.
const SHARE: u32 = 4096;

/// The addresses of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Of the machine, as the cluster sees it: where the API server listens.
    pub host: Ipv4Addr,
    /// Of the node; none: there is no node.
    pub node: Option<Ipv4Addr>,
    /// Of Services.
    pub services: String,
    /// Of the Service of the API server.
    pub api: Ipv4Addr,
    /// Of pods.
    pub pods: String,
}

impl Place {
    /// Nothing but the loopback.
    pub fn loopback() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST,
            node: None,
            services: "10.96.0.0/16".to_owned(),
            api: Ipv4Addr::new(10, 96, 0, 1),
            pods: "10.244.0.0/16".to_owned(),
        }
    }

    /// The addresses of one of the [`ROOM`] clusters with a node.
    pub fn with_node(number: u32) -> Self {
        let at =
            |offset: u32| Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number * SHARE + offset);
        Self {
            host: at(1),
            node: Some(at(2)),
            services: format!("{}/22", at(1024)),
            api: at(1025),
            pods: format!("{}/21", at(2048)),
        }
    }

    /// Names and addresses under which the API server is asked.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
                .map(str::to_owned)
                .into();
        names.push("kubernetes.default.svc.cluster.local".to_owned());
        names.extend([self.host.to_string(), self.api.to_string()]);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_share_no_address() {
        let (first, last) = (Place::with_node(0), Place::with_node(ROOM - 1));
        assert_eq!(
            (first.host, first.node),
            (Ipv4Addr::new(198, 18, 0, 1), Some(Ipv4Addr::new(198, 18, 0, 2)))
        );
        assert_eq!((&*first.services, &*first.pods), ("198.18.4.0/22", "198.18.8.0/21"));
        assert_eq!(Place::with_node(1).host, Ipv4Addr::new(198, 18, 16, 1));
        assert_eq!((&*last.services, &*last.pods), ("198.19.244.0/22", "198.19.248.0/21"));
    }
}
