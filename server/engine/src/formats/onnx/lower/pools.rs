//! Pooling.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::formats::channels_first::Window;
use crate::graph::{Binary as B, Fold, Folding, Imaging, Op, Rare, Reduce, Unary, Update, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    pub(super) fn pools(&mut self) -> Outcome {
        match self.op() {
            "MaxPool" => self.pool(Fold::Max),
            "AveragePool" => {
                let around = self.flag("count_include_pad");
                self.pool(Fold::Mean { around })
            }
            "LpPool" => {
                let power = self.power_of_norm();
                self.pool(Fold::Norm(power))
            }
            "GlobalAveragePool" => self.global(Reduce::Mean),
            "GlobalMaxPool" => self.global(Reduce::Max),
            "GlobalLpPool" => self.global_norm(),
            "MaxUnpool" => self.unpool(),
            "Col2Im" => {
                let ((x, elem), image, block) = (self.tensor(0)?, self.value(1)?, self.value(2)?);
                let axes = self.build().dims(image).and_then(|d| d.first().copied());
                let axes =
                    axes.ok_or_else(|| Stop::Refused("an image of an unknown number of axes".to_owned()))?;
                // The extents of the window are a value.
                let mut window = Window::new(&[]);
                window.strides = self.sizes("strides")?.unwrap_or_default();
                window.dilations = self.sizes("dilations")?.unwrap_or_default();
                window.pads = self.pads(axes)?.unwrap_or_default();
                let made =
                    self.image(Imaging::FromColumns(Box::new(window)), &[x, image, block], axes + 2)?;
                Self::give(made, elem)
            }
            _ => Ok(None),
        }
    }

    fn power_of_norm(&self) -> f64 {
        // A float in the first version.
        self.attribute("p").map_or(2.0, |p| if p.i == 0 { f64::from(p.f) } else { p.i as f64 })
    }

    fn pool(&mut self, fold: Fold) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let kernel = self.sizes("kernel_shape")?.ok_or_else(|| Self::broken("it has no kernel_shape"))?;
        let window = self.window(&kernel)?;
        let round_up = self.flag("ceil_mode") && window.same.is_none();
        let rank = kernel.len() + 2;
        if self.build().rank(x).is_some_and(|own| own != rank) {
            return Err(Self::broken(format!("a window {kernel:?} over a value of other axes")));
        }
        let places = self.node.output.get(1).is_some_and(|o| !o.is_empty());
        if elem.kind() == Kind::F32
            && !places
            && let Some(made) = self.plainly_pooled(x, fold, &window, round_up)?
        {
            return Self::give(made, elem);
        }
        let how = Folding { fold, window, round_up, column_major: self.flag("storage_order") };
        let op = Op::Rare(Box::new(Rare::Image(Imaging::Fold(Box::new(how)))));
        if fold != Fold::Max {
            let made = self.add(op, &[x])?;
            self.build().tell(made, vec![None; rank]);
            return Self::give(made, elem);
        }
        let made = self.build().add_many(op, &[x], 2)?;
        made.iter().for_each(|value| self.build().tell(*value, vec![None; rank]));
        Ok(Some(vec![Val::Tensor(made[0], elem), Val::Tensor(made[1], Elem::I64)]))
    }

    /// By the pooling that is fast, where it does what is asked.
    fn plainly_pooled(
        &mut self,
        x: ValueId,
        fold: Fold,
        window: &Window,
        round_up: bool,
    ) -> Result<Option<ValueId>, Stop> {
        let mut window = window.clone();
        let mut x = x;
        if window.dilations.iter().any(|d| *d != 1) {
            return Ok(None);
        }
        match fold {
            Fold::Norm(_) => return Ok(None),
            Fold::Mean { around: true } if !window.is_bare() => {
                if round_up || window.same.is_some() {
                    return Ok(None);
                }
                x = self.build().bordered(x, &window.pads, 0.0)?;
                window.pads.fill([0, 0]);
            }
            _ => {}
        }
        if round_up && !self.rounded_up(x, &mut window) {
            return Ok(None);
        }
        Ok(Some(self.build().pool(x, fold == Fold::Max, &window)?))
    }

    /// Widens what follows the image until the last window fits. False: how much that is depends on the image's size.
    fn rounded_up(&mut self, x: ValueId, window: &mut Window) -> bool {
        let known: Option<Vec<usize>> =
            self.build().shape(x).and_then(|s| s.get(2..)?.iter().copied().collect());
        let Some(own) = known else { return window.round_up() };
        for (axis, size) in own.into_iter().enumerate() {
            let (stride, span, [before, after]) =
                (window.strides[axis], window.span(axis), window.pads[axis]);
            let Some(rest) = size.saturating_add(before + after).checked_sub(span) else { return false };
            let mut steps = rest.div_ceil(stride);
            // The last window begins in the image, or in what lies before it.
            if steps.saturating_mul(stride) >= size + before {
                steps -= 1;
            }
            window.pads[axis][1] = (steps * stride + span).saturating_sub(size + before);
        }
        true
    }

    fn rank_of_image(&mut self, x: ValueId) -> Result<usize, Stop> {
        let rank = self.rank(x)?;
        if rank < 3 { Err(Self::broken("a value of less than three axes is no image")) } else { Ok(rank) }
    }

    fn global(&mut self, kind: Reduce) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let rank = self.rank_of_image(x)?;
        let made = self.build().global_pool(x, kind, rank)?;
        Self::give(made, elem)
    }

    fn global_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let rank = self.rank_of_image(x)?;
        let power = self.power_of_norm();
        let (raise, lower) = (self.number(power, elem)?, self.number(1.0 / power, elem)?);
        let sizes = self.build().elementwise(Op::Unary(Unary::Abs), &[x])?;
        let powers = self.build().binary(B::Pow, sizes, raise)?;
        let sum = self.build().global_pool(powers, Reduce::Sum, rank)?;
        let made = self.build().binary(B::Pow, sum, lower)?;
        Self::give(made, elem)
    }

    /// Puts maxima back to their places among zeros.
    fn unpool(&mut self) -> Outcome {
        let ((x, elem), places) = (self.tensor(0)?, self.value(1)?);
        let kernel = self.sizes("kernel_shape")?.ok_or_else(|| Self::broken("it has no kernel_shape"))?;
        let window = self.window(&kernel)?;
        let (mut factors, mut offsets) = (vec![1, 1], vec![0, 0]);
        for ((extent, stride), pads) in kernel.iter().zip(&window.strides).zip(&window.pads) {
            factors.push(*stride as i64);
            offsets.push(*extent as i64 - *stride as i64 - pads.iter().sum::<usize>() as i64);
        }
        let own = self.add(Op::Shape, &[x])?;
        let (factors, offsets) = (self.build().ints(&factors)?, self.build().ints(&offsets)?);
        let scaled = self.add(Op::Binary(B::Mul), &[own, factors])?;
        let shape = self.add(Op::Binary(B::Add), &[scaled, offsets])?;
        let (first, zero) = (self.build().ints(&[0])?, self.number(0.0, elem)?);
        let count = self.add(Op::Reduce { kind: Reduce::Prod, keep: true }, &[shape, first])?;
        let blank = self.add(Op::Fill, &[count, zero])?;
        let (values, places) = (self.build().reshape(x, &[-1])?, self.build().reshape(places, &[-1, 1])?);
        let filled = self.rare(Rare::TensorScatter(Update::Replace), &[blank, places, values])?;
        let mut made = self.add(Op::Reshape, &[filled, shape])?;
        if let Some((wanted, _)) = self.optional(2) {
            let after = self.add(Op::Binary(B::Sub), &[wanted, shape])?;
            let before = self.build().ints(&vec![0; kernel.len() + 2])?;
            let paddings = self.add(Op::Pack(1), &[before, after])?;
            made = self.add(Op::Pad, &[made, paddings, zero])?;
        }
        self.build().tell(made, vec![None; kernel.len() + 2]);
        Self::give(made, elem)
    }
}
