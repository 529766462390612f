//! Images and volumes.

use super::fact::{Fact, Found, Reads, axis};
use super::layers::{along, images, items, transposed};
use super::rare::NO_RULE;
use crate::graph::{Fold, Imaging, Op};

pub fn image(op: &Op, image: &Imaging, reads: &Reads<'_>) -> Found {
    match image {
        Imaging::ConvTranspose3d(_) => transposed(op, reads),
        Imaging::AdjustContrast => along(reads, &[-3, -2, -1]),
        Imaging::AdjustHue | Imaging::AdjustSaturation | Imaging::RgbToHsv | Imaging::HsvToRgb => {
            along(reads, &[-1])
        }
        Imaging::Lrn { .. } => along(reads, &[-1]),
        Imaging::SuppressRows(_) => along(reads, &[-2, -1]),
        Imaging::DetectAnchors(_) => {
            reads.same_from(2)?;
            if reads.axis(0)? != 0 || reads.axis(1)? != 0 || reads.extent(0)? != reads.extent(1)? {
                return Err("chances and offsets are of other rows".to_owned());
            }
            images(reads, 0)
        }
        Imaging::PoolWithPlaces { batch_too, .. } => places(reads, *batch_too),
        Imaging::Fold(folding) => places(reads, folding.fold == Fold::Max),
        Imaging::Resample(how) => {
            let rank = reads.at(0)?.dims()?.len();
            let others = how.axes.iter().all(|a| axis(*a, rank).is_ok_and(|a| a != 0));
            if how.axes.is_empty() || !others {
                return Err("it may be resized along the rows".to_owned());
            }
            plain(op, reads)
        }
        Imaging::Project { .. } | Imaging::SampleGrid(_) if reads.at(1)?.axis() == Some(0) => {
            // Each has places of its own.
            if reads.extent(0)? != reads.extent(1)? || reads.all.iter().skip(2).any(|x| !x.is_same()) {
                return Err("images and their places are of other rows".to_owned());
            }
            images(reads, 0)
        }
        Imaging::DrawBoxes => {
            let both = reads.axis(0)? == 0 && reads.axis(1)? == 0 && reads.extent(0)? == reads.extent(1)?;
            if !both || reads.all.iter().skip(2).any(|x| !x.is_same()) {
                return Err("images and their boxes are of other rows".to_owned());
            }
            reads.one(Fact::rows(reads.at(0)?.dims()?.to_vec(), 0)?)
        }
        Imaging::FromColumns(_) => {
            let extents = reads.at(1)?.numbers.as_ref().ok_or("the size of the image is not known")?.len();
            reads.same_from(1)?;
            if reads.axis(0)? != 0 {
                return Err("rows are along an inner axis".to_owned());
            }
            let mut shape = reads.fresh(extents + 2);
            shape[0] = reads.extent(0)?.clone();
            reads.one(Fact::rows(shape, 0)?)
        }
        Imaging::Conv3d(_)
        | Imaging::Depthwise(_)
        | Imaging::Pool3d { .. }
        | Imaging::Dilation(_)
        | Imaging::Patches { .. }
        | Imaging::SpaceToDepth(_)
        | Imaging::DepthToSpace(_)
        | Imaging::Bicubic { .. }
        | Imaging::Area { .. }
        | Imaging::ScaleAndTranslate { .. } => plain(op, reads),
        Imaging::Project { .. } => {
            let one = reads.at(1)?.dims()?.first().is_some_and(|count| count.is(1));
            if one { plain(op, reads) } else { Err("there are as many transforms as rows".to_owned()) }
        }
        _ => Err(NO_RULE.to_owned()),
    }
}

/// Each image becomes one; the other inputs are parameters.
fn plain(op: &Op, reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    items(op, reads).or_else(|_| images(reads, 0))
}

/// Results, and where they are; `among_all`: among all images.
fn places(reads: &Reads<'_>, among_all: bool) -> Found {
    reads.same_from(1)?;
    let mut made = images(reads, 0)?;
    if let (true, Some(places)) = (among_all, made.get_mut(1)) {
        *places = Fact::together();
    }
    Ok(made)
}
