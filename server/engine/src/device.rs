//! Where models run.

use crate::EngineError;
use crate::plan::Opened;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// Where the plans of a model run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// On the CPU, by the engine's own kernels.
    #[default]
    Cpu,
    /// On the CPU by candle's tensors: what is done on a GPU, where there is none. Slow; to see and to test it.
    CandleCpu,
    /// On the NVIDIA GPU of this number, by candle's tensors.
    Cuda(usize),
}

impl Device {
    /// Opens it, if nobody did before: an error says why it cannot be used.
    pub fn open(self) -> Result<(), EngineError> {
        Opened::open(self).map(|_| ())
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let device = match text.split_once(':') {
            None if text == "cpu" => Self::Cpu,
            None if text == "candle-cpu" => Self::CandleCpu,
            None if text == "cuda" => Self::Cuda(0),
            Some(("cuda", number)) if number.parse::<u16>().is_ok() => {
                Self::Cuda(number.parse().unwrap_or(0))
            }
            _ => return Err(format!("{text:?} is no device; they are: cpu, cuda, cuda:1 and so on")),
        };
        let lacks = |feature: &str| {
            let build = format!("cargo build --release -p berth-server --features {feature}");
            Err(format!("this build has no device {device}: take one that was made by {build}"))
        };
        match device {
            Self::Cuda(_) if !cfg!(feature = "cuda") => lacks("cuda"),
            Self::CandleCpu if !cfg!(feature = "candle") => lacks("candle"),
            device => Ok(device),
        }
    }
}

impl Display for Device {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::CandleCpu => f.write_str("candle-cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn devices_by_name() {
        assert_eq!("cpu".parse(), Ok(Device::Cpu));
        for wrong in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "cuda:99999999"] {
            let error = wrong.parse::<Device>().unwrap_err();
            assert!(error.contains("is no device"), "{error}");
        }
        let cuda = "cuda:1".parse::<Device>();
        if cfg!(feature = "cuda") {
            assert_eq!(cuda, Ok(Device::Cuda(1)));
        } else {
            let error = cuda.unwrap_err();
            assert!(error.contains("no device cuda:1") && error.contains("--features cuda"), "{error}");
        }
    }
}
