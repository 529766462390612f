//! Windows over images of numbers that are not short floats.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::DType as D;
use crate::graph::{Imaging, Op, Rare};

impl Lowering<'_> {
    /// What slides windows over anything but short floats.
    pub(super) fn by_type(&mut self) -> Outcome {
        if !windowed(&self.node.op) {
            return Ok(None);
        }
        let op = self.node.op.as_str();
        match self.node.dtype("T") {
            None | Some(D::F32 | D::F16 | D::BF16) => Ok(None),
            Some(D::F64) if op.ends_with("3D") || op.starts_with("Conv3D") => self.volumes(),
            Some(D::F64) => match self.wide()? {
                Some(lowered) => Ok(Some(lowered)),
                None => Self::refuse("of numbers that are not floats"),
            },
            Some(D::I64) if op == "MaxPool" => self.wide(),
            // Wide floats hold integers of 32 bits.
            Some(to @ (D::I8 | D::I16 | D::I32 | D::U8 | D::U16 | D::U32)) if op == "MaxPool" => {
                self.inputs[0] = self.add(Op::Cast(D::F64), vec![self.want(1)?[0]])?;
                match self.wide()? {
                    Some(super::Lowered::Values(values)) => match values[..] {
                        [super::Val::Value(value)] => self.emit(Op::Cast(to), vec![value]),
                        _ => Ok(None),
                    },
                    other => Ok(other),
                }
            }
            _ => Self::refuse("of numbers that are not floats"),
        }
    }

    /// Windows over images of wide floats: by the plain loops for volumes.
    fn wide(&mut self) -> Outcome {
        let op = self.node.op.as_str();
        let sliding = match op {
            "Conv2D" | "DepthwiseConv2dNative" | "Conv2DBackpropInput" => {
                self.sliding("strides", "dilations")?
            }
            "MaxPool" | "AvgPool" => self.sliding("strides", "")?,
            _ => return Ok(None),
        };
        let Some(sliding) = sliding else { return Self::odd() };
        let inputs = self.want(if op.ends_with("Input") { 3 } else { 1 })?.to_vec();
        let filter = inputs.get(1).copied().unwrap_or(inputs[0]);
        let (op, mut inputs, at) = match op {
            "Conv2D" => (Imaging::Conv3d(sliding), vec![inputs[0], filter], 0),
            "DepthwiseConv2dNative" => (Imaging::Depthwise(sliding), vec![inputs[0], filter], 0),
            "Conv2DBackpropInput" => {
                let size = self.sizes_last(inputs[0], &[0, 2, 3, 1])?;
                (Imaging::ConvTranspose3d(sliding), vec![size, filter, inputs[2]], 2)
            }
            _ => {
                let Some(window) = self.spatial_of("ksize") else { return Self::odd() };
                (Imaging::Pool3d { max: op == "MaxPool", window, sliding }, vec![inputs[0]], 0)
            }
        };
        inputs[at] = self.channels_last(inputs[at])?;
        let y = self.add(rare(Rare::Image(op)), inputs)?;
        let y = self.channels_back(y)?;
        Self::value(y)
    }
}

/// What slides windows over images.
fn windowed(op: &str) -> bool {
    let names = [
        "AvgPool",
        "AvgPool3D",
        "Conv",
        "Conv2D",
        "Conv2DBackpropInput",
        "Conv3D",
        "Conv3DBackpropInputV2",
        "DepthwiseConv2dNative",
        "Dilation2D",
        "ExtractImagePatches",
        "ExtractVolumePatches",
        "LRN",
        "MaxPool",
        "MaxPool3D",
        "MaxPoolV2",
        "MaxPoolWithArgmax",
    ];
    names.contains(&op)
}
