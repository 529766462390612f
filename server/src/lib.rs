//! The data plane: many models behind one endpoint, each downloaded, loaded, evicted and reloaded on demand.
//!
//! A request comes in by a protocol ([`http`]), becomes an [`invoke::Exchange`], acquires its model from the
//! [`cache`] (which gets it from the [`store`] through the [`disk`] cache by the [`loader`]), runs on the [`compute`]
//! threads, and goes out through the [`codec`].
//!
//! Beside that way, the [`catalogue`] tells the cache what is asked of single models: by a [`manifest`] on this machine, and in
//! a cluster by [`kubernetes`], where [`routing`] says which pod does what.

pub mod archive;
pub mod cache;
pub mod catalogue;
pub mod cli;
pub mod codec;
pub mod commands;
pub mod compute;
pub mod config;
pub mod deadline;
pub mod disk;
pub mod error;
pub mod grpc;
pub mod http;
pub mod invoke;
pub mod kubernetes;
pub mod loader;
pub mod looks;
pub mod manifest;
pub mod memory;
pub mod metrics;
mod named;
pub mod names;
mod open_inference;
pub mod routing;
pub mod server;
pub mod stop;
pub mod store;
mod temporary;
pub mod tensorflow;
pub mod units;
