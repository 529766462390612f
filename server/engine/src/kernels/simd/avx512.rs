//! AVX-512: a vector is one register.
#![allow(unsafe_code, clippy::wildcard_imports)]

use super::{BYTES, Kernel, LANES, Lanes, Simd};
use std::arch::x86_64::*;

/// Sixteen numbers in a register. Its functions may be called only from code that [`run`] compiles.
#[derive(Debug, Clone, Copy)]
pub struct Avx512;

/// Compiles a kernel for AVX-512.
///
/// # Safety
/// The processor has these features.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
pub unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

// SAFETY of every block below: code that names `Avx512` runs inside of `run`, whose caller vouches for the features; loads and
// stores go through references to sixteen numbers.
impl Simd for Avx512 {
    type V = __m512;
    type M = __mmask16;
    // 24 of 32 registers.
    const TILE: [usize; 2] = [12, 2];

    #[inline(always)]
    fn splat(x: f32) -> __m512 {
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    fn load(from: &Lanes) -> __m512 {
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(v: __m512, to: &mut Lanes) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(v: __m512) -> __m512 {
        unsafe { _mm512_sqrt_ps(v) }
    }
    #[inline(always)]
    fn round(v: __m512) -> __m512 {
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v) }
    }
    #[inline(always)]
    fn floor(v: __m512) -> __m512 {
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(v) }
    }
    #[inline(always)]
    fn abs(v: __m512) -> __m512 {
        unsafe { _mm512_abs_ps(v) }
    }
    #[inline(always)]
    fn scale(v: __m512, n: __m512) -> __m512 {
        unsafe { _mm512_scalef_ps(v, n) }
    }
    #[inline(always)]
    fn scale_far(v: __m512, n: __m512) -> __m512 {
        unsafe { _mm512_scalef_ps(v, n) }
    }
    #[inline(always)]
    fn reciprocal(v: __m512) -> __m512 {
        // Fourteen bits, doubled by a step of Newton's: less than half the time of a division.
        let guess = unsafe { _mm512_rcp14_ps(v) };
        let error = unsafe { _mm512_fnmadd_ps(v, guess, _mm512_set1_ps(1.0)) };
        unsafe { _mm512_fmadd_ps(guess, error, guess) }
    }
    #[inline(always)]
    fn less(a: __m512, b: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn any(mask: __mmask16) -> bool {
        mask != 0
    }
    #[inline(always)]
    fn equal(a: __m512, b: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
        unsafe { _mm512_mask_blend_ps(mask, no, yes) }
    }
    #[inline(always)]
    fn prefetch(from: &Lanes) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn sum(v: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(v) }
    }
    #[inline(always)]
    fn load_part(from: &[f32]) -> __m512 {
        let mask = part(from.len());
        // SAFETY: lanes beyond the slice are masked: their memory is not touched.
        unsafe { _mm512_maskz_loadu_ps(mask, from.as_ptr()) }
    }
    #[inline(always)]
    fn store_part(v: __m512, to: &mut [f32]) {
        let mask = part(to.len());
        // SAFETY: lanes beyond the slice are masked: their memory is not touched.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, v) }
    }
    #[inline(always)]
    fn largest(v: __m512) -> f32 {
        unsafe { _mm512_reduce_max_ps(v) }
    }
    #[inline(always)]
    fn not_below(bytes: &[u8; BYTES], least: u8) -> u64 {
        unsafe {
            let bytes = _mm512_loadu_si512(bytes.as_ptr().cast());
            _mm512_cmpge_epu8_mask(bytes, _mm512_set1_epi8(least.cast_signed()))
        }
    }
    #[inline(always)]
    fn bytes(bits: &[u64]) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        unsafe {
            let mut all = _mm512_setzero_si512();
            for (n, bits) in bits.iter().enumerate().take(8) {
                all = _mm512_mask_add_epi8(all, *bits, all, _mm512_set1_epi8((1u8 << n).cast_signed()));
            }
            _mm512_storeu_si512(bytes.as_mut_ptr().cast(), all);
        }
        bytes
    }
    #[inline(always)]
    fn pick(table: &[f32; BYTES], at: &[u8; LANES]) -> __m512 {
        unsafe {
            let at = _mm512_cvtepu8_epi32(_mm_loadu_si128(at.as_ptr().cast()));
            picked(table.as_ptr(), at)
        }
    }
    #[inline(always)]
    fn count(thresholds: &[f32], x: &Lanes) -> [u8; LANES] {
        let mut counts = [0; LANES];
        let levels = thresholds.len().ilog2();
        if !(5..=8).contains(&levels) || !thresholds.len().is_power_of_two() {
            return counts;
        }
        // SAFETY: the level n has its 2^n thresholds from 2^n - 1 on; before those of the fifth, sixteen are read in any case, of 32.
        unsafe {
            let x = _mm512_loadu_ps(x.as_ptr());
            let from = thresholds.as_ptr();
            let mut at = _mm512_setzero_si512();
            for level in 0..levels {
                let own = from.add((1 << level) - 1);
                let threshold = match level {
                    0..=4 => _mm512_permutexvar_ps(at, _mm512_loadu_ps(own)),
                    5 => _mm512_permutex2var_ps(_mm512_loadu_ps(own), at, _mm512_loadu_ps(own.add(LANES))),
                    6 => picked(own, at),
                    _ => {
                        let is_high = _mm512_test_epi32_mask(at, _mm512_set1_epi32(64));
                        _mm512_mask_blend_ps(is_high, picked(own, at), picked(own.add(BYTES), at))
                    }
                };
                let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, threshold);
                at = _mm512_add_epi32(at, at);
                at = _mm512_mask_add_epi32(at, above, at, _mm512_set1_epi32(1));
            }
            _mm_storeu_si128(counts.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(at));
        }
        counts
    }
    #[inline(always)]
    fn split(v: __m512) -> (__m512, __m512) {
        unsafe { (_mm512_getexp_ps(v), _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(v)) }
    }
}

/// Numbers of a table of 64, by the last six bits of where they are.
///
/// # Safety
/// As for [`run`], and 64 numbers may be read.
#[inline(always)]
unsafe fn picked(table: *const f32, at: __m512i) -> __m512 {
    unsafe {
        let part = |n: usize| _mm512_loadu_ps(table.add(n * LANES));
        let low = _mm512_permutex2var_ps(part(0), at, part(1));
        let high = _mm512_permutex2var_ps(part(2), at, part(3));
        _mm512_mask_blend_ps(_mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), low, high)
    }
}

/// A mask of the first lanes.
#[inline(always)]
fn part(count: usize) -> __mmask16 {
    if count >= 16 { 0xffff } else { (1u16 << count) - 1 }
}
