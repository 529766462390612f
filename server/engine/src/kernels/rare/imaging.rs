//! Which function does what to images.

use super::super::{Outcome, Value, fail};
use super::{
    Values, at, boxes, color, crop, decode, deformable, detections, drawing, encode, folding, jpeg,
    neighbours, one, regions, resample, sampling, scale, volume,
};
use crate::graph::Imaging;

pub fn run(op: &Imaging, inputs: &[&Value]) -> Values {
    match op {
        Imaging::PoolWithPlaces { window, sliding, batch_too } => {
            volume::pool_with_places(at(inputs, 0)?, *window, sliding, *batch_too)
        }
        Imaging::Suppress(how) => boxes::suppress(how, inputs),
        Imaging::SuppressClasses { pad_per_class, clip } => {
            boxes::suppress_classes(*pad_per_class, *clip, inputs)
        }
        Imaging::SuppressAll { centred } => one(boxes::suppress_all(*centred, inputs)),
        Imaging::Fold(how) => folding::fold(how, at(inputs, 0)?),
        _ => one(single(op, inputs)),
    }
}

fn single(op: &Imaging, inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    let third = || at(inputs, 2);
    match op {
        Imaging::Conv3d(sliding) => volume::conv(x, second()?, sliding),
        Imaging::Depthwise(sliding) => volume::depthwise(x, second()?, sliding),
        Imaging::Decode { channels, dtype, files } => decode::decode(x, *channels, *dtype, *files),
        Imaging::ConvTranspose3d(sliding) => volume::transposed(x, second()?, third()?, sliding),
        Imaging::DepthwiseTranspose(sliding) => volume::depthwise_back(x, second()?, third()?, sliding),
        Imaging::SpreadMeans { window, sliding } => volume::means_back(x, second()?, *window, sliding),
        Imaging::Pool3d { max, window, sliding } => volume::pool(x, *max, *window, sliding),
        Imaging::Dilation(sliding) => volume::dilation(x, second()?, sliding),
        Imaging::Patches { window, sliding } => volume::patches(x, *window, sliding),
        Imaging::SpaceToDepth(block) => neighbours::space_to_depth(x, *block),
        Imaging::DepthToSpace(block) => neighbours::depth_to_space(x, *block),
        Imaging::Lrn { around, bias, alpha, beta } => neighbours::lrn(x, *around, *bias, *alpha, *beta),
        Imaging::Bicubic { align_corners, half_pixel } => {
            scale::bicubic(x, second()?, *align_corners, *half_pixel)
        }
        Imaging::Area { align_corners } => scale::area(x, second()?, *align_corners),
        Imaging::ScaleAndTranslate { kernel, antialias } => {
            scale::scale_and_translate(x, second()?, third()?, at(inputs, 3)?, *kernel, *antialias)
        }
        Imaging::CropAndResize { bilinear, outside } => {
            crop::crop_and_resize(*bilinear, *outside, [x, second()?, third()?, at(inputs, 3)?])
        }
        Imaging::Project { bilinear, beyond } => crop::project(*bilinear, *beyond, inputs),
        Imaging::AdjustContrast => color::contrast(x, second()?),
        Imaging::AdjustHue => color::hue(x, second()?),
        Imaging::AdjustSaturation => color::saturation(x, second()?),
        Imaging::RgbToHsv => color::to_hsv(x),
        Imaging::HsvToRgb => color::to_rgb(x),
        other => placed(other, inputs),
    }
}

/// At places that are computed.
fn placed(op: &Imaging, inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    let third = || at(inputs, 2);
    match op {
        Imaging::FromColumns(window) => folding::from_columns(window, x, second()?, third()?),
        Imaging::Resample(how) => resample::resample(how, x, second()?, third()?),
        Imaging::SampleGrid(how) => sampling::sample(how, x, second()?),
        Imaging::AffineGrid { align_corners } => sampling::affine(*align_corners, x, second()?),
        Imaging::RoiAlign(how) => regions::align(how, x, second()?, third()?),
        Imaging::RoiMax { size, scale } => regions::maxima(*size, *scale, x, second()?),
        Imaging::Deformable { window, groups, offset_groups } => {
            deformable::convolve(window, *groups, *offset_groups, inputs)
        }
        Imaging::DecodePart { channels } => decode::decode_part(x, second()?, *channels),
        Imaging::PictureShape => decode::shape(x),
        Imaging::EncodeJpeg(how) => jpeg::encode(how, x, second()?),
        Imaging::Shrink(side) => scale::shrink(x, *side),
        Imaging::EncodePng { wide } => encode::png(x, *wide),
        Imaging::DrawBoxes => drawing::boxes(x, second()?, inputs.get(2).copied()),
        Imaging::SuppressRows(how) => detections::suppress_rows(how, x),
        Imaging::DetectAnchors(how) => detections::detect(how, x, second()?, third()?),
        Imaging::DecodeBytes(colours) => decode::decode_bytes(x, *colours),
        other => Err(fail(format!("{other:?} cannot be run"))),
    }
}
