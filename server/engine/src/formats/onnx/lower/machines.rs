//! `ai.onnx.ml`: support vector machines. They are computed in `float64`: what they subtract is nearly equal.

use super::scores::{Post, Second};
use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::DType;
use crate::graph::{Binary as B, Compare as C, Literal, Op, Rare, Reduce as R, Rows, Unary as U, ValueId};

/// Coefficients of all pairs of classes.
const MOST_COEFFICIENTS: usize = 1 << 26;
/// There is a classifier for each pair of them.
const MOST_CLASSES: usize = 256;

/// The pairs of classes, in the order of their classifiers.
fn pairs(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |i| (i + 1..classes).map(move |j| (i, j)))
}

impl Lowering<'_, '_> {
    pub(super) fn machines(&mut self) -> Outcome {
        match self.classic() {
            "SVMRegressor" => self.svm_regressor(),
            "SVMClassifier" if self.ints("vectors_per_class").is_some_and(|v| !v.is_empty()) => {
                self.svm_classifier()
            }
            "SVMClassifier" => self.linear_machine(),
            _ => Ok(None),
        }
    }

    fn doubles(&mut self, numbers: &[f32], shape: &[usize]) -> Result<ValueId, Stop> {
        if shape.iter().product::<usize>() != numbers.len() {
            return Err(Self::broken(format!("{} numbers for {shape:?}", numbers.len())));
        }
        let numbers = numbers.iter().map(|n| f64::from(*n)).collect();
        Ok(self.build().literal(Literal::F64(numbers, shape.to_vec()))?)
    }

    fn product_of(&mut self, a: ValueId, b: ValueId, transpose_b: bool) -> Result<ValueId, Stop> {
        self.add(Op::MatMul { transpose_a: false, transpose_b }, &[a, b])
    }

    fn rows_of_doubles(&mut self) -> Result<ValueId, Stop> {
        let x = self.rows_input()?;
        self.add(Op::Cast(DType::F64), &[x])
    }

    /// How near each row is to each of `count` vectors.
    fn near(&mut self, vectors: &[f32], count: usize) -> Result<ValueId, Stop> {
        let x = self.rows_of_doubles()?;
        let features = vectors.len().checked_div(count).filter(|f| f * count == vectors.len());
        let features = features.ok_or_else(|| Self::broken("its vectors are not as long as each other"))?;
        let all = self.doubles(vectors, &[count, features])?;
        let product = self.product_of(x, all, true)?;
        let kind = self.text("kernel_type").unwrap_or("LINEAR");
        let [gamma, coef0, degree] = match self.floats("kernel_params") {
            Some(&[gamma, coef0, degree, ..]) => [gamma, coef0, degree],
            _ => [0.0; 3],
        }
        .map(f64::from);
        let [gamma, coef0, degree] = [gamma, coef0, degree].map(|n| self.number(n, Elem::F64));
        let (gamma, coef0, degree) = (gamma?, coef0?, degree?);
        if kind == "LINEAR" {
            return Ok(product);
        }
        if kind == "RBF" {
            let lengths = |row: &[f32]| row.iter().map(|x| f64::from(*x).powi(2)).sum();
            let lengths: Vec<f64> = vectors.chunks(features.max(1)).map(lengths).collect();
            let lengths = self.build().literal(Literal::F64(lengths, vec![count]))?;
            let (squares, axis) = (self.add(Op::Unary(U::Square), &[x])?, self.build().ints(&[1])?);
            let own = self.add(Op::Reduce { kind: R::Sum, keep: true }, &[squares, axis])?;
            let two = self.number(2.0, Elem::F64)?;
            let both = self.add(Op::Binary(B::Add), &[own, lengths])?;
            let product = self.add(Op::Binary(B::Mul), &[product, two])?;
            let apart = self.add(Op::Binary(B::Sub), &[both, product])?;
            let apart = self.add(Op::Binary(B::Mul), &[apart, gamma])?;
            let apart = self.add(Op::Unary(U::Neg), &[apart])?;
            return self.add(Op::Unary(U::Exp), &[apart]);
        }
        let product = self.add(Op::Binary(B::Mul), &[product, gamma])?;
        let product = self.add(Op::Binary(B::Add), &[product, coef0])?;
        match kind {
            "POLY" => self.add(Op::Binary(B::Pow), &[product, degree]),
            "SIGMOID" => self.add(Op::Unary(U::Tanh), &[product]),
            other => Err(Self::broken(format!("kernel_type {other:?}"))),
        }
    }

    fn rho(&mut self, count: usize) -> Result<ValueId, Stop> {
        let rho = self.floats("rho").and_then(|r| r.get(..count));
        let rho = rho.ok_or_else(|| Self::broken("its rho are too few"))?;
        self.doubles(rho, &[count])
    }

    fn svm_regressor(&mut self) -> Outcome {
        let weights = self.floats("coefficients").unwrap_or_default();
        let count = usize::try_from(self.int("n_supports").unwrap_or(0)).unwrap_or(0);
        let (x, rho) = match count {
            0 => (self.rows_of_doubles()?, self.rho(1)?),
            count => {
                let vectors = self.floats("support_vectors").unwrap_or_default();
                (self.near(vectors, count)?, self.rho(1)?)
            }
        };
        let weights = self.doubles(weights, &[weights.len(), 1])?;
        let made = self.product_of(x, weights, false)?;
        let mut made = self.add(Op::Binary(B::Add), &[made, rho])?;
        made = self.add(Op::Cast(DType::F32), &[made])?;
        if self.flag("one_class") {
            let [zero, inside, outside] = [0.0, 1.0, -1.0].map(|n| self.build().float(n));
            let above = self.add(Op::Compare(C::Greater), &[made, zero?])?;
            made = self.add(Op::Select, &[above, inside?, outside?])?;
        }
        Self::give(made, Elem::F32)
    }

    /// A linear classifier in the guise of a machine.
    fn linear_machine(&mut self) -> Outcome {
        let (labels, post) = (self.labels("classlabels_ints")?, self.post()?);
        let weights = self.floats("coefficients").unwrap_or_default();
        let classes = labels.count();
        let (x, rho) = (self.rows_of_doubles()?, self.rho(1)?);
        let features = weights.len() / classes.max(1);
        let all = self.doubles(weights, &[classes, features])?;
        let made = self.product_of(x, all, true)?;
        let made = self.add(Op::Binary(B::Add), &[made, rho])?;
        let scores = self.add(Op::Cast(DType::F32), &[made])?;
        let mut class = self.best(scores)?;
        if classes == 2 {
            // Of two classes the second is meant if any score is high enough.
            let positive = weights.iter().all(|w| *w >= 0.0);
            let axis = self.build().ints(&[1])?;
            let highest = self.add(Op::Reduce { kind: R::Max, keep: true }, &[scores, axis])?;
            let limit = if positive { f64::from(0.5f32.next_down()) } else { 0.0 };
            let second = self.above(highest, limit, Elem::F32)?;
            class = self.add(Op::Binary(B::Max), &[class, second])?;
        }
        let made = self.finished_scores(scores, classes, post, Elem::F32)?;
        Ok(Some(vec![self.label(labels, class)?, Val::Tensor(made, Elem::F32)]))
    }

    /// The coefficients of each pair of classes by support vector.
    fn by_pair(&self, counts: &[usize], total: usize) -> Result<Vec<f32>, Stop> {
        let classes = counts.len();
        let given = self.floats("coefficients").unwrap_or_default();
        let wanted = total.checked_mul(classes.saturating_sub(1));
        let all = total.checked_mul(pairs(classes).count()).filter(|n| *n <= MOST_COEFFICIENTS);
        let all = all.ok_or_else(|| Stop::Refused("more classes and vectors than fit".to_owned()))?;
        if wanted.is_none_or(|w| w > given.len()) {
            return Err(Self::broken("its coefficients are too few"));
        }
        let mut made = Vec::with_capacity(all);
        let mut vector = 0;
        for (class, count) in counts.iter().enumerate() {
            for _ in 0..*count {
                made.extend(pairs(classes).map(|(i, j)| match class {
                    c if c == i => given[(j - 1) * total + vector],
                    c if c == j => given[i * total + vector],
                    _ => 0.0,
                }));
                vector += 1;
            }
        }
        Ok(made)
    }

    /// A classifier for each pair of classes, whose votes decide.
    fn svm_classifier(&mut self) -> Outcome {
        let (labels, post) = (self.labels("classlabels_ints")?, self.post()?);
        let counts = self.ints("vectors_per_class").unwrap_or_default();
        let counts: Vec<usize> = counts.iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
        let vectors = self.floats("support_vectors").unwrap_or_default();
        let total = counts.iter().try_fold(0usize, |n, c| n.checked_add(*c)).filter(|n| *n <= vectors.len());
        let total = total.ok_or_else(|| Self::broken("its vectors are too few"))?;
        let classes = counts.len();
        if classes > MOST_CLASSES {
            return Self::refuse(format!("more than {MOST_CLASSES} classes"));
        }
        if classes != labels.count() || classes < 2 {
            return Err(Self::broken(format!("{classes} numbers of vectors, {} labels", labels.count())));
        }
        let count = pairs(classes).count();
        let coefficients = self.by_pair(&counts, total)?;
        let coefficients = self.doubles(&coefficients, &[total, count])?;
        let (near, rho) = (self.near(vectors, total)?, self.rho(count)?);
        let scores = self.product_of(near, coefficients, false)?;
        let scores = self.add(Op::Binary(B::Add), &[scores, rho])?;
        let class = self.elected(scores, classes)?;
        let made = match self.floats("prob_a").filter(|a| !a.is_empty()) {
            Some(slopes) => {
                let coupled = self.coupled(scores, slopes, classes)?;
                self.finished_scores(coupled, classes, post, Elem::F32)?
            }
            None => {
                let scores = self.add(Op::Cast(DType::F32), &[scores])?;
                let second = if post == Post::None { Second::Opposite } else { Second::Rest };
                match classes {
                    2 => self.two_scores(scores, second, post, Elem::F32)?,
                    _ => self.finished_scores(scores, count, post, Elem::F32)?,
                }
            }
        };
        Ok(Some(vec![self.label(labels, class)?, Val::Tensor(made, Elem::F32)]))
    }

    /// The class with the most votes; of equal ones the first.
    fn elected(&mut self, scores: ValueId, classes: usize) -> Result<ValueId, Stop> {
        let zero = self.number(0.0, Elem::F64)?;
        let firsts = self.add(Op::Compare(C::Greater), &[scores, zero])?;
        let firsts = self.add(Op::Cast(DType::F32), &[firsts])?;
        let (mut change, mut without) = (Vec::new(), vec![0.0f32; classes]);
        for (i, j) in pairs(classes) {
            let mut row = vec![0.0f32; classes];
            (row[i], row[j]) = (1.0, -1.0);
            without[j] += 1.0;
            change.extend(row);
        }
        let count = pairs(classes).count();
        let change = self.build().literal(Literal::F32(change, vec![count, classes]))?;
        let without = self.build().literal(Literal::F32(without, vec![classes]))?;
        let votes = self.product_of(firsts, change, false)?;
        let votes = self.add(Op::Binary(B::Add), &[votes, without])?;
        self.best(votes)
    }

    /// Probabilities of the classes from those of their pairs.
    fn coupled(&mut self, scores: ValueId, slopes: &[f32], classes: usize) -> Result<ValueId, Stop> {
        let count = pairs(classes).count();
        let offsets = self.floats("prob_b").and_then(|b| b.get(..count));
        let (Some(offsets), Some(slopes)) = (offsets, slopes.get(..count)) else {
            return Err(Self::broken("its prob_a and prob_b are too few"));
        };
        let (slopes, offsets) = (self.doubles(slopes, &[count])?, self.doubles(offsets, &[count])?);
        let line = self.add(Op::Binary(B::Mul), &[scores, slopes])?;
        let line = self.add(Op::Binary(B::Add), &[line, offsets])?;
        let line = self.add(Op::Unary(U::Neg), &[line])?;
        let chances = self.add(Op::Unary(U::Sigmoid), &[line])?;
        let chances = self.add(Op::Cast(DType::F32), &[chances])?;
        self.rare(Rare::Rows(Rows::Coupled { classes }), &[chances])
    }
}
