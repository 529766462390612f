//! What is seldom met.

use super::elements::{broadcast, each, select_rows};
use super::fact::{Fact, Found, Of, Reads, Why};
use super::layers::{along, items};
use super::sequences::rnn;
use super::size::Size;
use super::{arrays, images, moves, parts, slices, sparse};
use crate::DType;
use crate::graph::{Along, Imaging, Learning, Matrix, Op, Rare, Signal, Spectrum, Text};
use crate::kernels::labels;

pub fn rare(op: &Op, rare: &Rare, reads: &Reads<'_>) -> Found {
    match rare {
        Rare::Function(_)
        | Rare::Narrow(_)
        | Rare::NarrowBits { .. }
        | Rare::FakeQuant { .. }
        | Rare::Dequantize { .. } => each(reads),
        Rare::QuantizeDequantize(how) if how.range_given => each(reads),
        Rare::Bitcast { from, to } if is_as_wide(*from, *to) => each(reads),
        Rare::Pairing(_) | Rare::IncompleteBeta | Rare::ApproximateEqual(_) => broadcast(reads),
        Rare::SelectRows => select_rows(reads),
        Rare::Running { .. } => along(reads, &reads.at(1)?.integers()?),
        Rare::Roll => along(reads, &reads.at(2)?.integers()?),
        Rare::BandPart
        | Rare::Matrix(
            Matrix::Cholesky | Matrix::Inverse { .. } | Matrix::SquareRoot | Matrix::Exponential,
        ) => along(reads, &[-2, -1]),
        Rare::Matrix(Matrix::Determinant | Matrix::LogDeterminant) => without_last(reads, 2),
        Rare::NthElement { .. } => without_last(reads, 1),
        Rare::Einsum(equation) => einsum(equation, reads),
        Rare::GatherNd => parts::gather_nd(reads, 0),
        Rare::ReverseSequence { sequence, batch } => reversed(reads, *sequence, *batch),
        Rare::EnsureShape(shape) => ensured(reads, shape),
        Rare::Along(how) => along_axes(op, *how, reads),
        Rare::Rnn(layer) => rnn(layer, reads),
        Rare::LinearAttention(_) => steps(reads),
        Rare::Image(image) if !matches!(image, Imaging::SuppressClasses { .. }) => {
            images::image(op, image, reads)
        }
        Rare::Rows(rows) => sparse::rows(rows, reads),
        Rare::Vote { .. } => leading(reads, &[]),
        Rare::Spectrum(spectrum) => spectra(*spectrum, reads),
        Rare::Signal(Signal::Dft { .. }) => transformed(reads),
        Rare::Signal(Signal::Stft { .. }) => leading(reads, &reads.fresh(3)),
        Rare::Learning(learning) => learned(learning, reads),
        other => arrays::rare(other, reads),
    }
}

/// Nothing is known of an operation.
pub const NO_RULE: &str = "it is not known to keep rows apart";

/// One item for each of the rows, which come first; the other inputs are parameters.
fn leading(reads: &Reads<'_>, rest: &[Size]) -> Found {
    reads.same_from(1)?;
    if reads.axis(0)? != 0 {
        return Err("rows are along an inner axis".to_owned());
    }
    reads.one(Fact::rows([&[reads.extent(0)?.clone()], rest].concat(), 0)?)
}

/// Whether elements of two types have as many bits.
fn is_as_wide(from: DType, to: DType) -> bool {
    let has_bits = |dtype| !matches!(dtype, DType::Bool | DType::String);
    has_bits(from) && has_bits(to) && from.width() == to.width()
}

/// Axes at the end go.
fn without_last(reads: &Reads<'_>, count: usize) -> Found {
    reads.same_from(1)?;
    let (rows, own) = (reads.axis(0)?, reads.at(0)?.dims()?);
    let kept = own.len().checked_sub(count).filter(|kept| rows < *kept).ok_or(ALONG)?;
    Ok(vec![Fact::rows(own[..kept].to_vec(), rows)?; reads.outputs])
}

const ALONG: &str = "it is computed along the axis of the rows";

/// Letters of axes: those of the rows must be one that the result has too, and nothing else's.
fn einsum(equation: &str, reads: &Reads<'_>) -> Found {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (terms, result) = text.split_once("->").ok_or("an equation without a result")?;
    let mut sizes: Vec<(u32, Size)> = Vec::new();
    let mut rows = None;
    for (term, x) in terms.split(',').zip(reads.all) {
        let dims = x.dims()?;
        let own = labels(term, dims.len()).ok_or("an equation that does not fit")?;
        for (n, (label, size)) in own.iter().zip(dims).enumerate() {
            let is_rows = x.axis() == Some(n);
            match sizes.iter_mut().find(|(l, _)| l == label) {
                None => sizes.push((*label, size.clone())),
                // The letter is met again: in this term, or in another.
                Some((_, so_far)) if is_rows || rows == Some(*label) => {
                    let once = own.iter().filter(|l| *l == label).count() == 1;
                    if !(is_rows && rows == Some(*label) && once && so_far == size) {
                        return Err("rows meet something along their axis".to_owned());
                    }
                }
                Some((_, so_far)) => *so_far = so_far.broadcast(size, reads.names),
            }
            if is_rows && *rows.get_or_insert(*label) != *label {
                return Err("rows meet rows along other axes".to_owned());
            }
        }
    }
    let count = result.replace("...", "").chars().count();
    let hidden = sizes.iter().filter(|(l, _)| char::from_u32(*l).is_none_or(|c| !c.is_alphabetic())).count();
    let shown = count + if result.contains("...") { hidden } else { 0 };
    let out = labels(result, shown).ok_or("an equation that does not fit")?;
    let axis = out.iter().position(|l| Some(*l) == rows).ok_or("sums are made over the rows")?;
    let size = |label: &u32| sizes.iter().find(|(l, _)| l == label).map(|(_, size)| size.clone());
    let shape = out.iter().map(size).collect::<Option<Vec<Size>>>().ok_or("an equation that does not fit")?;
    reads.one(Fact::rows(shape, axis)?)
}

/// Sequences turned round, each of its own length.
fn reversed(reads: &Reads<'_>, sequence: i64, batch: i64) -> Found {
    let (x, lengths) = (reads.at(0)?, reads.at(1)?);
    let (rows, rank) = (reads.axis(0)?, x.dims()?.len());
    let [sequence, batch] = [super::fact::axis(sequence, rank)?, super::fact::axis(batch, rank)?];
    let fits = match lengths.of {
        Of::Rows(0) => rows == batch && reads.extent(1)? == reads.extent(0)?,
        Of::Same => rows != batch,
        _ => false,
    };
    if !fits || rows == sequence {
        return Err(ALONG.to_owned());
    }
    reads.one(Fact::rows(x.dims()?.to_vec(), rows)?)
}

/// A value that must have a shape.
fn ensured(reads: &Reads<'_>, shape: &[i64]) -> Found {
    let rows = reads.axis(0)?;
    if shape.get(rows).is_none_or(|n| *n >= 0) {
        return Err("it takes a fixed number of rows".to_owned());
    }
    let known = |(own, wanted): (&Size, &i64)| if *wanted < 0 { own.clone() } else { Size::number(*wanted) };
    reads.one(Fact::rows(reads.at(0)?.dims()?.iter().zip(shape).map(known).collect(), rows)?)
}

fn along_axes(op: &Op, how: Along, reads: &Reads<'_>) -> Found {
    match how {
        Along::Squeeze | Along::Unsqueeze => moves::change_axes(op, reads),
        Along::Slice => slices::slice(op, reads),
        Along::Pad(_) => moves::pad_along(reads),
        Along::GatherElements { axis } => parts::by_elements(reads, axis, 1),
        Along::ScatterElements { axis, .. } => parts::by_elements(reads, axis, 0),
        Along::GatherNd { batch } => parts::gather_nd(reads, batch),
        Along::Triangle { .. } => along(reads, &[-2, -1]),
        Along::Compress { .. } | Along::Overlay { .. } | Along::Unique { .. } => Err(NO_RULE.to_owned()),
    }
}

/// Attention with a state: all inputs are of rows, and so are outputs and state.
fn steps(reads: &Reads<'_>) -> Found {
    for n in 0..reads.all.len() {
        if reads.axis(n)? != 0 || reads.extent(n)? != reads.extent(0)? {
            return Err("rows are along an inner axis".to_owned());
        }
    }
    let made = |rank: usize| {
        let mut shape = reads.fresh(rank);
        shape[0] = reads.extent(0)?.clone();
        Fact::rows(shape, 0)
    };
    Ok(vec![made(3)?, made(4)?])
}

/// Transforms over the last axes; complex numbers are pairs along one more.
fn spectra(spectrum: Spectrum, reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    let (rows, own) = (reads.axis(0)?, reads.at(0)?.dims()?);
    let (over, kept, rest) = match spectrum {
        Spectrum::Whole { axes, .. } => (axes + 1, own.len(), 0),
        Spectrum::Conjugate => (1, own.len(), 0),
        Spectrum::OfReals { axes } => (axes, own.len().saturating_sub(axes), axes + 1),
        Spectrum::ToReals { axes } => (axes + 1, own.len().saturating_sub(axes + 1), axes),
        Spectrum::Magnitude | Spectrum::Angle | Spectrum::Real | Spectrum::Imaginary => {
            (1, own.len().saturating_sub(1), 0)
        }
    };
    if rows + over >= own.len() + usize::from(over == 0) {
        return Err(ALONG.to_owned());
    }
    reads.one(Fact::rows([own.get(..kept).unwrap_or(own), &reads.fresh(rest)].concat(), rows)?)
}

/// x, length, axis.
fn transformed(reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    let (rows, own) = (reads.axis(0)?, reads.at(0)?.dims()?);
    let at = super::fact::axis(reads.at(2)?.integer()?, own.len())?;
    if at == rows || rows + 1 == own.len() {
        return Err(ALONG.to_owned());
    }
    let size = |(n, size): (usize, &Size)| {
        if n == at || n + 1 == own.len() { reads.names.fresh() } else { size.clone() }
    };
    reads.one(Fact::rows(own.iter().enumerate().map(size).collect(), rows)?)
}

fn learned(learning: &Learning, reads: &Reads<'_>) -> Found {
    match learning {
        Learning::Categories(_) => each(reads),
        Learning::Count(vectoriser) => sparse::counted(reads, vectoriser.columns),
        Learning::Distances(_) => leading(reads, &[reads.at(1)?.dims()?.first().cloned().ok_or(NO_RULE)?]),
        Learning::Coupling => leading(reads, &reads.fresh(1)),
        Learning::Interpolate => along(reads, &[]),
        Learning::Between(_) => broadcast(reads),
        Learning::LinearLeaves(leaves) => {
            let fits = reads.axis(0)? == 0 && reads.axis(1)? == 0 && reads.extent(0)? == reads.extent(1)?;
            let shape = vec![reads.extent(0)?.clone(), Size::extent(leaves.outputs())];
            if fits { reads.one(Fact::rows(shape, 0)?) } else { Err("leaves are of other rows".to_owned()) }
        }
        Learning::Shares(_) | Learning::ScaledShares(_) => {
            Err("all rows together tell when they are near enough".to_owned())
        }
    }
}

/// Byte strings.
pub fn text(text: &Text, reads: &Reads<'_>) -> Found {
    match text {
        Text::Bucket(_)
        | Text::BucketStrong { .. }
        | Text::BucketFirst(_)
        | Text::ReplaceBy { .. }
        | Text::FullMatchBy
        | Text::Transcode { .. }
        | Text::Unpacked(_)
        | Text::Scripts
        | Text::Csv(_)
        | Text::EncodeBase64 { .. }
        | Text::DecodeBase64 => each(reads),
        _ if text.is_by_element() => each(reads),
        Text::Join(_) | Text::Substr { .. } => broadcast(reads),
        Text::Tokenize(_) => tokenized(reads),
        Text::Split { .. } | Text::SplitAny { .. } | Text::Tokens { .. } => sparse::tokens(reads),
        other => arrays::text(other, reads),
    }
}

/// Tokens, as many as the longest text has. Of what is made of them an answer's extents must not follow: that is asked of answers.
fn tokenized(reads: &Reads<'_>) -> Found {
    for n in 0..reads.all.len() {
        if reads.axis(n)? != 0 || reads.at(n)?.rank() != Some(1) || reads.extent(n)? != reads.extent(0)? {
            return Err("texts are taken one for each row".to_owned());
        }
    }
    let shape = vec![reads.extent(0)?.clone(), reads.names.fresh()];
    Ok(vec![Fact::rows(shape, 0)?; reads.outputs])
}

/// Trees, neighbours, and others that take rows of numbers.
pub fn of_rows(op: &Op, reads: &Reads<'_>) -> Result<Vec<Fact>, Why> {
    if reads.at(0)?.rank() != Some(2) {
        return Err("rows of numbers are taken".to_owned());
    }
    items(op, reads)
}
