//! The lanes that have something to do, in the order in which they get a thread.

use super::call::CallId;
use crate::cache::CopyId;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// A lane's place: what it has had, the call of it that has waited longest, its name.
pub type Place = (Duration, CallId, CopyId);

/// Lanes whose next piece is light, and those whose is heavy; the one that has had least first.
#[derive(Debug, Default)]
pub struct Ready {
    light: BTreeSet<Place>,
    heavy: BTreeSet<Place>,
    places: HashMap<CopyId, (bool, Place)>,
}

impl Ready {
    /// Lanes in it.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The lane whose turn it is.
    pub fn first(&self, heavy_may: bool) -> Option<Place> {
        let heavy = if heavy_may { self.heavy.first() } else { None };
        self.light.first().into_iter().chain(heavy).min().copied()
    }

    /// A lane's new place, and whether its next piece is heavy; None: it has nothing to do.
    pub fn put(&mut self, copy: CopyId, place: Option<(bool, Place)>) {
        if let Some((heavy, place)) = self.places.remove(&copy) {
            if heavy {
                self.heavy.remove(&place)
            } else {
                self.light.remove(&place)
            };
        }
        if let Some((heavy, place)) = place {
            if heavy {
                self.heavy.insert(place)
            } else {
                self.light.insert(place)
            };
            self.places.insert(copy, (heavy, place));
        }
    }
}
