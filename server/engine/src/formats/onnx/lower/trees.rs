//! `ai.onnx.ml`: ensembles of trees. Thresholds are of the type of what comes in; integers come in as `float32`.

use super::super::ensemble::{self, Ensemble};
use super::scores::{Post, Second};
use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Compare as C, Forest, Forests, Literal, Masks, Op, ValueId};
use crate::value::Kind;
use std::sync::Arc;

/// What is made of the answers of all trees.
#[derive(Clone, Copy, PartialEq)]
enum Aggregate {
    Average,
    Sum,
    Min,
    Max,
}

impl Lowering<'_, '_> {
    pub(super) fn trees(&mut self) -> Outcome {
        match self.classic() {
            "TreeEnsemble" => {
                let ensemble = Ensemble::by_place(self.node, self.targets()?)?;
                let (x, elem) = self.tensor(0)?;
                let made = self.regressed(&ensemble, x)?;
                let wide = if elem == Elem::F64 { Elem::F64 } else { Elem::F32 };
                let made = self.cast_to(made, wide, elem)?;
                Self::give(made, elem)
            }
            "TreeEnsembleRegressor" => {
                let ensemble = Ensemble::by_number(self.node, "target", self.targets()?)?;
                let x = self.value(0)?;
                let made = self.regressed(&ensemble, x)?;
                let made = self.add(Op::Cast(crate::DType::F32), &[made])?;
                Self::give(made, Elem::F32)
            }
            "TreeEnsembleClassifier" => self.tree_classifier(),
            _ => Ok(None),
        }
    }

    fn targets(&self) -> Result<usize, Stop> {
        let targets = self.int("n_targets").unwrap_or(1);
        let targets = usize::try_from(targets).ok().filter(|n| (1..=1 << 20).contains(n));
        targets.ok_or_else(|| Self::broken("its number of targets is none"))
    }

    fn aggregate(&self) -> Result<Aggregate, Stop> {
        match (self.text("aggregate_function"), self.int("aggregate_function")) {
            (Some("AVERAGE"), _) | (Some(""), Some(0)) => Ok(Aggregate::Average),
            (Some("SUM"), _) | (Some(""), Some(1)) | (None, None) => Ok(Aggregate::Sum),
            (Some("MIN"), _) | (Some(""), Some(2)) => Ok(Aggregate::Min),
            (Some("MAX"), _) | (Some(""), Some(3)) => Ok(Aggregate::Max),
            (other, _) => Err(Self::broken(format!("aggregate_function {other:?}"))),
        }
    }

    fn base(&self) -> Result<Vec<f64>, Stop> {
        if let Some(tensor) = self.constant("base_values_as_tensor") {
            return match super::super::tensors::literal(tensor)? {
                Literal::F32(v, _) => Ok(v.iter().map(|x| f64::from(*x)).collect()),
                Literal::F64(v, _) => Ok(v),
                _ => Err(Self::broken("its base values are no floats")),
            };
        }
        Ok(self.floats("base_values").unwrap_or_default().iter().map(|x| f64::from(*x)).collect())
    }

    fn row_of_floats(&mut self, row: &[f64], elem: Elem) -> Result<ValueId, Stop> {
        let shape = vec![row.len()];
        Ok(self.build().literal(if elem == Elem::F64 {
            Literal::F64(row.to_vec(), shape)
        } else {
            Literal::F32(row.iter().map(|x| *x as f32).collect(), shape)
        })?)
    }

    /// Rows of as many features as trees look at, at least; and their type.
    fn tree_rows(&mut self, ensemble: &Ensemble, x: ValueId) -> Result<(ValueId, usize, Elem), Stop> {
        let elem = self.elem()?;
        let wide = if elem.kind() == Kind::F64 { Elem::F64 } else { Elem::F32 };
        let mut x = self.cast_to(x, elem, wide)?;
        if self.build().rank(x) == Some(1) {
            x = self.build().reshape(x, &[1, -1])?;
        }
        if let Some(features) = self.build().shape(x).and_then(|s| s.last().copied().flatten()) {
            return Ok((x, features, wide));
        }
        let features = ensemble.last_feature() + 1;
        let begin = self.build().ints(&[0, 0])?;
        let end = self.build().ints(&[0, features as i64])?;
        let step = self.build().ints(&[1, 1])?;
        let masks = Masks { begin: 1, end: 1, ..Masks::default() };
        Ok((self.add(Op::StridedSlice(masks), &[x, begin, end, step])?, features, wide))
    }

    /// Some of the trees as one forest; leaves that have nothing for a target have `none`.
    fn forest(
        &mut self,
        ensemble: &Ensemble,
        range: std::ops::Range<usize>,
        none: f64,
        (x, features, elem): (ValueId, usize, Elem),
    ) -> Result<ValueId, Stop> {
        let wide = (ensemble.is_wide() || none != 0.0).then_some(ensemble.targets);
        let trees = &ensemble.trees[range];
        macro_rules! grown {
            ($type:ty, $number:expr) => {{
                let mut forest = Forest::<$type>::new(features, vec![0.0; ensemble.targets])?;
                for tree in trees {
                    let output = if wide.is_some() { 0 } else { ensemble::sole_target(tree).unwrap_or(0) };
                    forest.add(output, &ensemble::branches(tree, wide, none, $number, <$type>::next_up))?;
                }
                forest.finish();
                forest
            }};
        }
        let forest = if elem == Elem::F64 {
            Forests::F64(grown!(f64, |x| x))
        } else {
            Forests::F32(grown!(f32, |x| x as f32))
        };
        self.add(Op::Forest(Arc::new(forest)), &[x])
    }

    /// The answers of all trees together, with what is added to them.
    fn answers(
        &mut self,
        ensemble: &Ensemble,
        rows: (ValueId, usize, Elem),
        base: Option<ValueId>,
    ) -> Result<ValueId, Stop> {
        let (aggregate, count, elem) = (self.aggregate()?, ensemble.trees.len(), rows.2);
        let based = |this: &mut Self, x| match base {
            Some(base) => this.add(Op::Binary(B::Add), &[x, base]),
            None => Ok(x),
        };
        let (op, none) = match aggregate {
            Aggregate::Sum => {
                let sum = self.forest(ensemble, 0..count, 0.0, rows)?;
                return based(self, sum);
            }
            Aggregate::Average => {
                let sum = self.forest(ensemble, 0..count, 0.0, rows)?;
                let count = self.number(count as f64, elem)?;
                let average = self.add(Op::Binary(B::Div), &[sum, count])?;
                return based(self, average);
            }
            Aggregate::Min => (B::Min, f64::INFINITY),
            Aggregate::Max => (B::Max, f64::NEG_INFINITY),
        };
        if count > 1 << 12 {
            return Self::refuse(format!("the least or largest answer of {count} trees"));
        }
        let mut made = self.forest(ensemble, 0..1, none, rows)?;
        for n in 1..count {
            let next = self.forest(ensemble, n..n + 1, none, rows)?;
            made = self.add(Op::Binary(op), &[made, next])?;
        }
        let (none, zero) = (self.number(none, elem)?, self.number(0.0, elem)?);
        let nothing = self.add(Op::Compare(C::Equal), &[made, none])?;
        if ensemble.targets == 1 {
            let made = self.add(Op::Select, &[nothing, zero, made])?;
            return based(self, made);
        }
        // Of several targets, those that no leaf says anything of stay zero.
        let made = based(self, made)?;
        self.add(Op::Select, &[nothing, zero, made])
    }

    fn regressed(&mut self, ensemble: &Ensemble, x: ValueId) -> Result<ValueId, Stop> {
        let rows = self.tree_rows(ensemble, x)?;
        let base = self.base()?;
        let base = match base.len() == ensemble.targets {
            true => Some(self.row_of_floats(&base, rows.2)?),
            false => None,
        };
        let made = self.answers(ensemble, rows, base)?;
        let post = self.post()?;
        self.finished_scores(made, ensemble.targets, post, rows.2)
    }

    fn tree_classifier(&mut self) -> Outcome {
        let (labels, post) = (self.labels("classlabels_int64s")?, self.post()?);
        let ensemble = Ensemble::by_number(self.node, "class", labels.count())?;
        let x = self.value(0)?;
        let rows = self.tree_rows(&ensemble, x)?;
        let scores = self.forest(&ensemble, 0..ensemble.trees.len(), 0.0, rows)?;
        let (class, made) = match labels.count() {
            0 | 1 => return Self::refuse("a classifier of a single class"),
            2 => self.of_two(&ensemble, scores, post, rows.2)?,
            _ => self.of_many(&ensemble, scores, post, rows.2)?,
        };
        let made = self.add(Op::Cast(crate::DType::F32), &[made])?;
        Ok(Some(vec![self.label(labels, class)?, Val::Tensor(made, Elem::F32)]))
    }

    /// Classes that no leaf has a weight for are none of the best.
    fn of_many(
        &mut self,
        ensemble: &Ensemble,
        mut scores: ValueId,
        post: Post,
        elem: Elem,
    ) -> Result<(ValueId, ValueId), Stop> {
        let base = self.base()?;
        let answered = ensemble.answered();
        let mut compared = scores;
        if base.len() == ensemble.targets {
            let base = self.row_of_floats(&base, elem)?;
            scores = self.add(Op::Binary(B::Add), &[scores, base])?;
            compared = scores;
        } else if !base.is_empty() {
            return Self::refuse("base values that are not as many as the classes");
        } else if answered.contains(&false) {
            let bar: Vec<f64> = answered.iter().map(|a| if *a { 0.0 } else { f64::NEG_INFINITY }).collect();
            let bar = self.row_of_floats(&bar, elem)?;
            compared = self.add(Op::Binary(B::Add), &[scores, bar])?;
        }
        let made = self.finished_scores(scores, ensemble.targets, post, elem)?;
        Ok((self.best(compared)?, made))
    }

    /// Of two classes one may have all the weights: the other's score is made of that.
    fn of_two(
        &mut self,
        ensemble: &Ensemble,
        scores: ValueId,
        post: Post,
        elem: Elem,
    ) -> Result<(ValueId, ValueId), Stop> {
        let base = self.base()?;
        let answered = ensemble.answered();
        let is_binary = answered.iter().filter(|a| **a).count() == 1;
        let limit = if is_binary && ensemble.is_positive() { 0.5 } else { 0.0 };
        let axis = self.build().int(1)?;
        let parts = self.build().add_many(Op::Split(2), &[scores, axis], 2)?;
        let (first, second) = (parts[0], parts[1]);
        let plus = |this: &mut Self, x: ValueId, base: f64| {
            let base = this.number(base, elem)?;
            this.add(Op::Binary(B::Add), &[x, base])
        };
        let both = |this: &mut Self, parts: [ValueId; 2]| {
            let joined = this.add(Op::Concat, &[parts[0], parts[1], axis])?;
            this.finished_scores(joined, 2, post, elem)
        };
        match (&base[..], answered[1]) {
            (&[_, base], true) => {
                let second = plus(self, first, base)?;
                let first = self.add(Op::Unary(crate::graph::Unary::Neg), &[second])?;
                Ok((self.above(second, limit, elem)?, both(self, [first, second])?))
            }
            (&[a, b], false) => {
                let (first, second) = (plus(self, first, a)?, plus(self, second, b)?);
                Ok((self.above(first, limit, elem)?, both(self, [first, second])?))
            }
            ([] | [_], true) => {
                let first = if let [base] = base[..] { plus(self, first, base)? } else { first };
                Ok((self.above(second, limit, elem)?, both(self, [first, second])?))
            }
            ([] | [_], false) => {
                let score = if let [base] = base[..] { plus(self, first, base)? } else { first };
                let how = if limit > 0.0 { Second::Rest } else { Second::Opposite };
                Ok((self.above(score, limit, elem)?, self.two_scores(score, how, post, elem)?))
            }
            _ => Self::refuse("base values that are not as many as the classes"),
        }
    }
}
