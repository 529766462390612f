//! Complex numbers, which are pairs along a last axis: what makes them, what is done with them, and what makes reals of them. Every other
//! operation refuses them.

mod frequencies;
mod products;
mod spectra;
mod windows;

use super::super::arguments::Call;
use super::super::build::{Builder, place};
use super::super::value::{Handle, Result, Stop, Val, broken, unsupported};
use super::Outcome;
use crate::graph::{Op, Rare, Spectrum, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    match name {
        "view_as_complex" => {
            let pairs = c.x(b)?;
            return Ok(Some(vec![b.complex(pairs)]));
        }
        "complex" | "polar" => {
            let (Some((_, x)), Some((_, y))) = (c.arguments.first(), c.arguments.get(1)) else {
                return c.wrong("imag", "a tensor");
            };
            let (x, y) = (x.clone(), y.clone());
            if name == "complex" {
                return Ok(Some(vec![joined(b, &x, &y)?]));
            }
            let (cos, sin) = (b.apply("cos", &[&y])?, b.apply("sin", &[&y])?);
            let (real, imaginary) = (b.apply("mul", &[&x, &cos])?, b.apply("mul", &[&x, &sin])?);
            return Ok(Some(vec![joined(b, &real, &imaginary)?]));
        }
        _ if name == "istft" || name.starts_with("fft_") || name.starts_with("_fft_") => {
            if let Some(made) = frequencies::lower(b, c)? {
                return Ok(Some(vec![made]));
            }
            return spectra::lower(b, c);
        }
        _ if name.ends_with("stft") || name.ends_with("_window") => {
            return spectra::lower(b, c);
        }
        _ => {}
    }
    if matches!(name, "cat" | "concat" | "stack") {
        return Ok(products::lower(b, c)?.map(|made| vec![made]));
    }
    if matches!(name, "zeros" | "new_zeros" | "empty") && wants_complex(c) {
        return nothing(b, c).map(|made| Some(vec![made]));
    }
    if matches!(name, "tensor" | "scalar_tensor") && wants_complex(c) {
        let Some((_, number)) = c.arguments.first() else { return c.wrong("data", "a number") };
        let real = b.apply(name, &[number])?;
        let imaginary = b.apply("zeros_like", &[&real])?;
        return joined(b, &real, &imaginary).map(|made| Some(vec![made]));
    }
    if name == "einsum" {
        return Ok(products::summed(b, c)?.map(|made| vec![made]));
    }
    let mut all = c.arguments.iter().take(2).filter_map(|(_, v)| as_pairs(b, v));
    let Some(first) = all.next() else { return Ok(None) };
    if let Some(made) = products::lower(b, c)? {
        return Ok(Some(vec![made]));
    }
    match c.arguments.first().and_then(|(_, v)| as_pairs(b, v)) {
        Some(x) => of_pairs(b, c, x),
        None => arithmetic(b, c, first),
    }
}

/// The pairs that a complex tensor is; None: it is none.
fn as_pairs(b: &Builder, value: &Val) -> Option<ValueId> {
    match value {
        Val::Tensor(handle) => b.pairs(*handle),
        _ => None,
    }
}

impl Builder {
    /// Pairs as a complex tensor of the program.
    pub fn complex(&mut self, pairs: ValueId) -> Val {
        let handle: Handle = self.tensor(pairs);
        self.tensors[handle].complex = true;
        Val::Tensor(handle)
    }

    /// The pairs of a complex tensor; None: it is none, or shows what was written to since.
    pub fn pairs(&self, handle: Handle) -> Option<ValueId> {
        self.tensors.get(handle).filter(|t| t.complex && self.is_fresh(handle)).map(|t| t.value)
    }

    /// What an operation of reals gives for pairs, through which pairs are written too.
    fn of_reals(&mut self, x: Handle, work: impl FnOnce(&mut Self, &Val) -> Result<Val>) -> Result<Val> {
        self.tensors[x].complex = false;
        let made = work(self, &Val::Tensor(x));
        self.tensors[x].complex = true;
        if let Ok(Val::Tensor(made)) = made {
            self.tensors[made].complex = true;
        }
        made
    }
}

/// Whether numbers are to be complex, of 64 or 128 bits.
fn wants_complex(c: &Call) -> bool {
    matches!(c.some(usize::MAX, "dtype"), Some(Val::Int(9 | 10)))
}

/// Complex zeros.
fn nothing(b: &mut Builder, c: &Call) -> Result<Val> {
    let mut sizes = c.sizes(usize::from(c.name.starts_with("new_")), "size")?;
    sizes.push(Val::Int(2));
    let zeros = b.apply("full", &[&Val::list(sizes), &Val::Float(0.0)])?;
    let wide = matches!(c.some(usize::MAX, "dtype"), Some(Val::Int(10)));
    let zeros = if wide { b.apply("double", &[&zeros])? } else { zeros };
    let zeros = b.of(&zeros)?;
    Ok(b.complex(zeros))
}

/// Numbers, or one, as pairs of the shape of others, to be written there.
fn copied(b: &mut Builder, c: &Call, x: ValueId) -> Result<Val> {
    let Some((_, from)) = c.arguments.get(1).cloned() else { return c.wrong("src", "a tensor") };
    let from = match as_pairs(b, &from) {
        Some(pairs) => pairs,
        None => {
            let is_tensor = matches!(from, Val::Tensor(_));
            let from = if is_tensor { from } else { b.apply("scalar_tensor", &[&from])? };
            let imaginary = b.apply("zeros_like", &[&from])?;
            let pairs = joined(b, &from, &imaginary)?;
            as_pairs(b, &pairs).map_or_else(|| b.of(&from), Ok)?
        }
    };
    let (dtype, shape) = (b.dtype(x), b.extents(x)?);
    let from = b.cast(from, dtype)?;
    let from = b.broadcast(from, &shape)?;
    Ok(b.complex(from))
}

/// Two tensors as one of complex numbers.
fn joined(b: &mut Builder, real: &Val, imaginary: &Val) -> Result<Val> {
    let pairs = b.apply("stack", &[&Val::list(vec![real.clone(), imaginary.clone()]), &Val::Int(-1)])?;
    let pairs = b.of(&pairs)?;
    Ok(b.complex(pairs))
}

fn apart(b: &mut Builder, x: ValueId) -> Result<(Val, Val)> {
    let pairs = b.as_tensor(x);
    Ok((
        b.apply("select", &[&pairs, &Val::Int(-1), &Val::Int(0)])?,
        b.apply("select", &[&pairs, &Val::Int(-1), &Val::Int(1)])?,
    ))
}

/// A function of pairs that gives reals, or pairs again.
fn spectrum(b: &mut Builder, op: Spectrum, inputs: &[ValueId]) -> Result<ValueId> {
    let dtype = b.dtype(inputs[0]);
    b.op(Op::Rare(Box::new(Rare::Spectrum(op))), inputs, dtype)
}

fn of_pairs(b: &mut Builder, c: &Call, x: ValueId) -> Outcome {
    let real = |b: &mut Builder, op| {
        let shape = b.shape(x).and_then(|s| s.split_last()).map(|(_, rest)| rest.to_vec());
        let made = spectrum(b, op, &[x])?;
        Ok(shape.map_or(made, |shape| b.shaped(made, shape)))
    };
    let value: Result<ValueId> = match c.name.as_str() {
        "view_as_real" => Ok(x),
        "abs" | "absolute" => real(b, Spectrum::Magnitude),
        "angle" => real(b, Spectrum::Angle),
        "real" => real(b, Spectrum::Real),
        "imag" => real(b, Spectrum::Imaginary),
        "is_complex" => return Ok(Some(vec![Val::Bool(true)])),
        "conj" | "_conj" | "conj_physical" | "_conj_physical" => {
            let shape = b.shape(x).map(<[_]>::to_vec);
            let made = spectrum(b, Spectrum::Conjugate, &[x])?;
            let made = shape.map_or(made, |shape| b.shaped(made, shape));
            return Ok(Some(vec![b.complex(made)]));
        }
        "size" | "sym_size" | "dim" => return asked(b, c, x).map(Some),
        "clone" | "contiguous" | "detach" | "alias" | "resolve_conj" | "lift_fresh" => {
            return Ok(Some(vec![b.complex(x)]));
        }
        "mul" | "multiply" | "add" | "sub" | "div" | "neg" => return arithmetic(b, c, x),
        "copy" | "fill" => return copied(b, c, x).map(|made| Some(vec![made])),
        _ => {
            let rank = b.rank(x)?.saturating_sub(1);
            let made = b.of_reals(c.first()?, |b, pairs| moved(b, c, pairs, rank))?;
            return Ok(Some(vec![made]));
        }
    };
    b.give(value?)
}

fn asked(b: &mut Builder, c: &Call, x: ValueId) -> Result<Vec<Val>> {
    let mut shape = b.extents(x)?;
    shape.pop();
    if c.name == "dim" {
        return Ok(vec![Val::Int(shape.len() as i64)]);
    }
    if c.get(1, "dim").is_none() {
        return Ok(vec![Val::list(shape)]);
    }
    let at = place(c.int(b, 1, "dim")?, shape.len())?;
    Ok(vec![shape[at].clone()])
}

/// Sums, products and quotients, of which one side may be real.
fn arithmetic(b: &mut Builder, c: &Call, x: ValueId) -> Outcome {
    if c.name == "neg" {
        let pairs = b.as_tensor(x);
        let turned = b.apply("neg", &[&pairs])?;
        let turned = b.of(&turned)?;
        return Ok(Some(vec![b.complex(turned)]));
    }
    let [(_, left), (_, right), ..] = &c.arguments[..] else { return unsupported("of complex numbers") };
    let both = [left.clone(), right.clone()];
    let [left, right] = [as_pairs(b, &both[0]), as_pairs(b, &both[1])];
    match (c.name.as_str(), left, right) {
        ("mul" | "multiply", Some(x), Some(y)) => {
            let ((p, q), (r, s)) = (apart(b, x)?, apart(b, y)?);
            let (pr, qs) = (b.apply("mul", &[&p, &r])?, b.apply("mul", &[&q, &s])?);
            let (ps, qr) = (b.apply("mul", &[&p, &s])?, b.apply("mul", &[&q, &r])?);
            let (real, imaginary) = (b.apply("sub", &[&pr, &qs])?, b.apply("add", &[&ps, &qr])?);
            Ok(Some(vec![joined(b, &real, &imaginary)?]))
        }
        ("add" | "sub", Some(x), Some(y)) => {
            let (x, y) = (b.as_tensor(x), b.as_tensor(y));
            as_complex(b, &c.name, &x, &y)
        }
        ("mul" | "multiply" | "div", Some(x), None) => {
            let (x, factor) = (b.as_tensor(x), spread(b, &both[1])?);
            as_complex(b, &c.name, &x, &factor)
        }
        ("mul" | "multiply", None, Some(y)) => {
            let (y, factor) = (b.as_tensor(y), spread(b, &both[0])?);
            as_complex(b, &c.name, &y, &factor)
        }
        _ => unsupported("of complex numbers"),
    }
}

fn as_complex(b: &mut Builder, name: &str, x: &Val, y: &Val) -> Outcome {
    let made = b.apply(name, &[x, y])?;
    let made = b.of(&made)?;
    Ok(Some(vec![b.complex(made)]))
}

/// A real factor, for both numbers of a pair.
fn spread(b: &mut Builder, factor: &Val) -> Result<Val> {
    match factor {
        Val::Tensor(_) => b.apply("unsqueeze", &[factor, &Val::Int(-1)]),
        number => Ok(number.clone()),
    }
}

/// What moves elements moves pairs.
fn moved(b: &mut Builder, c: &Call, pairs: &Val, rank: usize) -> Result<Val> {
    let dim = |n: usize, name: &str, rank: usize| -> Result<Val> {
        Ok(Val::Int(place(c.int(b, n, name)?, rank)? as i64))
    };
    let made = match c.name.as_str() {
        "view" | "reshape" | "_unsafe_view" | "expand" => {
            let mut sizes = c.sizes(1, if c.name == "reshape" { "shape" } else { "size" })?;
            sizes.push(Val::Int(2));
            b.apply(&c.name, &[pairs, &Val::list(sizes)])?
        }
        // Both numbers of a pair are as they were, and zeros elsewhere.
        "constant_pad_nd" if c.float_or(2, "value", 0.0)? == 0.0 => {
            let pads = [vec![Val::Int(0); 2], c.sizes(1, "pad")?].concat();
            b.apply("constant_pad_nd", &[pairs, &Val::list(pads)])?
        }
        "unsqueeze" => {
            let at = dim(1, "dim", rank + 1)?;
            b.apply("unsqueeze", &[pairs, &at])?
        }
        "transpose" => {
            let (first, second) = (dim(1, "dim0", rank)?, dim(2, "dim1", rank)?);
            b.apply("transpose", &[pairs, &first, &second])?
        }
        "permute" => {
            let mut order: Vec<Val> = Vec::new();
            for at in c.ints(b, 1, "dims")? {
                order.push(Val::Int(place(at, rank)? as i64));
            }
            order.push(Val::Int(rank as i64));
            b.apply("permute", &[pairs, &Val::list(order)])?
        }
        "select" => {
            let at = dim(1, "dim", rank)?;
            let Some(index) = c.get(2, "index") else { return c.wrong("index", "an int") };
            b.apply("select", &[pairs, &at, index])?
        }
        "slice" => {
            let at = Val::Int(place(c.int_or(b, 1, "dim", 0)?, rank)? as i64);
            let or = |n: usize, name, default| c.some(n, name).cloned().unwrap_or(Val::Int(default));
            let (begin, end) = (or(2, "start", 0), or(3, "end", i64::MAX));
            b.apply("slice", &[pairs, &at, &begin, &end, &or(4, "step", 1)])?
        }
        "flatten" => {
            let (from, to) = (c.int_or(b, 1, "start_dim", 0)?, c.int_or(b, 2, "end_dim", -1)?);
            let (from, to) = (place(from, rank)?, place(to, rank)?);
            b.apply("flatten", &[pairs, &Val::Int(from as i64), &Val::Int(to as i64)])?
        }
        _ => return unsupported("of complex numbers"),
    };
    let value = b.of(&made)?;
    if b.rank(value)? == 0 {
        return broken("complex numbers that are no pairs");
    }
    Ok(made)
}
