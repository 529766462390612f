//! NEON: a vector is four registers. It is there on every processor of the targets that this is compiled for.
#![allow(unsafe_code, clippy::wildcard_imports)]

use super::{Lanes, Simd};
use std::arch::aarch64::*;

/// Sixteen numbers in four registers.
#[derive(Debug, Clone, Copy)]
pub struct Neon;

/// Four registers.
type Four = [float32x4_t; 4];

/// What is done to each register.
#[inline(always)]
fn each<T>(f: impl Fn(usize) -> T) -> [T; 4] {
    [f(0), f(1), f(2), f(3)]
}

// SAFETY of every block below: this file is compiled only for targets that have NEON; loads and stores go through references to
// sixteen numbers.
impl Simd for Neon {
    type V = Four;
    type M = [uint32x4_t; 4];
    /// Of the 32 registers 24 hold sums; the weights of a row come and go in the rest.
    const PRODUCT_ROWS: usize = 3;

    #[inline(always)]
    fn splat(x: f32) -> Four {
        unsafe { [vdupq_n_f32(x); 4] }
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Four {
        each(|n| unsafe { vld1q_f32(from.as_ptr().add(4 * n)) })
    }
    #[inline(always)]
    fn store(v: Four, to: &mut Lanes) {
        for (v, to) in v.into_iter().zip(to.as_chunks_mut::<4>().0) {
            unsafe { vst1q_f32(to.as_mut_ptr(), v) }
        }
    }
    #[inline(always)]
    fn add(a: Four, b: Four) -> Four {
        each(|n| unsafe { vaddq_f32(a[n], b[n]) })
    }
    #[inline(always)]
    fn sub(a: Four, b: Four) -> Four {
        each(|n| unsafe { vsubq_f32(a[n], b[n]) })
    }
    #[inline(always)]
    fn mul(a: Four, b: Four) -> Four {
        each(|n| unsafe { vmulq_f32(a[n], b[n]) })
    }
    #[inline(always)]
    fn div(a: Four, b: Four) -> Four {
        each(|n| unsafe { vdivq_f32(a[n], b[n]) })
    }
    #[inline(always)]
    fn fma(a: Four, b: Four, c: Four) -> Four {
        each(|n| unsafe { vfmaq_f32(c[n], a[n], b[n]) })
    }
    #[inline(always)]
    fn max(a: Four, b: Four) -> Four {
        // Not `vmaxq_f32`, which gives NaN whichever of the two it is.
        Self::select(Self::less(b, a), a, b)
    }
    #[inline(always)]
    fn min(a: Four, b: Four) -> Four {
        Self::select(Self::less(a, b), a, b)
    }
    #[inline(always)]
    fn sqrt(v: Four) -> Four {
        each(|n| unsafe { vsqrtq_f32(v[n]) })
    }
    #[inline(always)]
    fn round(v: Four) -> Four {
        each(|n| unsafe { vrndnq_f32(v[n]) })
    }
    #[inline(always)]
    fn floor(v: Four) -> Four {
        each(|n| unsafe { vrndmq_f32(v[n]) })
    }
    #[inline(always)]
    fn abs(v: Four) -> Four {
        each(|n| unsafe { vabsq_f32(v[n]) })
    }
    #[inline(always)]
    fn scale(v: Four, by: Four) -> Four {
        each(|n| unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(by[n]), vdupq_n_s32(127));
            vmulq_f32(v[n], vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
        })
    }
    #[inline(always)]
    fn less(a: Four, b: Four) -> Self::M {
        each(|n| unsafe { vcltq_f32(a[n], b[n]) })
    }
    #[inline(always)]
    fn equal(a: Four, b: Four) -> Self::M {
        each(|n| unsafe { vceqq_f32(a[n], b[n]) })
    }
    #[inline(always)]
    fn select(mask: Self::M, yes: Four, no: Four) -> Four {
        each(|n| unsafe { vbslq_f32(mask[n], yes[n], no[n]) })
    }
    #[inline(always)]
    fn sum(v: Four) -> f32 {
        unsafe { vaddvq_f32(vaddq_f32(vaddq_f32(v[0], v[1]), vaddq_f32(v[2], v[3]))) }
    }
    #[inline(always)]
    fn largest(v: Four) -> f32 {
        unsafe { vmaxvq_f32(vmaxq_f32(vmaxq_f32(v[0], v[1]), vmaxq_f32(v[2], v[3]))) }
    }
    #[inline(always)]
    fn split(v: Four) -> (Four, Four) {
        let bits = each(|n| unsafe { vreinterpretq_u32_f32(v[n]) });
        let exponent = each(|n| unsafe {
            let biased = vreinterpretq_s32_u32(vshrq_n_u32::<23>(bits[n]));
            vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)))
        });
        let mantissa = each(|n| unsafe {
            let fraction = vandq_u32(bits[n], vdupq_n_u32(0x007f_ffff));
            vreinterpretq_f32_u32(vorrq_u32(fraction, vdupq_n_u32(0x3f80_0000)))
        });
        (exponent, mantissa)
    }
}
