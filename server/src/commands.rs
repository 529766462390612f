//! The commands.

mod graph;
mod inspect;
mod predict;
mod profile;
mod serve;

use crate::cli::Command;
use std::process::ExitCode;

/// A command's own words for what went wrong; exit code 1.
pub type Failure = String;

/// Wrong usage.
const USAGE: u8 = 2;

/// Runs a command to its end.
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Serve(args) => {
            let format = args.log_format;
            match args.config() {
                Ok(config) => serve::run(config, format),
                Err(wrong) => return fail(&wrong, USAGE),
            }
        }
        Command::Predict { artifact, input, profile, device } => {
            predict::run(&artifact, &input, profile, device)
        }
        Command::Inspect { artifact, json, graph, device } => inspect::run(&artifact, json, graph, device),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure, 1),
    }
}

fn fail(text: &str, code: u8) -> ExitCode {
    eprintln!("error: {text}");
    ExitCode::from(code)
}
