//! Kubernetes quantities as bytes, and their schema.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A quantity that is no number of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantityError {
    text: String,
}

impl std::fmt::Display for QuantityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is no size in bytes; write it like 512Mi, 6Gi or 1500000000", self.text)
    }
}

impl std::error::Error for QuantityError {}

/// The whole bytes of a quantity: `6Gi`, `1.5G`, `1e9`. A fraction of a byte is rounded up, as Kubernetes does.
pub fn bytes(quantity: &Quantity) -> Result<u64, QuantityError> {
    let bytes = thousandths(quantity).and_then(|thousandths| u64::try_from(thousandths.div_ceil(1000)).ok());
    // Kubernetes counts with signed numbers.
    bytes
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(|| QuantityError { text: quantity.0.chars().take(64).collect() })
}

/// A number of bytes as a quantity.
pub fn from_bytes(bytes: u64) -> Quantity {
    Quantity(bytes.to_string())
}

/// A quantity of anything in thousandths, the least that Kubernetes knows; none if it is no quantity.
pub fn thousandths(quantity: &Quantity) -> Option<u128> {
    let text = quantity.0.as_str();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (numerator, denominator) = unit(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.len() > 24 || fraction.contains('.') {
        return None;
    }
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let value: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some(value.checked_mul(numerator)?.checked_mul(1000)?.div_ceil(scale.checked_mul(denominator)?))
}

/// A suffix as a fraction.
fn unit(suffix: &str) -> Option<(u128, u128)> {
    let power = |base: u128, exponent: u32| Some((base.pow(exponent), 1));
    match suffix {
        "" => power(1, 0),
        "m" => Some((1, 1000)),
        "k" => power(1000, 1),
        "M" => power(1000, 2),
        "G" => power(1000, 3),
        "T" => power(1000, 4),
        "P" => power(1000, 5),
        "E" => power(1000, 6),
        "Ki" => power(1024, 1),
        "Mi" => power(1024, 2),
        "Gi" => power(1024, 3),
        "Ti" => power(1024, 4),
        "Pi" => power(1024, 5),
        "Ei" => power(1024, 6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
            let exponent: u32 = exponent.parse().ok().filter(|exponent| *exponent <= 18)?;
            power(10, exponent)
        }
    }
}

/// What a quantity that is not zero looks like; the API server refuses the rest.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "minimum": 1,
        "maxLength": 32,
        "pattern": r"^([1-9][0-9]{0,18}(\.[0-9]{1,4})?|0\.[0-9]{0,3}[1-9])(m|k|[KMGTPE]i|[MGTPE]|[eE]\+?[0-9]{1,2})?$",
    })
}

/// Named quantities, as in the resources of a container.
pub(crate) fn map_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "maxLength": 32,
            "pattern": r"^[0-9]{1,19}(\.[0-9]{1,4})?(m|k|[KMGTPE]i|[MGTPE]|[eE]\+?[0-9]{1,2})?$",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{Quantity, bytes};

    #[test]
    fn quantities_are_bytes_as_kubernetes_counts_them() {
        for (text, expected) in [
            ("0", 0),
            ("1500", 1500),
            ("6Gi", 6 << 30),
            ("1.5Gi", 3 << 29),
            ("2k", 2000),
            ("1e3", 1000),
            ("1E+2", 100),
            ("1E", 1_000_000_000_000_000_000),
            ("1500m", 2),
            ("0.0001Ki", 1),
            ("7Ei", 7 << 60),
        ] {
            assert_eq!(bytes(&Quantity(text.to_owned())), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_an_error_that_shows_one() {
        for text in ["", "x", "-1", "Gi", "1.2.3", "1 Gi", "1gb", "8Ei", "1e99", "99999999999999999999999999"]
        {
            let error = bytes(&Quantity(text.to_owned())).unwrap_err();
            assert!(error.to_string().contains("512Mi"), "{text}");
        }
    }
}
