//! Threads that do what [`Core`] decides, and the way to them. One lock guards the core; it is held for the time of a decision, never
//! over work.

use super::arrival::Refusal;
use super::batch::{self, Form, Held, Stage};
use super::call::CallId;
use super::core::{Core, Limits, Piece, Read};
use super::task::{Task, Typed};
use super::waiting::Waiting;
use crate::cache::{CopyId, Lease};
use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use crate::loader::Clock;
use crate::metrics::Metrics;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Requests of more bytes are not read by the thread that they came by: what others of their model cost says little of them.
const SMALL: usize = 16 << 10;

/// A pool of threads that predict, behind a bounded queue.
#[derive(Clone)]
pub struct Compute {
    handle: Arc<Handle>,
}

/// The threads end when nobody has it any more.
struct Handle {
    shared: Arc<Shared>,
}

/// What the threads and those who wait for them share.
pub struct Shared {
    state: Mutex<State>,
    joins: bool,
    metrics: Arc<Metrics>,
}

struct State {
    core: Core<Form>,
    /// The calls that no thread is at.
    held: HashMap<CallId, Held>,
    /// Threads without work; the one that has had some last is woken first.
    idle: Vec<Thread>,
    stopped: bool,
}

/// A piece of work, with what it needs.
enum Work {
    Decode(Held),
    Run(Vec<Held>),
    Encode(Held),
}

/// What became of it.
enum Done {
    Decoded(Held, Read<Form>),
    Ran(Vec<Held>),
    Ended(CallId),
}

impl Compute {
    /// Starts the threads. `joins`: calls that are alike run together where the model gains by it.
    pub fn start(limits: Limits, joins: bool, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let threads = limits.threads;
        let state = State { core: Core::new(limits), held: HashMap::new(), idle: Vec::new(), stopped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), joins, metrics });
        // Made first: if a thread cannot be started, those before it end.
        let compute = Self { handle: Arc::new(Handle { shared }) };
        for n in 0..threads {
            let shared = compute.handle.shared.clone();
            std::thread::Builder::new().name(format!("compute-{n}")).spawn(move || shared.serve())?;
        }
        Ok(compute)
    }

    /// Answers one call: reads it, runs it and writes the answer on the threads. It ends at the deadline, and so does the work for it; the
    /// work ends too if the future is dropped.
    pub async fn invoke<E: Exchange>(
        &self,
        lease: Lease,
        exchange: E,
        deadline: Option<Instant>,
    ) -> Result<E::Answer, InvokeError> {
        let (sender, receiver) = oneshot::channel();
        let (copy, bytes, arrived) = (lease.copy(), exchange.bytes(), Instant::now());
        let task = Box::new(Typed { lease, exchange, clock: Clock::start(arrived), deadline, sender });
        let patience = deadline.map(|at| at.saturating_duration_since(arrived));
        if patience.is_some_and(|left| left.is_zero()) {
            return Err(InvokeError::DeadlineExceeded);
        }
        let shared = &self.handle.shared;
        let id = shared.arrive(copy, bytes, patience, task)?;
        Waiting::new(shared, id, receiver).answer(deadline).await
    }

    /// Whether a call of so many bytes would be taken now, of this copy of a model or of any. Nothing is kept for it.
    pub fn look(
        &self,
        copy: Option<CopyId>,
        bytes: u64,
        deadline: Option<Instant>,
    ) -> Result<(), InvokeError> {
        let patience = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let shared = &self.handle.shared;
        let looked = shared.lock().core.look(copy, bytes, patience);
        looked.map_err(|refusal| shared.refused(refusal))
    }

    /// Calls that wait for a thread, and their bytes.
    pub fn waiting(&self) -> (usize, u64) {
        let state = self.handle.shared.lock();
        (state.core.waiting(), state.core.waiting_bytes())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let idle = {
            let mut state = self.shared.lock();
            state.stopped = true;
            std::mem::take(&mut state.idle)
        };
        idle.iter().for_each(Thread::unpark);
    }
}

impl Shared {
    /// Nobody waits for a call any more. What was held for it, if no thread is at it.
    pub fn gone(&self, id: CallId) -> Option<Held> {
        let mut state = self.lock();
        if state.core.gone(id) { state.held.remove(&id) } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug in the core; what it guards stays consistent enough to go on answering.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(
        &self,
        copy: CopyId,
        bytes: usize,
        patience: Option<Duration>,
        task: Box<dyn Task>,
    ) -> Result<CallId, InvokeError> {
        let mut state = self.lock();
        let id = state.core.arrive(copy, bytes as u64, patience).map_err(|refusal| self.refused(refusal))?;
        state.held.insert(id, Held { id, task, stage: Stage::Fresh });
        if bytes <= SMALL {
            state = self.work_here(state, id);
        }
        let woken = state.take_idle();
        drop(state);
        if let Some(thread) = woken {
            thread.unpark();
        }
        Ok(id)
    }

    /// Does what this thread may do itself of a call that came just now.
    fn work_here<'s>(&'s self, mut state: MutexGuard<'s, State>, id: CallId) -> MutexGuard<'s, State> {
        while let Some(work) = state.core.next_here(id).and_then(|piece| state.take(piece)) {
            drop(state);
            let begun = Instant::now();
            let done = self.perform(work);
            state = self.lock();
            state.note(done, begun.elapsed());
        }
        state
    }

    fn refused(&self, refusal: Refusal) -> InvokeError {
        self.metrics.compute_refused(refusal.reason());
        refusal.into()
    }

    /// A thread's life.
    fn serve(&self) {
        let mut done = None;
        while let Some(work) = self.next(done.take()) {
            let begun = Instant::now();
            done = Some((self.perform(work), begun));
        }
    }

    /// Tells what became of the last piece, and waits for the next. None: it is time to end.
    fn next(&self, done: Option<(Done, Instant)>) -> Option<Work> {
        let mut state = self.lock();
        if let Some((done, begun)) = done {
            state.note(done, begun.elapsed());
        }
        loop {
            while let Some(piece) = state.core.next_piece() {
                let Some(work) = state.take(piece) else { continue };
                let woken = state.take_idle();
                drop(state);
                if let Some(thread) = woken {
                    thread.unpark();
                }
                return Some(work);
            }
            if state.stopped {
                return None;
            }
            let own = std::thread::current();
            state.idle.push(own.clone());
            // Whoever wakes a thread takes it off the list; all else that ends a wait is a mistake.
            while state.idle.iter().any(|thread| thread.id() == own.id()) {
                drop(state);
                std::thread::park();
                state = self.lock();
            }
        }
    }

    fn perform(&self, work: Work) -> Done {
        match work {
            Work::Decode(held) => self.decode(held),
            Work::Run(mut calls) => {
                let rows = batch::run(&mut calls);
                self.metrics.batch_rows.observe(rows as f64);
                Done::Ran(calls)
            }
            Work::Encode(held) => {
                let id = held.id;
                match held.stage {
                    Stage::Ran(outputs) => held.task.answer(outputs),
                    _ => held.task.answer(Err(InvokeError::Panicked)),
                }
                Done::Ended(id)
            }
        }
    }

    fn decode(&self, mut held: Held) -> Done {
        let id = held.id;
        self.metrics.compute_wait_seconds.observe(held.task.arrived().elapsed().as_secs_f64());
        let call =
            if held.task.is_wanted() { held.task.decode() } else { Err(InvokeError::DeadlineExceeded) };
        match call {
            Ok(mut call) => {
                let read = self.read(&held, &mut call);
                held.stage = Stage::Read(call);
                Done::Decoded(held, read)
            }
            Err(error) => {
                held.task.answer(Err(error));
                Done::Ended(id)
            }
        }
    }

    fn read(&self, held: &Held, call: &mut Call) -> Read<Form> {
        match held.task.model().filter(|_| self.joins) {
            Some(model) => batch::read(model.engine(), call),
            None => Read { form: None, rows: 1, most: 1, bytes: call.bytes() },
        }
    }
}

impl State {
    /// What a piece needs. The core knows only calls that are held, so there is always something.
    fn take(&mut self, piece: Piece) -> Option<Work> {
        let mut held = |id: &CallId| self.held.remove(id);
        match piece {
            Piece::Decode(id) => held(&id).map(Work::Decode),
            Piece::Encode(id) => held(&id).map(Work::Encode),
            Piece::Run(ids) => Some(Work::Run(ids.iter().filter_map(held).collect())),
        }
    }

    fn note(&mut self, done: Done, spent: Duration) {
        match done {
            Done::Decoded(held, read) => {
                self.core.decoded(held.id, spent, read);
                self.held.insert(held.id, held);
            }
            Done::Ran(calls) => {
                let ids: Vec<CallId> = calls.iter().map(|held| held.id).collect();
                self.core.ran(&ids, spent);
                self.held.extend(calls.into_iter().map(|held| (held.id, held)));
            }
            Done::Ended(id) => self.core.ended(id, spent),
        }
    }

    /// A thread without work, if there is some for one more.
    fn take_idle(&mut self) -> Option<Thread> {
        if self.core.has_work() { self.idle.pop() } else { None }
    }
}
