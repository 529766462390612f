//! The engine's side of `benches/engine.py`: commands by line on standard input, an answer by line on standard output.
//!
//! `load DIR`: nanoseconds, bytes of memory that no file backs, bytes forecast by `inspect`, growth of the former by the load, resident
//! bytes. Growth leaves pages of the program out, which are resident from when they are first used and are no part of a model.
//! `input NAME FILE`: keeps a `.npy` as input. `document NAME FILE`: keeps a file as an input of one text. `run N`: median and least
//! nanoseconds of N runs, and the mean magnitude of the first output, for the caller to compare. `memory`: bytes that no file backs.
//! `profile N`: a line for each operation, the dearest first, over N runs: milliseconds, thousands of millions of operations with numbers a
//! second, and what it is; then `end`. `peak N`: by how many bytes the resident set grew at most during N runs. A model that does not load or run is answered with `error`.

#![allow(clippy::unwrap_used, reason = "a tool of the benchmarks stops at the first thing that is wrong")]
#![allow(dead_code, reason = "of the tests' module only the reading is used")]

#[path = "../tests/parity/values.rs"]
mod values;

use berth_engine::{Data, EngineError, Model, Prepared, Tensor};
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

/// A line of what the kernel says of this process, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Sets the allocator up as the server does, and gives free memory back as the server does after loads and unloads.
#[allow(unsafe_code)]
mod allocator {
    pub fn prepare() {
        #[cfg(target_env = "gnu")]
        // SAFETY: mallopt takes any values, and no other thread runs yet.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 4);
            libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 10);
        }
    }

    pub fn give_back() {
        #[cfg(target_env = "gnu")]
        // SAFETY: malloc_trim may be called at any time from any thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

fn load(dir: &str) -> Result<Model, EngineError> {
    let before = memory("RssAnon");
    let started = Instant::now();
    let prepared = Prepared::open(Path::new(dir))?;
    // What `inspect` says.
    let forecast = prepared.resident_bytes();
    let model = prepared.load()?;
    let took = started.elapsed().as_nanos();
    allocator::give_back();
    let after = memory("RssAnon");
    println!("{took} {after} {forecast} {} {}", after.saturating_sub(before), memory("VmRSS"));
    Ok(model)
}

/// By how much the resident set grows at most during some runs.
fn peak(model: &Model, inputs: &[(String, Tensor)], times: usize) -> Result<(), EngineError> {
    let name = model.signature(None)?.name.clone();
    allocator::give_back();
    // The kernel forgets the largest resident set so far.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS");
    for _ in 0..times.max(1) {
        model.run(&name, inputs.to_vec())?;
    }
    println!("{}", memory("VmHWM").saturating_sub(before));
    Ok(())
}

fn magnitude(outputs: &[(String, Tensor)]) -> f64 {
    match outputs.first().map(|(_, tensor)| tensor.data()) {
        Some(Data::F32(values)) => {
            values.iter().map(|v| f64::from(v.abs())).sum::<f64>() / values.len().max(1) as f64
        }
        _ => 0.0,
    }
}

fn run(model: &Model, inputs: &[(String, Tensor)], times: usize) -> Result<(), EngineError> {
    let name = model.signature(None)?.name.clone();
    let mut took = Vec::new();
    let mut seen = 0.0;
    for _ in 0..times.max(1) {
        let inputs = inputs.to_vec();
        let started = Instant::now();
        let outputs = model.run(&name, inputs)?;
        took.push(started.elapsed().as_nanos());
        seen = magnitude(&outputs);
    }
    took.sort_unstable();
    println!("{} {} {seen:e}", took[took.len() / 2], took[0]);
    Ok(())
}

fn profile(model: &Model, inputs: &[(String, Tensor)], times: usize) -> Result<(), EngineError> {
    let name = model.signature(None)?.name.clone();
    for cost in model.profile(&name, inputs.to_vec(), times)?.1 {
        let rate = cost.flops as f64 / cost.seconds / 1e9;
        println!("{:8.4} {rate:6.0} {} {}", cost.seconds * 1e3, cost.operation, cost.node);
    }
    println!("end");
    Ok(())
}

fn main() {
    allocator::prepare();
    let mut model: Option<Model> = None;
    let mut inputs: Vec<(String, Tensor)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let done = match words[..] {
            ["load", dir] => {
                inputs.clear();
                drop(model.take());
                load(dir).map(|loaded| model = Some(loaded))
            }
            ["hello"] => {
                println!("ok");
                Ok(())
            }
            ["memory"] => {
                println!("{}", memory("RssAnon"));
                Ok(())
            }
            ["input", name, file] => {
                let tensor = values::tensor(&serde_json::json!({ "file": file }));
                inputs.retain(|(known, _)| known != name);
                inputs.push((name.to_owned(), tensor));
                println!("ok");
                Ok(())
            }
            ["document", name, file] => {
                let tensor = Tensor::new(vec![1], Data::String(vec![std::fs::read(file).unwrap()])).unwrap();
                inputs.retain(|(known, _)| known != name);
                inputs.push((name.to_owned(), tensor));
                println!("ok");
                Ok(())
            }
            ["peak", times] => peak(model.as_ref().unwrap(), &inputs, times.parse().unwrap()),
            ["profile", times] => profile(model.as_ref().unwrap(), &inputs, times.parse().unwrap()),
            ["run", times] => run(model.as_ref().unwrap(), &inputs, times.parse().unwrap()),
            _ => panic!("no command: {line:?}"),
        };
        if let Err(error) = done {
            println!("error {}", error.to_string().replace('\n', " "));
        }
    }
}
