//! What is done with lists, dictionaries, strings and types, all of which are known.

mod lists;
mod texts;

use super::super::aten;
use super::super::dtypes::number_of;
use super::super::value::{Result, Val, unsupported};
use super::interpret::Interpreter;
use std::rc::Rc;

/// Lists in lists that are compared.
const DEEPEST: usize = 8;

impl Interpreter<'_> {
    /// Something that is no operation on tensors; none: it is one.
    pub fn builtin(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
        if let Some(value) = self.on_any(name, places)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.on_settings(name, places)? {
            return Ok(Some(value));
        }
        match places.first() {
            Some(Val::List(_) | Val::Tuple(_)) => self.on_list(name, places),
            Some(Val::Dict(_)) => self.on_dict(name, places),
            Some(Val::Text(text)) => texts::on_text(self, name, text, places),
            _ => Ok(None),
        }
    }

    /// What is asked of anything.
    fn on_any(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
        Ok(match (name, places) {
            ("__is__", [a, b]) if a.is_none() || b.is_none() => Some(Val::Bool(a.is_none() && b.is_none())),
            ("__isnot__", [a, b]) if a.is_none() || b.is_none() => {
                Some(Val::Bool(!(a.is_none() && b.is_none())))
            }
            ("__is__" | "__isnot__", [Val::Tensor(a), Val::Tensor(b)]) => {
                Some(Val::Bool((a == b) == (name == "__is__")))
            }
            ("eq" | "ne" | "__is__" | "__isnot__", [a, b]) => {
                let same = self.alike(a, b, 0)?;
                match same {
                    Some(Val::Bool(same)) => Some(Val::Bool(same == matches!(name, "eq" | "__is__"))),
                    other => other,
                }
            }
            ("__not__", [value]) => match self.truth(value) {
                Some(truth) => Some(Val::Bool(!truth)),
                None => match value {
                    Val::Tensor(_) => Some(self.operation("logical_not", vec![value.clone()], Vec::new())?),
                    _ => None,
                },
            },
            ("__and__" | "__or__", [a, b])
                if !matches!((a, b), (Val::Tensor(_), _) | (_, Val::Tensor(_))) =>
            {
                self.truth(a)
                    .zip(self.truth(b))
                    .map(|(a, b)| Val::Bool(if name == "__and__" { a && b } else { a || b }))
            }
            ("__contains__", [Val::List(_) | Val::Tuple(_), item]) => {
                let items = places[0].items().unwrap_or_default();
                let mut found = Some(false);
                for other in &items {
                    match self.equal(other, item)? {
                        Some(true) => return Ok(Some(Val::Bool(true))),
                        Some(false) => {}
                        None => found = None,
                    }
                }
                found.map(Val::Bool)
            }
            ("warn" | "print", _) => Some(Val::text("")),
            ("wait", [value]) => Some(value.clone()),
            ("dict" | "OrderedDict", []) => Some(Val::Dict(Rc::default())),
            _ => None,
        })
    }

    /// Whether two values are the same, lists item by item; none: they are numbers or tensors. What a request decides is a tensor.
    fn alike(&mut self, a: &Val, b: &Val, depth: usize) -> Result<Option<Val>> {
        if depth > DEEPEST {
            return unsupported("lists in lists, too deep");
        }
        if let Some(same) = same(a, b) {
            return Ok(Some(Val::Bool(same)));
        }
        let (Some(a), Some(b)) = (a.items(), b.items()) else { return Ok(None) };
        let mut found = Val::Bool(true);
        for (a, b) in a.iter().zip(&b) {
            let equal = match self.alike(a, b, depth + 1)? {
                Some(same) => same,
                None => aten::equal_numbers(&mut self.builder, a, b)?,
            };
            match self.truth(&equal) {
                Some(true) => {}
                Some(false) => return Ok(Some(Val::Bool(false))),
                None => found = equal,
            }
        }
        Ok(Some(found))
    }

    /// Whether two values are equal, if that is known.
    fn equal(&mut self, a: &Val, b: &Val) -> Result<Option<bool>> {
        if let Some(same) = same(a, b) {
            return Ok(Some(same));
        }
        let result = aten::equal_numbers(&mut self.builder, a, b)?;
        Ok(self.truth(&result))
    }

    /// How many numbers there are from one to another, of which the request decides one at least.
    fn turns(&mut self, lo: &Val, hi: &Val, step: i64) -> Result<Val> {
        let b = &mut self.builder;
        let span = aten::combined(b, "sub", hi, lo)?;
        let span = aten::combined(b, "add", &span, &Val::Int(step - step.signum()))?;
        let count = aten::combined(b, "floordiv", &span, &Val::Int(step))?;
        aten::combined(b, "max", &count, &Val::Int(0))
    }

    /// What is asked of the settings under which a program runs: those of predicting.
    fn on_settings(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
        Ok(match (name, places) {
            // The fast ways of layers are other operations for the same.
            ("is_grad_enabled", _) => Some(Val::Bool(true)),
            ("is_autocast_enabled" | "is_scripting" | "_C._get_tracing_state" | "has_torch_function", _) => {
                Some(Val::Bool(false))
            }
            ("device", _) => Some(Val::None),
            ("__range_length", [lo, hi, step]) => {
                match (self.builder.known(lo), self.builder.known(hi), self.builder.known(step)) {
                    (Some(lo), Some(hi), Some(step)) if step != 0 => {
                        let span = i128::from(hi) - i128::from(lo);
                        let count = (span + i128::from(step) - i128::from(step.signum())) / i128::from(step);
                        Some(Val::Int(i64::try_from(count.max(0)).unwrap_or(i64::MAX)))
                    }
                    (_, _, Some(step)) if step != 0 => Some(self.turns(lo, hi, step)?),
                    _ => None,
                }
            }
            ("__derive_index", [at, lo, step]) => {
                let known = [at, lo, step].map(|v| self.builder.known(v));
                match known {
                    [Some(at), Some(lo), Some(step)] => {
                        Some(Val::Int(lo.wrapping_add(at.wrapping_mul(step))))
                    }
                    _ => {
                        let moved = aten::combined(&mut self.builder, "mul", at, step)?;
                        Some(aten::combined(&mut self.builder, "add", lo, &moved)?)
                    }
                }
            }
            _ => None,
        })
    }
}

/// Whether two values are the same, if neither is a number or a tensor.
fn same(a: &Val, b: &Val) -> Option<bool> {
    match (a, b) {
        (Val::Text(a), Val::Text(b)) => Some(a == b),
        (Val::None, Val::None) => Some(true),
        (Val::Text(_) | Val::None, _) | (_, Val::Text(_) | Val::None) => Some(false),
        (Val::Type(a), Val::Type(b)) => Some(a == b),
        (Val::Type(a), Val::Int(b)) | (Val::Int(b), Val::Type(a)) => Some(number_of(*a) == *b),
        (Val::List(_) | Val::Tuple(_), Val::List(_) | Val::Tuple(_)) => {
            let (a, b) = (a.items()?, b.items()?);
            (a.len() != b.len()).then_some(false)
        }
        _ => None,
    }
}
