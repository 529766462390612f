//! The control plane: makes MultiModelEndpoints of the cluster what their specs say.
//!
//! Each kind's reconcile is the file tree:
//!
//! ```text
//! observe ──► plan ──► build ──► apply ──► status
//! asks API    pure     pure     writes     pure, then one write
//! ```
//!
//! What is pure takes the time as an argument and asks nobody. Everything that is written goes through
//! [`writer::Writer`], which refuses once this process may no longer be the leader. The operator holds no credentials
//! of stores and reads no Secret: what it says of an artifact it asks a pod ([`survey`]).

pub mod artifact;
pub mod backoff;
pub mod difference;
pub mod endpoint;
pub mod error;
pub mod leader;
pub mod survey;
pub mod writer;

mod admin;
mod cli;
mod context;
mod controllers;
mod events;
mod invoke;
mod metrics;
mod paced;
mod run;
mod status;

pub use cli::{Cli, Command, Config, execute};
pub use context::Context;
pub use error::Error;
