//! What goes with Fourier transforms: halves that change places, the frequencies themselves, the way back from short windows.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::combined;
use super::spectra::LONGEST;
use crate::DType;
use crate::graph::Literal;

pub fn lower(b: &mut Builder, c: &Call) -> Result<Option<Val>> {
    Ok(Some(match c.name.as_str() {
        "fft_fftshift" => shifted(b, c, false)?,
        "fft_ifftshift" => shifted(b, c, true)?,
        "fft_fftfreq" => frequencies(b, c, false)?,
        "fft_rfftfreq" => frequencies(b, c, true)?,
        "fft_hfft" | "fft_ihfft" => hermitian(b, c)?,
        "istft" => joined_windows(b, c)?,
        _ => return Ok(None),
    }))
}

/// The second half of each axis before the first.
fn shifted(b: &mut Builder, c: &Call, back: bool) -> Result<Val> {
    let Some((_, mut x)) = c.arguments.first().cloned() else { return c.wrong("self", "a tensor") };
    let rank = b.apply("dim", &[&x])?;
    let rank = b.known(&rank).unwrap_or(0);
    let dims = c.maybe_ints(b, 1, "dim")?.unwrap_or_else(|| (0..rank).collect());
    for dim in dims {
        let extent = b.apply("size", &[&x, &Val::Int(dim)])?;
        let Some(extent) = b.known(&extent) else {
            return unsupported("of an axis whose extent is not known");
        };
        let by = if back { (extent + 1) / 2 } else { extent / 2 };
        x = b.apply("roll", &[&x, &Val::Int(by), &Val::Int(dim)])?;
    }
    Ok(x)
}

fn frequencies(b: &mut Builder, c: &Call, half: bool) -> Result<Val> {
    let (count, step) = (c.int(b, 0, "n")?, c.float_or(1, "d", 1.0)?);
    if !(1..=LONGEST).contains(&count) {
        return broken(format!("{count} frequencies"));
    }
    let all = if half { count / 2 + 1 } else { count };
    let number = |n: i64| if half || n < (count + 1) / 2 { n } else { n - count };
    let numbers = (0..all).map(|n| (number(n) as f64 / (count as f64 * step)) as f32).collect();
    let value = b.literal(Literal::F32(numbers, vec![all as usize]), DType::F32)?;
    Ok(b.as_tensor(value))
}

/// Transforms whose other side is of reals.
fn hermitian(b: &mut Builder, c: &Call) -> Result<Val> {
    let Some((_, x)) = c.arguments.first().cloned() else { return c.wrong("self", "a tensor") };
    let length = c.some(1, "n").cloned().unwrap_or(Val::None);
    let dim = Val::Int(c.int_or(b, 2, "dim", -1)?);
    let norm = |norm: Option<&str>| match norm {
        None | Some("backward") => Ok(Val::text("forward")),
        Some("forward") => Ok(Val::text("backward")),
        Some("ortho") => Ok(Val::text("ortho")),
        Some(other) => unsupported(format!("norm={other:?}")),
    };
    let norm = norm(c.text(3, "norm").as_deref())?;
    if c.name == "fft_ihfft" {
        let made = b.apply("fft_rfft", &[&x, &length, &dim, &norm])?;
        return b.apply("conj", &[&made]);
    }
    let turned = b.apply("conj", &[&x])?;
    b.apply("fft_irfft", &[&turned, &length, &dim, &norm])
}

/// Short windows, each transformed back, laid over each other, and divided by what they were weighed with.
fn joined_windows(b: &mut Builder, c: &Call) -> Result<Val> {
    let Some((_, x)) = c.arguments.first().cloned() else { return c.wrong("self", "a tensor") };
    let size = c.int(b, 1, "n_fft")?;
    let hop = c.int_or(b, 2, "hop_length", size / 4)?;
    let width = c.int_or(b, 3, "win_length", size)?;
    if !(1..=LONGEST).contains(&size) || hop < 1 || !(1..=size).contains(&width) {
        return broken(format!("windows of {size} places, {hop} apart"));
    }
    if c.flag(6, "normalized", false)?
        || !c.flag(7, "onesided", true)?
        || c.flag(9, "return_complex", false)?
    {
        return unsupported("but of one side, as it is");
    }
    let rank = b.apply("dim", &[&x])?;
    let single = b.known(&rank) == Some(2);
    let x = if single { b.apply("unsqueeze", &[&x, &Val::Int(0)])? } else { x };
    let frames = b.apply("transpose", &[&x, &Val::Int(1), &Val::Int(2)])?;
    let frames = b.apply("fft_irfft", &[&frames, &Val::Int(size)])?;
    let before = (size - width) / 2;
    let pads = Val::list(vec![Val::Int(before), Val::Int(size - width - before)]);
    let weights = match c.some(4, "window") {
        Some(weights) => b.apply("constant_pad_nd", &[weights, &pads])?,
        None => {
            let ones = b.apply("ones", &[&Val::list(vec![Val::Int(width)])])?;
            b.apply("constant_pad_nd", &[&ones, &pads])?
        }
    };
    let frames = b.apply("mul", &[&frames, &weights])?;
    let count = b.apply("size", &[&frames, &Val::Int(1)])?;
    let less = combined(b, "sub", &count, &Val::Int(1))?;
    let length = combined(b, "mul", &less, &Val::Int(hop))?;
    let length = combined(b, "add", &length, &Val::Int(size))?;
    let sum = laid_over(b, &frames, &length, [size, hop])?;
    let square = b.apply("square", &[&weights])?;
    let shape = Val::list(vec![Val::Int(1), count, Val::Int(size)]);
    let squares = b.apply("expand", &[&square, &shape])?;
    let norm = laid_over(b, &squares, &length, [size, hop])?;
    let margin = if c.flag(5, "center", true)? { size / 2 } else { 0 };
    let end = match c.some(8, "length") {
        Some(told) => combined(b, "add", told, &Val::Int(margin))?,
        None => combined(b, "sub", &length, &Val::Int(margin))?,
    };
    let mut cut = |x: &Val| b.apply("slice", &[x, &Val::Int(1), &Val::Int(margin), &end, &Val::Int(1)]);
    let (sum, norm) = (cut(&sum)?, cut(&norm)?);
    let made = b.apply("div", &[&sum, &norm])?;
    if single { b.apply("squeeze", &[&made, &Val::Int(0)]) } else { Ok(made) }
}

/// Rows of places `[batch, rows, size]`, each a step behind the one before, added up.
fn laid_over(b: &mut Builder, rows: &Val, length: &Val, [size, hop]: [i64; 2]) -> Result<Val> {
    let columns = b.apply("transpose", &[rows, &Val::Int(1), &Val::Int(2)])?;
    let list = |a: Val, z: Val| Val::list(vec![a, z]);
    let (one, none) = (Val::Int(1), Val::Int(0));
    let whole = list(one.clone(), length.clone());
    let kernel = list(one.clone(), Val::Int(size));
    let (gaps, pads) = (list(one.clone(), one.clone()), list(none.clone(), none));
    let made =
        b.apply("col2im", &[&columns, &whole, &kernel, &gaps, &pads, &list(one.clone(), Val::Int(hop))])?;
    b.apply("reshape", &[&made, &Val::list(vec![Val::Int(-1), length.clone()])])
}
