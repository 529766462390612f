//! Sizes and times as people write them on a command line.

use std::time::Duration;

/// Bytes: `4GiB`, `512Mi`, `25MB`, `1048576`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().trim_end_matches('b') {
        "" => 1,
        "k" => 1000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return Err(format!("{text:?} is not a size; write it like 512MiB or 4GiB")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is not a size; write it like 4GiB"))?;
    let bytes = number * factor as f64;
    // Beyond 2^53 a float no longer counts single bytes, and no machine has them.
    if (0.0..9e15).contains(&bytes) { Ok(bytes as u64) } else { Err(format!("{text:?} is out of range")) }
}

/// A time: `60s`, `500ms`, `5m`, `1h`, `60` (seconds).
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let seconds: f64 = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("{text:?} is not a time; write it like 60s or 500ms")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is not a time; write it like 60s"))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("{text:?} is out of range"))
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// Bytes for people: `14.2 MiB`.
pub fn show_bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, show_bytes};
    use std::time::Duration;

    #[test]
    fn sizes_and_times() {
        assert_eq!(bytes("4GiB"), Ok(4 << 30));
        assert_eq!(bytes("1.5Mi"), Ok(3 << 19));
        assert_eq!(bytes("25MB"), Ok(25_000_000));
        assert_eq!(bytes("7"), Ok(7));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "GiB", "4 GiX", "-1", "1e30GiB"] {
            assert!(bytes(bad).is_err(), "{bad:?}");
        }
        assert!(duration("soon").is_err());
        assert_eq!(show_bytes(14_900_000), "14.2 MiB");
    }
}
