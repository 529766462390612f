//! The program: `berth-operator run | crds`.

use berth_operator::{Cli, execute};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    execute(Cli::parse())
}
