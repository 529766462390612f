//! Convolutions.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float, kind};
use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::Outcome;
use crate::formats::channels_first::Window;
use crate::graph::ValueId;
use crate::value::Kind;

/// Where a convolution's arguments are.
struct Places {
    padding: usize,
    dilation: usize,
    groups: usize,
    transposed: bool,
    output_padding: usize,
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let places = match c.name.as_str() {
        "conv1d" | "conv2d" | "conv3d" | "_convolution_mode" => {
            Places { padding: 4, dilation: 5, groups: 6, transposed: false, output_padding: usize::MAX }
        }
        "conv_transpose1d" | "conv_transpose2d" | "conv_transpose3d" => {
            Places { padding: 4, dilation: 7, groups: 6, transposed: true, output_padding: 5 }
        }
        "convolution" | "_convolution" => {
            let transposed = c.flag(6, "transposed", false)?;
            Places { padding: 4, dilation: 5, groups: 8, transposed, output_padding: 7 }
        }
        _ => return Ok(None),
    };
    let y = convolution(b, c, &places)?;
    b.give(y)
}

fn convolution(b: &mut Builder, c: &Call, places: &Places) -> Result<ValueId> {
    let (x, weight) = (c.value(b, 0, "input")?, c.value(b, 1, "weight")?);
    let bias = c.maybe(b, 2, "bias")?;
    let dtype = b.dtype(x);
    if !is_float(dtype) {
        return unsupported(format!("of {dtype}"));
    }
    let Some(dims) = b.dims(weight) else { return unsupported("by weights whose shape is not known") };
    let Some(kernel) = dims.get(2..).filter(|k| (1..=3).contains(&k.len())) else {
        return broken(format!("a convolution by weights of shape {dims:?}"));
    };
    let rank = match b.rank(x) {
        Err(Stop::Rank(input, _)) => return Err(Stop::Rank(input, Some(dims.len()))),
        rank => rank?,
    };
    let axes = kernel.len();
    let groups = usize::try_from(c.int_or(b, places.groups, "groups", 1)?).unwrap_or(0);
    let mut window = window(b, c, places, kernel)?;
    window.double = kind(dtype) == Kind::F64;
    if !window.is_sound() || groups == 0 || dims[0] % groups != 0 {
        return broken("a convolution whose window is none");
    }
    let one = rank == axes + 1;
    let image = if one { b.expand_dims(x, 0)? } else { x };
    if b.rank(image)? != axes + 2 {
        return broken(format!("a convolution over {axes} axes of a tensor with {rank}"));
    }
    let y = if places.transposed {
        let more = c.spatial(b, places.output_padding, "output_padding", axes, 0)?;
        b.made(dtype, |to| to.conv_transposed(image, weight, bias, groups, &window, &more))?
    } else {
        b.made(dtype, |to| to.conv(image, weight, bias, groups, &window))?
    };
    let shape = extents(b, image, &dims, &window, places.transposed, groups);
    let y = shape.map_or(y, |shape| b.shaped(y, shape));
    if one { b.squeeze(y, vec![0]) } else { Ok(y) }
}

fn window(b: &Builder, c: &Call, places: &Places, kernel: &[usize]) -> Result<Window> {
    let axes = kernel.len();
    let mut window = Window::new(kernel);
    window.strides = c.spatial(b, 3, "stride", axes, 1)?;
    window.dilations = c.spatial(b, places.dilation, "dilation", axes, 1)?;
    window.pads = match c.get(places.padding, "padding") {
        Some(Val::Text(how)) if &**how == "same" => (0..axes)
            .map(|at| {
                let total = (kernel[at].saturating_sub(1)).saturating_mul(window.dilations[at]);
                [total / 2, total - total / 2]
            })
            .collect(),
        Some(Val::Text(_)) => vec![[0, 0]; axes],
        _ => c.spatial(b, places.padding, "padding", axes, 0)?.into_iter().map(|n| [n, n]).collect(),
    };
    Ok(window)
}

/// How large the result is, as far as it is known: volumes and transposed convolutions do not tell.
fn extents(
    b: &Builder,
    image: ValueId,
    weight: &[usize],
    window: &Window,
    transposed: bool,
    groups: usize,
) -> Option<Vec<Option<usize>>> {
    let shape = b.shape(image)?;
    let mut made = vec![shape[0], Some(if transposed { weight[1].checked_mul(groups)? } else { weight[0] })];
    for axis in 0..window.kernel.len() {
        let pads: usize = window.pads[axis].iter().sum();
        let extent = shape.get(axis + 2).copied().flatten().filter(|_| !transposed);
        made.push(extent.and_then(|n| {
            Some(n.checked_add(pads)?.checked_sub(window.span(axis))? / window.strides[axis] + 1)
        }));
    }
    Some(made)
}
