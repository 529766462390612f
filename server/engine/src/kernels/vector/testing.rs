//! What the tests of the kernels share.

use crate::kernels::simd::{Isa, Kernel, run_on};

/// Numbers that look random, the same on every run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Any 32 bits.
    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    /// A number in `-1..1`.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Numbers in `-scale..scale`.
    pub fn many(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * scale).collect()
    }

    /// A size below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.bits() as usize % n
    }
}

/// Runs a kernel on each instruction set.
pub fn everywhere<K: Kernel>(kernel: impl Fn() -> K, check: impl Fn(Isa, K::Output)) {
    for isa in Isa::all() {
        check(isa, run_on(isa, kernel()));
    }
}

/// Whether two slices agree within `tolerance` of the larger of 1 and the right number.
#[track_caller]
pub fn close(got: &[f32], right: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), right.len(), "{what}");
    for (n, (got, right)) in got.iter().zip(right).enumerate() {
        let got = f64::from(*got);
        let same = (got.is_nan() && right.is_nan()) || got == *right;
        let near = (got - right).abs() <= tolerance * right.abs().max(1.0);
        assert!(same || near, "{what}: {got} at {n}, not {right}");
    }
}
