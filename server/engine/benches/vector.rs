//! How much faster the kernels on slices are than those on values, on one thread.
//!
//! Both run in turns and the medians are compared, so that a machine that is busy with something else slows both.

use berth_engine::kernels::vector::compare::{Functions, Sliding};
use std::time::Instant;

/// The median of one over the median of the other.
fn ratio<S>(state: &mut S, before: impl Fn(&mut S), after: impl Fn(&mut S)) -> f64 {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let start = Instant::now();
        before(state);
        old.push(start.elapsed());
        let start = Instant::now();
        for _ in 0..4 {
            after(state);
        }
        new.push(start.elapsed() / 4);
    }
    old.sort();
    new.sort();
    old[7].as_secs_f64() / new[7].as_secs_f64()
}

fn main() -> Result<(), berth_engine::EngineError> {
    // The kernels on values would share the work.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().ok();
    for (size, channels, window, stride) in
        [(112, 32, 3, 1), (56, 144, 3, 2), (28, 192, 3, 1), (14, 576, 3, 1), (14, 672, 5, 1)]
    {
        let mut sliding = Sliding::new(size, channels, window, stride)?;
        let before = |s: &mut Sliding| drop(s.before());
        let times = ratio(&mut sliding, before, |s| assert!(s.after()));
        println!(
            "depthwise {size}x{size}x{channels} {window}x{window} stride {stride}: {times:.1} times as fast"
        );
    }
    for name in ["softmax", "exp", "tanh"] {
        for (rows, width) in [(64, 1000), (512, 64)] {
            let mut functions = Functions::new(rows, width)?;
            let before = |f: &mut Functions| drop(f.before(name));
            let times = ratio(&mut functions, before, |f| f.after(name));
            println!("{name} {rows}x{width}: {times:.1} times as fast");
        }
    }
    Ok(())
}
