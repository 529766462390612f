//! How much waits: calls and their bytes, of all models and of each.

use super::call::CallId;
use super::core::Core;

impl<F: PartialEq> Core<F> {
    /// Calls that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes of these calls.
    pub fn waiting_bytes(&self) -> u64 {
        self.bytes
    }

    /// A call of so many bytes waits for a thread from now on.
    pub(super) fn waits(&mut self, call: CallId, bytes: u64) {
        let Some(call) = self.calls.get_mut(&call) else { return };
        call.bytes = bytes;
        self.waiting += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(lane) = self.lanes.get_mut(&call.lane) {
            lane.bytes = lane.bytes.saturating_add(bytes);
        }
    }

    /// A call waits no more.
    pub(super) fn waits_no_more(&mut self, call: CallId) {
        let Some(call) = self.calls.get_mut(&call) else { return };
        let bytes = std::mem::take(&mut call.bytes);
        self.waiting -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(lane) = self.lanes.get_mut(&call.lane) {
            lane.bytes = lane.bytes.saturating_sub(bytes);
        }
    }
}
