//! Numbers of eight bits and fewer, held in wider ones: from their bits, and no finer than they are.

use super::access::make;
use super::{Outcome, Value, fail};
use crate::graph::{Narrow, Narrowing, PowerRounding};
use crate::value::Kind;

/// How a small float is made of its bits.
struct Form {
    mantissa: u32,
    exponent: u32,
    bias: i32,
    largest: f32,
    infinite: bool,
    /// One zero, and NaN in the place of the other.
    one_zero: bool,
    nan: bool,
}

fn form(of: Narrow) -> Form {
    let (exponent, mantissa, bias, largest) = match of {
        Narrow::F8E4M3FN => (4, 3, 7, 448.0),
        Narrow::F8E4M3FNUZ => (4, 3, 8, 240.0),
        Narrow::F8E5M2 => (5, 2, 15, 57344.0),
        Narrow::F8E5M2FNUZ => (5, 2, 16, 57344.0),
        _ => (2, 1, 1, 6.0),
    };
    Form {
        mantissa,
        exponent,
        bias,
        largest,
        infinite: of == Narrow::F8E5M2,
        one_zero: matches!(of, Narrow::F8E4M3FNUZ | Narrow::F8E5M2FNUZ),
        nan: of != Narrow::F4E2M1,
    }
}

/// One that still knows of which bits it was made.
fn not_a_number(bits: u8) -> f32 {
    f32::from_bits(f32::NAN.to_bits() | u32::from(bits))
}

/// A float of a narrow type.
pub fn from_bits(of: Narrow, bits: u8) -> f32 {
    if of == Narrow::F8E8M0 {
        return if bits == u8::MAX {
            not_a_number(bits)
        } else {
            (f64::from(i32::from(bits) - 127)).exp2() as f32
        };
    }
    let form = form(of);
    let top = form.mantissa + form.exponent;
    let sign = if bits >> top & 1 == 1 { -1.0 } else { 1.0 };
    let rest = u32::from(bits) & ((1 << top) - 1);
    let (exponent, mantissa) = (rest >> form.mantissa, rest & ((1 << form.mantissa) - 1));
    let all = (1 << form.exponent) - 1;
    let is_nan = match of {
        Narrow::F8E4M3FN => rest == (1 << top) - 1,
        Narrow::F8E5M2 => exponent == all && mantissa != 0,
        _ => form.one_zero && rest == 0 && sign < 0.0,
    };
    if is_nan {
        return not_a_number(bits);
    }
    if form.infinite && exponent == all {
        return sign * f32::INFINITY;
    }
    let (whole, power) =
        if exponent == 0 { (mantissa, 1) } else { (mantissa + (1 << form.mantissa), exponent) };
    let scale = f64::from(power as i32 - form.bias - form.mantissa as i32).exp2();
    (f64::from(sign) * f64::from(whole) * scale) as f32
}

/// The nearest float of a narrow type; of two the one with the even last bit.
fn rounded(how: Narrowing, x: f32) -> f32 {
    if how.to == Narrow::F8E8M0 {
        return power(how, x);
    }
    let form = form(how.to);
    let beyond = |sign: f32| match (how.saturate || !form.nan, form.infinite) {
        (true, _) => sign * form.largest,
        (false, true) => sign * f32::INFINITY,
        (false, false) => f32::NAN,
    };
    if x.is_nan() {
        return if form.nan { x } else { 0.0 };
    }
    if x.is_infinite() {
        return beyond(x.signum());
    }
    let wide = f64::from(x);
    let exponent = if x == 0.0 { 0 } else { wide.abs().log2().floor() as i32 };
    let exponent = exponent.max(1 - form.bias);
    let step = f64::from(exponent - form.mantissa as i32).exp2();
    let near = ((wide / step).round_ties_even() * step) as f32;
    if near.abs() > form.largest {
        return beyond(x.signum());
    }
    if form.one_zero && near == 0.0 { 0.0 } else { near }
}

/// The power of two that stands for a number.
fn power(how: Narrowing, x: f32) -> f32 {
    const SMALLEST: f64 = 5.877_471_754_111_438e-39;
    if x.is_nan() {
        return x;
    }
    let wide = f64::from(x.abs());
    let (below, above) = (wide.log2().floor().exp2(), wide.log2().ceil().exp2());
    let chosen = match how.rounding {
        PowerRounding::Down => below,
        PowerRounding::Nearest if wide - below < above - wide => below,
        PowerRounding::Up | PowerRounding::Nearest => above,
    };
    let largest = f64::from(127).exp2();
    match chosen {
        c if c > largest && !how.saturate => f32::NAN,
        c => c.clamp(SMALLEST, largest) as f32,
    }
}

/// The lowest bits of an integer.
fn lowest(to: Narrow, n: i64) -> i64 {
    let bits = to.bits();
    let low = n & ((1 << bits) - 1);
    let signed = matches!(to, Narrow::I4 | Narrow::I2);
    if signed && low >= 1 << (bits - 1) { low - (1 << bits) } else { low }
}

/// Floats of a narrow type as the integers that their bits are; `made`: integers as the floats that their lowest bits are.
pub fn bits(of: Narrow, made: bool, x: &Value) -> Outcome {
    let codes = 0..=u8::MAX >> (8 - of.bits());
    if made {
        let last = i64::from(*codes.end());
        let floats = x.slice::<i64>()?.iter().map(|n| from_bits(of, (n & last) as u8));
        return make(floats.collect::<Vec<_>>(), x.dims());
    }
    let mut known: Vec<(u32, u8)> = codes.map(|code| (from_bits(of, code).to_bits(), code)).collect();
    known.sort_unstable();
    let code = |x: f32| known.binary_search_by_key(&x.to_bits(), |(bits, _)| *bits).map(|n| known[n].1);
    // Those that are nowhere made of bits: the nearest there is, or any that is none.
    let how = Narrowing { to: of, saturate: false, rounding: PowerRounding::Nearest };
    let none = known.iter().find(|(bits, _)| f32::from_bits(*bits).is_nan()).map_or(0, |(_, code)| *code);
    let found =
        x.slice::<f32>()?.iter().map(|x| i64::from(code(*x).or(code(rounded(how, *x))).unwrap_or(none)));
    make(found.collect::<Vec<_>>(), x.dims())
}

/// Numbers, no finer than the narrow type is.
pub fn run(how: Narrowing, x: &Value) -> Outcome {
    match (x.kind(), how.to.is_float()) {
        (Kind::F32, true) => {
            make(x.slice::<f32>()?.iter().map(|x| rounded(how, *x)).collect::<Vec<_>>(), x.dims())
        }
        (Kind::I64, false) => {
            make(x.slice::<i64>()?.iter().map(|n| lowest(how.to, *n)).collect::<Vec<_>>(), x.dims())
        }
        (kind, _) => Err(fail(format!("{kind:?} cannot be narrowed to {:?}", how.to))),
    }
}

#[cfg(test)]
mod tests {
    use super::{bits, from_bits, make, rounded};
    use crate::graph::{Narrow, Narrowing, PowerRounding};

    const FLOATS: [Narrow; 6] = [
        Narrow::F8E4M3FN,
        Narrow::F8E4M3FNUZ,
        Narrow::F8E5M2,
        Narrow::F8E5M2FNUZ,
        Narrow::F8E8M0,
        Narrow::F4E2M1,
    ];

    /// Every number that a type has becomes itself.
    #[test]
    fn numbers_of_a_type_stay_as_they_are() {
        for to in FLOATS {
            let how = Narrowing { to, saturate: false, rounding: PowerRounding::Nearest };
            for bits in 0..(1u16 << to.bits()) {
                let x = from_bits(to, bits as u8);
                let y = rounded(how, x);
                assert!(x == y || x.is_nan() && y.is_nan(), "{to:?} {bits}: {x} became {y}");
            }
        }
    }

    /// And its bits theirs, those of what is no number too.
    #[test]
    fn bits_come_back() {
        for of in FLOATS {
            let codes = make((0..1i64 << of.bits()).collect::<Vec<_>>(), &[1 << of.bits()]).unwrap();
            let floats = bits(of, true, &codes).unwrap();
            let back = bits(of, false, &floats).unwrap();
            assert_eq!(back.slice::<i64>().unwrap(), codes.slice::<i64>().unwrap(), "{of:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_cut_or_told() {
        let cut = |to| Narrowing { to, saturate: true, rounding: PowerRounding::Up };
        assert_eq!(rounded(cut(Narrow::F8E4M3FN), 1e9), 448.0);
        assert_eq!(rounded(cut(Narrow::F8E5M2), f32::NEG_INFINITY), -57344.0);
        let told = |to| Narrowing { saturate: false, ..cut(to) };
        assert!(rounded(told(Narrow::F8E4M3FN), 1e9).is_nan());
        assert_eq!(rounded(told(Narrow::F8E5M2), 1e9), f32::INFINITY);
        // Half-way between two: the even one.
        assert_eq!(rounded(cut(Narrow::F4E2M1), 2.5), 2.0);
        assert_eq!(rounded(cut(Narrow::F4E2M1), 5.0), 4.0);
    }
}
