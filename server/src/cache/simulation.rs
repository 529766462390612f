//! Runs the core through random interleavings of everything that can happen, and checks after each event what must
//! always hold. Deterministic: a failure names its seed.
//!
//! The world around the core (downloads, loads, unloads, checks, requests in progress) is a bag of things that are due in any order;
//! each step picks one. At the end everything is let finish, and nobody may be left waiting.

use super::core::{Core, Policy};
use super::entry::{CopyId, JobId, State, WaiterId};
use super::event::Event;
use crate::catalogue::{Listing, Origin, Place};
use crate::names::ModelName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

mod due;
mod scenarios;

/// A loaded model, in the simulation: which model, which version of it.
type Handle = (usize, u64);
/// What a download leaves: the version.
type Payload = u64;

enum Due {
    Download(usize, JobId, Arc<Origin>),
    Load(usize, JobId, Payload),
    Unload(usize, CopyId),
    Check(usize, u64, u64),
    Look(usize, u64),
    Release(usize, CopyId),
}

struct World {
    random: fastrand::Rng,
    core: Core<Handle, Payload>,
    names: Vec<ModelName>,
    sizes: Vec<u64>,
    /// Versions of each model, the same at every origin but for [`place`].
    versions: Vec<u64>,
    now: Duration,
    due: Vec<Due>,
    next_waiter: u64,
    waiting: HashMap<WaiterId, usize>,
    leased: HashMap<CopyId, (usize, u64)>,
    gone: HashSet<CopyId>,
    granted: u64,
    refused: u64,
}

/// Versions of one origin are below this.
const PLACES: u64 = 1 << 32;

/// One of several origins; the first is the one of models that nobody lists.
fn origin(number: u64) -> Arc<Origin> {
    let place = match number {
        0 => Place::Prefix,
        n => Place::S3 { bucket: "other".to_owned(), key: n.to_string() },
    };
    Arc::new(Origin { place, sha256: None })
}

/// Its number.
fn place(origin: &Origin) -> u64 {
    match &origin.place {
        Place::S3 { key, .. } => key.parse().unwrap(),
        _ => 0,
    }
}

fn policy(random: &mut fastrand::Rng) -> Policy {
    Policy {
        memory_budget: random.u64(50..200),
        keep: random.u8(..4) > 0,
        max_downloads: random.usize(1..4),
        max_loads: random.usize(1..3),
        max_waiters: random.usize(2..20),
        max_known: random.usize(3..20),
        revalidate_after: Duration::from_secs(60),
        backoff_first: Duration::from_secs(1),
        backoff_most: Duration::from_secs(60),
        patience: Duration::from_secs(2),
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let count = random.usize(2..10);
        Self {
            core: Core::new(policy(&mut random)),
            names: (0..count).map(|n| ModelName::new(&format!("m{n}.tar.gz")).unwrap()).collect(),
            sizes: (0..count).map(|_| random.u64(10..120)).collect(),
            versions: vec![1; count],
            now: Duration::ZERO,
            due: Vec::new(),
            next_waiter: 0,
            waiting: HashMap::new(),
            leased: HashMap::new(),
            gone: HashSet::new(),
            granted: 0,
            refused: 0,
            random,
        }
    }

    fn apply(&mut self, model: usize, event: Event<Handle, Payload>) {
        let name = self.names[model].clone();
        let actions = self.core.apply(self.now, &name, event);
        self.perform(actions);
        self.check();
    }

    fn model(&self, name: &ModelName) -> usize {
        self.names.iter().position(|n| n == name).unwrap()
    }

    /// What holds after every event.
    fn check(&self) {
        let ledger = self.core.ledger();
        assert!(ledger.used() <= ledger.budget(), "over the budget: {ledger:?}");
        let held: u64 = self.core.models.values().map(super::entry::Entry::bytes).sum();
        assert_eq!(held, ledger.used(), "the ledger is not the sum of the entries");
        for (copy, (model, count)) in &self.leased {
            assert!(*count > 0 && !self.gone.contains(copy), "copy {copy:?} of model {model}");
        }
        let waiting: usize = self.core.models.values().map(|e| e.waiters.len()).sum();
        assert_eq!(waiting, self.waiting.len(), "a waiter is lost");
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.random.u64(0..400));
        let model = self.random.usize(0..self.names.len());
        match self.random.u8(0..100) {
            0..40 => self.request(model),
            40..85 => self.happen(),
            85..88 => self.give_up(),
            88..90 => self.versions[model] += 1,
            90..92 => self.apply(model, Event::Unload),
            92..93 => {
                let pinned = self.random.u8(..4) == 0;
                self.apply(model, Event::Pin(pinned));
            }
            93..94 => self.list(model),
            94..95 => self.now += Duration::from_secs(70),
            95..96 => self.apply(model, Event::Look),
            _ => {
                let actions = self.core.tick(self.now);
                self.perform(actions);
                self.check();
            }
        }
    }

    fn request(&mut self, model: usize) {
        self.next_waiter += 1;
        let waiter = WaiterId(self.next_waiter);
        let outlook = self.core.outlook(self.now, &self.names[model]);
        let before = (self.granted, self.refused);
        self.waiting.insert(waiter, model);
        self.apply(model, Event::Request(waiter));
        let told = match outlook {
            Ok(Some(_)) => self.granted > before.0,
            Ok(None) => self.waiting.contains_key(&waiter),
            Err(_) => self.refused > before.1,
        };
        assert!(told, "a request was told something else than was foreseen");
    }

    /// The owner changes his mind about a model.
    fn list(&mut self, model: usize) {
        let listed = self.random.u8(..4) > 0;
        let (number, hold, pin) = (self.random.u64(0..3), self.random.bool(), self.random.u8(..8) == 0);
        let listing = listed.then(|| Listing { origin: origin(number), hold, pin });
        self.apply(model, Event::List(listing));
    }

    /// What the store has of a model at an origin.
    fn at(&self, model: usize, origin: &Origin) -> u64 {
        place(origin) * PLACES + self.versions[model]
    }

    fn give_up(&mut self) {
        let Some((waiter, model)) = self.waiting.iter().min().map(|(w, m)| (*w, *m)) else { return };
        self.waiting.remove(&waiter);
        self.apply(model, Event::WaiterGone(waiter));
    }

    /// Lets everything end: no request may be left without an answer.
    fn settle(&mut self) {
        for model in 0..self.names.len() {
            self.apply(model, Event::Pin(false));
            let listing = self.core.models.get(&self.names[model]).and_then(|e| e.listing.clone());
            if let Some(listing) = listing {
                // What never fits would be tried for ever.
                let hold = listing.hold && self.sizes[model] <= self.core.ledger().budget();
                self.apply(model, Event::List(Some(Listing { hold, pin: false, ..listing })));
            }
        }
        for _ in 0..100_000 {
            if self.due.is_empty() && self.waiting.is_empty() && !self.core.wants_ticks() {
                break;
            }
            self.now += Duration::from_millis(300);
            self.happen();
            let actions = self.core.tick(self.now);
            self.perform(actions);
            self.check();
        }
        assert!(self.waiting.is_empty(), "{} requests wait for ever: {:?}", self.waiting.len(), self.core);
        assert!(self.due.is_empty() && self.leased.is_empty());
        let ledger = self.core.ledger();
        assert_eq!((ledger.reserved(), ledger.unloading()), (0, 0), "bytes are lost");
        assert_eq!((self.core.downloads, self.core.loads), (0, 0), "a slot is lost");
        for (name, entry) in &self.core.models {
            let State::Resident { copy, .. } = &entry.state else { continue };
            let came_from = copy.handle.map(|(_, version)| version / PLACES);
            assert_eq!(came_from, Some(place(&entry.origin())), "{name} still answers from another origin");
        }
    }
}

#[test]
fn nothing_is_lost_in_any_order() {
    let seeds = std::env::var("BERTH_SIMULATION_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(400);
    let (mut granted, mut refused) = (0, 0);
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..1500 {
                world.step();
            }
            world.settle();
            (world.granted, world.refused)
        });
        let (g, r) = run.unwrap_or_else(|_| panic!("seed {seed}"));
        granted += g;
        refused += r;
    }
    assert!(
        granted > refused && refused > 0,
        "the simulation must see both: {granted} granted, {refused} refused"
    );
}
