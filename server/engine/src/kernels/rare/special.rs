//! Functions of mathematical physics, of wide floats.

use std::f64::consts::{FRAC_PI_2, PI};

const EULER: f64 = 0.577_215_664_901_532_9;
/// From here on the asymptotic series of Bessel functions are as good as wide floats.
const FAR: f64 = 30.0;
/// Terms of a series. None that is used takes as many.
const MOST_TERMS: usize = 4096;

/// The asymptotic series of `sqrt(2 x / π) e^x K(x)`; with every other sign turned, of `sqrt(2 π x) e^-x I(x)`.
fn far(order: u32, x: f64, sign: f64) -> f64 {
    let own = 4.0 * f64::from(order * order);
    let (mut term, mut sum) = (1.0f64, 1.0);
    for k in 1..40 {
        let odd = f64::from(2 * k - 1);
        let next = term * sign * (own - odd * odd) / (f64::from(k) * 8.0 * x);
        if next.abs() >= term.abs() || next.abs() < 1e-17 {
            break;
        }
        term = next;
        sum += term;
    }
    sum
}

/// `e^-|x| I(x)` of order 0 or 1: the mean of a periodic function, of which equal steps give all digits.
pub fn bessel_i(order: u32, x: f64) -> f64 {
    let size = x.abs();
    let value = if size > FAR {
        far(order, size, -1.0) / (2.0 * PI * size).sqrt()
    } else {
        let steps = 64;
        let at = |n: u32| {
            let angle = 2.0 * PI * f64::from(n) / f64::from(steps);
            (size * (angle.cos() - 1.0)).exp() * (f64::from(order) * angle).cos()
        };
        (0..steps).map(at).sum::<f64>() / f64::from(steps)
    };
    if order == 1 && x < 0.0 { -value } else { value }
}

/// `e^x K(x)` of order 0 or 1.
pub fn bessel_k(order: u32, x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return if x.is_nan() { x } else { f64::INFINITY };
    }
    if x < 1e-8 {
        return if order == 0 { -(x / 2.0).ln() - EULER } else { 1.0 / x };
    }
    if x > FAR {
        return (PI / (2.0 * x)).sqrt() * far(order, x, 1.0);
    }
    // The integrand falls so fast that equal steps give all digits.
    let step = 1.0 / 16.0;
    let at = |n: usize| {
        let t = n as f64 * step;
        (-x * (t.cosh() - 1.0)).exp() * (f64::from(order) * t).cosh()
    };
    let mut sum = 0.5;
    for n in 1..MOST_TERMS {
        let term = at(n);
        sum += term;
        if term < sum * 1e-18 {
            break;
        }
    }
    sum * step
}

/// `e^-x² ∫ e^t²` from 0, by Rybicki.
pub fn dawson(x: f64) -> f64 {
    if x.abs() > 1e7 {
        return 0.5 / x;
    }
    let step = 0.2;
    let middle = 2.0 * (x / (2.0 * step)).round();
    let rest = x - middle * step;
    let term = |n: i32| {
        let n = f64::from(2 * n + 1);
        (-(rest - n * step) * (rest - n * step)).exp() / (n + middle)
    };
    (-21..21).map(term).sum::<f64>() / PI.sqrt()
}

/// The exponential integral Ei of what is above zero.
pub fn exponential_integral(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    if x > 40.0 {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..40 {
            term *= f64::from(k) / x;
            sum += term;
        }
        return x.exp() / x * sum;
    }
    let (mut power, mut sum) = (1.0, 0.0);
    for k in 1..200 {
        power *= x / f64::from(k);
        sum += power / f64::from(k);
    }
    EULER + x.ln() + sum
}

/// The integrals of `cos(π t² / 2)` and `sin(π t² / 2)` from 0.
pub fn fresnel(x: f64) -> [f64; 2] {
    let size = x.abs();
    let both = if size < 1.8 { near_fresnel(size) } else { far_fresnel(size) };
    both.map(|value| value.copysign(x))
}

fn near_fresnel(x: f64) -> [f64; 2] {
    let turn = FRAC_PI_2 * x * x;
    let (mut term, mut sums) = (x, [0.0; 2]);
    for n in 0..60 {
        let k = f64::from(n);
        let sign = if n / 2 % 2 == 0 { 1.0 } else { -1.0 };
        sums[n as usize % 2] += sign * term / (2.0 * k + 1.0);
        term *= turn / (k + 1.0);
    }
    sums
}

/// By the continued fraction of the complementary error function of a complex number.
fn far_fresnel(x: f64) -> [f64; 2] {
    if x > 1e8 {
        return [0.5, 0.5];
    }
    let turn = PI * x * x;
    let divide = |[a, b]: [f64; 2], [c, d]: [f64; 2]| {
        let size = c * c + d * d;
        [(a * c + b * d) / size, (b * c - a * d) / size]
    };
    // b0 + a1 / (b1 + a2 / (…)) with b = 1 + 4 k - i π x², a = -(2 k - 1) 2 k, from its end.
    let tail = (1..=120).rev().fold([0.0, 0.0], |[re, im], k| {
        let k = f64::from(k);
        divide([-(2.0 * k - 1.0) * 2.0 * k, 0.0], [1.0 + 4.0 * k + re, -turn + im])
    });
    let [re, im] = divide([x, -x], [1.0 + tail[0], -turn + tail[1]]);
    // (1 + i) / 2 (1 - e^(i π x² / 2) h)
    let (sin, cos) = (turn / 2.0 % (2.0 * PI)).sin_cos();
    let (re, im) = (1.0 - (cos * re - sin * im), -(cos * im + sin * re));
    [0.5 * (re - im), 0.5 * (re + im)]
}

/// `-∫ ln t / (t - 1)` from 1: the dilogarithm of `1 - x`.
pub fn spence(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return PI * PI / 6.0;
    }
    if x < 0.5 {
        return PI * PI / 6.0 - x.ln() * (-x).ln_1p() - spence(1.0 - x);
    }
    if x > 1.5 {
        return -0.5 * x.ln() * x.ln() - spence(1.0 / x);
    }
    let (z, mut power, mut sum) = (1.0 - x, 1.0, 0.0);
    for k in 1..70 {
        power *= z;
        sum += power / f64::from(k * k);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(made: f64, wanted: f64) {
        assert!((made - wanted).abs() <= 1e-12 * wanted.abs().max(1e-3), "{made}, not {wanted}");
    }

    /// Numbers of Abramowitz and Stegun, and where the ways of computing meet.
    #[test]
    fn values_are_those_of_the_tables() {
        near(bessel_i(0, 1.0) * 1f64.exp(), 1.266_065_877_752_008_4);
        near(bessel_i(1, -1.0) * 1f64.exp(), -0.565_159_103_992_485);
        near(bessel_k(0, 1.0) * (-1f64).exp(), 0.421_024_438_240_708_34);
        near(bessel_k(1, 2.0) * (-2f64).exp(), 0.139_865_881_816_522_43);
        near(dawson(1.0), 0.538_079_506_912_768_4);
        near(dawson(-4.0), -0.129_348_001_236_005_12);
        near(exponential_integral(1.0), 1.895_117_816_355_936_8);
        near(fresnel(1.0)[0], 0.779_893_400_376_822_8);
        near(fresnel(-1.0)[1], -0.438_259_147_390_354_8);
        near(spence(2.0), -PI * PI / 12.0);
        near(spence(0.5), 0.582_240_526_465_012_5);
        for (below, above) in [(FAR, FAR + 1e-13), (1.8 - 1e-15, 1.8)] {
            near(bessel_i(1, below), bessel_i(1, above));
            near(bessel_k(0, below), bessel_k(0, above));
            near(fresnel(below)[0], fresnel(above)[0]);
            near(fresnel(below)[1], fresnel(above)[1]);
        }
        near(exponential_integral(40.0), exponential_integral(40.0 + 1e-13));
    }

    #[test]
    fn odd_numbers_end() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -3.0, 1e300, 1e-300] {
            let _ =
                (bessel_i(0, x), bessel_k(1, x), dawson(x), exponential_integral(x), fresnel(x), spence(x));
        }
    }
}
