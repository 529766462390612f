//! Which models are in memory, which are on their way, and who waits for them: the heart of the server.
//!
//! ```text
//!            request                slot free            on disk, size known      budget charged
//!  Standby ───────────► Queued ───────────► Downloading ───────────► Reserving ───────────► Loading
//!     ▲  ▲                 └──────────────────────┴─────── error ─────────┴────────────────────┤
//!     │  │                                        ▼                                            │
//!     │  └── retried on demand after `until` ── Failed                                         ▼
//!     └────────────── memory given back ────── Draining ◄────── evicted, unloaded ──────── Resident
//! ```
//!
//! [`core`] is the whole of the decisions and does no I/O: an event and the time go in, actions come out. All
//! state of a model is one [`entry::Entry`] in one map. [`shell`] performs the actions and reports what became
//! of them. The simulation test runs the same core through millions of interleavings.
//!
//! What always holds (checked after every event of the simulation):
//! - resident + reserved + not yet given back bytes ≤ the budget;
//! - a model has at most one job, however many requests wait for it, and every request is answered once;
//! - a copy that a request uses is never given back;
//! - a request gets its model and the lease on it in one step, so an eviction cannot come between.

pub mod budget;
pub mod core;
pub mod entry;
pub mod event;
mod eviction;
mod jobs;
pub mod lease;
mod listings;
mod outlook;
mod report;
mod requests;
pub mod shell;
#[cfg(test)]
mod simulation;
mod updates;
mod versions;
mod view;

pub use core::{Core, Policy};
pub use entry::{CopyId, ModelState};
pub use event::{Action, Event, Source};
pub use lease::Lease;
pub use listings::Held;
pub use shell::ModelCache;
pub use view::ModelView;
