//! How far numbers are from those that are wanted.

/// How far the farthest is, relative to the largest number that is wanted, or to `least`; what is wrong beyond that.
pub fn farthest(got: &[f64], wanted: &[f64], least: f64) -> Result<f64, String> {
    if got.len() != wanted.len() {
        return Err(format!("{} values, not {}", got.len(), wanted.len()));
    }
    let size = wanted.iter().filter(|v| v.is_finite()).fold(least, |most, v| most.max(v.abs()));
    let mut most = 0f64;
    for (n, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        if got == wanted || (got.is_nan() && wanted.is_nan()) {
            continue;
        }
        let far = (got - wanted).abs() / size;
        if !far.is_finite() {
            return Err(format!("value {n} is {got}, not {wanted}"));
        }
        most = most.max(far);
    }
    Ok(most)
}
