//! `ai.onnx.ml`: values by tables.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Function as F, Literal, Op, Rare, Table, ValueId};
use crate::value::Kind;
use std::sync::Arc;

/// A list of a node, and its type.
type Listed = (Literal, Elem);

impl Lowering<'_, '_> {
    /// The operator's name, if its domain is that of classic models.
    pub(super) fn classic(&self) -> &str {
        if self.node.domain == "ai.onnx.ml" { &self.node.op_type } else { "" }
    }

    pub(super) fn encoders(&mut self) -> Outcome {
        match self.classic() {
            "LabelEncoder" if self.texts("classes_strings").is_some() => {
                self.either_way("classes_strings", None)
            }
            "LabelEncoder" => self.label_encoder(),
            "CategoryMapper" => self.either_way("cats_strings", Some("cats_int64s")),
            "OneHotEncoder" => self.one_hot_encoder(),
            "DictVectorizer" | "CastMap" => Self::refuse(
                "it takes a map, and a request carries only tensors; export the model without it",
            ),
            _ => Ok(None),
        }
    }

    /// A list of the node by the beginning of its attributes' names.
    fn listed(&self, what: &str) -> Result<Option<Listed>, Stop> {
        if let Some(tensor) = self.constant(&format!("{what}_tensor")) {
            use super::super::tensors;
            return Ok(Some((tensors::literal(tensor)?, tensors::elem(tensor)?)));
        }
        let texts = self.texts(&format!("{what}_strings")).filter(|t| !t.is_empty());
        let ints = self.ints(&format!("{what}_int64s")).filter(|n| !n.is_empty());
        let floats = self.floats(&format!("{what}_floats")).filter(|n| !n.is_empty());
        Ok(match (texts, ints, floats) {
            (Some(t), ..) => Some((Literal::Text(t.to_vec(), vec![t.len()]), Elem::TEXT)),
            (_, Some(n), _) => Some((Literal::I64(n.to_vec(), vec![n.len()]), Elem::I64)),
            (.., Some(n)) => Some((Literal::F32(n.to_vec(), vec![n.len()]), Elem::F32)),
            _ => None,
        })
    }

    fn default_of(&mut self, elem: Elem) -> Result<ValueId, Stop> {
        if let Some(tensor) = self.constant("default_tensor") {
            let Val::Tensor(value, _) = self.context.tensor(tensor)? else {
                return Err(Self::broken("its default is no tensor"));
            };
            return Ok(self.build().reshape(value, &[])?);
        }
        match elem.kind() {
            Kind::Text => {
                let text = self.attribute("default_string").map_or(&b"_Unused"[..], |a| &a.s).to_vec();
                Ok(self.build().literal(Literal::Text(vec![text], Vec::new()))?)
            }
            Kind::I64 => {
                let number = self.int("default_int64").unwrap_or(-1);
                Ok(self.build().int(number)?)
            }
            _ => self.number(f64::from(self.float("default_float").unwrap_or(0.0)), elem),
        }
    }

    fn looked_up(&mut self, keys: &Literal, values: Literal, elem: Elem) -> Outcome {
        let x = self.value(0)?;
        let table = Table::new(keys, values);
        let table = table.ok_or_else(|| Self::broken("its keys and values are not as many"))?;
        let default = self.default_of(elem)?;
        let made = self.add(Op::Lookup(Arc::new(table)), &[x, default])?;
        Self::give(made, elem)
    }

    fn label_encoder(&mut self) -> Outcome {
        let (values, elem) = self.listed("values")?.ok_or_else(|| Self::broken("it has no values"))?;
        let (keys, of) = self.listed("keys")?.ok_or_else(|| Self::broken("it has no keys"))?;
        if of.kind() != self.elem()?.kind() && !(of.is_float() && self.elem()?.is_float()) {
            return Err(Self::broken(format!("keys of {of:?} for values of {:?}", self.elem()?)));
        }
        if self.version < 4 && matches!(keys, Literal::F32(..)) {
            // By the specification a NaN among the keys is found here too; in no runtime it is.
            let x = self.value(0)?;
            let is_none = self.rare(Rare::Function(F::IsNan), &[x])?;
            let default = self.default_of(elem)?;
            let found = self.looked_up(&keys, values, elem)?;
            let Some(&[Val::Tensor(found, _)]) = found.as_deref() else { return Ok(found) };
            let made = self.add(Op::Select, &[is_none, default, found])?;
            return Self::give(made, elem);
        }
        self.looked_up(&keys, values, elem)
    }

    /// Words to numbers or back, as the input is. Without numbers they are those of the places.
    fn either_way(&mut self, words: &str, numbers: Option<&str>) -> Outcome {
        let words = self.texts(words).unwrap_or_default().to_vec();
        let numbers = match numbers {
            Some(name) => self.ints(name).unwrap_or_default().to_vec(),
            None => (0..words.len() as i64).collect(),
        };
        let words = Literal::Text(words.clone(), vec![words.len()]);
        let numbers = Literal::I64(numbers.clone(), vec![numbers.len()]);
        match self.elem()?.kind() {
            Kind::Text => self.looked_up(&words, numbers, Elem::I64),
            _ => self.looked_up(&numbers, words, Elem::TEXT),
        }
    }

    /// Along a new last axis a one for the category; nothing, or an error, for what is none.
    fn one_hot_encoder(&mut self) -> Outcome {
        let (mut x, from) = self.tensor(0)?;
        let keys = match self.listed("cats")? {
            Some((keys, of)) if (of == Elem::TEXT) == (from == Elem::TEXT) => keys,
            _ => return Err(Self::broken("it has no categories of its input's type")),
        };
        if from != Elem::TEXT {
            x = self.cast_to(x, from, Elem::I64)?;
        }
        let count = match &keys {
            Literal::Text(k, _) => k.len(),
            Literal::I64(k, _) => k.len(),
            _ => 0,
        };
        let places = Literal::I64((0..count as i64).collect(), vec![count]);
        let table = Table::new(&keys, places.clone()).ok_or_else(|| Self::broken("its categories"))?;
        let zeros = self.int("zeros").is_none_or(|n| n != 0);
        let other = self.build().int(if zeros { -1 } else { count as i64 })?;
        let mut made = self.add(Op::Lookup(Arc::new(table)), &[x, other])?;
        if !zeros {
            // What is no category has no place.
            let (places, axis) = (self.build().literal(places)?, self.build().int(0)?);
            made = self.add(Op::Gather { batch_dims: 0 }, &[places, made, axis])?;
        }
        let depth = self.build().int(count as i64)?;
        let (on, off) = (self.build().float(1.0)?, self.build().float(0.0)?);
        let made = self.add(Op::OneHot(-1), &[made, depth, on, off])?;
        Self::give(made, Elem::F32)
    }
}
