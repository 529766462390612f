//! Products of matrices.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{Binary as B, Matrix, Op, Rare, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn matrices(&mut self) -> Outcome {
        match self.op() {
            "MatMul" => {
                let (a, b, elem) = (self.value(0)?, self.value(1)?, self.elem()?);
                let made = self.product(a, b)?;
                let made = self.narrowed(made, elem)?;
                Self::give(made, elem)
            }
            "Gemm" => self.gemm(),
            "Einsum" => {
                let (all, elem) = (self.all()?, self.elem()?);
                let made = self.einsum(&all)?;
                Self::give(made, elem)
            }
            "Det" => {
                let x = self.value(0)?;
                let made = self.rare(Rare::Matrix(Matrix::Determinant), &[x])?;
                self.same(made)
            }
            _ => Ok(None),
        }
    }

    /// As numpy multiplies: vectors are rows on the left and columns on the right.
    pub(super) fn product(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Stop> {
        // Where nothing is known, they are matrices.
        let (left, right) = (self.build().rank(a).unwrap_or(2), self.build().rank(b).unwrap_or(2));
        let wide_a = if left == 1 { self.unsqueezed(a, &[0], left)? } else { a };
        let wide_b = if right == 1 { self.unsqueezed(b, &[1], right)? } else { b };
        let made = self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[wide_a, wide_b])?;
        let mut gone = Vec::new();
        if left == 1 {
            gone.push(-2);
        }
        if right == 1 {
            gone.push(-1);
        }
        if gone.is_empty() { Ok(made) } else { self.add(Op::Squeeze(gone), &[made]) }
    }

    /// Two by two, from the left; what is not named twice is what is left.
    fn einsum(&mut self, all: &[ValueId]) -> Result<ValueId, Stop> {
        let equation = self.text("equation").unwrap_or("").replace(' ', "");
        let (terms, result) = match equation.split_once("->") {
            Some((terms, result)) => (terms.to_owned(), result.to_owned()),
            None => {
                let mut letters: Vec<char> = equation.chars().filter(char::is_ascii_alphabetic).collect();
                letters.sort_unstable();
                let once = letters.iter().filter(|c| equation.matches(**c).count() == 1);
                let hidden = if equation.contains("...") { "..." } else { "" };
                (equation.clone(), hidden.chars().chain(once.copied()).collect())
            }
        };
        let terms: Vec<&str> = terms.split(',').collect();
        if terms.len() != all.len() || (terms.len() > 2 && equation.contains('.')) {
            return Self::refuse(format!("the equation {equation:?} of {} values", all.len()));
        }
        let (mut so_far, mut made) = (terms[0].to_owned(), all[0]);
        if terms.len() < 3 {
            return self.rare(Rare::Einsum(format!("{}->{result}", terms.join(","))), all);
        }
        for (n, term) in terms.iter().enumerate().skip(1) {
            let later: String = terms[n + 1..].concat() + &result;
            let mut kept: Vec<char> =
                so_far.chars().chain(term.chars()).filter(|c| later.contains(*c)).collect();
            kept.sort_unstable();
            kept.dedup();
            let next: String = if n + 1 == terms.len() { result.clone() } else { kept.into_iter().collect() };
            made = self.rare(Rare::Einsum(format!("{so_far},{term}->{next}")), &[made, all[n]])?;
            so_far = next;
        }
        Ok(made)
    }

    fn gemm(&mut self) -> Outcome {
        let ((a, elem), b) = (self.tensor(0)?, self.value(1)?);
        let (transpose_a, transpose_b) = (self.flag("transA"), self.flag("transB"));
        let made = self.add(Op::MatMul { transpose_a, transpose_b }, &[a, b])?;
        let mut made = self.scaled(made, "alpha", elem)?;
        if let Some((c, _)) = self.optional(2) {
            let c = self.scaled(c, "beta", elem)?;
            made = self.add(Op::Binary(B::Add), &[made, c])?;
        }
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }

    pub(super) fn scaled(&mut self, x: ValueId, by: &str, elem: Elem) -> Result<ValueId, Stop> {
        let factor = self.float(by).unwrap_or(1.0);
        if factor == 1.0 {
            return Ok(x);
        }
        let wide = if elem.is_float() { elem } else { Elem::F64 };
        let (factor, x) = (self.number(f64::from(factor), wide)?, self.cast_to(x, elem, wide)?);
        let made = self.add(Op::Binary(B::Mul), &[x, factor])?;
        self.cast_to(made, wide, elem)
    }
}
