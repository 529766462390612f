//! Vectors of sixteen `f32`, on whatever the processor has.
//!
//! A kernel is written once, generic over [`Simd`], as an implementation of [`Kernel`]; [`run`] compiles it for each
//! instruction set and picks the best that the machine has. Sixteen lanes everywhere mean one layout of packed data everywhere: one
//! AVX-512 register, two AVX registers, four NEON registers, or an array that the compiler vectorises as it can.
//!
//! Loads and stores go through references to whole arrays, so that kernels are safe code: a slice is cut into arrays with
//! `as_chunks`, its rest goes through [`Simd::load_part`] and [`Simd::store_part`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod scalar;
#[cfg(test)]
mod tests;

pub use scalar::Scalar;

use std::sync::OnceLock;

/// Numbers in a vector.
pub const LANES: usize = 16;

/// Bytes that are compared at once.
pub const BYTES: usize = 64;

/// Memory of a vector.
pub type Lanes = [f32; LANES];

/// Operations on sixteen numbers. A comparison with NaN is false; masks select lanes.
pub trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen numbers.
    type V: Copy;
    /// Sixteen answers.
    type M: Copy;
    /// Rows of a product's tile, and vectors of each: as many as leave registers for what is multiplied.
    const TILE: [usize; 2];

    fn splat(x: f32) -> Self::V;
    fn load(from: &Lanes) -> Self::V;
    fn store(v: Self::V, to: &mut Lanes);
    fn add(a: Self::V, b: Self::V) -> Self::V;
    fn sub(a: Self::V, b: Self::V) -> Self::V;
    fn mul(a: Self::V, b: Self::V) -> Self::V;
    fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the processor can.
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger; `b` if one is NaN.
    fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` if one is NaN.
    fn min(a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(v: Self::V) -> Self::V;
    /// To the nearest integer, halves to the even one.
    fn round(v: Self::V) -> Self::V;
    /// To the integer below.
    fn floor(v: Self::V) -> Self::V;
    fn abs(v: Self::V) -> Self::V;
    /// `v * 2^n` for integral `n` in -126..=127.
    fn scale(v: Self::V, n: Self::V) -> Self::V;
    /// `v * 2^n` for integral `n` down to -252; a denormal result is rounded once.
    #[inline(always)]
    fn scale_far(v: Self::V, n: Self::V) -> Self::V {
        // In two steps: neither factor overflows.
        let half = Self::floor(Self::mul(n, Self::splat(0.5)));
        Self::scale(Self::scale(v, half), Self::sub(n, half))
    }

    /// `1 / v` of numbers from one to two, to the last bit or two.
    #[inline(always)]
    fn reciprocal(v: Self::V) -> Self::V {
        Self::div(Self::splat(1.0), v)
    }

    fn less(a: Self::V, b: Self::V) -> Self::M;
    fn equal(a: Self::V, b: Self::V) -> Self::M;
    /// `yes` where the mask is set, `no` elsewhere.
    fn select(mask: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// Whether the mask is set anywhere.
    #[inline(always)]
    fn any(mask: Self::M) -> bool {
        Self::largest(Self::select(mask, Self::splat(1.0), Self::splat(0.0))) > 0.0
    }
    fn sum(v: Self::V) -> f32;

    /// Asks for memory that will be read soon; nothing where the processor cannot be asked.
    #[inline(always)]
    fn prefetch(_from: &Lanes) {}

    /// The first numbers of a vector; zeros after them.
    #[inline(always)]
    fn load_part(from: &[f32]) -> Self::V {
        let mut lanes = [0.0; LANES];
        let count = from.len().min(LANES);
        lanes[..count].copy_from_slice(&from[..count]);
        Self::load(&lanes)
    }

    /// As many of a vector's numbers as there is room for.
    #[inline(always)]
    fn store_part(v: Self::V, to: &mut [f32]) {
        let mut lanes = [0.0; LANES];
        Self::store(v, &mut lanes);
        let count = to.len().min(LANES);
        to[..count].copy_from_slice(&lanes[..count]);
    }

    /// The largest number; which NaN does to it is not said.
    #[inline(always)]
    fn largest(v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        Self::store(v, &mut lanes);
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// A bit for each byte: whether it is not below another one.
    #[inline(always)]
    fn not_below(bytes: &[u8; BYTES], least: u8) -> u64 {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let least = u64::from(least) * 0x0101_0101_0101_0101;
        let mut bits = 0;
        for (n, bytes) in bytes.as_chunks().0.iter().enumerate() {
            let bytes = u64::from_le_bytes(*bytes);
            // The highest bit of each byte says whether the others are not below; it decides itself where it differs.
            let others = (bytes | HIGH).wrapping_sub(least & !HIGH);
            let not_below = ((bytes & !least) | (!(bytes ^ least) & others)) & HIGH;
            // The highest byte of the product has those bits side by side.
            bits |= (not_below >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * n);
        }
        bits
    }

    /// Bytes by their bits: word `n`, of up to eight, has bit `n` of each of them.
    #[inline(always)]
    fn bytes(bits: &[u64]) -> [u8; BYTES] {
        let mut words = [0; 8];
        for (n, bits) in bits.iter().enumerate() {
            for (word, eight) in words.iter_mut().zip(bits.to_le_bytes()) {
                // The byte eight times, of which each keeps another bit; then that bit comes to where it belongs.
                let own = (u64::from(eight) * 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
                *word |= ((own + 0x7f7f_7f7f_7f7f_7f7f) >> 7 & 0x0101_0101_0101_0101) << n;
            }
        }
        let mut bytes = [0; BYTES];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// Numbers of a table, by the last six bits of where they are.
    #[inline(always)]
    fn pick(table: &[f32; BYTES], at: &[u8; LANES]) -> Self::V {
        let mut lanes = [0.0; LANES];
        for (lane, at) in lanes.iter_mut().zip(at) {
            *lane = table[usize::from(*at) % BYTES];
        }
        Self::load(&lanes)
    }

    /// How many of the thresholds each number is not below; see [`counted`].
    #[inline(always)]
    fn count(thresholds: &[f32], x: &Lanes) -> [u8; LANES] {
        counted(thresholds, x)
    }

    /// The exponent and the mantissa in 1..2 of positive normal numbers; anything of others.
    fn split(v: Self::V) -> (Self::V, Self::V);
}

/// How many of up to 255 thresholds each number is not below. They are a tree for searching: the middle one, the middle ones below it
/// and above it, and so on; 31, 63, 127 or 255, of which some may be NaN, and one place that is not looked at.
#[inline(always)]
pub fn counted<T: Copy + PartialOrd>(thresholds: &[T], x: &[T; LANES]) -> [u8; LANES] {
    macro_rules! lengths {
        ($($length:literal)*) => {
            match thresholds.len() {
                $($length => thresholds.try_into().map_or([0; LANES], |t| counted_of::<T, $length>(t, x)),)*
                _ => [0; LANES],
            }
        };
    }
    lengths!(32 64 128 256)
}

#[inline(always)]
fn counted_of<T: Copy + PartialOrd, const N: usize>(thresholds: &[T; N], x: &[T; LANES]) -> [u8; LANES] {
    let mut at = [0usize; LANES];
    for _ in 0..N.ilog2() {
        for (at, x) in at.iter_mut().zip(x) {
            let above = usize::from(*x >= thresholds[*at % N]);
            *at = at.wrapping_mul(2).wrapping_add(1).wrapping_add(above);
        }
    }
    at.map(|at| at.wrapping_sub(N - 1) as u8)
}

/// Some vectors from memory.
#[inline(always)]
pub fn load_all<S: Simd, const N: usize>(from: &[Lanes]) -> [S::V; N] {
    // A loop, as everywhere with vectors: a closure that the compiler does not inline is compiled without the instructions of `S`.
    let mut all = [S::splat(0.0); N];
    for (v, from) in all.iter_mut().zip(from) {
        *v = S::load(from);
    }
    all
}

/// Some vectors to memory.
#[inline(always)]
pub fn store_all<S: Simd, const N: usize>(from: &[S::V; N], to: &mut [Lanes]) {
    for (v, to) in from.iter().zip(to) {
        S::store(*v, to);
    }
}

/// Work that is compiled for each instruction set. `run` must be `#[inline(always)]`, and so must be all that it calls with `S`.
pub trait Kernel {
    /// What it gives.
    type Output;
    fn run<S: Simd>(self) -> Self::Output;
}

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon,
}

impl Isa {
    /// The best that this machine has.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| *Self::all().last().unwrap_or(&Self::Scalar))
    }

    /// All that this machine has, the best one last.
    pub fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        #[cfg(target_arch = "x86_64")]
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        let all = [
            (Self::Scalar, true),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2, avx2),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, avx2 && avx512),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            (Self::Neon, true),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(isa, _)| isa).collect()
    }
}

/// Runs a kernel on the best instruction set.
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    run_on(Isa::best(), kernel)
}

/// Runs a kernel on one instruction set, which the machine must have: a lesser one is used where it has not.
#[allow(unsafe_code)]
pub fn run_on<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    let isa = if Isa::all_has(isa) { isa } else { Isa::best() };
    match isa {
        Isa::Scalar => kernel.run::<Scalar>(),
        // SAFETY: the machine was asked whether it has these instructions.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::run(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512::run(kernel) },
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        Isa::Neon => kernel.run::<neon::Neon>(),
    }
}

impl Isa {
    /// Whether the machine has it; asked once.
    fn all_has(isa: Self) -> bool {
        static ALL: OnceLock<Vec<Isa>> = OnceLock::new();
        ALL.get_or_init(Self::all).contains(&isa)
    }
}
