//! A model in memory.

mod prepared;
mod tensors;

pub use prepared::{Kept, Prepared, inspect};

use crate::batching::{Batched, Batching};
use crate::packed_file::{Packs, Unsaved};
use crate::plan::Plan;
use crate::{Cost, EngineError, Listing, Preferences, Signature};
use std::sync::Arc;
use tensors::{Named, answer, arrange};

/// A model in memory. Immutable: any number of threads may run it.
pub struct Model {
    format: &'static str,
    preferences: Preferences,
    signatures: Vec<Signature>,
    plans: Vec<Arc<Plan>>,
    /// Of each signature.
    batched: Vec<Batched>,
    resident_bytes: u64,
    device_bytes: u64,
    packs: Arc<Packs>,
    /// Some of what is packed is in no file.
    added: bool,
}

impl Model {
    /// Name of the format that it was read from.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// What the archive's owner prefers where a request does not say.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// The ways to call it.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// One way to call it; without a name `serving_default`, or the only one.
    pub fn signature(&self, name: Option<&str>) -> Result<&Signature, EngineError> {
        self.find(name).map(|at| &self.signatures[at])
    }

    /// Whether requests of a signature may be run together.
    pub fn batching(&self, signature: Option<&str>) -> Result<&Batching, EngineError> {
        self.find(signature).map(|at| &self.batched[at].batching)
    }

    /// Of each output of a signature, why it has not the rows of the inputs, if that is so: found out anew, for tests.
    #[doc(hidden)]
    pub fn mixed(&self, signature: Option<&str>) -> Result<Vec<Option<String>>, EngineError> {
        self.find(signature).map(|at| self.plans[at].mixed(&self.signatures[at]))
    }

    /// Rows beyond which a run of a signature brings no more for each, or takes too much memory; one where requests are run alone.
    pub fn most_rows(&self, signature: Option<&str>) -> usize {
        self.find(signature).map_or(1, |at| self.batched[at].most_rows)
    }

    /// Bytes in memory, of the host and of the device together.
    pub fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    /// What of them is on the device.
    pub fn device_bytes(&self) -> u64 {
        self.device_bytes
    }

    /// Packed weights to be written to the file that was looked for them; None: it has them all, or there are none.
    pub fn unsaved(&self) -> Option<Unsaved> {
        if self.added { self.packs.unsaved() } else { None }
    }

    /// Runs a signature; inputs by name, in any order. Outputs come in the signature's order.
    pub fn run(&self, signature: &str, inputs: Named) -> Result<Named, EngineError> {
        self.run_watched(signature, inputs, &|| true)
    }

    /// [`Model::run`], as long as the answer of `watch` is yes: it is asked before each operation, and no ends the run with
    /// [`EngineError::Cancelled`].
    pub fn run_watched(
        &self,
        signature: &str,
        inputs: Named,
        watch: &dyn Fn() -> bool,
    ) -> Result<Named, EngineError> {
        let at = self.find(Some(signature))?;
        let signature = &self.signatures[at];
        let values = arrange(signature, inputs)?;
        answer(signature, &self.plans[at].run_watched(values, watch)?)
    }

    /// Runs a signature `runs` times after a first one, and says what each operation cost, the dearest first.
    pub fn profile(
        &self,
        signature: &str,
        inputs: Named,
        runs: usize,
    ) -> Result<(Named, Vec<Cost>), EngineError> {
        let at = self.find(Some(signature))?;
        let signature = &self.signatures[at];
        let (outputs, costs) = self.plans[at].profile(&arrange(signature, inputs)?, runs)?;
        Ok((answer(signature, &outputs)?, costs))
    }

    /// What is run for a request: one listing for each plan, which several signatures may share.
    pub fn listings(&self) -> Vec<Listing> {
        let mut listings: Vec<Listing> = Vec::new();
        for (n, plan) in self.plans.iter().enumerate() {
            if self.plans[..n].iter().all(|p| !Arc::ptr_eq(p, plan)) {
                let same = self.signatures.iter().zip(&self.plans).filter(|(_, p)| Arc::ptr_eq(p, plan));
                listings.push(plan.listing(same.map(|(s, _)| s.name.clone()).collect()));
            }
        }
        listings
    }

    fn find(&self, name: Option<&str>) -> Result<usize, EngineError> {
        let wanted = name.unwrap_or("serving_default");
        let found = self.signatures.iter().position(|s| s.name == wanted);
        match (found, name, self.signatures.len()) {
            (Some(at), ..) => Ok(at),
            (None, None, 1) => Ok(0),
            _ => {
                let known: Vec<&str> = self.signatures.iter().map(|s| s.name.as_str()).collect();
                Err(EngineError::input(format!(
                    "the model has no signature {wanted:?}; its signatures are: {}",
                    known.join(", ")
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests;
