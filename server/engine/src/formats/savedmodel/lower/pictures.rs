//! Pictures in files, and drawing on them.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::DType as D;
use crate::graph::{Files, Imaging, Jpeg, Rare};

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
            "EncodeJpeg" | "EncodeJpegVariableQuality" => return self.encode_jpeg(),
            "DrawBoundingBoxes" | "DrawBoundingBoxesV2" => return self.depict(2, Imaging::DrawBoxes),
            _ => return Ok(None),
        };
        let ratio = self.node.int("ratio").unwrap_or(1);
        let Some(ratio) = usize::try_from(ratio).ok().filter(|n| matches!(n, 1 | 2 | 4 | 8)) else {
            return Self::refuse("its ratio");
        };
        let channels = self.count("channels");
        if channels > 4 || channels == 2 {
            return Self::refuse("its number of channels");
        }
        if self.node.op == "DecodeAndCropJpeg" {
            return self.depict(2, Imaging::DecodePart { channels });
        }
        if ratio > 1 {
            let x = self.want(1)?[0];
            let whole = Rare::Image(Imaging::Decode { channels, dtype: D::U8, files });
            let whole = self.add(rare(whole), vec![x])?;
            return self.emit(rare(Rare::Image(Imaging::Shrink(ratio))), vec![whole]);
        }
        match self.node.dtype("dtype").unwrap_or(D::U8) {
            dtype @ (D::U8 | D::U16 | D::F32) => self.depict(1, Imaging::Decode { channels, dtype, files }),
            _ => Self::refuse("into a type that is not supported"),
        }
    }

    fn encode_jpeg(&mut self) -> Outcome {
        if self.node.flag("progressive") || self.node.flag("optimize_size") {
            return Self::refuse("progressive, or with codes of its own");
        }
        if !self.bytes("xmp_metadata").is_empty() || !matches!(self.node.text("format"), None | Some("")) {
            return Self::refuse("its format or metadata");
        }
        let dots = |name| self.node.int(name).map_or(Ok(300), u16::try_from);
        let (Ok(across), Ok(down)) = (dots("x_density"), dots("y_density")) else {
            return Self::refuse("its density");
        };
        let how = Jpeg {
            downsample: self.yes("chroma_downsampling"),
            per_inch: self.node.text("density_unit").is_none_or(|unit| unit == "in"),
            density: [across, down],
        };
        if self.node.op == "EncodeJpegVariableQuality" {
            let how = Jpeg { downsample: true, per_inch: true, density: [300, 300] };
            return self.depict(2, Imaging::EncodeJpeg(how));
        }
        let x = self.want(1)?[0];
        let quality = self.ints(vec![self.node.int("quality").unwrap_or(95)])?;
        self.emit(rare(Rare::Image(Imaging::EncodeJpeg(how))), vec![x, quality])
    }
}
