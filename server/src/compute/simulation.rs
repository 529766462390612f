//! Runs the core through random loads on threads that are played, and checks after each event what must always hold. Deterministic:
//! a failure names its seed.

use super::call::CallId;
use super::core::{Core, Limits, Piece, Read};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

mod any_load;
mod arrivals;
mod scenarios;

/// What calls of one model must have in common, in the simulation.
type Form = u8;

/// A model, and what its calls cost in truth.
#[derive(Debug, Clone)]
struct Model {
    decode: Duration,
    /// A run, whatever its rows.
    run: Duration,
    /// Each row of it.
    row: Duration,
    encode: Duration,
    /// Rows of one run; 1: calls run alone.
    most: usize,
}

#[derive(Debug)]
struct Call {
    model: usize,
    form: Option<Form>,
    rows: usize,
    /// Of its request, then of its tensors.
    bytes: (u64, u64),
    arrived: Duration,
    begun: Option<Duration>,
}

/// A thread's piece, from when and until when.
#[derive(Debug)]
struct Busy {
    piece: Piece,
    from: Duration,
    until: Duration,
    /// The call that brought the thread with it.
    here: Option<CallId>,
}

/// The core, threads, and all that was ever asked.
struct World {
    random: fastrand::Rng,
    core: Core<Form>,
    limits: Limits,
    models: Vec<Model>,
    now: Duration,
    /// Those of the pool, then those that calls came by and that work at the moment.
    threads: Vec<Option<Busy>>,
    /// Calls come by threads that may do their work.
    visits: bool,
    calls: HashMap<CallId, Call>,
    over: HashSet<CallId>,
    /// Compute time that each model had.
    had: Vec<Duration>,
    /// Its calls that are not over.
    open: Vec<usize>,
    events: usize,
    /// Calls that were answered, each with its model and its time from arrival to answer, and to its first piece.
    answered: Vec<(usize, Duration, Duration)>,
    refused: usize,
    largest_run: usize,
    /// Pieces that were done by the threads that calls came by.
    visited: usize,
}

impl World {
    fn new(seed: u64, limits: Limits, models: Vec<Model>) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            core: Core::new(limits.clone()),
            now: Duration::ZERO,
            threads: (0..limits.threads).map(|_| None).collect(),
            visits: false,
            calls: HashMap::new(),
            over: HashSet::new(),
            had: vec![Duration::ZERO; models.len()],
            open: vec![0; models.len()],
            events: 0,
            answered: Vec::new(),
            refused: 0,
            largest_run: 0,
            visited: 0,
            limits,
            models,
        }
    }

    fn gone(&mut self, id: CallId) {
        if self.core.gone(id) {
            let call = self.calls.remove(&id).expect("only a call that is there leaves");
            self.open[call.model] -= 1;
            self.over.insert(id);
        }
        self.give_work();
    }

    /// Every thread without work gets some, if there is any.
    fn give_work(&mut self) {
        for n in 0..self.limits.threads {
            if self.threads[n].is_none() {
                let had_work = self.core.has_work();
                let piece = self.core.next_piece();
                assert_eq!(
                    had_work,
                    piece.is_some(),
                    "work is announced that is not there, or the other way"
                );
                if let Some(piece) = piece {
                    let spent = self.cost(&piece);
                    self.threads[n] =
                        Some(Busy { piece, from: self.now, until: self.now + spent, here: None });
                }
            }
        }
        self.events += 1;
        // With many models a check takes long, and their loads are simple.
        if self.models.len() < 10 || self.events.is_multiple_of(100) {
            self.check();
        }
    }

    /// What a piece costs in truth; and whether it is one that may be.
    fn cost(&mut self, piece: &Piece) -> Duration {
        let noise = self.random.u32(90..110);
        let (model, cost) = match piece {
            Piece::Decode(id) => {
                let call = self.calls.get_mut(id).expect("a call that is there");
                assert!(call.begun.replace(self.now).is_none(), "read twice");
                (call.model, self.models[call.model].decode)
            }
            Piece::Run(ids) => {
                let first = &self.calls[&ids[0]];
                let (model, form) = (first.model, first.form);
                let rows: usize = ids.iter().map(|id| self.calls[id].rows).sum();
                for id in ids {
                    let call = &self.calls[id];
                    assert!(call.begun.is_some(), "run before it was read");
                    assert_eq!((call.model, call.form), (model, form), "run with calls that are not alike");
                }
                assert!(ids.len() == 1 || form.is_some(), "calls that run alone run together");
                assert!(ids.len() == 1 || rows <= self.models[model].most, "too many rows");
                self.largest_run = self.largest_run.max(ids.len());
                let Model { run, row, .. } = self.models[model];
                (model, run + row * u32::try_from(rows).unwrap())
            }
            Piece::Encode(id) => (self.calls[id].model, self.models[self.calls[id].model].encode),
        };
        let cost = cost * noise / 100;
        self.had[model] += cost;
        cost
    }

    /// The thread that is ready next reports. False: none works.
    fn advance(&mut self) -> bool {
        let busy = self.threads.iter().enumerate().filter_map(|(n, t)| Some((t.as_ref()?.until, n)));
        let Some((until, n)) = busy.min() else { return false };
        self.now = self.now.max(until);
        let thread =
            if n < self.limits.threads { self.threads[n].take() } else { self.threads.swap_remove(n) };
        let Some(Busy { piece, from, until, here }) = thread else { return false };
        let spent = until - from;
        match piece {
            Piece::Decode(id) if self.random.u8(..20) == 0 => {
                self.core.ended(id, spent);
                self.end(id);
            }
            Piece::Decode(id) => {
                let call = &self.calls[&id];
                let most = self.models[call.model].most;
                let Call { form, rows, bytes: (_, bytes), .. } = *call;
                self.core.decoded(id, spent, Read { form, rows, most, bytes });
            }
            Piece::Run(ids) => self.core.ran(&ids, spent),
            Piece::Encode(id) => {
                self.core.ended(id, spent);
                self.end(id);
            }
        }
        if let Some(id) = here {
            self.visited += 1;
            self.go_on_here(id);
        }
        self.give_work();
        true
    }

    fn end(&mut self, id: CallId) {
        let call = self.calls.remove(&id).expect("answered what was asked, once");
        assert!(self.over.insert(id), "answered twice");
        self.open[call.model] -= 1;
        let begun = call.begun.unwrap_or(self.now);
        self.answered.push((call.model, self.now - call.arrived, begun - call.arrived));
    }

    /// Runs the threads up to a moment.
    fn until(&mut self, moment: Duration) {
        while self.threads.iter().flatten().any(|busy| busy.until <= moment) {
            self.advance();
        }
        self.now = self.now.max(moment);
    }

    /// What holds after every event.
    fn check(&self) {
        self.check_bytes();
        let (threads, core) = (self.limits.threads, &self.core);
        let visitors = self.threads.len() - threads;
        assert!(visitors <= threads, "too much is done by the threads that calls came by");
        // What was taken from the queue to be read comes back.
        let reading = threads * 2;
        assert!(core.waiting() <= self.limits.queue + reading, "too many wait");
        let of_lanes: usize = core.lanes.values().map(super::lane::Lane::waiting).sum();
        assert_eq!(of_lanes, core.waiting(), "the count is not the sum of the lanes");
        for lane in core.lanes.values() {
            assert!(lane.waiting() <= self.limits.model_queue + reading, "too many wait for one model");
        }
        assert_eq!(core.calls.len(), self.calls.len(), "a call is lost");
        let working = self.threads.iter().flatten().count();
        assert!(working > 0 || self.calls.is_empty(), "calls wait and no thread works: {core:?}");
        let heavy = core.calls.values().filter(|call| call.is_heavy_work()).count();
        assert!(heavy <= (threads - 1).max(1), "heavy pieces on every thread");
    }

    /// Lets everything end: nobody may be left without an answer.
    fn settle(&mut self) {
        while self.advance() {}
        assert!(self.calls.is_empty(), "calls without an answer: {:?}", self.calls);
        assert_eq!((self.core.waiting(), self.core.ready.len()), (0, 0), "work is lost");
        assert_eq!(self.core.waiting_bytes(), 0, "bytes are lost");
        assert_eq!(self.core.backlog, Duration::ZERO, "what waits is counted wrong");
        assert!(self.core.lanes.values().all(super::lane::Lane::is_idle));
    }
}
