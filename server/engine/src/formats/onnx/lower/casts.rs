//! Changes of type.

use super::{Elem, Lowering, Outcome, Stop};
use crate::DType;
use crate::graph::{Narrow, Narrowing, Notation, Op, PowerRounding, Rare, Text, ValueId, Written};
use crate::value::Kind;

/// Digits of a float in a text.
const DIGITS: usize = 8;

impl Lowering<'_, '_> {
    pub(super) fn casts(&mut self) -> Outcome {
        match self.op() {
            "Cast" => {
                let to = self.int("to").and_then(Elem::of);
                let Some(to) = to else { return Self::refuse("a cast to a type that is not supported") };
                let (x, from) = self.tensor(0)?;
                let made = self.cast_to(x, from, to)?;
                Self::give(made, to)
            }
            "CastLike" => {
                let ((x, from), (_, to)) = (self.tensor(0)?, self.tensor(1)?);
                let made = self.cast_to(x, from, to)?;
                Self::give(made, to)
            }
            "BitCast" => self.bit_cast(),
            "Identity" => {
                Ok(Some(vec![self.inputs.first().copied().ok_or_else(|| Self::broken("it has no input"))?]))
            }
            _ => Ok(None),
        }
    }

    /// A value in another type.
    pub(super) fn cast_to(&mut self, x: ValueId, from: Elem, to: Elem) -> Result<ValueId, Stop> {
        if from == to && !to.is_integer() {
            return Ok(x);
        }
        let x = match (from.kind(), to.kind()) {
            (Kind::Text, Kind::Text) => return Ok(x),
            (Kind::Text, kind) => {
                let kind = if kind == Kind::Bool { Kind::I64 } else { kind };
                self.add(Op::Text(Text::ToNumbers { kind }), &[x])?
            }
            (own, Kind::Text) => {
                // Truths are written as numbers, floats with as many digits as onnxruntime writes.
                let x = if own == Kind::Bool { self.add(Op::Cast(DType::I64), &[x])? } else { x };
                let notation = Notation::Capital;
                let written = Written { notation, precision: Some(DIGITS), ..Written::default() };
                return self.add(Op::Text(Text::FromNumbers(written)), &[x]);
            }
            _ => x,
        };
        match to {
            Elem::Plain(dtype) => self.add(Op::Cast(dtype), &[x]),
            Elem::Narrow(narrow) => {
                let dtype = if narrow.is_float() { DType::F32 } else { DType::I64 };
                let wide = self.add(Op::Cast(dtype), &[x])?;
                let saturate = self.int("saturate").is_none_or(|n| n != 0);
                let rounding = match self.text("round_mode") {
                    Some("down") => PowerRounding::Down,
                    Some("nearest") => PowerRounding::Nearest,
                    _ => PowerRounding::Up,
                };
                self.rare(Rare::Narrow(Narrowing { to: narrow, saturate, rounding }), &[wide])
            }
        }
    }

    fn bit_cast(&mut self) -> Outcome {
        let (x, from) = self.tensor(0)?;
        let to = self.int("to").and_then(Elem::of);
        match (from, to) {
            // A truth is a byte of 0 or 1.
            (Elem::BOOL, Some(to @ Elem::Plain(DType::U8 | DType::I8)))
            | (Elem::U8 | Elem::I8, Some(to @ Elem::BOOL)) => {
                let made = self.cast_to(x, from, to)?;
                Self::give(made, to)
            }
            (Elem::Plain(a), Some(to @ Elem::Plain(b))) if from.bits() == to.bits() => {
                let made = self.rare(Rare::Bitcast { from: a, to: b }, &[x])?;
                Self::give(made, to)
            }
            (_, Some(to)) if from.bits() == to.bits() && to.bits() <= 8 => {
                let codes = self.bits_of(x, from)?;
                let made = self.of_bits(codes, to)?;
                Self::give(made, to)
            }
            _ => Self::refuse("bits of another width"),
        }
    }

    /// The bits of an element of a byte or less, as an integer that is never negative.
    fn bits_of(&mut self, x: ValueId, from: Elem) -> Result<ValueId, Stop> {
        match from {
            Elem::Narrow(of) if of.is_float() => self.rare(Rare::NarrowBits { of, made: false }, &[x]),
            Elem::Narrow(of) => {
                self.cast_to(x, from, Elem::Narrow(if of.bits() == 4 { Narrow::U4 } else { Narrow::U2 }))
            }
            Elem::Plain(_) => self.cast_to(x, from, Elem::U8),
        }
    }

    /// An element of a byte or less that has these bits.
    fn of_bits(&mut self, codes: ValueId, to: Elem) -> Result<ValueId, Stop> {
        match to {
            Elem::Narrow(of) if of.is_float() => self.rare(Rare::NarrowBits { of, made: true }, &[codes]),
            _ => self.cast_to(codes, Elem::U8, to),
        }
    }
}
