//! Fuzzes one codec of the server, whose name is in `BERTH_FUZZ_TARGET`; see README.md.

#![no_main]

#[path = "../../engine/tests/mutants/alter.rs"]
mod alter;
#[path = "../../tests/codecs/attempt.rs"]
mod attempt;
#[path = "../../engine/tests/mutants/change.rs"]
mod change;
#[path = "../../engine/tests/mutants/index.rs"]
#[allow(dead_code, reason = "codecs have no index to be sealed anew")]
mod index;
#[path = "../../engine/tests/mutants/wire.rs"]
mod wire;

use cap::Cap;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::alloc::System;
use std::sync::LazyLock;

/// What one body may take; what asks for more is refused, as by a system that has no more.
const MEMORY: usize = 512 << 20;
/// Of so many mutations one knows numbers in texts and fields of messages.
const KNOWING: usize = 3;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

static TARGET: LazyLock<String> = LazyLock::new(|| {
    let name = std::env::var("BERTH_FUZZ_TARGET").unwrap_or_default();
    let all = attempt::TARGETS;
    assert!(all.contains(&name.as_str()), "BERTH_FUZZ_TARGET: {name:?} is none of {all:?}");
    // Models are loaded before anything is counted.
    attempt::attempt("json", b"");
    name
});

fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.as_str();
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + MEMORY).unwrap();
    let said = attempt::attempt(target, bytes);
    ALLOCATOR.set_limit(usize::MAX).unwrap();
    if std::env::var_os("BERTH_FUZZ_SHOW").is_some() {
        println!("{said}");
    }
});

fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    let mut random = change::Random::new(u64::from(seed));
    if size == 0 || random.below(KNOWING) != 0 {
        return fuzzer_mutate(bytes, size, most);
    }
    let mut body = vec![(String::new(), bytes[..size].to_vec())];
    alter::alter(&mut body, &mut random);
    let new = &body[0].1;
    if new.len() > most {
        return fuzzer_mutate(bytes, size, most);
    }
    bytes[..new.len()].copy_from_slice(new);
    new.len()
});
