//! `ai.onnx.ml`: numbers made ready for a classic model. What is answered is `float32`, whatever comes in.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{
    Binary as B, Compare as C, Function as F, Literal, Op, Rare, Reduce as R, Unary as U, ValueId,
};

impl Lowering<'_, '_> {
    pub(super) fn features(&mut self) -> Outcome {
        match self.classic() {
            "Scaler" => {
                let x = self.float_input()?;
                let (offset, scale) = (self.row_of("offset")?, self.row_of("scale")?);
                let made = self.add(Op::Binary(B::Sub), &[x, offset])?;
                let made = self.add(Op::Binary(B::Mul), &[made, scale])?;
                Self::give(made, Elem::F32)
            }
            "Normalizer" => self.normalizer(),
            "Binarizer" => {
                let (x, elem) = self.tensor(0)?;
                let threshold = self.number(f64::from(self.float("threshold").unwrap_or(0.0)), elem)?;
                let above = self.add(Op::Compare(C::Greater), &[x, threshold])?;
                let made = self.cast_to(above, Elem::BOOL, elem)?;
                Self::give(made, elem)
            }
            "Imputer" => self.imputer(),
            "FeatureVectorizer" => self.feature_vectorizer(),
            "ArrayFeatureExtractor" => self.feature_extractor(),
            // A request carries tensors, no maps: what would be a map for each row stays the scores of its classes, in their order.
            "ZipMap" => {
                let (x, elem) = self.tensor(0)?;
                Self::give(x, elem)
            }
            _ => Ok(None),
        }
    }

    /// The first input as `float32`.
    pub(super) fn float_input(&mut self) -> Result<ValueId, Stop> {
        let (x, elem) = self.tensor(0)?;
        self.cast_to(x, elem, Elem::F32)
    }

    /// Floats of an attribute: as a row, or as one number.
    fn row_of(&mut self, name: &str) -> Result<ValueId, Stop> {
        match self.floats(name) {
            Some([one]) => Ok(self.build().float(*one)?),
            Some(many @ [_, ..]) => {
                Ok(self.build().literal(Literal::F32(many.to_vec(), vec![many.len()]))?)
            }
            _ => Err(Self::broken(format!("it has no {name}"))),
        }
    }

    /// By the norm of each row, which stays as it is where that is zero.
    fn normalizer(&mut self) -> Outcome {
        let x = self.float_input()?;
        let (kind, before) = match self.text("norm") {
            None | Some("MAX") => (R::Max, None),
            Some("L1") => (R::Sum, Some(U::Abs)),
            Some("L2") => (R::Sum, Some(U::Square)),
            Some(other) => return Err(Self::broken(format!("norm {other:?}"))),
        };
        let of = match before {
            Some(before) => self.add(Op::Unary(before), &[x])?,
            None => x,
        };
        let axis = self.build().ints(&[-1])?;
        let mut norm = self.add(Op::Reduce { kind, keep: true }, &[of, axis])?;
        if before == Some(U::Square) {
            norm = self.add(Op::Unary(U::Sqrt), &[norm])?;
        }
        let (zero, one) = (self.build().float(0.0)?, self.build().float(1.0)?);
        let nothing = self.add(Op::Compare(C::Equal), &[norm, zero])?;
        let norm = self.add(Op::Select, &[nothing, one, norm])?;
        let made = self.add(Op::Binary(B::Div), &[x, norm])?;
        Self::give(made, Elem::F32)
    }

    fn imputer(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let (values, missing) = if elem.is_integer() {
            let values = self.ints("imputed_value_int64s").unwrap_or_default().to_vec();
            let missing = self.int("replaced_value_int64").unwrap_or(0);
            (Literal::I64(values.clone(), vec![values.len()]), self.build().int(missing)?)
        } else {
            let values = self.floats("imputed_value_floats").unwrap_or_default().to_vec();
            let missing = f64::from(self.float("replaced_value_float").unwrap_or(0.0));
            (Literal::F32(values.clone(), vec![values.len()]), self.number(missing, elem)?)
        };
        if matches!(&values, Literal::I64(_, s) | Literal::F32(_, s) if *s == [0]) {
            return Err(Self::broken("it has no values of its input's type"));
        }
        let nan = self.float("replaced_value_float").is_some_and(f32::is_nan) && elem.is_float();
        let of = if elem.is_integer() { Elem::I64 } else { Elem::F32 };
        let values = self.build().literal(values)?;
        let values = self.cast_to(values, of, elem)?;
        let is_missing = if nan {
            self.rare(Rare::Function(F::IsNan), &[x])?
        } else {
            self.add(Op::Compare(C::Equal), &[x, missing])?
        };
        let made = self.add(Op::Select, &[is_missing, values, x])?;
        Self::give(made, elem)
    }

    /// Inputs beside each other, as numbers of features say.
    fn feature_vectorizer(&mut self) -> Outcome {
        let counts = self.ints("inputdimensions").unwrap_or_default().to_vec();
        let mut parts = Vec::new();
        for (n, val) in self.inputs.clone().into_iter().enumerate() {
            let (mut x, elem) = val.tensor().ok_or_else(|| Self::broken("an input is no tensor"))?;
            x = self.cast_to(x, elem, Elem::F32)?;
            if self.rank(x)? == 1 {
                x = self.build().reshape(x, &[1, -1])?;
            }
            if let Some(count) = counts.get(n).filter(|n| **n >= 0) {
                let own = self.build().shape(x).and_then(|s| s.last().copied().flatten());
                if own.is_some_and(|own| own as i64 != *count) {
                    return Self::refuse("inputs of other numbers of features than inputdimensions");
                }
            }
            parts.push(x);
        }
        parts.push(self.build().int(1)?);
        let made = self.add(Op::Concat, &parts)?;
        Self::give(made, Elem::F32)
    }

    /// Columns by their numbers; a row becomes a matrix of one.
    fn feature_extractor(&mut self) -> Outcome {
        let ((mut x, elem), places) = (self.tensor(0)?, self.value(1)?);
        let rank = self.rank(x)?;
        if rank == 1 {
            x = self.build().reshape(x, &[1, -1])?;
        }
        let places = self.build().reshape(places, &[-1])?;
        let axis = self.build().int(-1)?;
        let made = self.add(Op::Gather { batch_dims: 0 }, &[x, places, axis])?;
        Ok(Some(vec![Val::Tensor(made, elem)]))
    }
}
