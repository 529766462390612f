//! Calls as they come, with the bytes that wait, and looks at whether more of them would be taken.

use super::{Busy, Call, World};
use crate::cache::CopyId;
use crate::compute::arrival::Refusal;
use crate::compute::call::{CallId, State};
use std::time::Duration;

impl World {
    pub(super) fn arrive(&mut self, model: usize, patience: Option<Duration>) -> Result<CallId, Refusal> {
        let bytes = self.random.u64(..100);
        self.arrive_with(model, bytes, patience)
    }

    /// A call of so many bytes comes.
    pub(super) fn arrive_with(
        &mut self,
        model: usize,
        bytes: u64,
        patience: Option<Duration>,
    ) -> Result<CallId, Refusal> {
        let arrived = self.foreseen(CopyId(model as u64), bytes, patience);
        match arrived {
            Ok(id) => {
                let form = (self.models[model].most > 1).then(|| self.random.u8(..2));
                let rows = if self.random.u8(..8) == 0 { self.random.usize(1..6) } else { 1 };
                let bytes = (bytes, self.random.u64(..200));
                let call = Call { model, form, rows, bytes, arrived: self.now, begun: None };
                assert!(self.calls.insert(id, call).is_none(), "two calls of one name");
                self.open[model] += 1;
                self.check_taken(CopyId(model as u64));
                if self.visits && self.random.bool() {
                    self.go_on_here(id);
                }
            }
            Err(_) => self.refused += 1,
        }
        self.give_work();
        arrived
    }

    /// The thread that a call came by does the next piece of it, if it may.
    pub(super) fn go_on_here(&mut self, id: CallId) {
        if let Some(piece) = self.core.next_here(id) {
            let until = self.now + self.cost(&piece);
            self.threads.push(Some(Busy { piece, from: self.now, until, here: Some(id) }));
        }
    }

    /// A call comes, and is told what a look before it was told.
    fn foreseen(&mut self, copy: CopyId, bytes: u64, patience: Option<Duration>) -> Result<CallId, Refusal> {
        let looked = self.core.look(Some(copy), bytes, patience);
        let of_any = self.core.look(None, 0, None);
        let arrived = self.core.arrive(copy, bytes, patience);
        assert_eq!(looked.err(), arrived.err(), "a look sees what comes");
        assert!(of_any.is_ok() || arrived.is_err(), "taken where all are refused");
        arrived
    }

    /// What holds after a call was taken.
    fn check_taken(&self, copy: CopyId) {
        let (limit, core, lane) = (self.limits.queue_bytes, &self.core, &self.core.lanes[&copy]);
        assert!(core.waiting() == 1 || core.waiting_bytes() <= limit, "too many bytes wait");
        assert!(lane.waiting() == 1 || lane.bytes <= limit.div_ceil(2), "too many bytes of one model wait");
    }

    /// What holds after every event.
    pub(super) fn check_bytes(&self) {
        let waiting = self.core.calls.iter().map(|(id, call)| match call.state {
            State::Fresh => self.calls[id].bytes.0,
            State::Read => self.calls[id].bytes.1,
            _ => 0,
        });
        assert_eq!(waiting.sum::<u64>(), self.core.waiting_bytes(), "bytes are counted wrong");
        let of_lanes: u64 = self.core.lanes.values().map(|lane| lane.bytes).sum();
        assert_eq!(of_lanes, self.core.waiting_bytes(), "the bytes are not the sum of the lanes");
    }
}
