//! Pictures in files.

use super::super::attributes::Attributes as _;
use super::{Lowering, Outcome};
use crate::DType as D;
use crate::graph::Imaging;

impl Lowering<'_> {
    /// Pictures in files.
    pub(super) fn decoders(&mut self) -> Outcome {
        let op = self.node.op.as_str();
        if !matches!(op, "DecodeJpeg" | "DecodePng" | "DecodeImage") {
            return Ok(None);
        }
        if self.node.int("ratio").unwrap_or(1) != 1 {
            return Self::refuse("scaled while it is read");
        }
        let channels = self.count("channels");
        if channels > 4 || channels == 2 {
            return Self::refuse("its number of channels");
        }
        match self.node.dtype("dtype").unwrap_or(D::U8) {
            dtype @ (D::U8 | D::U16 | D::F32) => self.depict(1, Imaging::Decode { channels, dtype }),
            _ => Self::refuse("into a type that is not supported"),
        }
    }
}
