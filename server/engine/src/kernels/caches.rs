//! How large the processor's caches are, so that what is worked on at a time stays in them.

use std::path::Path;
use std::sync::OnceLock;

/// Bytes that a core's second cache has where nothing says otherwise, and the least and most that are believed.
const USUAL: usize = 1 << 20;
const LEAST: usize = 256 << 10;
const MOST: usize = 2 << 20;

/// Bytes of a core's second cache.
pub fn second() -> usize {
    static SECOND: OnceLock<usize> = OnceLock::new();
    *SECOND.get_or_init(|| {
        of_level(Path::new("/sys/devices/system/cpu/cpu0/cache"), 2).unwrap_or(USUAL).clamp(LEAST, MOST)
    })
}

/// Bytes of the cache of a level, as Linux tells them: `index*/level` and `index*/size`.
fn of_level(caches: &Path, level: usize) -> Option<usize> {
    (0..8).map(|n| caches.join(format!("index{n}"))).find_map(|cache| {
        let told = |name: &str| std::fs::read_to_string(cache.join(name)).ok();
        let at_level = told("level")?.trim().parse() == Ok(level);
        at_level.then(|| bytes(told("size")?.trim())).flatten()
    })
}

/// `512K` or `2M`.
fn bytes(size: &str) -> Option<usize> {
    let (number, unit) = match size.as_bytes().last()? {
        b'K' => (&size[..size.len() - 1], 1 << 10),
        b'M' => (&size[..size.len() - 1], 1 << 20),
        _ => (size, 1),
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::{LEAST, MOST, bytes, of_level, second};

    #[test]
    fn sizes_are_read_as_linux_writes_them() {
        assert_eq!(bytes("512K"), Some(512 << 10));
        assert_eq!(bytes("2M"), Some(2 << 20));
        assert_eq!(bytes("4096"), Some(4096));
        for other in ["", "K", "large", "-1K", "99999999999999999999K"] {
            assert_eq!(bytes(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_cache_of_a_level_is_found() {
        let dir = tempfile::tempdir().unwrap();
        for (n, level, size) in [(0, "1", "32K"), (1, "1", "32K"), (2, "2", "512K"), (3, "3", "32M")] {
            let cache = dir.path().join(format!("index{n}"));
            std::fs::create_dir(&cache).unwrap();
            std::fs::write(cache.join("level"), format!("{level}\n")).unwrap();
            std::fs::write(cache.join("size"), format!("{size}\n")).unwrap();
        }
        assert_eq!(of_level(dir.path(), 2), Some(512 << 10));
        assert_eq!(of_level(dir.path(), 3), Some(32 << 20));
        assert_eq!(of_level(dir.path(), 4), None);
        assert!((LEAST..=MOST).contains(&second()));
    }
}
