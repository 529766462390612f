//! What is nearest so far.

use std::cmp::Ordering;

/// An item, and how near it is: the smaller, the nearer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub key: f32,
    pub item: u32,
}

impl Place {
    /// The nearer first; of those that are as near the first one.
    pub fn order(&self, other: &Self) -> Ordering {
        self.key.total_cmp(&other.key).then(self.item.cmp(&other.item))
    }
}

/// The nearest of the items that were shown. Twice as many are kept as are wanted, so that sorting out is seldom.
#[derive(Debug, Clone)]
pub struct Nearest {
    wanted: usize,
    limit: f32,
    places: Vec<Place>,
}

impl Nearest {
    pub fn new(wanted: usize) -> Self {
        Self {
            wanted,
            limit: if wanted == 0 { f32::NEG_INFINITY } else { f32::INFINITY },
            places: Vec::new(),
        }
    }

    /// What is not below is not among the nearest.
    pub fn limit(&self) -> f32 {
        self.limit
    }

    /// Shows an item.
    #[inline]
    pub fn show(&mut self, key: f32, item: u32) {
        if key < self.limit {
            self.places.push(Place { key, item });
            if self.places.len() >= self.wanted.saturating_mul(2) {
                self.sort_out();
            }
        }
    }

    #[cold]
    fn sort_out(&mut self) {
        if self.wanted > 0 && self.places.len() >= self.wanted {
            let (_, last, _) = self.places.select_nth_unstable_by(self.wanted - 1, Place::order);
            self.limit = last.key;
            self.places.truncate(self.wanted);
        }
    }

    /// Shows what others have found.
    pub fn extend(&mut self, others: Self) {
        self.places.extend(others.places);
        self.sort_out();
    }

    /// What is left, the nearest first.
    pub fn sorted(mut self) -> Vec<Place> {
        self.sort_out();
        self.places.sort_unstable_by(Place::order);
        self.places
    }
}
