//! The memory budget: bytes set aside before a load, occupied after it, and owed until they are given back.

/// Bytes by what holds them. The sum never exceeds the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    budget: u64,
    reserved: u64,
    resident: u64,
    unloading: u64,
}

impl Ledger {
    /// An empty ledger over `budget` bytes.
    pub fn new(budget: u64) -> Self {
        Self { budget, reserved: 0, resident: 0, unloading: 0 }
    }

    /// The limit, in bytes.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// Bytes set aside for loads in progress.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Bytes of models that answer requests.
    pub fn resident(&self) -> u64 {
        self.resident
    }

    /// Bytes of copies that no longer answer new requests and are not yet given back.
    pub fn unloading(&self) -> u64 {
        self.unloading
    }

    /// All bytes that are spoken for.
    pub fn used(&self) -> u64 {
        self.reserved + self.resident + self.unloading
    }

    /// How many bytes `need` lacks; 0: it fits now.
    pub fn shortage(&self, need: u64) -> u64 {
        need.saturating_sub(self.budget - self.used())
    }

    /// Sets `bytes` aside; false, and nothing changes, when they do not fit.
    #[must_use]
    pub fn reserve(&mut self, bytes: u64) -> bool {
        let fits = self.shortage(bytes) == 0;
        if fits {
            self.reserved += bytes;
        }
        fits
    }

    /// A load ended without a model.
    pub fn cancel(&mut self, bytes: u64) {
        self.reserved -= bytes;
    }

    /// A load ended with a model.
    pub fn occupy(&mut self, bytes: u64) {
        self.reserved -= bytes;
        self.resident += bytes;
    }

    /// A copy no longer answers new requests.
    pub fn retire(&mut self, bytes: u64) {
        self.resident -= bytes;
        self.unloading += bytes;
    }

    /// A retired copy's memory is back with the system.
    pub fn give_back(&mut self, bytes: u64) {
        self.unloading -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn bytes_count_until_given_back() {
        let mut ledger = Ledger::new(100);
        assert!(ledger.reserve(60));
        assert!(!ledger.reserve(41));
        ledger.occupy(60);
        ledger.retire(60);
        assert_eq!(ledger.shortage(100), 60);
        ledger.give_back(60);
        assert_eq!((ledger.used(), ledger.shortage(100)), (0, 0));
    }
}
