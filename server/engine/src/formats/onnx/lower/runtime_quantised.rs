//! `com.microsoft`: operators on numbers of few bits: what they do to the numbers that these stand for.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Op, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn runtime_quantised(&mut self) -> Outcome {
        match self.runtime() {
            "QLinearAdd" => self.of_two_coded("Add"),
            "QLinearMul" => self.of_two_coded("Mul"),
            "QLinearSigmoid" => self.of_one_coded("Sigmoid"),
            "QLinearLeakyRelu" => self.of_one_coded("LeakyRelu"),
            "QLinearAveragePool" => self.of_one_coded("AveragePool"),
            "QLinearGlobalAveragePool" => self.of_one_coded("GlobalAveragePool"),
            "QLinearReduceMean" => self.of_one_coded("ReduceMean"),
            "QLinearSoftmax" => {
                let x = self.decoded([0, 1, 2])?;
                let version = self.int("opset").unwrap_or(13);
                let made = self.as_version("Softmax", vec![x], version)?;
                self.coded(&made, [3, 4])
            }
            "QLinearWhere" => {
                let chosen = vec![self.val(0), self.decoded([1, 2, 3])?, self.decoded([4, 5, 6])?];
                let made = self.as_usual("Where", chosen)?;
                self.coded(&made, [7, 8])
            }
            "QLinearConcat" => {
                let places = (2..self.inputs.len()).step_by(3);
                let parts = places.map(|n| self.decoded([n, n + 1, n + 2])).collect::<Result<Vec<_>, _>>()?;
                let made = self.as_usual("Concat", parts)?;
                self.coded(&made, [0, 1])
            }
            "QLinearConv" => {
                let first = self.channels_first(self.val(0))?;
                let mut inputs = self.inputs.clone();
                if let Some(x) = inputs.first_mut() {
                    *x = first;
                }
                let made = self.as_usual("QLinearConv", inputs)?;
                self.channels_back(made)
            }
            "QGemm" => self.coded_gemm(),
            "DynamicQuantizeLSTM" => self.coded_lstm(),
            "MatMulIntegerToFloat" => {
                let (a, b) = (self.centred(0, 4, true)?, self.centred(1, 5, false)?);
                let scales = [self.value(2)?, self.value(3)?];
                self.decoded_product(a, b, scales, 6)
            }
            "DynamicQuantizeMatMul" => {
                let coded = self.quantise_dynamically()?.unwrap_or_default();
                let [Val::Tensor(a, _), Val::Tensor(scale, _), Val::Tensor(zero, _)] = coded[..] else {
                    return Err(Self::broken("its first input is no tensor"));
                };
                let a = self.add(Op::Binary(B::Sub), &[a, zero])?;
                let (b, of) = (self.centred(1, 3, false)?, self.value(2)?);
                self.decoded_product(a, b, [scale, of], 4)
            }
            _ => Ok(None),
        }
    }

    /// What codes stand for, by the places of codes, scale and zero point.
    fn decoded(&mut self, [x, scale, zero]: [usize; 3]) -> Result<Val, Stop> {
        let made = self.as_usual("DequantizeLinear", [x, scale, zero].map(|n| self.val(n)).to_vec())?;
        made.first().copied().ok_or_else(|| Self::broken("it makes no tensor"))
    }

    /// Numbers as codes, by the places of scale and zero point.
    fn coded(&mut self, made: &[Val], [scale, zero]: [usize; 2]) -> Outcome {
        let first = made.first().copied().unwrap_or(Val::Absent);
        self.as_usual("QuantizeLinear", vec![first, self.val(scale), self.val(zero)]).map(Some)
    }

    fn of_one_coded(&mut self, op: &str) -> Outcome {
        let x = self.decoded([0, 1, 2])?;
        let x = self.channels_first(x)?;
        let made = self.as_usual(op, vec![x])?;
        let coded = self.coded(&made, [3, 4])?;
        self.channels_back(coded.unwrap_or_default())
    }

    /// An image with its channels before its places, where the node says that they come last.
    fn channels_first(&mut self, x: Val) -> Result<Val, Stop> {
        match x {
            Val::Tensor(x, elem) if self.flag("channels_last") => {
                let rank = self.rank(x)?;
                let order: Vec<usize> =
                    [0, rank.saturating_sub(1)].into_iter().chain(1..rank.saturating_sub(1)).collect();
                Ok(Val::Tensor(self.build().transpose(x, &order)?, elem))
            }
            x => Ok(x),
        }
    }

    /// The only result, as the node says that its channels lie.
    fn channels_back(&mut self, made: Vec<Val>) -> Outcome {
        match made[..] {
            [Val::Tensor(x, elem)] if self.flag("channels_last") => {
                let rank = self.rank(x)?;
                let order: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
                Self::give(self.build().transpose(x, &order)?, elem)
            }
            _ => Ok(Some(made)),
        }
    }

    fn of_two_coded(&mut self, op: &str) -> Outcome {
        let both = vec![self.decoded([0, 1, 2])?, self.decoded([3, 4, 5])?];
        let made = self.as_usual(op, both)?;
        self.coded(&made, [6, 7])
    }

    /// A product of codes that are taken from their zeros on, as numbers; and what is added to it.
    fn decoded_product(&mut self, a: ValueId, b: ValueId, scales: [ValueId; 2], bias: usize) -> Outcome {
        let made = self.exact_product(a, b)?;
        let mut made = self.add(Op::Cast(crate::DType::F32), &[made])?;
        let factor = self.add(Op::Binary(B::Mul), &scales)?;
        made = self.add(Op::Binary(B::Mul), &[made, factor])?;
        if let Some((bias, _)) = self.optional(bias) {
            made = self.add(Op::Binary(B::Add), &[made, bias])?;
        }
        Self::give(made, Elem::F32)
    }

    /// A recurrent layer by the numbers that its weights stand for. What comes in, and the state, stay as exact as they are: to onnxruntime,
    /// which makes codes of them at each step, that is a difference of such a step at most.
    fn coded_lstm(&mut self) -> Outcome {
        let (weights, recurrent) = (self.decoded_turned(1, [8, 9])?, self.decoded_turned(2, [10, 11])?);
        let mut inputs: Vec<Val> = self.inputs.iter().take(8).copied().collect();
        (inputs[1], inputs[2]) = (weights, recurrent);
        self.as_usual("LSTM", inputs).map(Some)
    }

    /// Weights `[directions, in, out]` with a scale for each direction, or for each of its results, as numbers `[directions, out, in]`.
    fn decoded_turned(&mut self, x: usize, of: [usize; 2]) -> Result<Val, Stop> {
        let (x, elem) = self.tensor(x)?;
        let mut made = self.cast_to(x, elem, Elem::F32)?;
        for (n, op) in of.into_iter().rev().zip([B::Sub, B::Mul]) {
            let (value, own) = self.tensor(n)?;
            let value = self.cast_to(value, own, Elem::F32)?;
            let shape = self.add(Op::Shape, &[x])?;
            let (directions, rest) = (self.part(shape, 0, 1)?, self.build().ints(&[1, -1])?);
            let shape = self.row(&[directions, rest])?;
            let value = self.add(Op::Reshape, &[value, shape])?;
            made = self.add(Op::Binary(op), &[made, value])?;
        }
        Ok(Val::Tensor(self.build().transpose(made, &[0, 2, 1])?, Elem::F32))
    }

    /// `alpha · (A · B + C)`, as numbers, or as codes where it says of which scale.
    fn coded_gemm(&mut self) -> Outcome {
        let turned = [self.flag("transA"), self.flag("transB")];
        // Zero points are of the second matrix's results, which are its rows where it is turned.
        let mut sides = [self.centred(0, 2, false)?, self.centred(3, 5, turned[1])?];
        for (side, turned) in sides.iter_mut().zip(turned) {
            if turned {
                *side = self.build().transpose(*side, &[1, 0])?;
            }
        }
        let mut made = self.exact_product(sides[0], sides[1])?;
        if let Some((c, _)) = self.optional(6) {
            made = self.add(Op::Binary(B::Add), &[made, c])?;
        }
        let made = self.add(Op::Cast(crate::DType::F32), &[made])?;
        let (a, b) = (self.value(1)?, self.value(4)?);
        let factor = self.add(Op::Binary(B::Mul), &[a, b])?;
        let made = self.add(Op::Binary(B::Mul), &[made, factor])?;
        let made = self.scaled(made, "alpha", Elem::F32)?;
        match self.optional(7) {
            None => Self::give(made, Elem::F32),
            Some(_) => self.coded(&[Val::Tensor(made, Elem::F32)], [7, 8]),
        }
    }
}
