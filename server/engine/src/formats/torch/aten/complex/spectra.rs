//! Fourier transforms, those of short windows, and what these are weighed with.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, place};
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::{Outcome, combined};
use super::{as_pairs, spectrum};
use crate::DType;
use crate::graph::{Literal, Spectrum, ValueId};

/// Places of a window.
pub const LONGEST: i64 = 1 << 24;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "hann_window" => Ok(Some(vec![window(b, c, 0.5)?])),
        "hamming_window" => Ok(Some(vec![window(b, c, 0.54)?])),
        "bartlett_window" | "blackman_window" | "kaiser_window" => {
            super::windows::weights(b, c).map(|made| Some(vec![made]))
        }
        "stft" => short(b, c).map(|made| Some(vec![made])),
        "_fft_r2c" | "_fft_c2r" | "_fft_c2c" => plain(b, c).map(|made| Some(vec![made])),
        name => match name.strip_prefix("fft_") {
            Some(name) => transformed(b, c, name),
            None => Ok(None),
        },
    }
}

/// A raised cosine.
fn window(b: &mut Builder, c: &Call, mean: f64) -> Result<Val> {
    let length = c.int(b, 0, "window_length")?;
    if !(1..=LONGEST).contains(&length) {
        return broken(format!("a window of {length} places"));
    }
    let periodic = c.flag(1, "periodic", true)?;
    let mean = c.float(2, "alpha")?.filter(|_| c.name == "hamming_window").unwrap_or(mean);
    let turns = if periodic { length } else { (length - 1).max(1) } as f64;
    let at = |n: i64| mean - (1.0 - mean) * (std::f64::consts::TAU * n as f64 / turns).cos();
    let numbers = (0..length).map(|n| if length == 1 { 1.0 } else { at(n) } as f32).collect();
    let value = b.literal(Literal::F32(numbers, vec![length as usize]), DType::F32)?;
    Ok(b.as_tensor(value))
}

/// Which axes are transformed, and how.
struct Transform {
    /// Reals become complex numbers, of which the first half is kept.
    of_reals: bool,
    /// The way back.
    to_reals: bool,
    inverse: bool,
}

fn transformed(b: &mut Builder, c: &Call, name: &str) -> Outcome {
    let plain = name.trim_end_matches(['n', '2']);
    let how = match plain {
        "fft" => Transform { of_reals: false, to_reals: false, inverse: false },
        "ifft" => Transform { of_reals: false, to_reals: false, inverse: true },
        "rfft" => Transform { of_reals: true, to_reals: false, inverse: false },
        "irfft" => Transform { of_reals: false, to_reals: true, inverse: true },
        _ => return Ok(None),
    };
    let Some((_, given)) = c.arguments.first() else { return c.wrong("self", "a tensor") };
    let given = given.clone();
    let x = match as_pairs(b, &given) {
        Some(pairs) => pairs,
        None if how.of_reals => b.of(&given)?,
        None => {
            let zeros = b.apply("zeros_like", &[&given])?;
            let pairs = b.apply("stack", &[&Val::list(vec![given, zeros]), &Val::Int(-1)])?;
            b.of(&pairs)?
        }
    };
    let rank = b.rank(x)? - usize::from(!how.of_reals);
    let several = plain.len() < name.len();
    let dims = match c.maybe_ints(b, 2, "dim")? {
        Some(dims) => dims,
        None if name.ends_with('2') => vec![-2, -1],
        None if several => (0..rank as i64).collect(),
        None => vec![-1],
    };
    let axes = dims.iter().map(|d| place(*d, rank)).collect::<Result<Vec<_>>>()?;
    let lengths = match c.some(1, if several { "s" } else { "n" }) {
        Some(list) if list.items().is_some() => list.items(),
        one => one.map(|one| vec![one.clone()]),
    };
    let made = along(b, x, &how, &axes, lengths.as_deref(), (rank, c.text(3, "norm").as_deref()))?;
    if how.to_reals {
        return b.give(made);
    }
    Ok(Some(vec![b.complex(made)]))
}

/// The transforms that others are broken into: what they are divided by is told.
fn plain(b: &mut Builder, c: &Call) -> Result<Val> {
    let (Some((_, x)), Some(dims)) = (c.arguments.first(), c.get(1, "dim").cloned()) else {
        return c.wrong("dim", "a list of ints");
    };
    let (x, mut lengths) = (x.clone(), Val::None);
    let (name, inverse) = match c.name.as_str() {
        "_fft_r2c" if c.flag(3, "onesided", true)? => ("fft_rfftn", false),
        "_fft_c2r" => ("fft_irfftn", true),
        "_fft_c2c" if !c.flag(3, "forward", true)? => ("fft_ifftn", true),
        _ => ("fft_fftn", false),
    };
    if c.name == "_fft_c2r" {
        let mut sizes = Vec::new();
        for dim in dims.items().unwrap_or_default() {
            sizes.push(b.apply("size", &[&x, &dim])?);
        }
        if let (Some(last), Some(told)) = (sizes.last_mut(), c.get(3, "last_dim_size")) {
            *last = told.clone();
        }
        lengths = Val::list(sizes);
    }
    // Nothing, the root of how many there are, how many there are.
    let norm = match (c.int_or(b, 2, "normalization", 0)?, inverse) {
        (0, false) | (2, true) => "backward",
        (1, _) => "ortho",
        _ => "forward",
    };
    b.apply(name, &[&x, &lengths, &dims, &Val::text(norm)])
}

/// A transform along axes, which go last for it.
fn along(
    b: &mut Builder,
    x: ValueId,
    how: &Transform,
    axes: &[usize],
    lengths: Option<&[Val]>,
    (rank, norm): (usize, Option<&str>),
) -> Result<ValueId> {
    let count = axes.len();
    if count == 0 || count > rank || lengths.is_some_and(|l| l.len() != count) {
        return broken("a transform along other axes than there are");
    }
    let pair = |order: &mut Vec<usize>, is_pair: bool| order.extend(is_pair.then_some(rank));
    let mut order: Vec<usize> = (0..rank).filter(|a| !axes.contains(a)).chain(axes.iter().copied()).collect();
    let mut back = vec![0; rank];
    order.iter().enumerate().for_each(|(n, at)| back[*at] = n);
    pair(&mut order, !how.of_reals);
    pair(&mut back, !how.to_reals);
    if back.len() > rank {
        back[rank] = rank;
    }
    let mut moved = b.transpose(x, &order)?;
    let mut sizes = Vec::new();
    for n in 0..count {
        let own = b.extent(moved, (rank - count + n) as i64)?;
        let own = if how.to_reals && n + 1 == count {
            let less = combined(b, "sub", &own, &Val::Int(1))?;
            combined(b, "mul", &less, &Val::Int(2))?
        } else {
            own
        };
        let told = lengths.map(|l| l[n].clone());
        if !how.of_reals
            && !how.to_reals
            && let Some(told) = told.as_ref().filter(|t| b.known(t) != b.known(&own))
        {
            moved = lengthened(b, moved, rank - count + n, &own, told)?;
        }
        sizes.push(told.unwrap_or(own));
    }
    let mut shape = b.shape(moved).map(<[_]>::to_vec);
    let op = if how.of_reals {
        Spectrum::OfReals { axes: count }
    } else if how.to_reals {
        Spectrum::ToReals { axes: count }
    } else {
        Spectrum::Whole { axes: count, inverse: how.inverse }
    };
    let mut inputs = vec![moved];
    if how.of_reals || how.to_reals {
        inputs.push(b.vector(&sizes)?);
    }
    let made = spectrum(b, op, &inputs)?;
    if let Some(shape) = &mut shape {
        shape.truncate(rank);
        if how.of_reals || how.to_reals {
            shape[rank - count..].fill(None);
        }
        if !how.to_reals {
            shape.push(Some(2));
        }
        b.shaped(made, shape.clone());
    }
    let scaled = scaled(b, made, how.inverse, &sizes, norm)?;
    b.transpose(scaled, &back)
}

/// An axis cut, or with zeros behind it.
fn lengthened(b: &mut Builder, x: ValueId, at: usize, own: &Val, wanted: &Val) -> Result<ValueId> {
    let (Some(own), Some(wanted), rank) = (b.known(own), b.known(wanted), b.rank(x)?) else {
        return unsupported("of lengths that are not known");
    };
    let more = wanted.checked_sub(own).filter(|_| (1..=LONGEST).contains(&wanted));
    let Some(more) = more else { return broken(format!("a transform of {wanted} places")) };
    // Pads are told from the last axis; negative ones cut.
    let pads = Val::list(
        [vec![0; 2 * (rank - 1 - at) + 1], vec![more]].concat().into_iter().map(Val::Int).collect(),
    );
    let x = b.as_tensor(x);
    let made = b.apply("constant_pad_nd", &[&x, &pads])?;
    b.of(&made)
}

/// Inverse transforms are divided by the lengths, others by nothing, unless it is said otherwise.
fn scaled(b: &mut Builder, x: ValueId, inverse: bool, sizes: &[Val], norm: Option<&str>) -> Result<ValueId> {
    let power = match (norm, inverse) {
        (None | Some("backward" | ""), _) => return Ok(x),
        (Some("ortho"), true) => 0.5,
        (Some("ortho"), false) => -0.5,
        (Some("forward"), true) => 1.0,
        (Some("forward"), false) => -1.0,
        (Some(other), _) => return unsupported(format!("norm={other:?}")),
    };
    let mut product = Val::Int(1);
    for size in sizes {
        product = combined(b, "mul", &product, size)?;
    }
    if let Some(product) = b.known(&product) {
        return super::super::pointwise::with(b, crate::graph::Binary::Mul, x, (product as f64).powf(power));
    }
    let factor = b.apply("scalar_tensor", &[&product, &Val::Type(b.dtype(x))])?;
    let factor = b.apply("pow", &[&factor, &Val::Float(power)])?;
    let x = b.as_tensor(x);
    let made = b.apply("mul", &[&x, &factor])?;
    b.of(&made)
}

/// Transforms of windows, each a step behind the one before: frequencies, then windows.
fn short(b: &mut Builder, c: &Call) -> Result<Val> {
    let x = c.x(b)?;
    let size = c.int(b, 1, "n_fft")?;
    let step = c.int_or(b, 2, "hop_length", size / 4)?;
    let width = c.int_or(b, 3, "win_length", size)?;
    // One of the two overloads pads first.
    let centred = c.get(usize::MAX, "center").is_some();
    let ([Ok(length), Ok(hop)], true) = (
        [usize::try_from(size), usize::try_from(step)],
        size > 0 && step > 0 && size <= LONGEST && width <= size && width > 0,
    ) else {
        return broken(format!("windows of {size} places, {step} apart"));
    };
    if centred {
        return unsupported("but of windows that begin at the first place");
    }
    let single = b.rank(x)? == 1;
    let rows = if single { b.expand_dims(x, 0)? } else { x };
    let frames = super::super::grids::windows(b, rows, 1, length, hop, 1)?;
    let frames = b.transpose(frames, &[0, 2, 1])?;
    let mut frames = b.as_tensor(frames);
    if let Some(weights) = c.some(4, "window") {
        let before = (size - width) / 2;
        let pads = Val::list(vec![Val::Int(before), Val::Int(size - width - before)]);
        let weights = b.apply("constant_pad_nd", &[weights, &pads])?;
        frames = b.apply("mul", &[&frames, &weights])?;
    }
    let half = c.flag(6, "onesided", true)?;
    let made = b.apply(if half { "fft_rfft" } else { "fft_fft" }, &[&frames])?;
    let made = if c.flag(5, "normalized", false)? {
        b.apply("mul", &[&made, &Val::Float((size as f64).powf(-0.5))])?
    } else {
        made
    };
    let made = b.apply("transpose", &[&made, &Val::Int(1), &Val::Int(2)])?;
    let made = if single { b.apply("select", &[&made, &Val::Int(0), &Val::Int(0)])? } else { made };
    if c.flag(7, "return_complex", true)? { Ok(made) } else { b.apply("view_as_real", &[&made]) }
}
