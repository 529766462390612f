//! Which models go when others need the memory: the least recently used first.

use super::core::Core;
use super::entry::{Phase, State};
use crate::names::ModelName;

struct Victim {
    name: ModelName,
    bytes: u64,
    last_used: u64,
    leased: bool,
}

impl<H: Clone, P> Core<H, P> {
    /// Retires models until `need` bytes will be free. Nothing is retired unless it is enough: a model that is thrown
    /// out in vain would only have to be loaded again. Models that requests use now are left alone, unless the
    /// reservation has already waited `impatient`ly: then they are drained, and the requests that come meanwhile wait
    /// for them as for any other.
    pub(super) fn make_room(&mut self, wants: &ModelName, need: u64, impatient: bool) {
        let coming = self.retiring_soon();
        let Some(mut lacking) = self.ledger.shortage(need).checked_sub(coming).filter(|l| *l > 0) else {
            return;
        };
        let mut chosen = Vec::new();
        for victim in self.victims(wants, impatient) {
            if lacking == 0 {
                break;
            }
            lacking = lacking.saturating_sub(victim.bytes);
            chosen.push(victim.name);
        }
        if lacking > 0 {
            return;
        }
        for name in chosen {
            tracing::debug!(model = name.as_str(), for_model = wants.as_str(), "evicted");
            self.counters.evictions += 1;
            self.retire(&name);
        }
    }

    /// Whether a model waits for memory that it cannot have, even if all went that may go.
    pub fn is_starved(&self, model: &ModelName) -> bool {
        let state = self.models.get(model).map(|entry| &entry.state);
        let Some(State::Coming(job) | State::Resident { update: Some(job), .. }) = state else {
            return false;
        };
        let Phase::Reserving { bytes, .. } = &job.phase else { return false };
        // A load in progress may fail, and its model may be one that can be evicted.
        let loading = self.ledger.reserved();
        let victims: u64 = self.victims(model, true).iter().map(|victim| victim.bytes).sum();
        self.ledger.shortage(*bytes) > self.retiring_soon().saturating_add(loading).saturating_add(victims)
    }

    /// Bytes that come back without anything being done: of copies that are draining already.
    fn retiring_soon(&self) -> u64 {
        self.ledger.unloading()
    }

    /// Who may go, in the order of going. The old version of the model that wants the memory is the last: it answers as
    /// long as it can.
    fn victims(&self, wants: &ModelName, leased_too: bool) -> Vec<Victim> {
        let mut victims: Vec<Victim> = self
            .models
            .iter()
            .filter(|(_, entry)| !entry.is_pinned())
            .filter_map(|(name, entry)| match &entry.state {
                State::Resident { copy, .. } => Some(Victim {
                    name: name.clone(),
                    bytes: copy.bytes,
                    last_used: entry.last_used,
                    leased: copy.leases > 0,
                }),
                _ => None,
            })
            .filter(|v| leased_too || !v.leased)
            .collect();
        victims.sort_unstable_by_key(|v| (v.name == *wants, v.leased, v.last_used));
        victims
    }
}
