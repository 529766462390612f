//! Operations that are seldom met: plain loops, checked sizes.

mod along;
mod arrays;
mod bands;
mod bitmaps;
mod bounded;
mod boxes;
mod color;
mod count;
mod coupled;
mod crop;
mod cross;
mod ctc;
mod ctc_loss;
mod decode;
mod deformable;
mod detections;
mod diagonals;
mod distinct;
mod drawing;
mod eigen;
mod einsum;
mod elements;
mod encode;
mod example;
mod factors;
mod folding;
mod functions;
mod gamma;
mod gather;
mod gif;
mod imaging;
mod jpeg;
mod learning;
mod linear_attention;
mod lstm_block;
mod lu;
mod matrices;
mod matrix_functions;
#[cfg(test)]
mod naive;
mod neighbours;
mod philox;
mod quantise;
mod ragged;
mod random;
mod regions;
mod rejection;
mod resample;
mod rnn;
mod rows;
mod running;
mod sampling;
mod scale;
mod scatter;
mod segments;
mod sequence;
mod sets;
mod signals;
mod sorting;
mod sound;
mod sparse;
mod sparse_numbers;
mod special;
mod spectrum;
#[cfg(test)]
mod tests;
mod unique;
mod volume;

pub use arrays::bytes;
pub use einsum::labels;
pub use gather::batched as gather_batched;
pub use sorting::top_k;

use super::access::{make, output};
use super::{Outcome, Value, fail};
use crate::EngineError;
use crate::graph::{Matrix, Rare};
use crate::value::{Element, Kind};

/// What an operation gives.
type Values = Result<Vec<Value>, EngineError>;

/// Runs a function on numbers of the kind that a value has.
macro_rules! by_kind {
    ($x:expr, $f:ident($($a:expr),* $(,)?)) => {
        match $x.kind() {
            $crate::value::Kind::F32 => $f::<f32>($($a),*),
            $crate::value::Kind::F64 => $f::<f64>($($a),*),
            $crate::value::Kind::I64 => $f::<i64>($($a),*),
            $crate::value::Kind::Bool => $f::<u8>($($a),*),
            other => Err($crate::kernels::fail(format!("numbers are needed, got {other:?}"))),
        }
    };
}
use by_kind;

/// An input that must be there.
fn at<'v>(inputs: &[&'v Value], n: usize) -> Result<&'v Value, EngineError> {
    inputs.get(n).copied().ok_or_else(|| fail("an operation lacks an input"))
}

/// Floats of any width as wide ones.
fn wide(x: &Value) -> Result<Vec<f64>, EngineError> {
    match x.kind() {
        Kind::F32 => Ok(x.slice::<f32>()?.iter().map(|x| f64::from(*x)).collect()),
        Kind::F64 => Ok(x.slice::<f64>()?.to_vec()),
        Kind::I64 => Ok(x.slice::<i64>()?.iter().map(|x| *x as f64).collect()),
        other => Err(fail(format!("numbers are needed, got {other:?}"))),
    }
}

/// Wide floats as a value of a kind.
fn narrowed(kind: Kind, data: Vec<f64>, shape: &[usize]) -> Outcome {
    match kind {
        Kind::F64 => make(data, shape),
        _ => make(data.into_iter().map(|x| x as f32).collect::<Vec<f32>>(), shape),
    }
}

/// One float.
fn float(x: &Value) -> Result<f64, EngineError> {
    wide(x)?.first().copied().ok_or_else(|| fail("expected a number, got none"))
}

/// A copy that may be written.
fn copied<T: Element>(x: &Value) -> Result<super::access::Output<T>, EngineError> {
    let mut out = output::<T>(x.dims())?;
    out.copy_from_slice(x.slice()?);
    Ok(out)
}

/// Runs one operation.
pub fn run(op: &Rare, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    let third = || at(inputs, 2);
    match op {
        Rare::Matrix(Matrix::LogDeterminant) => matrices::log_determinant(x),
        Rare::Qr { full } => factors::qr(x, *full),
        Rare::Lu => lu::factors(x),
        Rare::PivotOrder => one(lu::order(x, second()?)),
        Rare::CtcLoss { blank } => one(ctc_loss::run(*blank, inputs)),
        Rare::Eigen { vectors } => eigen::symmetric(x, *vectors),
        Rare::Svd { vectors } => factors::svd(x, *vectors),
        Rare::ListDiff => sorting::list_diff(x, second()?),
        Rare::DynamicPartition(count) => gather::partition(x, second()?, *count),
        Rare::Image(op) => imaging::run(op, inputs),
        Rare::Spectrum(op) => one(spectrum::run(*op, x, inputs.get(1).copied())),
        Rare::Learning(op) => learning::run(op, inputs),
        Rare::LstmBlock(how) => lstm_block::run(how, inputs),
        Rare::Ctc(how) => ctc::run(*how, inputs),
        Rare::Sound(op) => sound::run(*op, inputs),
        Rare::Random(op) => random::run(op, inputs),
        Rare::Signal(op) => one(signals::run(op, inputs)),
        Rare::Vote { mean } => one(super::neighbours::vote(*mean, x, second()?)),
        Rare::Rows(op) => rows::run(op, inputs),
        Rare::Rnn(op) => rnn::run(op, inputs),
        Rare::LinearAttention(op) => linear_attention::run(op, inputs),
        Rare::Along(op) => along::run(op, inputs),
        Rare::Narrow(how) => one(super::narrow::run(*how, x)),
        Rare::NarrowBits { of, made } => one(super::narrow::bits(*of, *made, x)),
        Rare::Function(f) => one(functions::function(*f, x)),
        Rare::IncompleteBeta => one(functions::incomplete_beta(x, second()?, third()?)),
        Rare::BroadcastGradient => gather::broadcast_gradient(x, second()?),
        Rare::Pairing(p) => one(functions::pairing(*p, x, second()?)),
        Rare::ApproximateEqual(tolerance) => one(functions::approximately(*tolerance, x, second()?)),
        Rare::Running { kind, exclusive, reverse } => {
            one(running::run(*kind, *exclusive, *reverse, x, second()?))
        }
        Rare::Einsum(equation) => one(einsum::einsum(equation, inputs)),
        Rare::Matrix(kind) => one(matrices::run(*kind, inputs)),
        Rare::BandPart => one(diagonals::band(x, second()?, third()?)),
        Rare::MatrixDiag(align) => one(diagonals::diag(*align, inputs)),
        Rare::MatrixDiagPart(align) => one(diagonals::part(*align, x, second()?, third()?)),
        Rare::MatrixSetDiag(align) => one(diagonals::set(*align, x, second()?, third()?)),
        Rare::Diag => one(diagonals::whole_diag(x)),
        Rare::DiagPart => one(diagonals::whole_part(x)),
        Rare::Cross => one(matrices::cross(x, second()?)),
        Rare::InTopK => one(sorting::in_top_k(x, second()?, third()?)),
        Rare::NthElement { reverse } => one(sorting::nth(x, second()?, *reverse)),
        Rare::FakeQuant { bits, narrow } => one(quantise::fake(*bits, *narrow, x, second()?, third()?)),
        Rare::QuantizeDequantize(how) => one(quantise::there_and_back(how, x, second()?, third()?)),
        Rare::Dequantize { signed, scaled } => {
            one(quantise::dequantize(*signed, *scaled, x, second()?, third()?))
        }
        Rare::GatherNd => one(gather::nd(x, second()?)),
        Rare::ScatterNd => one(scatter::nd(x, second()?, third()?)),
        Rare::TensorScatter(update) => one(scatter::onto(*update, x, second()?, third()?)),
        Rare::StridedSliceUpdate(masks) => one(scatter::slice(masks, inputs)),
        other => one(arrays::run(other, inputs)),
    }
}

fn one(outcome: Outcome) -> Values {
    outcome.map(|v| vec![v])
}
