//! What the S3 server was asked, what it gave, and which bodies it holds back.

use super::fault::{Fault, Meets};
use hyper::Method;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::watch;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// GET or HEAD, or another one.
    pub method: Method,
    /// `bucket/key`; of a listing `bucket/prefix`.
    pub key: String,
    /// A listing.
    pub list: bool,
    /// First and last byte that were asked for.
    pub range: Option<(u64, u64)>,
}

#[derive(Default)]
struct Faulty {
    fault: Option<Fault>,
    gets: usize,
}

/// Everything that is noted of the requests.
pub(super) struct Log {
    seen: Mutex<Vec<Seen>>,
    served: Mutex<HashMap<String, u64>>,
    faults: Mutex<HashMap<String, Faulty>>,
    /// Bodies held back, by key.
    held: watch::Sender<HashMap<String, usize>>,
    /// How often each key was released.
    released: watch::Sender<HashMap<String, usize>>,
}

impl Log {
    pub fn new() -> Self {
        Self {
            seen: Mutex::default(),
            served: Mutex::default(),
            faults: Mutex::default(),
            held: watch::Sender::default(),
            released: watch::Sender::default(),
        }
    }

    pub fn note(&self, seen: Seen) {
        lock(&self.seen).push(seen);
    }

    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub fn served(&self, key: &str, bytes: u64) {
        *lock(&self.served).entry(key.to_owned()).or_default() += bytes;
    }

    pub fn bytes(&self, key: &str) -> u64 {
        lock(&self.served).get(key).copied().unwrap_or(0)
    }

    pub fn forget(&self) {
        lock(&self.seen).clear();
        lock(&self.served).clear();
    }

    pub fn set_fault(&self, key: &str, fault: Option<Fault>) {
        lock(&self.faults).insert(key.to_owned(), Faulty { fault, gets: 0 });
    }

    /// What a GET of this key meets.
    pub fn meet(&self, key: &str) -> Meets {
        let mut faults = lock(&self.faults);
        let Some(faulty) = faults.get_mut(key) else { return Meets::Nothing };
        faulty.gets += 1;
        let nth = faulty.gets;
        faulty.fault.as_mut().map_or(Meets::Nothing, |f| f.meet(nth))
    }

    pub fn denies(&self, key: &str) -> bool {
        matches!(lock(&self.faults).get(key), Some(Faulty { fault: Some(Fault::Deny), .. }))
    }

    /// Waits until the key is released, once from now on.
    pub async fn hold(&self, key: &str) {
        let mut releases = self.released.subscribe();
        let count = |m: &HashMap<String, usize>| m.get(key).copied().unwrap_or(0);
        let before = count(&releases.borrow());
        self.held.send_modify(|m| *m.entry(key.to_owned()).or_default() += 1);
        let _ = releases.wait_for(|m| count(m) > before).await;
        self.held.send_modify(|m| *m.entry(key.to_owned()).or_default() -= 1);
    }

    pub fn release(&self, key: &str) {
        self.set_fault(key, None);
        self.released.send_modify(|m| *m.entry(key.to_owned()).or_default() += 1);
    }

    /// Waits until a body of this key is held back.
    pub async fn wait_held(&self, key: &str) {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|m| m.get(key).is_some_and(|n| *n > 0)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under this lock")
}
