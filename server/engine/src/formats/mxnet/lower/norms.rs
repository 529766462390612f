//! Normalisations.

use super::{Lowering, Made, Outcome};
use crate::graph::{Binary, Imaging, Literal, Op, Reduce, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn norms(&mut self) -> Outcome {
        if self.node.is_batch_norm() {
            let made = self.batch_norm()?;
            // Its mean and variance are there for training.
            let (mean, variance) = (self.input(3)?, self.input(4)?);
            return Ok(Some(vec![made, mean, variance]));
        }
        Self::one(match self.op() {
            "LayerNorm" => {
                let x = self.input(0)?;
                let rank = self.rank(x)?;
                let axis = self.axis("axis", -1, rank)?;
                let made = self.standard(x, &[axis], 1e-5)?;
                self.scaled_along(made, axis, rank)
            }
            "InstanceNorm" => {
                let x = self.input(0)?;
                let rank = self.rank(x)?;
                let made = self.standard(x, &(2..rank).collect::<Vec<_>>(), 1e-3)?;
                self.scaled_along(made, 1, rank)
            }
            "GroupNorm" => self.group_norm(),
            "L2Normalization" => self.l2(),
            "LRN" => self.lrn(),
            _ => return Ok(None),
        })
    }

    fn batch_norm(&mut self) -> Made {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let axis = self.axis("axis", 1, rank)?;
        let epsilon = self.node.float("eps", 1e-3)?;
        let mut stages = [self.input(1)?, self.input(2)?, self.input(3)?, self.input(4)?];
        if self.node.flag("fix_gamma", true)? {
            let count = self.extent(stages[1], 0).ok_or_else(|| Self::broken("its beta has no extent"))?;
            stages[0] = self.build().literal(Literal::F32(vec![1.0; count], vec![count]))?;
        }
        let epsilon = self.build().float(epsilon)?;
        if axis == 1 {
            return Ok(self.build().batch_norm(x, rank, stages, epsilon)?);
        }
        for stage in &mut stages {
            *stage = self.along(*stage, axis, rank)?;
        }
        let [gamma, beta, mean, variance] = stages;
        let variance = self.add(Op::Binary(Binary::Add), &[variance, epsilon])?;
        let inverse = self.add(Op::Unary(Unary::Rsqrt), &[variance])?;
        let factor = self.add(Op::Binary(Binary::Mul), &[inverse, gamma])?;
        let centred = self.add(Op::Binary(Binary::Sub), &[x, mean])?;
        let scaled = self.add(Op::Binary(Binary::Mul), &[centred, factor])?;
        self.add(Op::Binary(Binary::Add), &[scaled, beta])
    }

    /// A vector along an axis of a value of some rank.
    pub(super) fn along(&mut self, vector: ValueId, axis: usize, rank: usize) -> Made {
        let mut shape = vec![1; rank];
        shape[axis] = -1;
        Ok(self.build().reshape(vector, &shape)?)
    }

    /// What has no mean and a variance of one over some axes.
    fn standard(&mut self, x: ValueId, axes: &[usize], epsilon: f32) -> Made {
        let epsilon = self.node.float("eps", epsilon)?;
        let epsilon = self.build().float(epsilon)?;
        let axes: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
        let axes = self.build().ints(&axes)?;
        let mean = self.add(Op::Reduce { kind: Reduce::Mean, keep: true }, &[x, axes])?;
        let centred = self.add(Op::Binary(Binary::Sub), &[x, mean])?;
        let square = self.add(Op::Unary(Unary::Square), &[centred])?;
        let variance = self.add(Op::Reduce { kind: Reduce::Mean, keep: true }, &[square, axes])?;
        let variance = self.add(Op::Binary(Binary::Add), &[variance, epsilon])?;
        let inverse = self.add(Op::Unary(Unary::Rsqrt), &[variance])?;
        self.add(Op::Binary(Binary::Mul), &[centred, inverse])
    }

    /// Times the second input, plus the third, both along an axis.
    fn scaled_along(&mut self, x: ValueId, axis: usize, rank: usize) -> Made {
        let (gamma, beta) = (self.input(1)?, self.input(2)?);
        let (gamma, beta) = (self.along(gamma, axis, rank)?, self.along(beta, axis, rank)?);
        let scaled = self.add(Op::Binary(Binary::Mul), &[x, gamma])?;
        self.add(Op::Binary(Binary::Add), &[scaled, beta])
    }

    fn group_norm(&mut self) -> Made {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let groups = self.node.size("num_groups", 1)?.max(1);
        let Some(channels) = self.extent(x, 1).filter(|c| c % groups == 0) else {
            return Self::refuse("its channels are not known, or no groups of one size");
        };
        let shape = self.add(Op::Shape, &[x])?;
        let split = self.build().ints(&[groups as i64, (channels / groups) as i64])?;
        let parts = [self.part_of(shape, 0, 1)?, split, self.part_of(shape, 2, rank - 2)?];
        let wide = self.row(&parts)?;
        let grouped = self.add(Op::Reshape, &[x, wide])?;
        let made = self.standard(grouped, &(2..=rank).collect::<Vec<_>>(), 1e-5)?;
        // Gamma and beta are of groups; other versions have them of channels.
        let gamma = self.input(1)?;
        if self.extent(gamma, 0) == Some(groups) {
            let made = self.scaled_along(made, 1, rank + 1)?;
            return self.add(Op::Reshape, &[made, shape]);
        }
        let made = self.add(Op::Reshape, &[made, shape])?;
        self.scaled_along(made, 1, rank)
    }

    fn l2(&mut self) -> Made {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let axes: Vec<i64> = match self.node.text("mode").unwrap_or("instance") {
            "instance" => (1..rank as i64).collect(),
            "channel" => vec![1],
            "spatial" => (2..rank as i64).collect(),
            other => return Self::refuse(format!("mode {other}")),
        };
        let epsilon = self.node.float("eps", 1e-10)?;
        let (epsilon, axes) = (self.build().float(epsilon)?, self.build().ints(&axes)?);
        let square = self.add(Op::Unary(Unary::Square), &[x])?;
        let sum = self.add(Op::Reduce { kind: Reduce::Sum, keep: true }, &[square, axes])?;
        let sum = self.add(Op::Binary(Binary::Add), &[sum, epsilon])?;
        let inverse = self.add(Op::Unary(Unary::Rsqrt), &[sum])?;
        self.add(Op::Binary(Binary::Mul), &[x, inverse])
    }

    fn lrn(&mut self) -> Made {
        let (x, size) = (self.input(0)?, self.node.size("nsize", 5)?);
        let alpha = self.node.float("alpha", 1e-4)? / size.max(1) as f32;
        let (beta, bias) = (self.node.float("beta", 0.75)?, self.node.float("knorm", 2.0)?);
        self.on_image(Imaging::Lrn { around: [(size / 2) as i64; 2], bias, alpha, beta }, x)
    }
}
