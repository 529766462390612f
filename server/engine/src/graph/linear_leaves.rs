//! Leaves of decision trees that are linear models.

use crate::EngineError;

/// One leaf.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    constant: f64,
    /// Its answer where a value that it needs is missing.
    fallback: f64,
    /// Where its terms end; they begin where those of the leaf before end.
    end: usize,
}

/// The leaves of all trees, by their numbers.
#[derive(Debug, Clone)]
pub struct LinearLeaves {
    features: usize,
    outputs: usize,
    leaves: Vec<Leaf>,
    /// Features and what they are multiplied by.
    terms: Vec<(usize, f64)>,
}

impl LinearLeaves {
    /// No leaves yet; each tree adds to the next of the outputs, and after the last to the first again.
    pub fn new(features: usize, outputs: usize) -> Self {
        Self { features, outputs, leaves: Vec::new(), terms: Vec::new() }
    }

    /// Adds a leaf; its number.
    pub fn add(
        &mut self,
        constant: f64,
        fallback: f64,
        terms: impl Iterator<Item = (usize, f64)>,
    ) -> Result<usize, EngineError> {
        let begin = self.terms.len();
        self.terms.extend(terms);
        let last = self.terms[begin..].iter().map(|(feature, _)| *feature).max();
        if last.is_some_and(|last| last >= self.features) {
            let all = self.features;
            return Err(EngineError::broken(format!("a leaf needs feature {last:?} of {all}")));
        }
        self.leaves.push(Leaf { constant, fallback, end: self.terms.len() });
        Ok(self.leaves.len() - 1)
    }

    /// Values of a row.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Numbers of an answer.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// What a leaf makes of a row that has all features; None: there is no such leaf.
    pub fn answer(&self, leaf: usize, row: &[f64]) -> Option<f64> {
        let own = self.leaves.get(leaf)?;
        let begin = leaf.checked_sub(1).map_or(0, |before| self.leaves[before].end);
        let mut sum = own.constant;
        for (feature, factor) in &self.terms[begin..own.end] {
            let value = row[*feature];
            if value.is_nan() {
                return Some(own.fallback);
            }
            sum += factor * value;
        }
        Some(sum)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.leaves.len() * size_of::<Leaf>() + self.terms.len() * size_of::<(usize, f64)>()
    }

    /// Gives back what room is left.
    pub fn shrink(&mut self) {
        self.leaves.shrink_to_fit();
        self.terms.shrink_to_fit();
    }
}
