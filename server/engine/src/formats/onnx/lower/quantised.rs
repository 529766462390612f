//! Numbers in few bits: into them, out of them, and products of them.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::DType;
use crate::graph::{Binary as B, Compare as C, Op, Reduce as R, Unary as U, ValueId};

/// Along as many steps sums of products of bytes and half bytes are exact in `float32`.
const EXACT_STEPS: usize = 4096;

impl Lowering<'_, '_> {
    pub(super) fn quantised(&mut self) -> Outcome {
        match self.op() {
            "QuantizeLinear" => self.quantise(),
            "DequantizeLinear" => self.dequantise(),
            "DynamicQuantizeLinear" => self.quantise_dynamically(),
            "QLinearMatMul" => self.quantised_product(),
            "MatMulInteger" => {
                let (a, b) = (self.centred(0, 2, true)?, self.centred(1, 3, false)?);
                let made = self.exact_product(a, b)?;
                Self::give(made, Elem::I32)
            }
            _ => Ok(None),
        }
    }

    fn told_type(&self, attribute: &str) -> Result<Option<Elem>, Stop> {
        let told = self.int(attribute).filter(|n| *n != 0);
        told.map(|n| Elem::of(n).ok_or_else(|| Stop::Refused(format!("a type (number {n}) of {attribute}"))))
            .transpose()
    }

    /// `saturate(round(x / scale) + zero point)`
    fn quantise(&mut self) -> Outcome {
        let ((x, from), (scale, of)) = (self.tensor(0)?, self.tensor(1)?);
        let to = match self.optional(2) {
            Some((_, elem)) => elem,
            None => self.told_type("output_dtype")?.unwrap_or(Elem::U8),
        };
        // Integers by integers are no whole numbers.
        let usual = if of.is_float() { of } else { Elem::F32 };
        let precision = self.told_type("precision")?.unwrap_or(usual);
        let each = self.each(scale, x)?;
        let (fine, each) = (self.cast_to(x, from, precision)?, self.cast_to(each, of, precision)?);
        let ratio = self.add(Op::Binary(B::Div), &[fine, each])?;
        let ratio = self.no_finer(ratio, precision)?;
        let zero = match self.optional(2) {
            Some((zero, _)) => Some(self.each(zero, x)?),
            None => None,
        };
        let made = self.saturated(ratio, precision, zero, to)?;
        Self::give(made, to)
    }

    /// Numbers of a wide type, to which a zero point is added, in a narrow one.
    fn saturated(
        &mut self,
        ratio: ValueId,
        from: Elem,
        zero: Option<ValueId>,
        to: Elem,
    ) -> Result<ValueId, Stop> {
        let wide = if from == Elem::F64 { Elem::F64 } else { Elem::F32 };
        let mut made = if to.is_integer() { self.add(Op::Unary(U::Round), &[ratio])? } else { ratio };
        if let Some(zero) = zero {
            let zero = self.cast_to(zero, to, wide)?;
            made = self.add(Op::Binary(B::Add), &[made, zero])?;
        }
        if to.is_integer() {
            made = self.within(made, to, wide)?;
            return self.add(Op::Cast(DType::I64), &[made]);
        }
        self.cast_to(made, wide, to)
    }

    /// Numbers of a wide type that an integer type has room for.
    pub(super) fn within(&mut self, x: ValueId, to: Elem, wide: Elem) -> Result<ValueId, Stop> {
        if to.bits() >= 64 {
            return Ok(x);
        }
        let power = f64::from(to.bits()).exp2();
        let (low, high) =
            if to.is_unsigned() { (0.0, power - 1.0) } else { (-power / 2.0, power / 2.0 - 1.0) };
        let (low, high) = (self.number(low, wide)?, self.number(high, wide)?);
        let made = self.build().binary(B::Max, x, low)?;
        Ok(self.build().binary(B::Min, made, high)?)
    }

    /// `(x - zero point) · scale`
    fn dequantise(&mut self) -> Outcome {
        let ((x, from), (scale, of)) = (self.tensor(0)?, self.tensor(1)?);
        let to = self.told_type("output_dtype")?.unwrap_or(of);
        let mut made = x;
        if let Some((zero, _)) = self.optional(2) {
            let zero = self.each(zero, x)?;
            made = self.add(Op::Binary(B::Sub), &[x, zero])?;
        }
        let wide = if of == Elem::F64 { Elem::F64 } else { Elem::F32 };
        made = self.cast_to(made, from, wide)?;
        let scale = self.each(scale, x)?;
        made = self.add(Op::Binary(B::Mul), &[made, scale])?;
        made = self.no_finer(made, to)?;
        Self::give(made, to)
    }

    /// Rounds what was computed in a wider type than it is of.
    fn no_finer(&mut self, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        match elem {
            Elem::Plain(dtype @ (DType::F16 | DType::BF16)) => self.add(Op::Cast(dtype), &[x]),
            _ => Ok(x),
        }
    }

    /// A scale or a zero point as it is for each element: one for all, for the slices along an axis, or for blocks of these.
    fn each(&mut self, of: ValueId, x: ValueId) -> Result<ValueId, Stop> {
        let own = self.rank(of)?;
        if own == 0 || self.build().dims(of).is_some_and(|d| d == [1]) {
            return Ok(self.build().reshape(of, &[])?);
        }
        let rank = self.rank(x)?;
        let at = crate::kernels::axis(self.int("axis").unwrap_or(1), rank)?;
        let block = self.int("block_size").unwrap_or(0);
        if block > 0 {
            let shape = self.add(Op::Shape, &[x])?;
            let extent = self.part(shape, at as i64, at as i64 + 1)?;
            let extent = self.build().reshape(extent, &[])?;
            let [zero, one, block] = [self.build().int(0)?, self.build().int(1)?, self.build().int(block)?];
            let places = self.add(Op::Range, &[zero, extent, one])?;
            let places = self.add(Op::Binary(B::FloorDiv), &[places, block])?;
            let axis = self.build().int(at as i64)?;
            return self.add(Op::Gather { batch_dims: 0 }, &[of, places, axis]);
        }
        let mut shape = vec![1; rank];
        shape[at] = -1;
        Ok(self.build().reshape(of, &shape)?)
    }

    /// The range of x, zero included, in 255 steps.
    pub(super) fn quantise_dynamically(&mut self) -> Outcome {
        let x = self.value(0)?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let rank = self.add(Op::Rank, &[x])?;
        let axes = self.add(Op::Range, &[zero, rank, one])?;
        let [nothing, steps, whole] = [0.0, 255.0, 1.0].map(|n| self.build().float(n));
        let (nothing, steps, whole) = (nothing?, steps?, whole?);
        let lowest = self.add(Op::Reduce { kind: R::Min, keep: false }, &[x, axes])?;
        let lowest = self.add(Op::Binary(B::Min), &[lowest, nothing])?;
        let highest = self.add(Op::Reduce { kind: R::Max, keep: false }, &[x, axes])?;
        let highest = self.add(Op::Binary(B::Max), &[highest, nothing])?;
        let range = self.add(Op::Binary(B::Sub), &[highest, lowest])?;
        let scale = self.add(Op::Binary(B::Div), &[range, steps])?;
        // Where all is zero, any scale does.
        let is_zero = self.add(Op::Compare(C::Equal), &[scale, nothing])?;
        let scale = self.add(Op::Select, &[is_zero, whole, scale])?;
        let origin = self.add(Op::Binary(B::Div), &[lowest, scale])?;
        let origin = self.add(Op::Unary(U::Neg), &[origin])?;
        let point = self.saturated(origin, Elem::F32, None, Elem::U8)?;
        let ratio = self.add(Op::Binary(B::Div), &[x, scale])?;
        let made = self.saturated(ratio, Elem::F32, Some(point), Elem::U8)?;
        Ok(Some(vec![
            Val::Tensor(made, Elem::U8),
            Val::Tensor(scale, Elem::F32),
            Val::Tensor(point, Elem::U8),
        ]))
    }

    /// An input less its zero point, which may be one for each row or column.
    pub(super) fn centred(&mut self, x: usize, zero: usize, rows: bool) -> Result<ValueId, Stop> {
        let x = self.value(x)?;
        let Some((zero, _)) = self.optional(zero) else { return Ok(x) };
        let zero = self.of_rows(zero, rows)?;
        self.add(Op::Binary(B::Sub), &[x, zero])
    }

    /// One number for each row: as a column.
    fn of_rows(&mut self, x: ValueId, rows: bool) -> Result<ValueId, Stop> {
        let rank = self.rank(x)?;
        if rank == 1 && self.build().dims(x).is_some_and(|d| d == [1]) {
            return Ok(self.build().reshape(x, &[])?);
        }
        if rank == 1 && rows { Ok(self.build().reshape(x, &[-1, 1])?) } else { Ok(x) }
    }

    /// Of integers of nine bits. Vectorised products are of floats: the second one is taken apart so that their sums stay exact.
    pub(super) fn exact_product(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Stop> {
        let steps = self.build().shape(b).and_then(|s| s.iter().rev().nth(1).or(s.last()).copied().flatten());
        if steps.is_none_or(|steps| steps > EXACT_STEPS) {
            return self.product(a, b);
        }
        let sixteen = self.build().int(16)?;
        let high = self.add(Op::Binary(B::FloorDiv), &[b, sixteen])?;
        let below = self.add(Op::Binary(B::Mul), &[high, sixteen])?;
        let low = self.add(Op::Binary(B::Sub), &[b, below])?;
        let a = self.add(Op::Cast(DType::F32), &[a])?;
        let mut parts = Vec::new();
        for part in [high, low] {
            let part = self.add(Op::Cast(DType::F32), &[part])?;
            let made = self.product(a, part)?;
            parts.push(self.add(Op::Cast(DType::I64), &[made])?);
        }
        let high = self.add(Op::Binary(B::Mul), &[parts[0], sixteen])?;
        self.add(Op::Binary(B::Add), &[high, parts[1]])
    }

    fn quantised_product(&mut self) -> Outcome {
        let (a, b) = (self.centred(0, 2, true)?, self.centred(3, 5, false)?);
        let [own, other] = [self.tensor(0)?.1, self.tensor(3)?.1];
        let made = if own.is_integer() && other.is_integer() {
            self.exact_product(a, b)?
        } else {
            // Floats of a few bits.
            let (a, b) = (self.cast_to(a, own, Elem::F32)?, self.cast_to(b, other, Elem::F32)?);
            self.product(a, b)?
        };
        let (a_scale, b_scale, scale) = (self.value(1)?, self.value(4)?, self.value(6)?);
        let (a_scale, scale) = (self.of_rows(a_scale, true)?, self.of_rows(scale, true)?);
        let factor = self.add(Op::Binary(B::Mul), &[a_scale, b_scale])?;
        let factor = self.add(Op::Binary(B::Div), &[factor, scale])?;
        let made = self.add(Op::Cast(DType::F32), &[made])?;
        let ratio = self.add(Op::Binary(B::Mul), &[made, factor])?;
        let (zero, to) = self.tensor(7)?;
        let zero = self.of_rows(zero, true)?;
        let made = self.saturated(ratio, Elem::F32, Some(zero), to)?;
        Self::give(made, to)
    }
}
