//! A convolution of whose result only the largest number of each window is wanted.

use super::super::access::output;
use super::super::convolve;
use super::super::pool;
use super::super::threads::threads;
use super::super::{Outcome, Value};
use super::shape::{geometry, halves};
use super::{Left, PackedProduct, Ready};
use crate::graph::Pool;

impl PackedProduct {
    /// The convolution of x, pooled; tile by tile, where the way that it is computed makes tiles.
    pub(super) fn pooled(&self, x: &Value) -> Outcome {
        if let Ready::Conv(conv, [kh, kw, ins, _], weights) = &self.ready {
            let (whole, g) = (self.whole(x.dims())?, geometry(x.dims(), [*kh, *kw], conv)?);
            let epilogue = self.epilogue()?;
            if convolve::pools(&g, weights, &epilogue) {
                let shape = halves(&whole)?;
                let mut out = output::<f32>(&shape)?;
                let work = out.len().saturating_mul(4 * kh * kw * ins);
                convolve::pooled(&mut out, x.slice()?, &g, weights, &epilogue, threads(work));
                return Value::of(out, &shape);
            }
        }
        pool::pool(&self.run_on(Left::Value(x), None)?, &Pool::HALVES)
    }
}
