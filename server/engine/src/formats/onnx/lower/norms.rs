//! What brings values to a common mean, variance or norm.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Imaging, Op, Rare, Reduce, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn norms(&mut self) -> Outcome {
        match self.op() {
            "BatchNormalization" => self.batch_norm(),
            "InstanceNormalization" => self.instance_norm(),
            "GroupNormalization" => self.group_norm(),
            "LRN" => self.response_norm(),
            "MeanVarianceNormalization" => self.mean_variance_norm(),
            "LpNormalization" => self.lp_norm(),
            _ => Ok(None),
        }
    }

    fn epsilon(&mut self, elem: Elem) -> Result<ValueId, Stop> {
        let epsilon = self.float("epsilon").unwrap_or(1e-5);
        self.number(f64::from(epsilon), elem)
    }

    /// An input in the type of the first.
    fn alike(&mut self, n: usize, elem: Elem) -> Result<ValueId, Stop> {
        let (value, own) = self.tensor(n)?;
        if own.kind() == elem.kind() { Ok(value) } else { self.cast_to(value, own, elem) }
    }

    fn batch_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        if self.int("spatial") == Some(0) {
            return Self::refuse("statistics of each place (spatial = 0)");
        }
        let rank = self.rank(x)?;
        let (scale, offset) = (self.alike(1, elem)?, self.alike(2, elem)?);
        let (mean, variance) = (self.alike(3, elem)?, self.alike(4, elem)?);
        let epsilon = self.epsilon(elem)?;
        if !self.flag("training_mode") {
            let made = self.build().batch_norm(x, rank, [scale, offset, mean, variance], epsilon)?;
            return Self::give(made, elem);
        }
        // The statistics are those of the batch; the given ones move towards them.
        let axes: Vec<i64> = (0..rank as i64).filter(|a| *a != 1).collect();
        let axes = self.build().ints(&axes)?;
        let average = |keep| Op::Reduce { kind: Reduce::Mean, keep };
        let wide = self.add(average(true), &[x, axes])?;
        let centred = self.add(Op::Binary(B::Sub), &[x, wide])?;
        let squares = self.add(Op::Unary(Unary::Square), &[centred])?;
        let own = [self.add(average(false), &[x, axes])?, self.add(average(false), &[squares, axes])?];
        let made = self.build().batch_norm(x, rank, [scale, offset, own[0], own[1]], epsilon)?;
        let momentum = f64::from(self.float("momentum").unwrap_or(0.9));
        let (kept, new) = (self.number(momentum, elem)?, self.number(1.0 - momentum, elem)?);
        let mut vals = vec![Val::Tensor(made, elem)];
        for (n, (before, own)) in [mean, variance].into_iter().zip(own).enumerate() {
            let before = self.add(Op::Binary(B::Mul), &[before, kept])?;
            let own = self.add(Op::Binary(B::Mul), &[own, new])?;
            let moved = self.add(Op::Binary(B::Add), &[before, own])?;
            let (_, wanted) = self.tensor(3 + n)?;
            let moved = if wanted.kind() == elem.kind() { moved } else { self.cast_to(moved, elem, wanted)? };
            vals.push(Val::Tensor(moved, wanted));
        }
        Ok(Some(vals))
    }

    fn instance_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let rank = self.rank(x)?;
        if rank < 3 {
            return Err(Self::broken("a value of less than three axes is no image"));
        }
        let mean = self.build().global_pool(x, Reduce::Mean, rank)?;
        let centred = self.build().binary(B::Sub, x, mean)?;
        let squares = self.build().elementwise(Op::Unary(Unary::Square), &[centred])?;
        let variance = self.build().global_pool(squares, Reduce::Mean, rank)?;
        let epsilon = self.epsilon(elem)?;
        let variance = self.build().binary(B::Add, variance, epsilon)?;
        let factor = self.build().elementwise(Op::Unary(Unary::Rsqrt), &[variance])?;
        let made = self.build().binary(B::Mul, centred, factor)?;
        let made = self.stretched(made, rank, elem)?;
        Self::give(made, elem)
    }

    /// Scaled and shifted by channel.
    fn stretched(&mut self, x: ValueId, rank: usize, elem: Elem) -> Result<ValueId, Stop> {
        let (scale, offset) = (self.alike(1, elem)?, self.alike(2, elem)?);
        let made = self.build().by_channel(B::Mul, x, scale, rank)?;
        Ok(self.build().by_channel(B::Add, made, offset, rank)?)
    }

    /// `(x - mean) / sqrt(variance + epsilon)`, or `/ (sqrt(variance) + epsilon)`, over axes.
    fn standardised(
        &mut self,
        x: ValueId,
        axes: &[i64],
        epsilon: ValueId,
        inside: bool,
    ) -> Result<ValueId, Stop> {
        let axes = self.build().ints(axes)?;
        let average = Op::Reduce { kind: Reduce::Mean, keep: true };
        let mean = self.add(average.clone(), &[x, axes])?;
        let centred = self.add(Op::Binary(B::Sub), &[x, mean])?;
        let squares = self.add(Op::Unary(Unary::Square), &[centred])?;
        let mut spread = self.add(average, &[squares, axes])?;
        if inside {
            spread = self.add(Op::Binary(B::Add), &[spread, epsilon])?;
        }
        spread = self.add(Op::Unary(Unary::Sqrt), &[spread])?;
        if !inside {
            spread = self.add(Op::Binary(B::Add), &[spread, epsilon])?;
        }
        self.add(Op::Binary(B::Div), &[centred, spread])
    }

    fn group_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let rank = self.rank(x)?;
        let groups = self.int("num_groups").filter(|g| (1..=1 << 20).contains(g));
        let groups = groups.ok_or_else(|| Self::broken("a number of groups that is none"))?;
        let shape = self.add(Op::Shape, &[x])?;
        let batch = self.part(shape, 0, 1)?;
        let rest = self.build().ints(&[groups, -1])?;
        let grouped = self.row(&[batch, rest])?;
        let made = self.add(Op::Reshape, &[x, grouped])?;
        let epsilon = self.epsilon(elem)?;
        let mut made = self.standardised(made, &[2], epsilon, true)?;
        let by_group = self.version < 21;
        if by_group {
            let (scale, offset) = (self.alike(1, elem)?, self.alike(2, elem)?);
            let (scale, offset) =
                (self.build().reshape(scale, &[-1, 1])?, self.build().reshape(offset, &[-1, 1])?);
            made = self.add(Op::Binary(B::Mul), &[made, scale])?;
            made = self.add(Op::Binary(B::Add), &[made, offset])?;
        }
        made = self.add(Op::Reshape, &[made, shape])?;
        if !by_group {
            made = self.stretched(made, rank, elem)?;
        }
        Self::give(made, elem)
    }

    fn response_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let rank = self.rank(x)?;
        let size = self.int("size").filter(|s| (1..=1 << 20).contains(s));
        let size = size.ok_or_else(|| Self::broken("a number of channels that is none"))?;
        let number = |name, usual| self.float(name).unwrap_or(usual);
        let around = [(size - 1) / 2, size / 2];
        let (alpha, beta, bias) =
            (number("alpha", 1e-4) / size as f32, number("beta", 0.75), number("bias", 1.0));
        let op = Op::Rare(Box::new(Rare::Image(Imaging::Lrn { around, bias, alpha, beta })));
        if rank < 3 {
            let made = self.add(op, &[x])?;
            return Self::give(made, elem);
        }
        let image = self.build().channels_last(x, rank)?;
        let made = self.add(op, &[image])?;
        let made = self.build().channels_first(made, rank)?;
        Self::give(made, elem)
    }

    fn mean_variance_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let axes = self.ints("axes").unwrap_or(&[0, 2, 3]).to_vec();
        let epsilon = self.number(1e-9, elem)?;
        let made = self.standardised(x, &axes, epsilon, false)?;
        Self::give(made, elem)
    }

    fn lp_norm(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let axis = self.int("axis").unwrap_or(-1);
        let axes = self.build().ints(&[axis])?;
        let sum = Op::Reduce { kind: Reduce::Sum, keep: true };
        let norm = match self.int("p").unwrap_or(2) {
            1 => {
                let sizes = self.add(Op::Unary(Unary::Abs), &[x])?;
                self.add(sum, &[sizes, axes])?
            }
            2 => {
                let squares = self.add(Op::Unary(Unary::Square), &[x])?;
                let sum = self.add(sum, &[squares, axes])?;
                self.add(Op::Unary(Unary::Sqrt), &[sum])?
            }
            other => return Err(Self::broken(format!("a norm of power {other}"))),
        };
        // What has no norm stays zero.
        let made = self.add(Op::Binary(B::DivNoNan), &[x, norm])?;
        Self::give(made, elem)
    }
}
