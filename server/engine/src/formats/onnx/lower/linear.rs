//! `ai.onnx.ml`: linear models.

use super::scores::Second;
use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Literal, Op, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn linear(&mut self) -> Outcome {
        match self.classic() {
            "LinearRegressor" => {
                let targets = usize::try_from(self.int("targets").unwrap_or(1)).unwrap_or(0);
                let made = self.weighted(targets)?;
                let post = self.post()?;
                let made = self.finished_scores(made, targets, post, Elem::F32)?;
                Self::give(made, Elem::F32)
            }
            "LinearClassifier" => self.linear_classifier(),
            _ => Ok(None),
        }
    }

    /// `x · coefficientsᵀ + intercepts`
    fn weighted(&mut self, targets: usize) -> Result<ValueId, Stop> {
        let x = self.rows_input()?;
        let weights = self.floats("coefficients").unwrap_or_default();
        let features = weights.len().checked_div(targets).filter(|f| *f > 0 && f * targets == weights.len());
        let features =
            features.ok_or_else(|| Self::broken("its coefficients are not as many as its targets"))?;
        let weights = self.build().literal(Literal::F32(weights.to_vec(), vec![targets, features]))?;
        let made = self.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[x, weights])?;
        match self.floats("intercepts").filter(|i| !i.is_empty()) {
            None => Ok(made),
            Some(intercepts) if intercepts.len() == targets => {
                let intercepts = self.build().literal(Literal::F32(intercepts.to_vec(), vec![targets]))?;
                self.add(Op::Binary(B::Add), &[made, intercepts])
            }
            Some(_) => Err(Self::broken("its intercepts are not as many as its targets")),
        }
    }

    fn linear_classifier(&mut self) -> Outcome {
        let labels = self.labels("classlabels_ints")?;
        let post = self.post()?;
        let targets = self.floats("intercepts").map_or(0, <[f32]>::len);
        let targets = if targets == 0 { labels.count() } else { targets };
        let scores = self.weighted(targets)?;
        let (class, made) = if targets == 1 && labels.count() == 2 {
            let class = self.above(scores, 0.0, Elem::F32)?;
            (class, self.two_scores(scores, Second::Rest, post, Elem::F32)?)
        } else if targets == labels.count() && targets > 1 {
            (self.best(scores)?, self.finished_scores(scores, targets, post, Elem::F32)?)
        } else {
            return Self::refuse(format!("{targets} scores of {} classes", labels.count()));
        };
        Ok(Some(vec![self.label(labels, class)?, Val::Tensor(made, Elem::F32)]))
    }
}
