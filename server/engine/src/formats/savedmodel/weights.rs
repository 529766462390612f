//! Each weight once.

use super::bundle::Bundle;
use super::variables::Place;
use crate::EngineError;
use crate::graph::Weight;
use std::collections::HashMap;

/// Weights that look alike and are compared.
const MOST_TWINS: usize = 8;

/// The weights of an artifact, each once: variables that share an entry, and entries with the same bytes, are one.
#[derive(Default)]
pub struct Weights {
    pub all: Vec<Weight>,
    by_place: HashMap<Place, usize>,
    by_likeness: HashMap<(i64, u32), Vec<usize>>,
}

impl Weights {
    /// The number of the weight at a place.
    pub fn find(&mut self, bundle: &Bundle, place: &Place) -> Result<usize, EngineError> {
        if let Some(number) = self.by_place.get(place) {
            return Ok(*number);
        }
        let entry = bundle.entry(&place.key, place.part.as_deref())?;
        let likeness = bundle.likeness(&place.key).filter(|_| place.part.is_none());
        let alike = likeness.and_then(|l| self.by_likeness.get(&l)).map_or(&[][..], Vec::as_slice);
        let twin = alike.iter().take(MOST_TWINS).find(|n| bundle.same(&self.all[**n].key, &place.key));
        let number = twin.copied().unwrap_or(self.all.len());
        if number == self.all.len() {
            self.all.push(Weight {
                key: place.key.clone(),
                part: place.part.clone(),
                dtype: entry.dtype,
                shape: entry.shape,
                elements: entry.elements,
                stored: entry.stored,
            });
            if let Some(likeness) = likeness {
                self.by_likeness.entry(likeness).or_default().push(number);
            }
        }
        self.by_place.insert(place.clone(), number);
        Ok(number)
    }
}
