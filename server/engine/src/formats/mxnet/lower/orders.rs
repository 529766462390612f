//! Elements by their order along an axis.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::graph::{Op, Reduce, Unary, ValueId};

/// What is answered of the first elements in some order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    Values,
    Places,
    Both,
    /// 1 where they are, 0 elsewhere.
    Mask,
}

impl Lowering<'_, '_> {
    pub(super) fn orders(&mut self) -> Outcome {
        let (wanted, ascends) = match self.op() {
            "topk" => {
                let wanted = match self.node.text("ret_typ").unwrap_or("indices") {
                    "indices" => Wanted::Places,
                    "value" => Wanted::Values,
                    "both" => Wanted::Both,
                    "mask" => Wanted::Mask,
                    other => return Self::refuse(format!("ret_typ {other}")),
                };
                (wanted, false)
            }
            "sort" => (Wanted::Values, true),
            "argsort" => (Wanted::Places, true),
            _ => return Ok(None),
        };
        let ascends = self.node.flag("is_ascend", ascends)?;
        self.ordered_first(wanted, ascends).map(Some)
    }

    /// The first in the order; fewer than one of them are all.
    fn ordered_first(&mut self, wanted: Wanted, ascends: bool) -> Result<Vec<ValueId>, super::Stop> {
        let mut x = self.input(0)?;
        let mut axis = None;
        if self.node.attribute("axis").map(str::trim) == Some("None") {
            x = self.build().reshape(x, &[-1])?;
        } else {
            let rank = self.rank(x)?;
            axis = Some((self.axis("axis", -1, rank)?, rank));
        }
        // It comes last meanwhile.
        let order = axis.map(|(axis, rank)| {
            let mut order: Vec<usize> = (0..rank).collect();
            order.swap(axis, rank - 1);
            order
        });
        let order = order.filter(|order| !order.is_sorted());
        if let Some(order) = &order {
            x = self.build().transpose(x, order)?;
        }
        let rank = self.rank(x)?;
        let all = self.count(x, rank.saturating_sub(1))?;
        let asked = if self.op() == "topk" { self.node.int("k", 1)? } else { 0 };
        let k = if asked < 1 { all } else { self.build().int(asked)? };
        let ranked = if ascends { self.unary(Unary::Neg, x)? } else { x };
        let found = self.build().add_many(Op::TopK, &[ranked, k], 2)?;
        let values = if ascends { self.unary(Unary::Neg, found[0])? } else { found[0] };
        let made = match wanted {
            Wanted::Values => vec![values],
            Wanted::Places => vec![self.as_places(found[1])?],
            Wanted::Both => vec![values, self.as_places(found[1])?],
            Wanted::Mask => {
                let (on, off) = (self.build().float(1.0)?, self.build().float(0.0)?);
                let marks = self.add(Op::OneHot(-1), &[found[1], all, on, off])?;
                vec![self.reduced(Reduce::Sum, marks, &[-2], false)?]
            }
        };
        let Some(order) = order else { return Ok(made) };
        made.into_iter().map(|value| Ok(self.build().transpose(value, &order)?)).collect()
    }

    /// Places as the type that the node says; floats if it says none.
    fn as_places(&mut self, places: ValueId) -> Made {
        match self.node.text("dtype").unwrap_or("float32") {
            "int32" | "int64" | "uint8" => Ok(places),
            _ => self.add(Op::Cast(DType::F32), &[places]),
        }
    }
}
