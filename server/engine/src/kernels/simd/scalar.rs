//! Plain Rust: what every other instruction set is tested against, and what the compiler vectorises for processors that have
//! no code of their own here.

use super::{LANES, Lanes, Simd};

/// Sixteen numbers in an array.
#[derive(Debug, Clone, Copy)]
pub struct Scalar;

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> Lanes {
    std::array::from_fn(f)
}

impl Simd for Scalar {
    type V = Lanes;
    type M = [bool; LANES];
    const TILE: [usize; 2] = [4, 2];

    #[inline(always)]
    fn splat(x: f32) -> Lanes {
        [x; LANES]
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Lanes {
        *from
    }
    #[inline(always)]
    fn store(v: Lanes, to: &mut Lanes) {
        *to = v;
    }
    #[inline(always)]
    fn add(a: Lanes, b: Lanes) -> Lanes {
        each(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(a: Lanes, b: Lanes) -> Lanes {
        each(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(a: Lanes, b: Lanes) -> Lanes {
        each(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn div(a: Lanes, b: Lanes) -> Lanes {
        each(|i| a[i] / b[i])
    }
    #[inline(always)]
    fn fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        // Not `mul_add`: without the instruction that is a call for each number.
        each(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn max(a: Lanes, b: Lanes) -> Lanes {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn min(a: Lanes, b: Lanes) -> Lanes {
        each(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn sqrt(v: Lanes) -> Lanes {
        each(|i| v[i].sqrt())
    }
    #[inline(always)]
    fn round(v: Lanes) -> Lanes {
        each(|i| v[i].round_ties_even())
    }
    #[inline(always)]
    fn floor(v: Lanes) -> Lanes {
        each(|i| v[i].floor())
    }
    #[inline(always)]
    fn abs(v: Lanes) -> Lanes {
        each(|i| v[i].abs())
    }
    #[inline(always)]
    fn scale(v: Lanes, n: Lanes) -> Lanes {
        each(|i| v[i] * f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    fn less(a: Lanes, b: Lanes) -> [bool; LANES] {
        std::array::from_fn(|i| a[i] < b[i])
    }
    #[inline(always)]
    fn equal(a: Lanes, b: Lanes) -> [bool; LANES] {
        std::array::from_fn(|i| a[i] == b[i])
    }
    #[inline(always)]
    fn select(mask: [bool; LANES], yes: Lanes, no: Lanes) -> Lanes {
        each(|i| if mask[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn sum(v: Lanes) -> f32 {
        v.into_iter().sum()
    }
    #[inline(always)]
    fn split(v: Lanes) -> (Lanes, Lanes) {
        let exponent = each(|i| ((v[i].to_bits() >> 23) as i32 - 127) as f32);
        (exponent, each(|i| f32::from_bits((v[i].to_bits() & 0x007f_ffff) | 0x3f80_0000)))
    }
}
