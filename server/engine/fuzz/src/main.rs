//! Fuzzes one reader of the engine, whose name is in `BERTH_FUZZ_TARGET`; see README.md.

#![no_main]

#[path = "../../tests/mutants/alter.rs"]
mod alter;
mod archive;
mod artifact;
#[path = "../../tests/shared/attempt.rs"]
mod attempt;
#[path = "../../tests/mutants/change.rs"]
mod change;
#[path = "../../tests/mutants/index.rs"]
mod index;
#[path = "../../tests/mutants/wire.rs"]
mod wire;

use artifact::Layout;
use cap::Cap;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::alloc::System;
use std::sync::LazyLock;

/// What one artifact may take; what asks for more is refused, as by a system that has no more.
const MEMORY: usize = 512 << 20;
/// The server's threads have half of it; frames are larger here, where little is optimised and edges are counted.
const STACK: usize = 4 << 20;
/// Of so many mutations one is libFuzzer's own, of the bytes as they are.
const PLAIN: usize = 4;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

static LAYOUT: LazyLock<&Layout> = LazyLock::new(|| {
    let name = std::env::var("BERTH_FUZZ_TARGET").unwrap_or_default();
    let all: Vec<&str> = artifact::TARGETS.iter().map(|(name, _)| *name).collect();
    artifact::layout(&name).unwrap_or_else(|| panic!("BERTH_FUZZ_TARGET: {name:?} is none of {all:?}"))
});

/// Panics that are caught are none: the hook that ends the process at once goes.
fn prepare() {
    drop(std::panic::take_hook());
}

/// What the engine says of bytes. `BERTH_FUZZ_CURRENT` names a file in which they stay if the process dies without a word, as it
/// does when a stack overflows.
fn attempt(bytes: &[u8]) -> String {
    if let Some(current) = std::env::var_os("BERTH_FUZZ_CURRENT") {
        std::fs::write(current, bytes).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    LAYOUT.write(bytes, dir.path());
    attempt::attempt(dir.path())
}

fuzz_target!(init: prepare(), |bytes: &[u8]| {
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + MEMORY).unwrap();
    let said = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || attempt(bytes));
        thread.unwrap().join().unwrap()
    });
    ALLOCATOR.set_limit(usize::MAX).unwrap();
    if std::env::var_os("BERTH_FUZZ_SHOW").is_some() {
        println!("{said}");
    }
});

fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    let mut random = change::Random::new(u64::from(seed));
    let mut files = LAYOUT.split(&bytes[..size]);
    if files.is_empty() || size == 0 || random.below(PLAIN) == 0 {
        return fuzzer_mutate(bytes, size, most);
    }
    if random.below(2) == 0 {
        // libFuzzer's own again, of one file alone.
        let at = random.below(files.len());
        let file = &mut files[at].1;
        let room = most.saturating_sub(size);
        let length = file.len();
        file.resize(length + room, 0);
        if !file.is_empty() {
            let length = fuzzer_mutate(file, length, length + room);
            file.truncate(length);
        }
    } else {
        alter::alter(&mut files, &mut random);
    }
    let new = LAYOUT.join(&files);
    if new.len() > most {
        return fuzzer_mutate(bytes, size, most);
    }
    bytes[..new.len()].copy_from_slice(&new);
    new.len()
});
