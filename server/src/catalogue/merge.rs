//! Puts together what the manifests and the cluster list, decides what this pod holds, and tells the cache.

use super::{Artifact, Listing, Origin, Place};
use crate::cache::ModelCache;
use crate::names::ModelName;
use crate::routing::Peers;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// By the container contract, whose platform says what is loaded.
    registered: BTreeMap<ModelName, Arc<Origin>>,
    peers: Peers,
}

impl Catalogue {
    /// Nothing is listed.
    pub fn new(cache: ModelCache, peers: Peers) -> Self {
        let known = Known { manifest: Vec::new(), cluster: Vec::new(), registered: BTreeMap::new(), peers };
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

    /// Loads a model of this machine now, to stay until it is no longer registered. False: it is registered already.
    pub fn register(&self, model: &ModelName, path: PathBuf) -> bool {
        let origin = Origin { place: Place::Path(path), sha256: None };
        let mut new = false;
        self.change(|known| {
            if let Entry::Vacant(place) = known.registered.entry(model.clone()) {
                place.insert(Arc::new(origin));
                new = true;
            }
        });
        new
    }

    /// Ends that; the model's memory comes back when the last request is done with it. False: it was not registered.
    pub fn unregister(&self, model: &ModelName) -> bool {
        let mut known = self.lock();
        let was = known.registered.remove(model).is_some();
        if was {
            // First out of memory, then out of the list: nothing is looked for elsewhere in its stead.
            self.cache.retire(model);
            self.cache.set_listings(&known.listings());
        }
        was
    }

    /// What is registered, by name.
    pub fn registered(&self) -> BTreeMap<ModelName, Arc<Origin>> {
        self.lock().registered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock is held until the cache knows: two changes never overtake each other.
    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.lock();
        change(&mut known);
        self.cache.set_listings(&known.listings());
    }
}

impl Known {
    /// What this pod is asked for. The cluster's word goes before a file's, an earlier artifact before a later one.
    fn listings(&self) -> BTreeMap<ModelName, Listing> {
        let registered = |origin: &Arc<Origin>| Listing { origin: origin.clone(), hold: true, pin: true };
        let mut listings: BTreeMap<_, _> =
            self.registered.iter().map(|(model, origin)| (model.clone(), registered(origin))).collect();
        for artifact in self.cluster.iter().chain(&self.manifest) {
            let hold = artifact.preload && self.peers.is_home(artifact.model.as_str(), artifact.min_copies);
            let listing = Listing { origin: Arc::new(artifact.origin.clone()), hold, pin: artifact.pin };
            listings.entry(artifact.model.clone()).or_insert(listing);
        }
        listings
    }
}
