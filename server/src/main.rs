//! The server's command line.

use berth_server::cli::Cli;
use berth_server::commands;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    berth_server::memory::prepare();
    match Cli::parse().command() {
        Ok(command) => commands::run(command),
        Err(wrong) => wrong.exit(),
    }
}
