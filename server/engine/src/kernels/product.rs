//! Dense layers and matrix products, single and batched.

use super::access::{make, output, zeros};
use super::gemm::{Epilogue, Matrix, product_unpacked};
use super::threads::threads;
use super::{Outcome, Value, elements, fail};
use crate::graph::Activation;
use crate::value::{Element, Kind};

/// `activation(x · w + bias)` over the last axis of x.
pub fn dense(x: &Value, w: &Value, bias: Option<&Value>, activation: Activation) -> Outcome {
    let (xs, ws) = (x.dims(), w.dims());
    let ([.., inner], [rows, columns]) = (xs, ws) else { return Err(fail("a dense layer needs matrices")) };
    if inner != rows || bias.is_some_and(|b| b.dims() != [*columns]) {
        return Err(fail(format!("a dense layer of {ws:?} on {xs:?}")));
    }
    let batch = elements(&xs[..xs.len() - 1])?;
    let shape = [&xs[..xs.len() - 1], &[*columns]].concat();
    let mut out = output::<f32>(&shape)?;
    let work = batch.saturating_mul(*rows).saturating_mul(*columns);
    let epilogue = Epilogue { bias: bias.map(Value::slice).transpose()?, adds: false, activation };
    let (x, w) = (Matrix::new(x.slice()?, batch, *rows), Matrix::new(w.slice()?, *rows, *columns));
    product_unpacked(&mut out, x, w, &epilogue, threads(work));
    make(out, &shape)
}

/// Two batches of matrices laid beside each other.
struct Matrices {
    rows: usize,
    inner: usize,
    columns: usize,
    /// Of the result.
    shape: Vec<usize>,
    places_a: Vec<usize>,
    places_b: Vec<usize>,
}

impl Matrices {
    fn new(a: &Value, b: &Value, transpose_a: bool, transpose_b: bool) -> Result<Self, crate::EngineError> {
        let (da, db) = (a.dims(), b.dims());
        let unfit = || fail(format!("a matrix product of {da:?} and {db:?}"));
        let (Some((ba, ma)), Some((bb, mb))) = (da.split_last_chunk::<2>(), db.split_last_chunk::<2>())
        else {
            return Err(unfit());
        };
        let batch = super::elementwise::broadcast_shape(ba, bb)?;
        let flip = |m: &[usize; 2], t: bool| if t { (m[1], m[0]) } else { (m[0], m[1]) };
        let ((rows, inner), (inner_b, columns)) = (flip(ma, transpose_a), flip(mb, transpose_b));
        if inner != inner_b {
            return Err(unfit());
        }
        let shape = [batch.as_slice(), &[rows, columns]].concat();
        elements(&shape)?;
        let (places_a, places_b) = (places(ba, &batch, ma[0] * ma[1]), places(bb, &batch, mb[0] * mb[1]));
        Ok(Self { rows, inner, columns, shape, places_a, places_b })
    }
}

/// A product of matrices, or of batches of them with broadcasting.
pub fn matmul(a: &Value, b: &Value, transpose_a: bool, transpose_b: bool) -> Outcome {
    if a.kind() != Kind::F32 || b.kind() != Kind::F32 {
        return slow(a, b, transpose_a, transpose_b);
    }
    let m = Matrices::new(a, b, transpose_a, transpose_b)?;
    let (x, y) = (a.slice::<f32>()?, b.slice::<f32>()?);
    let mut out = output::<f32>(&m.shape)?;
    let view = |data, rows, columns, t| {
        if t { Matrix::new(data, columns, rows).transposed() } else { Matrix::new(data, rows, columns) }
    };
    let work = m.rows.saturating_mul(m.inner).saturating_mul(m.columns);
    let size = (m.rows * m.columns).max(1);
    for ((out, at), bt) in out.chunks_exact_mut(size).zip(&m.places_a).zip(&m.places_b) {
        let left = view(&x[*at..], m.rows, m.inner, transpose_a);
        let right = view(&y[*bt..], m.inner, m.columns, transpose_b);
        product_unpacked(out, left, right, &Epilogue::NONE, threads(work));
    }
    make(out, &m.shape)
}

/// Where each matrix of a broadcast batch begins.
fn places(own: &[usize], batch: &[usize], size: usize) -> Vec<usize> {
    let steps = super::elementwise::steps(own, batch);
    super::elementwise::offsets(batch, &steps).into_iter().map(|o| o * size).collect()
}

/// Other types are rare: one number at a time.
fn slow(a: &Value, b: &Value, transpose_a: bool, transpose_b: bool) -> Outcome {
    match (a.kind(), b.kind()) {
        (Kind::F64, Kind::F64) => plain::<f64>(a, b, transpose_a, transpose_b),
        (Kind::I64, Kind::I64) => plain::<i64>(a, b, transpose_a, transpose_b),
        (x, y) => Err(fail(format!("a matrix product of {x:?} and {y:?}"))),
    }
}

fn plain<T: Element + MultiplyAdd>(a: &Value, b: &Value, ta: bool, tb: bool) -> Outcome {
    let m = Matrices::new(a, b, ta, tb)?;
    let (x, y) = (a.slice::<T>()?, b.slice::<T>()?);
    let mut out = zeros::<T>(&m.shape)?;
    let size = (m.rows * m.columns).max(1);
    for ((out, at), bt) in out.chunks_exact_mut(size).zip(&m.places_a).zip(&m.places_b) {
        for (n, to) in out.iter_mut().enumerate() {
            let (row, column) = (n / m.columns, n % m.columns);
            for i in 0..m.inner {
                let p = x[at + if ta { i * m.rows + row } else { row * m.inner + i }];
                let q = y[bt + if tb { column * m.inner + i } else { i * m.columns + column }];
                *to = T::multiply_add(p, q, *to);
            }
        }
    }
    make(out, &m.shape)
}

/// `a * b + c`; integers wrap.
trait MultiplyAdd {
    fn multiply_add(a: Self, b: Self, c: Self) -> Self;
}

impl MultiplyAdd for f64 {
    fn multiply_add(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

impl MultiplyAdd for i64 {
    fn multiply_add(a: i64, b: i64, c: i64) -> i64 {
        a.wrapping_mul(b).wrapping_add(c)
    }
}
