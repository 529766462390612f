//! Element by element: functions of one value, of two, and chains of them in one pass over memory.

pub mod chain;

use super::{Map, Zip, in_parts, in_rows, map_to, math, piece};
use crate::graph::{Binary, Unary};
use crate::kernels::simd::{Kernel, LANES, Simd, run};

/// Names a function of one number for each operation and calls `$go` with the one that is asked for.
macro_rules! unary {
    ($S:ident, $x:ident: $($name:ident => $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $name;
            impl Map for $name {
                #[inline(always)]
                fn call<$S: Simd>(self, $x: $S::V) -> $S::V { $body }
            }
        )*
        /// Applies an operation to a slice; one that is not of numbers leaves them.
        #[inline(always)]
        fn unary_on<S: Simd>(op: Unary, x: &[f32], to: &mut [f32]) {
            match op {
                $(Unary::$name => map_to::<S, $name>($name, x, to),)*
                Unary::LeakyRelu(slope) => map_to::<S, Leaky>(Leaky(slope), x, to),
                Unary::LogicalNot => to.copy_from_slice(x),
            }
        }
    };
}

unary! { S, x:
    Abs => S::abs(x);
    Ceil => math::neg::<S>(S::floor(math::neg::<S>(x)));
    Cos => math::cos::<S>(x);
    Elu => S::select(S::less(x, S::splat(0.0)), math::expm1::<S>(x), x);
    Erf => math::erf::<S>(x);
    Erfc => math::lanes::<S>(x, libm::erfcf);
    Exp => math::exp::<S>(x);
    Expm1 => math::expm1::<S>(x);
    Tan => math::lanes::<S>(x, f32::tan);
    Atan => math::lanes::<S>(x, f32::atan);
    Sinh => math::lanes::<S>(x, f32::sinh);
    Cosh => math::lanes::<S>(x, f32::cosh);
    Floor => S::floor(x);
    Log => math::log::<S>(x);
    Log1p => math::log1p::<S>(x);
    Neg => math::neg::<S>(x);
    OnesLike => { let _ = x; S::splat(1.0) };
    ZerosLike => { let _ = x; S::splat(0.0) };
    Reciprocal => S::div(S::splat(1.0), x);
    Relu => S::max(S::splat(0.0), x);
    Relu6 => math::clamp::<S>(x, 0.0, 6.0);
    Round => S::round(x);
    Rsqrt => S::div(S::splat(1.0), S::sqrt(x));
    Selu => {
        let below = S::mul(S::splat(1.758_099_3), math::expm1::<S>(x));
        S::select(S::less(x, S::splat(0.0)), below, S::mul(S::splat(1.050_701), x))
    };
    Sigmoid => math::sigmoid::<S>(x);
    Sign => {
        let above = S::select(S::less(S::splat(0.0), x), S::splat(1.0), x);
        S::select(S::less(x, S::splat(0.0)), S::splat(-1.0), above)
    };
    Sin => math::sin::<S>(x);
    Softplus => math::softplus::<S>(x);
    Softsign => S::div(x, S::add(S::splat(1.0), S::abs(x)));
    Sqrt => S::sqrt(x);
    Square => S::mul(x, x);
    Tanh => math::tanh::<S>(x);
}

/// Below zero, a part of the number.
#[derive(Clone, Copy)]
struct Leaky(f32);
impl Map for Leaky {
    #[inline(always)]
    fn call<S: Simd>(self, x: S::V) -> S::V {
        S::select(S::less(x, S::splat(0.0)), S::mul(x, S::splat(self.0)), x)
    }
}

/// As [`unary`], of two numbers.
macro_rules! binary {
    ($S:ident, $a:ident, $b:ident: $($name:ident => $body:expr;)*) => {
        mod pairs {
            use super::{Simd, Zip, math};
            $(
                #[derive(Clone, Copy)]
                pub struct $name;
                impl Zip for $name {
                    #[inline(always)]
                    fn call<$S: Simd>(self, $a: $S::V, $b: $S::V) -> $S::V { $body }
                }
            )*
        }
        /// Applies an operation to runs of numbers; one that is not of numbers leaves the first.
        #[inline(always)]
        fn binary_on<S: Simd>(op: Binary, a: Run<'_>, b: Run<'_>, to: &mut [f32]) {
            match op {
                $(Binary::$name => zip_to::<S, pairs::$name>(pairs::$name, a, b, to),)*
                Binary::And | Binary::Or => {}
            }
        }
    };
}

binary! { S, a, b:
    Add => S::add(a, b);
    Sub => S::sub(a, b);
    Mul => S::mul(a, b);
    Div => S::div(a, b);
    DivNoNan => S::select(S::equal(b, S::splat(0.0)), S::splat(0.0), S::div(a, b));
    FloorDiv => S::floor(S::div(a, b));
    FloorMod => S::sub(a, S::mul(S::floor(S::div(a, b)), b));
    // The second is taken if one is NaN; where the first is, it wins.
    Max => S::select(S::equal(a, a), S::max(a, b), a);
    Min => S::select(S::equal(a, a), S::min(a, b), a);
    Pow => math::pow::<S>(a, b);
    SquaredDifference => { let d = S::sub(a, b); S::mul(d, d) };
}

/// Numbers of an operand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run<'a> {
    /// One for each of the result.
    Many(&'a [f32]),
    /// The same for all.
    One(f32),
}

#[inline(always)]
fn zip_to<S: Simd, F: Zip>(f: F, a: Run<'_>, b: Run<'_>, to: &mut [f32]) {
    let (whole, rest) = to.as_chunks_mut::<LANES>();
    match (a, b) {
        (Run::Many(a), Run::Many(b)) => {
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            for ((a, b), to) in a.iter().zip(b).zip(whole) {
                S::store(f.call::<S>(S::load(a), S::load(b)), to);
            }
            if !rest.is_empty() {
                S::store_part(f.call::<S>(S::load_part(a_rest), S::load_part(b_rest)), rest);
            }
        }
        (Run::Many(a), Run::One(b)) => {
            let ((a, a_rest), b) = (a.as_chunks::<LANES>(), S::splat(b));
            for (a, to) in a.iter().zip(whole) {
                S::store(f.call::<S>(S::load(a), b), to);
            }
            if !rest.is_empty() {
                S::store_part(f.call::<S>(S::load_part(a_rest), b), rest);
            }
        }
        (Run::One(a), Run::Many(b)) => {
            let ((b, b_rest), a) = (b.as_chunks::<LANES>(), S::splat(a));
            for (b, to) in b.iter().zip(whole) {
                S::store(f.call::<S>(a, S::load(b)), to);
            }
            if !rest.is_empty() {
                S::store_part(f.call::<S>(a, S::load_part(b_rest)), rest);
            }
        }
        (Run::One(a), Run::One(b)) => {
            let mut all = [0.0; LANES];
            S::store(f.call::<S>(S::splat(a), S::splat(b)), &mut all);
            to.fill(all[0]);
        }
    }
}

struct One<'a>(Unary, &'a [f32], &'a mut [f32]);

impl Kernel for One<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        unary_on::<S>(self.0, self.1, self.2);
    }
}

struct Two<'a>(Binary, Run<'a>, Run<'a>, &'a mut [f32]);

impl Kernel for Two<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        binary_on::<S>(self.0, self.1, self.2, self.3);
    }
}

/// An operation on a slice. The one place where it is compiled for each instruction set: chains come here too.
#[inline(never)]
pub(super) fn one(op: Unary, x: &[f32], to: &mut [f32]) {
    run(One(op, x, to));
}

/// An operation on two runs of numbers; the one place where it is compiled.
#[inline(never)]
pub(super) fn two(op: Binary, a: Run<'_>, b: Run<'_>, to: &mut [f32]) {
    run(Two(op, a, b, to));
}

/// `to = op(x)` for slices of one length, on as many threads. `LogicalNot` is no operation of numbers and copies them.
pub fn unary(op: Unary, x: &[f32], to: &mut [f32], threads: usize) {
    in_rows(threads, LANES, 4, x, to, |x, to| one(op, x, to));
}

/// An operand of a binary operation: numbers and, for each axis of the result, the step between neighbours (0: repeated).
#[derive(Debug, Clone, Copy)]
pub struct Strided<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// Steps, as many as the result has axes.
    pub steps: &'a [usize],
}

/// `to = op(a, b)` with both broadcast to `shape`, on as many threads. `to` has as many elements as the shape.
pub fn binary(op: Binary, a: Strided<'_>, b: Strided<'_>, shape: &[usize], to: &mut [f32], threads: usize) {
    if to.is_empty() {
        return;
    }
    let axes = collapse(shape, a.steps, b.steps);
    let Some((&(inner, sa, sb), outer)) = axes.split_last() else {
        return two(op, Run::One(a.data[0]), Run::One(b.data[0]), to);
    };
    if outer.is_empty() && threads > 1 {
        let piece = piece(inner, LANES, threads, 1);
        in_parts(threads, piece, to, |n, to| {
            let run_of = |data, step| cut(data, n * piece * step, step, to.len());
            two(op, run_of(a.data, sa), run_of(b.data, sb), to);
        });
        return;
    }
    let row = |(n, to): (usize, &mut [f32])| {
        let (mut rest, mut at_a, mut at_b) = (n, 0, 0);
        for (extent, step_a, step_b) in outer.iter().rev() {
            at_a += rest % extent * step_a;
            at_b += rest % extent * step_b;
            rest /= extent;
        }
        two(op, cut(a.data, at_a, sa, inner), cut(b.data, at_b, sb, inner), to);
    };
    if threads > 1 {
        let rows = piece(to.len(), inner, threads, 1) / inner;
        in_parts(threads, inner * rows, to, |n, to| {
            to.chunks_exact_mut(inner).enumerate().for_each(|(i, to)| row((n * rows + i, to)));
        });
    } else {
        to.chunks_exact_mut(inner).enumerate().for_each(row);
    }
}

/// The numbers of a run.
fn cut(data: &[f32], from: usize, step: usize, count: usize) -> Run<'_> {
    if step == 0 { Run::One(data[from]) } else { Run::Many(&data[from..from + count]) }
}

/// Axes with the steps of both operands; neighbours are one axis where both operands let them.
fn collapse(shape: &[usize], a: &[usize], b: &[usize]) -> Vec<(usize, usize, usize)> {
    let mut axes: Vec<(usize, usize, usize)> = Vec::new();
    for ((extent, a), b) in shape.iter().zip(a).zip(b) {
        if *extent == 1 {
            continue;
        }
        match axes.last_mut() {
            Some(last) if last.1 == a * extent && last.2 == b * extent => *last = (last.0 * extent, *a, *b),
            _ => axes.push((*extent, *a, *b)),
        }
    }
    axes
}

#[cfg(test)]
mod tests;
