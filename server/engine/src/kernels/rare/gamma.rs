//! Functions around the gamma function, of wide floats.

/// Terms of a series. None that is used takes as many.
const MOST_TERMS: usize = 4096;

/// The derivatives of the logarithm of the gamma function, by their number.
pub fn polygamma(n: f64, x: f64) -> f64 {
    if n == 0.0 {
        return digamma(x);
    }
    if n < 0.0 || n != n.floor() {
        return f64::NAN;
    }
    let sign = if n % 2.0 == 0.0 { -1.0 } else { 1.0 };
    sign * libm::tgamma(n + 1.0) * zeta(n + 1.0, x)
}

/// The derivative of the logarithm of the gamma function.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == x.floor() {
            return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
        }
        let pi = std::f64::consts::PI;
        return digamma(1.0 - x) - pi / (pi * x).tan();
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))));
    sum + x.ln() - 0.5 / x - series
}

/// The lower and the upper incomplete gamma function, as shares of the whole.
pub fn incomplete_gamma(a: f64, x: f64) -> [f64; 2] {
    if a.is_nan() || x.is_nan() || a <= 0.0 || x < 0.0 || a.is_infinite() && x.is_infinite() {
        return [f64::NAN; 2];
    }
    if x == 0.0 || a.is_infinite() {
        return [0.0, 1.0];
    }
    if x.is_infinite() {
        return [1.0, 0.0];
    }
    let front = (a * x.ln() - x - libm::lgamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..MOST_TERMS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return [front * sum, 1.0 - front * sum];
    }
    // By Lentz.
    let least = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / least, 1.0 / b);
    let mut h = d;
    for n in 1..MOST_TERMS {
        let n = n as f64;
        let by = -n * (n - a);
        b += 2.0;
        d = 1.0 / (by * d + b);
        c = b + by / c;
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    [1.0 - front * h, front * h]
}

/// Hurwitz's zeta function, by Euler and Maclaurin.
pub fn zeta(x: f64, q: f64) -> f64 {
    // Bernoulli's numbers over factorials.
    const EVEN: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 720.0,
        1.0 / 30_240.0,
        -1.0 / 1_209_600.0,
        1.0 / 47_900_160.0,
        -691.0 / 1_307_674_368_000.0,
        1.0 / 74_724_249_600.0,
        -3617.0 / 10_670_622_842_880_000.0,
    ];
    if x == 1.0 {
        return f64::INFINITY;
    }
    if x.is_nan() || x < 1.0 || q.is_nan() {
        return f64::NAN;
    }
    if q <= 0.0 {
        let whole = q == q.floor();
        let even = x == x.floor() && x % 2.0 == 0.0;
        // Powers of numbers below zero are numbers only for whole exponents.
        if whole {
            return if even || q == 0.0 { f64::INFINITY } else { f64::NAN };
        }
        // So far below zero there are too many terms.
        if x != x.floor() || q < -(MOST_TERMS as f64) {
            return f64::NAN;
        }
    }
    // As far as the terms of the rest fall fast.
    let first = if q < 10.0 { (10.0 - q).ceil() as usize } else { 0 };
    let head: f64 = (0..first).map(|k| (q + k as f64).powf(-x)).sum();
    let at = q + first as f64;
    let mut rest = at.powf(1.0 - x) / (x - 1.0) + 0.5 * at.powf(-x);
    let mut factor = x * at.powf(-x - 1.0);
    for (k, even) in EVEN.iter().enumerate() {
        rest += even * factor;
        let k = 2.0 * k as f64;
        factor *= (x + k + 1.0) * (x + k + 2.0) / (at * at);
    }
    head + rest
}

/// The incomplete beta function, as a share of the whole.
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return f64::NAN;
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    // The fraction is short on this side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = a * x.ln() + b * (-x).ln_1p() - (libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b));
    // By Lentz.
    let least = 1e-300;
    let away = |y: f64| if y.abs() < least { least } else { y };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in 1..MOST_TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = h;
        for by in [even, odd] {
            d = 1.0 / away(1.0 + by * d);
            c = away(1.0 + by / c);
            h *= c * d;
        }
        if (h - before).abs() < 1e-16 * h.abs() {
            break;
        }
    }
    front.exp() / a * h
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(made: f64, wanted: f64) {
        assert!((made - wanted).abs() <= 1e-12 * wanted.abs(), "{made}, not {wanted}");
    }

    #[test]
    fn values_are_those_that_are_known_otherwise() {
        near(incomplete_gamma(2.0, 1.0)[0], 1.0 - 2.0 * (-1f64).exp());
        near(incomplete_gamma(0.5, 4.0)[1], libm::erfc(2.0));
        near(zeta(2.0, 1.0), std::f64::consts::PI.powi(2) / 6.0);
        near(zeta(3.0, 0.5), 7.0 * 1.202_056_903_159_594_2);
        near(polygamma(1.0, 1.0), std::f64::consts::PI.powi(2) / 6.0);
        near(polygamma(0.0, 1.0), -0.577_215_664_901_532_9);
    }

    #[test]
    fn odd_numbers_end() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -2.0, 0.0, -0.0, 3.0, 1e300, -1e300, 1e-300];
        for (x, y) in odd.iter().flat_map(|x| odd.map(|y| (*x, y))) {
            let _ = (incomplete_gamma(x, y), zeta(x, y), polygamma(x, y));
        }
    }
}
