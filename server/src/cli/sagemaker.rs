//! What Amazon SageMaker says to a container by its environment: it runs the image with the argument `serve` and nothing else.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the platform unpacks models in multi-model mode.
const ROOT: &str = "/opt/ml/models";
/// Ports where nobody says others.
const PORT: u16 = 8080;
const ADMIN_PORT: u16 = 9090;
/// Largest request where nobody says another.
const MOST_BODY: u64 = 25 << 20;

/// The platform, as far as it says anything.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Platform {
    multi_model: bool,
    port: Option<u16>,
    /// The first of the ports that other containers leave free.
    safe_port: Option<u16>,
    max_request: Option<u64>,
}

impl Platform {
    /// Reads this process's environment.
    pub fn of_environment() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let safe = variable("SAGEMAKER_SAFE_PORT_RANGE");
        let first = safe.as_deref().map(|range| range.split_once('-').map_or(range, |(first, _)| first));
        let megabytes: Option<u64> =
            number("SAGEMAKER_MAX_PAYLOAD_IN_MB", variable("SAGEMAKER_MAX_PAYLOAD_IN_MB"))?;
        let bytes = number("SAGEMAKER_MAX_REQUEST_SIZE", variable("SAGEMAKER_MAX_REQUEST_SIZE"))?;
        Ok(Self {
            multi_model: variable("SAGEMAKER_MULTI_MODEL").is_some_and(|v| v.eq_ignore_ascii_case("true")),
            port: number("SAGEMAKER_BIND_TO_PORT", variable("SAGEMAKER_BIND_TO_PORT"))?,
            safe_port: number("SAGEMAKER_SAFE_PORT_RANGE", first.map(str::to_owned))?,
            max_request: bytes.or(megabytes.map(|mb| mb.saturating_mul(1 << 20))).filter(|bytes| *bytes > 0),
        })
    }

    fn is_there(&self) -> bool {
        self.multi_model || self.port.is_some()
    }

    /// Where models are registered from.
    pub fn root(&self) -> Option<PathBuf> {
        self.multi_model.then(|| PathBuf::from(ROOT))
    }

    /// Address of the invocations.
    pub fn listen(&self) -> SocketAddr {
        let address = if self.is_there() { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        SocketAddr::new(IpAddr::V4(address), self.port.unwrap_or(PORT))
    }

    /// Address of the admin port.
    pub fn admin_listen(&self) -> SocketAddr {
        let port = self.safe_port.filter(|safe| Some(*safe) != self.port);
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.unwrap_or(ADMIN_PORT))
    }

    /// Largest request body.
    pub fn max_body(&self) -> u64 {
        self.max_request.unwrap_or(MOST_BODY)
    }

    /// Memory for models: four fifths of the container's, or of the machine's.
    pub fn memory(&self) -> Option<u64> {
        if !self.multi_model {
            return None;
        }
        let limit = read_number(Path::new("/sys/fs/cgroup/memory.max"));
        let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
        [limit, machine].into_iter().flatten().min().map(|bytes| bytes / 5 * 4)
    }
}

fn number<T: FromStr>(name: &str, value: Option<String>) -> Result<Option<T>, String>
where
    T::Err: Display,
{
    value.map(|v| v.trim().parse().map_err(|e| format!("{name}={v}: {e}"))).transpose()
}

fn read_number(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Bytes of the machine's memory.
fn total(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::{Platform, total};

    fn platform(said: &[(&str, &str)]) -> Result<Platform, String> {
        Platform::read(|name| said.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_machine_that_is_no_platform_is_listened_on_alone() {
        let nobody = platform(&[]).unwrap();
        assert_eq!(nobody.listen().to_string(), "127.0.0.1:8080");
        assert_eq!(nobody.admin_listen().to_string(), "127.0.0.1:9090");
        assert_eq!((nobody.root(), nobody.memory(), nobody.max_body()), (None, None, 25 << 20));
    }

    #[test]
    fn the_platform_says_where() {
        let multi = [
            ("SAGEMAKER_MULTI_MODEL", "true"),
            ("SAGEMAKER_BIND_TO_PORT", "14000"),
            ("SAGEMAKER_SAFE_PORT_RANGE", "14001-14999"),
            ("SAGEMAKER_MAX_REQUEST_SIZE", "6291456"),
        ];
        let multi = platform(&multi).unwrap();
        assert_eq!(multi.listen().to_string(), "0.0.0.0:14000");
        assert_eq!(multi.admin_listen().to_string(), "127.0.0.1:14001");
        assert_eq!(multi.root().unwrap().to_str(), Some("/opt/ml/models"));
        assert_eq!(multi.max_body(), 6 << 20);
        assert!(multi.memory().is_some_and(|bytes| bytes > 0));
        let wrong = platform(&[("SAGEMAKER_BIND_TO_PORT", "many")]).unwrap_err();
        assert!(wrong.starts_with("SAGEMAKER_BIND_TO_PORT=many"), "{wrong}");
        assert_eq!(platform(&[("SAGEMAKER_MAX_PAYLOAD_IN_MB", "20")]).unwrap().max_body(), 20 << 20);
    }

    #[test]
    fn memory_of_the_machine() {
        assert_eq!(total("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(total("nothing"), None);
    }
}
