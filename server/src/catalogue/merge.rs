//! Puts together what the manifests and the cluster list, decides what this pod holds, and tells the cache.

use super::{Artifact, Listing};
use crate::cache::ModelCache;
use crate::names::ModelName;
use crate::routing::Peers;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who lists artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Files on this machine.
    Manifest,
    /// The Kubernetes API.
    Cluster,
}

/// The last word of each side, and the peers that share the work.
#[derive(Clone)]
pub struct Catalogue {
    cache: ModelCache,
    known: Arc<Mutex<Known>>,
}

struct Known {
    manifest: Vec<Artifact>,
    cluster: Vec<Artifact>,
    peers: Peers,
}

impl Catalogue {
    /// Nothing is listed.
    pub fn new(cache: ModelCache, peers: Peers) -> Self {
        let known = Known { manifest: Vec::new(), cluster: Vec::new(), peers };
        Self { cache, known: Arc::new(Mutex::new(known)) }
    }

    /// One side's whole list, in place of its last.
    pub fn list(&self, side: Side, artifacts: Vec<Artifact>) {
        self.change(|known| match side {
            Side::Manifest => known.manifest = artifacts,
            Side::Cluster => known.cluster = artifacts,
        });
    }

    /// The ready pods of the endpoint.
    pub fn set_peers(&self, ready: Vec<String>) {
        self.change(|known| known.peers.set_ready(ready));
    }

    /// Nobody tells of other pods.
    pub fn go_on_alone(&self) {
        self.change(|known| known.peers.go_on());
    }

    /// The lock is held until the cache knows: two changes never overtake each other.
    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        self.cache.set_listings(&known.listings());
    }
}

impl Known {
    /// What this pod is asked for. The cluster's word goes before a file's, an earlier artifact before a later one.
    fn listings(&self) -> BTreeMap<ModelName, Listing> {
        let mut listings = BTreeMap::new();
        for artifact in self.cluster.iter().chain(&self.manifest) {
            let hold = artifact.preload && self.peers.is_home(artifact.model.as_str(), artifact.min_copies);
            let listing = Listing { origin: Arc::new(artifact.origin.clone()), hold, pin: artifact.pin };
            listings.entry(artifact.model.clone()).or_insert(listing);
        }
        listings
    }
}
