//! NEON: a vector is four registers. It is there on every processor of the targets that this is compiled for.
#![allow(unsafe_code, clippy::wildcard_imports)]

use super::{BYTES, Lanes, Simd};
use std::arch::aarch64::*;

/// Sixteen numbers in four registers.
#[derive(Debug, Clone, Copy)]
pub struct Neon;

/// Four registers.
#[derive(Debug, Clone, Copy)]
pub struct Four<T>(T, T, T, T);

type Numbers = Four<float32x4_t>;
type Answers = Four<uint32x4_t>;

/// An instruction on each register. Not a closure: kernels are inlined before they are simplified, and would grow beyond what the
/// compiler optimises in reasonable time.
macro_rules! four {
    ($instruction:ident($($v:ident),*)) => {
        // SAFETY: this file is compiled only for targets that have NEON.
        unsafe {
            Four($instruction($($v.0),*), $instruction($($v.1),*), $instruction($($v.2),*), $instruction($($v.3),*))
        }
    };
}

// SAFETY of every block below: as above; loads and stores go through references to sixteen numbers.
impl Simd for Neon {
    type V = Numbers;
    type M = Answers;
    /// Of the 32 registers 16 hold sums, 8 weights. With another row all are taken, and some sums go through memory at every step.
    // 24 of 32 registers.
    const TILE: [usize; 2] = [6, 1];

    #[inline(always)]
    fn splat(x: f32) -> Numbers {
        let v = unsafe { vdupq_n_f32(x) };
        Four(v, v, v, v)
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Numbers {
        let p = from.as_ptr();
        unsafe { Four(vld1q_f32(p), vld1q_f32(p.add(4)), vld1q_f32(p.add(8)), vld1q_f32(p.add(12))) }
    }
    #[inline(always)]
    fn store(v: Numbers, to: &mut Lanes) {
        let p = to.as_mut_ptr();
        unsafe {
            vst1q_f32(p, v.0);
            vst1q_f32(p.add(4), v.1);
            vst1q_f32(p.add(8), v.2);
            vst1q_f32(p.add(12), v.3);
        }
    }
    #[inline(always)]
    fn add(a: Numbers, b: Numbers) -> Numbers {
        four!(vaddq_f32(a, b))
    }
    #[inline(always)]
    fn sub(a: Numbers, b: Numbers) -> Numbers {
        four!(vsubq_f32(a, b))
    }
    #[inline(always)]
    fn mul(a: Numbers, b: Numbers) -> Numbers {
        four!(vmulq_f32(a, b))
    }
    #[inline(always)]
    fn div(a: Numbers, b: Numbers) -> Numbers {
        four!(vdivq_f32(a, b))
    }
    #[inline(always)]
    fn fma(a: Numbers, b: Numbers, c: Numbers) -> Numbers {
        four!(vfmaq_f32(c, a, b))
    }
    #[inline(always)]
    fn max(a: Numbers, b: Numbers) -> Numbers {
        // Not `vmaxq_f32`, which gives NaN whichever of the two it is.
        Self::select(Self::less(b, a), a, b)
    }
    #[inline(always)]
    fn min(a: Numbers, b: Numbers) -> Numbers {
        Self::select(Self::less(a, b), a, b)
    }
    #[inline(always)]
    fn sqrt(v: Numbers) -> Numbers {
        four!(vsqrtq_f32(v))
    }
    #[inline(always)]
    fn round(v: Numbers) -> Numbers {
        four!(vrndnq_f32(v))
    }
    #[inline(always)]
    fn floor(v: Numbers) -> Numbers {
        four!(vrndmq_f32(v))
    }
    #[inline(always)]
    fn abs(v: Numbers) -> Numbers {
        four!(vabsq_f32(v))
    }
    #[inline(always)]
    fn scale(v: Numbers, n: Numbers) -> Numbers {
        #[inline(always)]
        unsafe fn scaled(v: float32x4_t, n: float32x4_t) -> float32x4_t {
            unsafe {
                let exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
                vmulq_f32(v, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
            }
        }
        four!(scaled(v, n))
    }
    #[inline(always)]
    fn less(a: Numbers, b: Numbers) -> Answers {
        four!(vcltq_f32(a, b))
    }
    #[inline(always)]
    fn equal(a: Numbers, b: Numbers) -> Answers {
        four!(vceqq_f32(a, b))
    }
    #[inline(always)]
    fn select(mask: Answers, yes: Numbers, no: Numbers) -> Numbers {
        four!(vbslq_f32(mask, yes, no))
    }
    #[inline(always)]
    fn sum(v: Numbers) -> f32 {
        unsafe { vaddvq_f32(vaddq_f32(vaddq_f32(v.0, v.1), vaddq_f32(v.2, v.3))) }
    }
    #[inline(always)]
    fn largest(v: Numbers) -> f32 {
        unsafe { vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.0, v.1), vmaxq_f32(v.2, v.3))) }
    }
    #[inline(always)]
    fn not_below(bytes: &[u8; BYTES], least: u8) -> u64 {
        const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
        unsafe {
            let (least, bits, p) = (vdupq_n_u8(least), vld1q_u8(BITS.as_ptr()), bytes.as_ptr());
            let first = vandq_u8(vcgeq_u8(vld1q_u8(p), least), bits);
            let second = vandq_u8(vcgeq_u8(vld1q_u8(p.add(16)), least), bits);
            let third = vandq_u8(vcgeq_u8(vld1q_u8(p.add(32)), least), bits);
            let fourth = vandq_u8(vcgeq_u8(vld1q_u8(p.add(48)), least), bits);
            // Neighbours are added up three times: eight bytes become one.
            let fours = vpaddq_u8(vpaddq_u8(first, second), vpaddq_u8(third, fourth));
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(fours, fours)))
        }
    }
    #[inline(always)]
    fn split(v: Numbers) -> (Numbers, Numbers) {
        #[inline(always)]
        unsafe fn exponent(v: float32x4_t) -> float32x4_t {
            unsafe {
                let biased = vreinterpretq_s32_u32(vshrq_n_u32::<23>(vreinterpretq_u32_f32(v)));
                vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)))
            }
        }
        #[inline(always)]
        unsafe fn mantissa(v: float32x4_t) -> float32x4_t {
            unsafe {
                let fraction = vandq_u32(vreinterpretq_u32_f32(v), vdupq_n_u32(0x007f_ffff));
                vreinterpretq_f32_u32(vorrq_u32(fraction, vdupq_n_u32(0x3f80_0000)))
            }
        }
        (four!(exponent(v)), four!(mantissa(v)))
    }
}
