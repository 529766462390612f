//! The threads that predict, and the queue before them. They are no threads of the async runtime and none that load models: a slow
//! prediction never stops the server from accepting, a slow load never stops a prediction.
//!
//! ```text
//!  arrive ──► fresh ──decode──► read ──run, with others like it──► ran ──encode──► answer
//!    │          └──────── gone: the client left, the deadline passed ────┘
//!    └─ refused: the queue is full, of calls or of bytes, or the wait would be too long
//! ```
//!
//! A light call is done by the thread that it came by, if nothing else waits: to hand it over would cost more than its work.
//!
//! [`core`] is the whole of the decisions and does no work: what came and what was done go in, the next piece of work comes out.
//! [`shell`] has the threads, `batch` makes one run of several calls and several answers of one. The simulation test runs the same
//! core through random loads.
//!
//! What always holds (checked after every event of the simulation):
//! - the calls that wait are within the queue's bounds, of all models and of each; so are their bytes when a call is taken, unless it
//!   waits alone;
//! - every call that is taken is answered once or gone, and none waits while a thread could work on it;
//! - calls run together only if they are of one model and alike;
//! - models that always have work get equal time, up to a piece for each thread; a model that comes new waits for nobody's turn twice;
//! - heavy pieces leave a thread for light ones;
//! - threads of the async runtime do light calls only, no more of them at a time than there are threads here.

mod amount;
mod arrival;
mod batch;
mod call;
pub mod core;
mod cost;
mod lane;
mod ready;
pub mod shell;
#[cfg(test)]
mod simulation;
mod task;
mod waiting;

pub use arrival::Refusal;
pub use core::Limits;
pub use shell::Compute;
