//! The server's command line.

use berth_server::cli::Cli;
use berth_server::commands;
use clap::Parser;
use std::process::ExitCode;

/// Returns what models leave behind to the system, which the system's own allocator does only now and then.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().command() {
        Ok(command) => commands::run(command),
        Err(wrong) => wrong.exit(),
    }
}
