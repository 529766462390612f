//! Numbers made coarse one by one. They are made whole again as they are read.

use super::input::Input;
use super::unsupported;
use crate::EngineError;
use half::{bf16, f16};

/// How numbers were made coarse.
pub struct Quantiser {
    kind: Kind,
    /// The lowest numbers, then the spans above them; of each place, or of all.
    trained: Vec<f32>,
}

enum Kind {
    /// So many bits, of the whole span.
    Steps(usize),
    F16,
    Bf16,
    /// The byte is the number.
    Byte,
}

impl Quantiser {
    pub fn read(input: &mut Input, width: usize) -> Result<Self, EngineError> {
        let kind = input.one::<i32>()?;
        // How the span was found.
        input.one::<i32>()?;
        input.one::<f32>()?;
        let (own, bytes) = (input.size()?, input.size()?);
        let trained = input.counted::<f32>()?;
        let (kind, wanted) = match kind {
            0 => (Kind::Steps(8), width * 2),
            1 => (Kind::Steps(4), width * 2),
            2 => (Kind::Steps(8), 2),
            3 => (Kind::Steps(4), 2),
            4 => (Kind::F16, 0),
            5 => (Kind::Byte, 0),
            7 => (Kind::Bf16, 0),
            other => {
                return Err(unsupported(format!(
                    "FAISS scalar quantiser {other}: 4 or 8 bits and halves are known"
                )));
            }
        };
        let quantiser = Self { kind, trained };
        if own != width || quantiser.trained.len() < wanted || bytes != quantiser.bytes(width) {
            return Err(EngineError::broken(format!("a quantiser of {own} numbers in {bytes} bytes")));
        }
        Ok(quantiser)
    }

    /// Bytes of a vector.
    pub fn bytes(&self, width: usize) -> usize {
        match self.kind {
            Kind::Steps(4) => width.div_ceil(2),
            Kind::Steps(_) | Kind::Byte => width,
            Kind::F16 | Kind::Bf16 => width * 2,
        }
    }

    /// The numbers of all vectors.
    pub fn decode(&self, codes: &[u8], width: usize) -> Result<Vec<f32>, EngineError> {
        let bytes = self.bytes(width);
        if !codes.len().is_multiple_of(bytes) {
            return Err(EngineError::broken(format!("{} bytes are no codes of {bytes}", codes.len())));
        }
        let mut values = Vec::with_capacity(codes.len() / bytes * width);
        for row in codes.chunks_exact(bytes) {
            match self.kind {
                Kind::Steps(4) => {
                    let code = |n: usize| row[n / 2] >> (n % 2 * 4) & 15;
                    values
                        .extend((0..width).map(|n| self.number(n, width, (f32::from(code(n)) + 0.5) / 15.0)));
                }
                Kind::Steps(_) => {
                    let parts = row.iter().map(|code| (f32::from(*code) + 0.5) / 255.0);
                    values.extend(parts.enumerate().map(|(n, part)| self.number(n, width, part)));
                }
                Kind::Byte => values.extend(row.iter().map(|code| f32::from(*code))),
                Kind::F16 => values.extend(row.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
                Kind::Bf16 => {
                    values.extend(row.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()));
                }
            }
        }
        Ok(values)
    }

    /// A number at a place, from the part of the span that it is above the lowest.
    fn number(&self, n: usize, width: usize, part: f32) -> f32 {
        match self.trained[..] {
            [lowest, span] if width != 1 => lowest + part * span,
            _ => self.trained[n] + part * self.trained[width + n],
        }
    }
}
