//! The decisions: which call a thread works on next, which calls run together, which are refused. No threads, no clock.
//!
//! Each resident copy of a model is a lane. A thread that is free takes a piece of work (reading a call, running some, writing an
//! answer) of the lane that has had least, by measured time; a lane that had nothing to do starts where the others are, so that it has
//! neither credit nor debt. Heavy pieces are done by all threads but one at most, so that a small one always finds a thread.

use super::call::{Call, CallId, State, Work};
use super::cost::{Average, Costs};
use super::lane::{Lane, Next};
use super::ready::{Place, Ready};
use crate::cache::CopyId;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The numbers that the decisions depend on.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Threads that predict.
    pub threads: usize,
    /// Calls that may wait.
    pub queue: usize,
    /// Calls of one model that may wait.
    pub model_queue: usize,
    /// Bytes of the calls that may wait, half of them for one model. A call is taken all the same where none waits.
    pub queue_bytes: u64,
    /// A call that would wait longer is refused.
    pub max_wait: Duration,
}

/// What a thread does without a break.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Read a call, then report [`Core::decoded`] or [`Core::ended`].
    Decode(CallId),
    /// Run these together, then report [`Core::ran`].
    Run(Vec<CallId>),
    /// Write an answer, then report [`Core::ended`].
    Encode(CallId),
}

/// A call that was read.
#[derive(Debug)]
pub struct Read<F> {
    /// What others must have in common with it to run with it; None: it runs alone.
    pub form: Option<F>,
    /// Its rows.
    pub rows: usize,
    /// Rows of one run.
    pub most: usize,
    /// Bytes of its tensors.
    pub bytes: u64,
}

/// All calls that wait or are worked on. `F` is what calls must have in common to run together.
#[derive(Debug)]
pub struct Core<F> {
    pub(super) limits: Limits,
    pub(super) lanes: HashMap<CopyId, Lane<F>>,
    pub(super) calls: HashMap<CallId, Call>,
    pub(super) ready: Ready,
    /// Calls whose answers are to be written: they go before all else, because nothing is gained by their waiting.
    ran: VecDeque<CallId>,
    /// Pieces that are under way.
    working: usize,
    /// The heavy ones of them.
    heavy_working: usize,
    pub(super) virtual_time: Duration,
    pub(super) waiting: usize,
    /// Bytes of all that waits.
    pub(super) bytes: u64,
    /// What all that waits is expected to cost.
    pub(super) backlog: Duration,
    pub(super) next_call: u64,
}

impl<F: PartialEq> Core<F> {
    /// Without calls.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            calls: HashMap::new(),
            ready: Ready::default(),
            ran: VecDeque::new(),
            working: 0,
            heavy_working: 0,
            virtual_time: Duration::ZERO,
            waiting: 0,
            bytes: 0,
            backlog: Duration::ZERO,
            next_call: 0,
        }
    }

    /// Whether there is something to do for one more thread.
    pub fn has_work(&self) -> bool {
        !self.ran.is_empty() || self.first().is_some()
    }

    fn first(&self) -> Option<Place> {
        self.ready.first(self.heavy_working < self.limits.most_heavy())
    }

    /// What a free thread does next.
    pub fn next_piece(&mut self) -> Option<Piece> {
        if let Some(call) = self.ran.pop_front() {
            return Some(self.encode(call));
        }
        let (virtual_time, _, copy) = self.first()?;
        self.virtual_time = self.virtual_time.max(virtual_time);
        let lane = self.lanes.get_mut(&copy)?;
        let piece = match lane.next()? {
            Next::Decode => {
                let call = lane.take_fresh()?;
                lane.working += 1;
                self.waits_no_more(call);
                self.begin(call, State::Decoding, |costs| costs.decode, None);
                Piece::Decode(call)
            }
            Next::Run(at) => {
                let run = lane.take_run(at)?;
                lane.working += run.calls.len();
                for call in &run.calls {
                    self.waits_no_more(*call);
                    self.no_more_expected(*call);
                }
                let (first, rest) = run.calls.split_first()?;
                for call in rest {
                    self.set_state(*call, State::Running);
                }
                self.begin(*first, State::Running, |costs| costs.run, Some((run.group, run.rows)));
                Piece::Run(run.calls)
            }
        };
        self.place(copy);
        Some(piece)
    }

    fn encode(&mut self, call: CallId) -> Piece {
        if let Some(copy) = self.begin(call, State::Encoding, |costs| costs.encode, None) {
            self.place(copy);
        }
        Piece::Encode(call)
    }

    /// The next piece of a call, for the thread that it came by: handing a light call over would cost more than its work. None: a free
    /// thread is to do it, because it is not light, something else waits, or as much is under way as there are threads.
    pub fn next_here(&mut self, call: CallId) -> Option<Piece> {
        let Call { lane, state, .. } = *self.calls.get(&call)?;
        if state == State::Ran {
            self.ran.retain(|c| *c != call);
            return Some(self.encode(call));
        }
        let lane = self.lanes.get(&lane)?;
        let is_alone = lane.waiting() == 1 && self.ready.len() == 1 && self.ran.is_empty();
        let may = is_alone && self.working < self.limits.threads && lane.is_light_next();
        if may { self.next_piece() } else { None }
    }

    /// A call was read.
    pub fn decoded(&mut self, call: CallId, spent: Duration, read: Read<F>) {
        let Some(copy) = self.end(call, spent, |costs| &mut costs.decode) else { return };
        self.set_state(call, State::Read);
        if let Some(lane) = self.lanes.get_mut(&copy) {
            lane.working -= 1;
            lane.push_read(call, read.form, read.rows, read.most);
        }
        self.waits(call, read.bytes);
        self.place(copy);
    }

    /// The calls of a [`Piece::Run`] ran: their answers, or what went wrong, are to be written.
    pub fn ran(&mut self, calls: &[CallId], spent: Duration) {
        let Some(first) = calls.first() else { return };
        let run = self.calls.get(first).and_then(|call| call.work?.run);
        let Some(copy) = self.end(*first, spent, |costs| &mut costs.run) else { return };
        if let Some(lane) = self.lanes.get_mut(&copy) {
            lane.costs.share.add(spent / u32::try_from(calls.len()).unwrap_or(u32::MAX));
            if let Some((group, rows)) = run {
                lane.ran(group, rows);
            }
        }
        for call in calls {
            self.set_state(*call, State::Ran);
            self.ran.push_back(*call);
        }
        self.place(copy);
    }

    /// A call is over: its answer was written, or it could not be read.
    pub fn ended(&mut self, call: CallId, spent: Duration) {
        let decoding = self.calls.get(&call).is_some_and(|c| c.state == State::Decoding);
        let copy = match decoding {
            true => self.end(call, spent, |costs| &mut costs.decode),
            false => self.end(call, spent, |costs| &mut costs.encode),
        };
        self.no_more_expected(call);
        self.calls.remove(&call);
        let Some(copy) = copy else { return };
        if let Some(lane) = self.lanes.get_mut(&copy) {
            lane.working -= 1;
        }
        self.place(copy);
    }

    /// Nobody waits for a call any more. True: it is out, and nothing was or will be done for it; false: a thread is at it.
    pub fn gone(&mut self, call: CallId) -> bool {
        let Some((copy, state)) = self.calls.get(&call).map(|c| (c.lane, c.state)) else { return false };
        let Some(lane) = self.lanes.get_mut(&copy) else { return false };
        match state {
            State::Fresh | State::Read if lane.remove(call) => self.waits_no_more(call),
            State::Ran => {
                self.ran.retain(|c| *c != call);
                lane.working -= 1;
            }
            _ => return false,
        }
        self.no_more_expected(call);
        self.calls.remove(&call);
        self.place(copy);
        true
    }

    /// A piece begins: its lane is charged what it is expected to cost.
    fn begin(
        &mut self,
        call: CallId,
        state: State,
        cost: impl Fn(&Costs) -> Average,
        run: Option<(u64, usize)>,
    ) -> Option<CopyId> {
        let call = self.calls.get_mut(&call)?;
        call.state = state;
        let lane = self.lanes.get_mut(&call.lane)?;
        let (charged, heavy) = (cost(&lane.costs).expected(), cost(&lane.costs).is_heavy());
        lane.virtual_time += charged;
        self.working += 1;
        self.heavy_working += usize::from(heavy);
        call.work = Some(Work { charged, heavy, run });
        Some(call.lane)
    }

    /// A piece ends: its lane is charged what it did cost.
    fn end(
        &mut self,
        call: CallId,
        spent: Duration,
        cost: impl Fn(&mut Costs) -> &mut Average,
    ) -> Option<CopyId> {
        let call = self.calls.get_mut(&call)?;
        let lane = self.lanes.get_mut(&call.lane)?;
        if let Some(work) = call.work.take() {
            lane.virtual_time = lane.virtual_time.saturating_sub(work.charged) + spent;
            self.working -= 1;
            self.heavy_working -= usize::from(work.heavy);
            cost(&mut lane.costs).add(spent);
        }
        Some(call.lane)
    }

    fn set_state(&mut self, call: CallId, state: State) {
        if let Some(call) = self.calls.get_mut(&call) {
            call.state = state;
        }
    }

    /// A call is no longer before others.
    fn no_more_expected(&mut self, call: CallId) {
        let Some(call) = self.calls.get_mut(&call) else { return };
        let expected = std::mem::take(&mut call.expected);
        self.backlog = self.backlog.saturating_sub(expected);
        if let Some(lane) = self.lanes.get_mut(&call.lane) {
            lane.backlog = lane.backlog.saturating_sub(expected);
        }
    }

    /// Puts a lane where it belongs among those that have something to do.
    pub(super) fn place(&mut self, copy: CopyId) {
        let place = self.lanes.get(&copy).and_then(|lane| {
            let next = lane.next()?;
            let heavy = match next {
                Next::Decode => lane.costs.decode.is_heavy(),
                Next::Run(_) => lane.costs.run.is_heavy(),
            };
            Some((heavy, (lane.virtual_time, lane.oldest(next)?, copy)))
        });
        self.ready.put(copy, place);
    }
}
