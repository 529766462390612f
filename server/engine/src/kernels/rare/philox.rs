//! Philox of four 32-bit words in ten rounds, and the numbers that TensorFlow makes of its words.

use half::{bf16, f16};

/// The smallest number whose logarithm is taken.
const LEAST: f32 = 1e-7;

/// Words, four for each value of the counter.
#[derive(Debug, Clone)]
pub struct Philox {
    key: u64,
    counter: u128,
}

impl Philox {
    pub fn new(key: u64, [low, high]: [u64; 2]) -> Self {
        Self { key, counter: u128::from(low) | u128::from(high) << 64 }
    }

    /// By a seed of two numbers, scrambled so that near seeds are far apart: key, and the counter's halves.
    pub fn scrambled(seed: [i64; 2]) -> (u64, [u64; 2]) {
        let seed = seed.map(i64::cast_unsigned);
        let [a, b, c, d] = Self::new(0x0246_1e29_3ec8_f720, seed).next();
        (u64::from(a) | u64::from(b) << 32, [0, u64::from(c) | u64::from(d) << 32])
    }

    /// The next four words.
    pub fn next(&mut self) -> [u32; 4] {
        let word = |n: u32| (self.counter >> (32 * n)) as u32;
        let mut c = [word(0), word(1), word(2), word(3)];
        let mut key = [self.key as u32, (self.key >> 32) as u32];
        let product = |by: u32, x: u32| {
            let product = u64::from(by) * u64::from(x);
            (product as u32, (product >> 32) as u32)
        };
        for _ in 0..10 {
            let (low, high) = product(0xd251_1f53, c[0]);
            let (low_too, high_too) = product(0xcd9e_8d57, c[2]);
            c = [high_too ^ c[1] ^ key[0], low_too, high ^ c[3] ^ key[1], low];
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
        }
        self.counter = self.counter.wrapping_add(1);
        c
    }

    /// Leaves so many values of the counter out.
    pub fn skip(&mut self, counts: u64) {
        self.counter = self.counter.wrapping_add(u128::from(counts));
    }

    /// The words one by one.
    pub fn words(mut self) -> impl Iterator<Item = u32> {
        std::iter::repeat_with(move || self.next()).flatten()
    }
}

/// From 0 to 1, by the low bits of a word.
pub fn single(word: u32) -> f32 {
    f32::from_bits(127 << 23 | word & 0x7f_ffff) - 1.0
}

pub fn double([high, low]: [u32; 2]) -> f64 {
    f64::from_bits(1023 << 52 | u64::from(high & 0xf_ffff) << 32 | u64::from(low)) - 1.0
}

pub fn half(word: u32) -> f32 {
    f16::from_bits(15 << 10 | (word & 0x3ff) as u16).to_f32() - 1.0
}

pub fn brain(word: u32) -> f32 {
    bf16::from_bits(127 << 7 | (word & 0x7f) as u16).to_f32() - 1.0
}

/// Two numbers of the normal distribution, by Box and Muller.
pub fn normal_pair(words: [u32; 2]) -> [f32; 2] {
    let turn = (2.0 * std::f64::consts::PI * f64::from(single(words[1]))) as f32;
    let far = (-2.0 * single(words[0]).max(LEAST).ln()).sqrt();
    [turn.sin() * far, turn.cos() * far]
}

pub fn wide_normal_pair([a, b, c, d]: [u32; 4]) -> [f64; 2] {
    let turn = 2.0 * std::f64::consts::PI * double([c, d]);
    let far = (-2.0 * double([a, b]).max(1e-7).ln()).sqrt();
    [turn.sin() * far, turn.cos() * far]
}

#[cfg(test)]
mod tests {
    use super::Philox;

    #[test]
    fn words_are_those_of_the_paper() {
        let nothing = Philox::new(0, [0, 0]).next();
        assert_eq!(nothing, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = Philox::new(u64::MAX, [u64::MAX; 2]).next();
        assert_eq!(ones, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }
}
