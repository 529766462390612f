//! Pictures in files, and drawing on them.

use super::super::attributes::Attributes as _;
use super::{Lowering, Outcome};
use crate::DType as D;
use crate::graph::{Files, Imaging};

impl Lowering<'_> {
    pub(super) fn decoders(&mut self) -> Outcome {
        let files = match self.node.op.as_str() {
            "DecodeJpeg" | "DecodePng" | "DecodeAndCropJpeg" => Files::Still,
            "DecodeImage" => Files::Any { moving: self.yes("expand_animations") },
            "DecodeGif" => Files::Frames,
            "DecodeBmp" => Files::Bmp,
            "ExtractJpegShape" => return self.depict(1, Imaging::PictureShape),
            "EncodePng" => {
                let wide = self.node.dtype("T") == Some(D::U16);
                return self.depict(1, Imaging::EncodePng { wide });
            }
            "DrawBoundingBoxes" | "DrawBoundingBoxesV2" => return self.depict(2, Imaging::DrawBoxes),
            _ => return Ok(None),
        };
        if self.node.int("ratio").unwrap_or(1) != 1 {
            return Self::refuse("scaled while it is read");
        }
        let channels = self.count("channels");
        if channels > 4 || channels == 2 {
            return Self::refuse("its number of channels");
        }
        if self.node.op == "DecodeAndCropJpeg" {
            return self.depict(2, Imaging::DecodePart { channels });
        }
        match self.node.dtype("dtype").unwrap_or(D::U8) {
            dtype @ (D::U8 | D::U16 | D::F32) => self.depict(1, Imaging::Decode { channels, dtype, files }),
            _ => Self::refuse("into a type that is not supported"),
        }
    }
}
