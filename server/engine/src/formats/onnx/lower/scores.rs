//! `ai.onnx.ml`: from scores to what a classic model answers. Where the operators' texts leave it open, this is as their common runtime
//! has it: a single score of two classes becomes two.

use super::{Elem, Lowering, Stop, Val};
use crate::graph::{
    Binary as B, Compare as C, Function as F, Literal, Op, Rare, Reduce as R, Unary as U, ValueId,
};

/// What scores go through last.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Post {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

/// What becomes of the single score of two classes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Second {
    /// `1 - s, s`
    Rest,
    /// `-s, s`
    Opposite,
}

/// The names of classes.
pub(super) struct Labels(Literal, Elem);

impl Labels {
    pub fn count(&self) -> usize {
        match &self.0 {
            Literal::Text(v, _) => v.len(),
            Literal::I64(v, _) => v.len(),
            _ => 0,
        }
    }
}

impl Lowering<'_, '_> {
    pub(super) fn post(&self) -> Result<Post, Stop> {
        match (self.text("post_transform"), self.int("post_transform")) {
            (Some("NONE"), _) | (None, None) => Ok(Post::None),
            (Some("LOGISTIC"), _) => Ok(Post::Logistic),
            (Some("SOFTMAX"), _) => Ok(Post::Softmax),
            (Some("SOFTMAX_ZERO"), _) => Ok(Post::SoftmaxZero),
            (Some("PROBIT"), _) => Ok(Post::Probit),
            (Some(""), Some(number)) => match number {
                0 => Ok(Post::None),
                1 => Ok(Post::Softmax),
                2 => Ok(Post::Logistic),
                3 => Ok(Post::SoftmaxZero),
                4 => Ok(Post::Probit),
                other => Err(Self::broken(format!("post_transform {other}"))),
            },
            (other, _) => Err(Self::broken(format!("post_transform {other:?}"))),
        }
    }

    /// The labels of a classifier, by the name of the attribute of those that are integers.
    pub(super) fn labels(&self, integers: &str) -> Result<Labels, Stop> {
        if let Some(texts) = self.texts("classlabels_strings").filter(|t| !t.is_empty()) {
            return Ok(Labels(Literal::Text(texts.to_vec(), vec![texts.len()]), Elem::TEXT));
        }
        match self.ints(integers).filter(|n| !n.is_empty()) {
            Some(numbers) => Ok(Labels(Literal::I64(numbers.to_vec(), vec![numbers.len()]), Elem::I64)),
            None => Err(Self::broken("it has no class labels")),
        }
    }

    /// The label of each row by the number of its class.
    pub(super) fn label(&mut self, labels: Labels, class: ValueId) -> Result<Val, Stop> {
        let Labels(all, elem) = labels;
        let (all, axis) = (self.build().literal(all)?, self.build().int(0)?);
        Ok(Val::Tensor(self.add(Op::Gather { batch_dims: 0 }, &[all, class, axis])?, elem))
    }

    /// The class of each row with the highest score; of equal ones the first.
    pub(super) fn best(&mut self, scores: ValueId) -> Result<ValueId, Stop> {
        let axis = self.build().int(1)?;
        self.add(Op::ArgExtreme { max: true }, &[scores, axis])
    }

    /// 1 for rows whose single score is above a limit.
    pub(super) fn above(&mut self, score: ValueId, limit: f64, elem: Elem) -> Result<ValueId, Stop> {
        let limit = self.number(limit, elem)?;
        let above = self.add(Op::Compare(C::Greater), &[score, limit])?;
        let above = self.build().reshape(above, &[-1])?;
        self.cast_to(above, Elem::BOOL, Elem::I64)
    }

    /// Scores of as many classes or targets as they have columns.
    pub(super) fn finished_scores(
        &mut self,
        scores: ValueId,
        columns: usize,
        post: Post,
        elem: Elem,
    ) -> Result<ValueId, Stop> {
        match post {
            Post::Probit => self.rare(Rare::Function(F::Ndtri), &[scores]),
            // A single score is none of a distribution.
            _ if columns == 1 => Ok(scores),
            Post::None => Ok(scores),
            Post::Logistic => self.add(Op::Unary(U::Sigmoid), &[scores]),
            Post::Softmax => self.add(Op::Softmax { log: false }, &[scores]),
            Post::SoftmaxZero => self.softmax_zero(scores, elem),
        }
    }

    /// Softmax over those that are not zero.
    fn softmax_zero(&mut self, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let axis = self.build().ints(&[-1])?;
        let largest = self.add(Op::Reduce { kind: R::Max, keep: true }, &[x, axis])?;
        let shifted = self.add(Op::Binary(B::Sub), &[x, largest])?;
        let powers = self.add(Op::Unary(U::Exp), &[shifted])?;
        let (size, least) = (self.add(Op::Unary(U::Abs), &[x])?, self.number(1e-7, elem)?);
        let there = self.add(Op::Compare(C::Greater), &[size, least])?;
        let zero = self.number(0.0, elem)?;
        let powers = self.add(Op::Select, &[there, powers, zero])?;
        let sum = self.add(Op::Reduce { kind: R::Sum, keep: true }, &[powers, axis])?;
        self.add(Op::Binary(B::Div), &[powers, sum])
    }

    /// Two scores of the single one `[n, 1]` of two classes; logistics are those of `-s, s` in any case.
    pub(super) fn two_scores(
        &mut self,
        score: ValueId,
        how: Second,
        post: Post,
        elem: Elem,
    ) -> Result<ValueId, Stop> {
        if post == Post::Probit {
            return Self::refuse("PROBIT of the single score of two classes");
        }
        let one = self.number(1.0, elem)?;
        let mut first = match how {
            Second::Rest => self.add(Op::Binary(B::Sub), &[one, score])?,
            Second::Opposite => self.add(Op::Unary(U::Neg), &[score])?,
        };
        let mut second = score;
        if post == Post::Logistic {
            let opposite = self.add(Op::Unary(U::Neg), &[score])?;
            first = self.add(Op::Unary(U::Sigmoid), &[opposite])?;
            second = self.add(Op::Unary(U::Sigmoid), &[second])?;
        }
        let axis = self.build().int(1)?;
        self.add(Op::Concat, &[first, second, axis])
    }

    /// The first input as rows of `float32`.
    pub(super) fn rows_input(&mut self) -> Result<ValueId, Stop> {
        let x = self.float_input()?;
        if self.build().rank(x) == Some(1) { Ok(self.build().reshape(x, &[1, -1])?) } else { Ok(x) }
    }
}
