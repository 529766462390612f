//! Arithmetic, comparisons and functions, element by element.

use super::{Elem, Lowering, Outcome, Stop};
use crate::DType;
use crate::graph::{
    Binary as B, Compare as C, Function as F, Literal, Op, Pairing as P, Rare, Unary as U, ValueId,
};

impl Lowering<'_, '_> {
    pub(super) fn math(&mut self) -> Outcome {
        if let Some(unary) = unary(self.op()) {
            let (x, elem) = self.tensor(0)?;
            let made = match (unary, elem.is_integer()) {
                // Of integers too, whose results are cut off.
                (U::Erf, true) => self.in_floats(x, elem, |this, x| this.add(Op::Unary(U::Erf), &[x]))?,
                (_, true) => {
                    let made = self.build().elementwise(Op::Unary(unary), &[x])?;
                    self.narrowed(made, elem)?
                }
                (_, false) => self.build().elementwise(Op::Unary(unary), &[x])?,
            };
            return Self::give(made, elem);
        }
        if let Some(function) = function(self.op()) {
            let x = self.value(0)?;
            let made = self.rare(Rare::Function(function), &[x])?;
            let elem = if matches!(function, F::IsInf | F::IsNan) { Elem::BOOL } else { self.elem()? };
            return Self::give(made, elem);
        }
        if let Some(compare) = compare(self.op()) {
            let inputs = [self.value(0)?, self.value(1)?];
            let made = self.build().elementwise(Op::Compare(compare), &inputs)?;
            return Self::give(made, Elem::BOOL);
        }
        match self.op() {
            "Add" => self.pair(B::Add),
            "Sub" => self.pair(B::Sub),
            "Mul" => self.pair(B::Mul),
            "Div" => self.pair(B::Div),
            "And" => self.pair(B::And),
            "Or" => self.pair(B::Or),
            "Sum" | "Max" | "Min" | "Mean" => self.fold(),
            "Pow" => self.power(),
            "Mod" => self.modulo(),
            "BitShift" => self.shift(),
            "BitwiseAnd" => self.pairing(P::BitAnd),
            "BitwiseOr" => self.pairing(P::BitOr),
            "BitwiseXor" => self.pairing(P::BitXor),
            "BitwiseNot" => {
                let (x, elem) = self.tensor(0)?;
                let made = self.rare(Rare::Function(F::Invert), &[x])?;
                let made = self.narrowed(made, elem)?;
                Self::give(made, elem)
            }
            "Where" => {
                let (then, elem) = self.tensor(1)?;
                let inputs = [self.value(0)?, then, self.value(2)?];
                let made = self.add(Op::Select, &inputs)?;
                Self::give(made, elem)
            }
            "Clip" => self.clip(),
            "IsInf" => self.is_infinite(),
            _ => Ok(None),
        }
    }

    /// Integers of narrow types wrap.
    pub(super) fn narrowed(&mut self, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        match elem {
            Elem::Plain(DType::I64 | DType::U64) => Ok(x),
            Elem::Plain(dtype) if elem.is_integer() => self.add(Op::Cast(dtype), &[x]),
            Elem::Narrow(_) => self.cast_to(x, elem, elem),
            Elem::Plain(_) => Ok(x),
        }
    }

    /// What floats are needed for, of a value of any numbers.
    pub(super) fn in_floats(
        &mut self,
        x: ValueId,
        elem: Elem,
        work: impl FnOnce(&mut Self, ValueId) -> Result<ValueId, Stop>,
    ) -> Result<ValueId, Stop> {
        if elem.is_float() {
            return work(self, x);
        }
        let wide = self.cast_to(x, elem, Elem::F64)?;
        let made = work(self, wide)?;
        self.cast_to(made, Elem::F64, elem)
    }

    fn pair(&mut self, op: B) -> Outcome {
        let (inputs, elem) = ([self.value(0)?, self.value(1)?], self.elem()?);
        let made = self.build().elementwise(Op::Binary(op), &inputs)?;
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }

    fn pairing(&mut self, op: P) -> Outcome {
        let (inputs, elem) = ([self.value(0)?, self.value(1)?], self.elem()?);
        let made = self.rare(Rare::Pairing(op), &inputs)?;
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }

    /// Of any number of values.
    fn fold(&mut self) -> Outcome {
        let (all, elem) = (self.all()?, self.elem()?);
        let op = match self.op() {
            "Max" => B::Max,
            "Min" => B::Min,
            _ => B::Add,
        };
        let mut made = all[0];
        for value in &all[1..] {
            made = self.build().binary(op, made, *value)?;
        }
        if self.op() == "Mean" {
            let count = self.number(all.len() as f64, elem)?;
            made = self.build().binary(B::Div, made, count)?;
        }
        Self::give(made, elem)
    }

    /// Base and exponent may be of different types; the result is of the base's.
    fn power(&mut self) -> Outcome {
        let ((base, elem), (exponent, other)) = (self.tensor(0)?, self.tensor(1)?);
        if elem.kind() == other.kind() {
            return self.pair(B::Pow);
        }
        let wide = if elem.is_float() { elem } else { Elem::F64 };
        let base = self.cast_to(base, elem, wide)?;
        let exponent = self.cast_to(exponent, other, wide)?;
        let made = self.add(Op::Binary(B::Pow), &[base, exponent])?;
        let made = self.cast_to(made, wide, elem)?;
        Self::give(made, elem)
    }

    fn modulo(&mut self) -> Outcome {
        if self.flag("fmod") {
            return self.pairing(P::TruncateMod);
        }
        self.pairing(P::FloorMod)
    }

    /// A number of bits that is negative or not less than the width moves all of them out.
    fn shift(&mut self) -> Outcome {
        let ((x, elem), by) = (self.tensor(0)?, self.value(1)?);
        let bits = elem.bits();
        let (low, high) = (self.number(0.0, elem)?, self.number(f64::from(bits), elem)?);
        let negative = self.add(Op::Compare(C::Less), &[by, low])?;
        let large = self.add(Op::Compare(C::GreaterEqual), &[by, high])?;
        let all = self.add(Op::Binary(B::Or), &[negative, large])?;
        let most = self.number(f64::from(bits - 1), elem)?;
        let by = self.add(Op::Select, &[all, most, by])?;
        let (op, fills) = match self.text("direction") {
            Some("LEFT") => (P::LeftShift(bits), false),
            // The sign fills what becomes free.
            Some("RIGHT") => (P::RightShift(bits), !elem.is_unsigned()),
            other => return Err(Self::broken(format!("direction {other:?}"))),
        };
        let mut made = self.rare(Rare::Pairing(op), &[x, by])?;
        if !fills {
            made = self.add(Op::Select, &[all, low, made])?;
        }
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }

    fn clip(&mut self) -> Outcome {
        let (mut made, elem) = self.tensor(0)?;
        // What exporters write for the activations that have names of their own.
        let named = match [self.limit(1, "min"), self.limit(2, "max")] {
            [Some(0.0), Some(6.0)] => Some(U::Relu6),
            [Some(0.0), None] if self.optional(2).is_none() => Some(U::Relu),
            _ => None,
        };
        if let Some(named) = named.filter(|_| elem == Elem::F32) {
            let made = self.build().elementwise(Op::Unary(named), &[made])?;
            return Self::give(made, elem);
        }
        for (n, name, op) in [(1, "min", B::Max), (2, "max", B::Min)] {
            let limit = match (self.optional(n), self.float(name)) {
                (Some((limit, _)), _) => limit,
                (None, Some(limit)) => self.number(f64::from(limit), elem)?,
                (None, None) => continue,
            };
            made = self.build().binary(op, made, limit)?;
        }
        Self::give(made, elem)
    }

    /// A limit that is known.
    fn limit(&mut self, n: usize, name: &str) -> Option<f32> {
        let Some((value, _)) = self.optional(n) else { return self.float(name) };
        match self.build().constant(value) {
            Some(Literal::F32(numbers, _)) if numbers.len() == 1 => numbers.first().copied(),
            _ => None,
        }
    }

    fn is_infinite(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let of = |name| self.int(name).is_none_or(|n| n != 0);
        let (positive, negative) = (of("detect_positive"), of("detect_negative"));
        let zero = self.number(0.0, elem)?;
        let infinite = self.rare(Rare::Function(F::IsInf), &[x])?;
        let made = match (positive, negative) {
            (true, true) => infinite,
            // Of neither: nothing.
            (false, false) => self.add(Op::Compare(C::NotEqual), &[infinite, infinite])?,
            (up, _) => {
                let side = if up { C::Greater } else { C::Less };
                let side = self.add(Op::Compare(side), &[x, zero])?;
                self.add(Op::Binary(B::And), &[infinite, side])?
            }
        };
        Self::give(made, Elem::BOOL)
    }
}

fn unary(op: &str) -> Option<U> {
    Some(match op {
        "Abs" => U::Abs,
        "Atan" => U::Atan,
        "Ceil" => U::Ceil,
        "Cos" => U::Cos,
        "Cosh" => U::Cosh,
        "Erf" => U::Erf,
        "Exp" => U::Exp,
        "Floor" => U::Floor,
        "Log" => U::Log,
        "Neg" => U::Neg,
        "Not" => U::LogicalNot,
        "Reciprocal" => U::Reciprocal,
        "Round" => U::Round,
        "Sigmoid" => U::Sigmoid,
        "Sign" => U::Sign,
        "Sin" => U::Sin,
        "Sinh" => U::Sinh,
        "Softplus" => U::Softplus,
        "Softsign" => U::Softsign,
        "Sqrt" => U::Sqrt,
        "Tan" => U::Tan,
        "Tanh" => U::Tanh,
        _ => return None,
    })
}

fn function(op: &str) -> Option<F> {
    Some(match op {
        "Acos" => F::Acos,
        "Acosh" => F::Acosh,
        "Asin" => F::Asin,
        "Asinh" => F::Asinh,
        "Atanh" => F::Atanh,
        "IsNaN" => F::IsNan,
        _ => return None,
    })
}

fn compare(op: &str) -> Option<C> {
    Some(match op {
        "Equal" => C::Equal,
        "Greater" => C::Greater,
        "GreaterOrEqual" => C::GreaterEqual,
        "Less" => C::Less,
        "LessOrEqual" => C::LessEqual,
        "Xor" => C::NotEqual,
        _ => return None,
    })
}
