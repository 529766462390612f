//! Random loads by the seed.

use super::{Limits, Model, World};
use std::time::Duration;

fn model(random: &mut fastrand::Rng) -> Model {
    let light = if random.u8(..3) == 0 { 20 } else { 1 };
    let mut micros = |most: u64| Duration::from_micros(random.u64(1..most) / light);
    let (decode, run, row, encode) = (micros(300), micros(500), micros(200), micros(100));
    let heavy = if random.u8(..4) == 0 { 100 } else { 1 };
    let most = if random.bool() { 1 } else { random.usize(2..9) };
    Model { decode, run: run * heavy, row, encode, most }
}

#[test]
fn nothing_is_lost_under_any_load() {
    let seeds = std::env::var("BERTH_SIMULATION_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(100);
    let (mut answered, mut refused, mut largest, mut visited) = (0, 0, 0, 0);
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| {
            let mut random = fastrand::Rng::with_seed(seed);
            let queue = random.usize(1..60);
            let limits = Limits {
                threads: random.usize(1..5),
                queue,
                model_queue: random.usize(1..=queue),
                queue_bytes: random.u64(1..4000),
                max_wait: Duration::from_millis(random.u64(1..1000)),
            };
            let models = (0..random.usize(1..8)).map(|_| model(&mut random)).collect();
            let mut world = World::new(seed, limits, models);
            world.visits = random.bool();
            for _ in 0..1000 {
                match random.u8(..100) {
                    0..50 => {
                        let patience = random.bool().then(|| Duration::from_micros(random.u64(..50_000)));
                        let _ = world.arrive(random.usize(..world.models.len()), patience);
                    }
                    50..55 => {
                        let oldest = world.calls.keys().min().copied();
                        oldest.into_iter().for_each(|id| world.gone(id));
                    }
                    55..58 => {
                        let newest = world.calls.keys().max().copied();
                        newest.into_iter().for_each(|id| world.gone(id));
                    }
                    58 => while world.advance() {},
                    _ => {
                        world.advance();
                    }
                }
            }
            world.settle();
            (world.answered.len(), world.refused, world.largest_run, world.visited)
        });
        let (a, r, l, v) = run.unwrap_or_else(|_| panic!("seed {seed}"));
        answered += a;
        refused += r;
        largest = largest.max(l);
        visited += v;
    }
    assert!(answered > 10_000 && refused > 10_000, "the simulation must see both: {answered}, {refused}");
    assert_eq!(largest, 8, "and the largest runs");
    assert!(visited > 100, "and work where it came: {visited}");
}
