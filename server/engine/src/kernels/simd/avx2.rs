//! AVX2 with FMA: a vector is two registers.
#![allow(unsafe_code, clippy::wildcard_imports)]

use super::{BYTES, Kernel, LANES, Lanes, Simd};
use std::arch::x86_64::*;

/// Sixteen numbers in two registers. Its functions may be called only from code that [`run`] compiles.
#[derive(Debug, Clone, Copy)]
pub struct Avx2;

/// Two registers.
#[derive(Debug, Clone, Copy)]
pub struct Two(__m256, __m256);

/// Compiles a kernel for AVX2.
///
/// # Safety
/// The processor has these features.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

// SAFETY of every block below: code that names `Avx2` runs inside of `run`, whose caller vouches for the features; loads and
// stores go through references to sixteen numbers.
impl Simd for Avx2 {
    type V = Two;
    type M = Two;
    // Twelve of sixteen registers.
    const TILE: [usize; 2] = [6, 1];

    #[inline(always)]
    fn splat(x: f32) -> Two {
        unsafe { Two(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Two {
        unsafe { Two(_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))) }
    }
    #[inline(always)]
    fn store(v: Two, to: &mut Lanes) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), v.0);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), v.1);
        }
    }
    #[inline(always)]
    fn add(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn sub(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn mul(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn div(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_div_ps(a.0, b.0), _mm256_div_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn fma(a: Two, b: Two, c: Two) -> Two {
        unsafe { Two(_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)) }
    }
    #[inline(always)]
    fn max(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_max_ps(a.0, b.0), _mm256_max_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn min(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_min_ps(a.0, b.0), _mm256_min_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn sqrt(v: Two) -> Two {
        unsafe { Two(_mm256_sqrt_ps(v.0), _mm256_sqrt_ps(v.1)) }
    }
    #[inline(always)]
    fn round(v: Two) -> Two {
        const HOW: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { Two(_mm256_round_ps::<HOW>(v.0), _mm256_round_ps::<HOW>(v.1)) }
    }
    #[inline(always)]
    fn floor(v: Two) -> Two {
        unsafe { Two(_mm256_floor_ps(v.0), _mm256_floor_ps(v.1)) }
    }
    #[inline(always)]
    fn abs(v: Two) -> Two {
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Two(_mm256_andnot_ps(sign, v.0), _mm256_andnot_ps(sign, v.1))
        }
    }
    #[inline(always)]
    fn scale(v: Two, n: Two) -> Two {
        #[inline(always)]
        unsafe fn power(n: __m256) -> __m256 {
            let exponent = unsafe { _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)) };
            unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)) }
        }
        unsafe { Two(_mm256_mul_ps(v.0, power(n.0)), _mm256_mul_ps(v.1, power(n.1))) }
    }
    #[inline(always)]
    fn less(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_cmp_ps::<_CMP_LT_OQ>(a.0, b.0), _mm256_cmp_ps::<_CMP_LT_OQ>(a.1, b.1)) }
    }
    #[inline(always)]
    fn any(mask: Two) -> bool {
        unsafe { _mm256_movemask_ps(_mm256_or_ps(mask.0, mask.1)) != 0 }
    }
    #[inline(always)]
    fn equal(a: Two, b: Two) -> Two {
        unsafe { Two(_mm256_cmp_ps::<_CMP_EQ_OQ>(a.0, b.0), _mm256_cmp_ps::<_CMP_EQ_OQ>(a.1, b.1)) }
    }
    #[inline(always)]
    fn select(mask: Two, yes: Two, no: Two) -> Two {
        unsafe { Two(_mm256_blendv_ps(no.0, yes.0, mask.0), _mm256_blendv_ps(no.1, yes.1, mask.1)) }
    }
    #[inline(always)]
    fn prefetch(from: &Lanes) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn sum(v: Two) -> f32 {
        let mut lanes = [0.0; 16];
        Self::store(v, &mut lanes);
        lanes.into_iter().sum()
    }
    #[inline(always)]
    fn not_below(bytes: &[u8; BYTES], least: u8) -> u64 {
        #[inline(always)]
        unsafe fn half(from: *const u8, least: __m256i) -> u64 {
            unsafe {
                let bytes = _mm256_loadu_si256(from.cast());
                let not_below = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, least), bytes);
                u64::from(_mm256_movemask_epi8(not_below).cast_unsigned())
            }
        }
        unsafe {
            let least = _mm256_set1_epi8(least.cast_signed());
            half(bytes.as_ptr(), least) | half(bytes.as_ptr().add(32), least) << 32
        }
    }
    #[inline(always)]
    fn bytes(bits: &[u64]) -> [u8; BYTES] {
        #[inline(always)]
        unsafe fn half(bits: u32, value: u8) -> __m256i {
            unsafe {
                // Each byte of the bits eight times, of which each keeps another bit.
                let first =
                    _mm256_set_epi64x(0x0303_0303_0303_0303, 0x0202_0202_0202_0202, 0x0101_0101_0101_0101, 0);
                let own = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
                let eights = _mm256_shuffle_epi8(_mm256_set1_epi32(bits.cast_signed()), first);
                let is_set = _mm256_cmpeq_epi8(_mm256_and_si256(eights, own), own);
                _mm256_and_si256(is_set, _mm256_set1_epi8(value.cast_signed()))
            }
        }
        let mut bytes = [0; BYTES];
        unsafe {
            let mut all = [_mm256_setzero_si256(); 2];
            for (n, bits) in bits.iter().enumerate().take(8) {
                all[0] = _mm256_or_si256(all[0], half(*bits as u32, 1 << n));
                all[1] = _mm256_or_si256(all[1], half((*bits >> 32) as u32, 1 << n));
            }
            _mm256_storeu_si256(bytes.as_mut_ptr().cast(), all[0]);
            _mm256_storeu_si256(bytes.as_mut_ptr().add(32).cast(), all[1]);
        }
        bytes
    }
    #[inline(always)]
    fn pick(table: &[f32; BYTES], at: &[u8; LANES]) -> Two {
        #[inline(always)]
        unsafe fn half(table: &[f32; BYTES], at: __m128i) -> __m256 {
            unsafe {
                // Within the table, whatever they are.
                let at = _mm256_and_si256(_mm256_cvtepu8_epi32(at), _mm256_set1_epi32(BYTES as i32 - 1));
                _mm256_i32gather_ps::<4>(table.as_ptr(), at)
            }
        }
        unsafe {
            let at = _mm_loadu_si128(at.as_ptr().cast());
            Two(half(table, at), half(table, _mm_srli_si128::<8>(at)))
        }
    }
    #[inline(always)]
    fn split(v: Two) -> (Two, Two) {
        #[inline(always)]
        unsafe fn half(v: __m256) -> (__m256, __m256) {
            unsafe {
                let bits = _mm256_castps_si256(v);
                let exponent = _mm256_sub_epi32(_mm256_srli_epi32::<23>(bits), _mm256_set1_epi32(127));
                let fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff));
                let mantissa = _mm256_or_si256(fraction, _mm256_set1_epi32(0x3f80_0000));
                (_mm256_cvtepi32_ps(exponent), _mm256_castsi256_ps(mantissa))
            }
        }
        let ((e0, m0), (e1, m1)) = unsafe { (half(v.0), half(v.1)) };
        (Two(e0, e1), Two(m0, m1))
    }
}
