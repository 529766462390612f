//! torchvision's own operations: boxes, regions, deformed windows.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken};
use super::Outcome;
use crate::DType;
use crate::formats::channels_first::Window;
use crate::graph::{Binary as B, Imaging, Op, Rare, RoiAlign, ValueId};

/// How names of these operations begin.
pub const LIBRARY: &str = "torchvision.";
/// Places along an axis of what a region becomes.
const MOST_PLACES: i64 = 4096;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(name) = c.name.strip_prefix(LIBRARY) else { return Ok(None) };
    match name {
        "nms" => {
            let kept = suppressed(b, c)?;
            b.give(kept)
        }
        "roi_align" => {
            let made = aligned(b, c)?;
            b.give(made)
        }
        "ps_roi_align" => of_places(b, c).map(Some),
        "roi_pool" => {
            let (x, regions) = (c.value(b, 0, "input")?, c.value(b, 1, "rois")?);
            let size = size(b, c)?;
            let scale = c.float_or(2, "spatial_scale", 1.0)? as f32;
            let made = image(b, Imaging::RoiMax { size, scale }, &[x, regions])?;
            let made = of_regions(b, made, x, regions, size);
            // Where the maxima were is for training.
            Ok(Some(vec![b.as_tensor(made), Val::None]))
        }
        "deform_conv2d" => {
            let made = deformed(b, c)?;
            b.give(made)
        }
        _ => Ok(None),
    }
}

fn image(b: &mut Builder, op: Imaging, inputs: &[ValueId]) -> Result<ValueId> {
    let dtype = b.dtype(inputs[0]);
    b.op(Op::Rare(Box::new(Rare::Image(op))), inputs, dtype)
}

/// The numbers of the boxes that are kept, the best one first.
fn suppressed(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (boxes, scores) = (c.value(b, 0, "dets")?, c.value(b, 1, "scores")?);
    let most = b.extent(scores, 0)?;
    let most = b.scalar(&most)?;
    let boxes = b.expand_dims(boxes, 0)?;
    let scores = b.reshape(scores, &[Val::Int(1), Val::Int(1), Val::Int(-1)])?;
    let overlap = b.number(c.float_or(2, "iou_threshold", 0.5)?, DType::F32)?;
    let least = b.number(f64::NEG_INFINITY, DType::F32)?;
    let op = Op::Rare(Box::new(Rare::Image(Imaging::SuppressAll { centred: false })));
    let found = b.op(op, &[boxes, scores, most, overlap, least], DType::I64)?;
    b.shaped(found, vec![None, Some(3)]);
    let (at, axis) = (b.int(2)?, b.int(1)?);
    let kept = b.op(Op::Gather { batch_dims: 0 }, &[found, at, axis], DType::I64)?;
    Ok(b.shaped(kept, vec![None]))
}

/// Height and width of what a region becomes.
fn size(b: &Builder, c: &Call) -> Result<[usize; 2]> {
    let side = |place, name| c.int(b, place, name);
    let sides = [side(3, "pooled_height")?, side(4, "pooled_width")?];
    if sides.iter().any(|n| !(1..=MOST_PLACES).contains(n)) {
        return broken(format!("regions of {sides:?}"));
    }
    Ok(sides.map(|n| n as usize))
}

fn of_regions(b: &mut Builder, made: ValueId, x: ValueId, regions: ValueId, size: [usize; 2]) -> ValueId {
    let extent = |value, at: usize| b.shape(value).and_then(|s| s.get(at).copied().flatten());
    let shape = vec![extent(regions, 0), extent(x, 1), Some(size[0]), Some(size[1])];
    b.shaped(made, shape)
}

fn aligned(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, regions) = (c.value(b, 0, "input")?, c.value(b, 1, "rois")?);
    let samples = c.int_or(b, 5, "sampling_ratio", -1)?;
    if samples > MOST_PLACES {
        return broken(format!("{samples} places along a side"));
    }
    let how = RoiAlign {
        max: false,
        half_pixel: c.name.contains("ps_roi_align") || c.flag(6, "aligned", false)?,
        size: size(b, c)?,
        samples: usize::try_from(samples).unwrap_or(0),
        scale: c.float_or(2, "spatial_scale", 1.0)? as f32,
    };
    // The number of its image stands before each region.
    let (owners, corners) = (
        b.narrow(regions, 1, &Val::Int(0), &Val::Int(1))?,
        b.narrow(regions, 1, &Val::Int(1), &Val::Int(4))?,
    );
    let owners = b.reshape(owners, &[Val::Int(-1)])?;
    let made = image(b, Imaging::RoiAlign(how), &[x, corners, owners])?;
    Ok(of_regions(b, made, x, regions, how.size))
}

/// Regions each of whose places has channels of its own.
fn of_places(b: &mut Builder, c: &Call) -> Result<Vec<Val>> {
    let [rows, columns] = size(b, c)?.map(|n| Val::Int(n as i64));
    let made = aligned(b, c)?;
    let x = c.value(b, 0, "input")?;
    let channels = b.extent(x, 1)?;
    let places = super::combined(b, "mul", &rows, &columns)?;
    let each = super::combined(b, "floordiv", &channels, &places)?;
    let shape = [Val::Int(-1), each.clone(), places.clone(), places];
    let split = b.reshape(made, &shape)?;
    let split = b.as_tensor(split);
    let own = b.apply("diagonal", &[&split, &Val::Int(0), &Val::Int(2), &Val::Int(3)])?;
    let shape = Val::list(vec![Val::Int(-1), each, rows, columns]);
    // Which channel was whose is for training.
    Ok(vec![b.apply("reshape", &[&own, &shape])?, Val::None])
}

fn deformed(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, weight, offsets) = (c.value(b, 0, "input")?, c.value(b, 1, "weight")?, c.value(b, 2, "offset")?);
    let count = |place, name| -> Result<usize> { Ok(usize::try_from(c.int(b, place, name)?).unwrap_or(0)) };
    let Some([outs, _, rows, columns]) = b.dims(weight).and_then(|d| <[usize; 4]>::try_from(d).ok()) else {
        return broken("a convolution by weights that are not of four axes");
    };
    let mut window = Window::new(&[rows, columns]);
    window.strides = vec![count(5, "stride_h")?, count(6, "stride_w")?];
    window.pads = [count(7, "pad_h")?, count(8, "pad_w")?].map(|n| [n, n]).to_vec();
    window.dilations = vec![count(9, "dilation_h")?, count(10, "dilation_w")?];
    let (groups, offset_groups) = (count(11, "groups")?, count(12, "offset_groups")?);
    if !window.is_sound() || groups == 0 || offset_groups == 0 {
        return broken("a convolution whose window is none");
    }
    let mut inputs = vec![x, weight, offsets];
    if c.flag(13, "use_mask", true)? {
        inputs.push(c.value(b, 3, "mask")?);
    }
    let made = image(b, Imaging::Deformable { window: Box::new(window), groups, offset_groups }, &inputs)?;
    let extent = |value, at: usize| b.shape(value).and_then(|s| s.get(at).copied().flatten());
    let shape = vec![extent(x, 0), Some(outs), extent(offsets, 2), extent(offsets, 3)];
    b.shaped(made, shape);
    match c.maybe(b, 4, "bias")? {
        None => Ok(made),
        Some(bias) => {
            let bias = b.reshape(bias, &[Val::Int(-1), Val::Int(1), Val::Int(1)])?;
            b.binary(B::Add, made, bias)
        }
    }
}
