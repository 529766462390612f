//! Convolutions of integers, in floats.
//!
//! Sums that are the answer are exact: they are made in floats that are wide enough. Those that become bytes again are made in
//! `float32`, as fast as other convolutions: beyond 2^24 they may be off by a few, which is far less than a step of the answer.

use super::{Elem, Lowering, Outcome, Stop};
use crate::DType;
use crate::graph::{Binary as B, Op, Unary, ValueId};

/// Products of two bytes that a `float32` sums up exactly.
const MOST_PRODUCTS: usize = (1 << 24) / (255 * 255);

impl Lowering<'_, '_> {
    pub(super) fn quantised_images(&mut self) -> Outcome {
        match self.op() {
            "ConvInteger" => {
                let (sums, _) = self.whole_sums([0, 2], [1, 3], None)?;
                let made = self.add(Op::Cast(DType::I32), &[sums])?;
                Self::give(made, Elem::Plain(DType::I32))
            }
            "QLinearConv" => self.scaled_sums(),
            _ => Ok(None),
        }
    }

    /// The convolution of an image by weights, each with where its zero is; floats that hold integers, and their type. Exact, unless
    /// it may have a bias.
    fn whole_sums(
        &mut self,
        x: [usize; 2],
        weights: [usize; 2],
        bias: Option<usize>,
    ) -> Result<(ValueId, Elem), Stop> {
        let filter = self.value(weights[0])?;
        let dims = self.build().dims(filter);
        let products =
            dims.as_ref().and_then(|d| d.get(1..)?.iter().try_fold(1usize, |n, d| n.checked_mul(*d)));
        let single = bias.is_some() || products.is_some_and(|n| n <= MOST_PRODUCTS);
        let wide = if single { Elem::F32 } else { Elem::F64 };
        let rank = self.build().rank(filter);
        let (image, filter) = (self.shifted(x, wide, None)?, self.shifted(weights, wide, rank)?);
        let mut window = self.window_over(image, filter)?;
        window.double = !single;
        let bias = match bias.and_then(|n| self.optional(n)) {
            Some((bias, own)) => Some(self.cast_to(bias, own, wide)?),
            None => None,
        };
        let made = self.convolved(image, filter, bias, &window)?;
        // Whole again, and apart from what follows: scales do not become part of the weights.
        Ok((self.build().elementwise(Op::Unary(Unary::Round), &[made])?, wide))
    }

    /// Integers as floats from their zero on; zeros of several are of the first axis, of a value of so many axes.
    fn shifted(&mut self, [n, zero]: [usize; 2], wide: Elem, rank: Option<usize>) -> Result<ValueId, Stop> {
        let (x, elem) = self.tensor(n)?;
        let x = self.cast_to(x, elem, wide)?;
        let Some((zero, own)) = self.optional(zero) else { return Ok(x) };
        if self.build().numbers(zero).is_some_and(|n| n.iter().all(|n| *n == 0)) {
            return Ok(x);
        }
        let mut zero = self.cast_to(zero, own, wide)?;
        if let Some(rank) = rank
            && self.build().rank(zero) == Some(1)
        {
            let mut shape = vec![1; rank];
            shape[0] = -1;
            zero = self.build().reshape(zero, &shape)?;
        }
        self.add(Op::Binary(B::Sub), &[x, zero])
    }

    fn scaled_sums(&mut self) -> Outcome {
        let (_, elem) = self.tensor(7)?;
        let (sums, wide) = self.whole_sums([0, 2], [3, 5], Some(8))?;
        let rank = self.rank(sums)?;
        let mut scales = Vec::new();
        for n in [1, 4, 6] {
            let (scale, own) = self.tensor(n)?;
            scales.push(self.cast_to(scale, own, wide)?);
        }
        let scale = self.add(Op::Binary(B::Mul), &[scales[0], scales[1]])?;
        let scale = self.add(Op::Binary(B::Div), &[scale, scales[2]])?;
        let made = self.build().by_channel(B::Mul, sums, scale, rank)?;
        let made = self.build().elementwise(Op::Unary(Unary::Round), &[made])?;
        let (zero, own) = self.tensor(7)?;
        let zero = self.cast_to(zero, own, wide)?;
        let made = self.build().by_channel(B::Add, made, zero, rank)?;
        let made = self.within(made, elem, wide)?;
        let made = self.cast_to(made, wide, elem)?;
        Self::give(made, elem)
    }
}
