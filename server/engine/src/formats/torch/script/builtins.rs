//! What is done with lists, dictionaries, strings and types, all of which are known.

use super::super::aten;
use super::super::dtypes::number_of;
use super::super::value::{Result, Val, broken};
use super::calls::Names;
use super::interpret::Interpreter;

/// Items of one list.
const MOST_ITEMS: usize = 1 << 20;

impl Interpreter<'_> {
    /// Something that is no operation on tensors; none: it is one.
    pub fn builtin(&mut self, name: &str, places: &[Val], names: &Names) -> Result<Option<Val>> {
        if let Some(value) = self.on_any(name, places)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.on_settings(name, places)? {
            return Ok(Some(value));
        }
        match places.first() {
            Some(Val::List(_) | Val::Tuple(_)) => self.on_list(name, places),
            Some(Val::Dict(_)) => self.on_dict(name, places),
            Some(Val::Text(text)) => Ok(on_text(name, text, places)),
            _ if names.is_empty() => Ok(None),
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
                let same = self.alike(a, b)?;
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
            ("format" | "warn" | "print", _) => Some(Val::text("")),
            _ => None,
        })
    }

    /// Whether two values are the same, lists item by item; none: they are numbers or tensors. What a request decides is a tensor.
    fn alike(&mut self, a: &Val, b: &Val) -> Result<Option<Val>> {
        if let Some(same) = same(a, b) {
            return Ok(Some(Val::Bool(same)));
        }
        let (Some(a), Some(b)) = (a.items(), b.items()) else { return Ok(None) };
        let mut found = Val::Bool(true);
        for (a, b) in a.iter().zip(&b) {
            let equal = match self.alike(a, b)? {
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
                    _ => None,
                }
            }
            ("__derive_index", [at, lo, step]) => {
                let known = [at, lo, step].map(|v| self.builder.known(v));
                match known {
                    [Some(at), Some(lo), Some(step)] => {
                        Some(Val::Int(lo.wrapping_add(at.wrapping_mul(step))))
                    }
                    _ => None,
                }
            }
            ("size", [Val::Tensor(_)]) | ("len", [Val::Tensor(_)]) => None,
            _ => None,
        })
    }

    fn on_list(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
        let items = places[0].items().unwrap_or_default();
        let number = |n: usize| places.get(n).and_then(|v| self.builder.known(v));
        Ok(Some(match (name, places) {
            ("len", _) => Val::Int(items.len() as i64),
            ("__getitem__", [_, at]) => match self.builder.known(at).and_then(|at| place(at, items.len())) {
                Some(at) => items[at].clone(),
                None => return broken("an item that a list does not have"),
            },
            ("slice", _) => sliced(items, number(1), number(2), number(3)),
            ("add", [_, other]) => match other.items() {
                Some(more) if items.len() + more.len() <= MOST_ITEMS => Val::list([items, more].concat()),
                _ => return Ok(None),
            },
            ("mul", [_, count]) => {
                match self.builder.known(count).and_then(|n| usize::try_from(n.max(0)).ok()) {
                    Some(count) if items.len().saturating_mul(count) <= MOST_ITEMS => {
                        Val::list(std::iter::repeat_n(items, count).flatten().collect())
                    }
                    _ => return broken("a list repeated too often"),
                }
            }
            ("list" | "copy", _) => Val::list(items),
            ("max" | "min", [_]) => {
                let mut all = items.into_iter();
                let Some(mut best) = all.next() else { return broken("the extreme of nothing") };
                for item in all {
                    best = aten::combined(&mut self.builder, name, &best, &item)?;
                }
                best
            }
            ("sum", [_]) if !items.iter().any(|i| matches!(i, Val::Tensor(_))) => {
                let mut sum = Val::Int(0);
                for item in items {
                    sum = aten::combined(&mut self.builder, "add", &sum, &item)?;
                }
                sum
            }
            ("all" | "any", [_]) => {
                let truths: Option<Vec<bool>> = items.iter().map(|item| self.truth(item)).collect();
                let Some(truths) = truths else { return Ok(None) };
                Val::Bool(if name == "all" { truths.iter().all(|t| *t) } else { truths.iter().any(|t| *t) })
            }
            ("reverse", _) => return self.changed(places, |items, _| items.reverse()),
            ("append", [_, _]) => {
                return self.changed(places, |items, more| items.extend(more.first().cloned()));
            }
            ("extend", [_, _]) => {
                return self.changed(places, |items, more| {
                    items.extend(more.first().and_then(Val::items).unwrap_or_default());
                });
            }
            ("insert", [_, at, value]) => {
                let at = self.builder.known(at).and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
                let value = value.clone();
                return self.changed(places, move |items, _| {
                    let at = at.min(items.len());
                    items.insert(at, value);
                });
            }
            ("pop", _) => {
                let at = number(1).unwrap_or(-1);
                let Val::List(list) = &places[0] else { return Ok(None) };
                let mut list = list.borrow_mut();
                let length = list.len();
                match place(at, length) {
                    Some(at) => list.remove(at),
                    None => return broken("an item that a list does not have"),
                }
            }
            ("_set_item", [_, at, value]) => {
                let at = self.builder.known(at).and_then(|at| place(at, items.len()));
                let value = value.clone();
                return self.changed(places, move |items, _| {
                    if let Some(item) = at.and_then(|at| items.get_mut(at)) {
                        *item = value;
                    }
                });
            }
            ("clear", _) => return self.changed(places, |items, _| items.clear()),
            _ => return Ok(None),
        }))
    }

    /// A list that is changed where it is.
    fn changed(&mut self, places: &[Val], change: impl FnOnce(&mut Vec<Val>, &[Val])) -> Result<Option<Val>> {
        let Val::List(list) = &places[0] else { return broken("a tuple that is changed") };
        if list.borrow().len() >= MOST_ITEMS {
            return broken("a list that is too long");
        }
        change(&mut list.borrow_mut(), &places[1..]);
        Ok(Some(places[0].clone()))
    }

    fn on_dict(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
        let Val::Dict(dict) = &places[0] else { return Ok(None) };
        let find = |key: &Val| {
            dict.borrow().iter().find(|(k, _)| same(k, key) == Some(true)).map(|(_, v)| v.clone())
        };
        Ok(Some(match (name, places) {
            ("len", _) => Val::Int(dict.borrow().len() as i64),
            ("__contains__", [_, key]) => Val::Bool(find(key).is_some()),
            ("__getitem__", [_, key]) => match find(key) {
                Some(value) => value,
                None => return broken("a key that a dictionary does not have"),
            },
            ("get", [_, key, rest @ ..]) => find(key).or_else(|| rest.first().cloned()).unwrap_or(Val::None),
            ("_set_item", [_, key, value]) => {
                let mut all = dict.borrow_mut();
                match all.iter_mut().find(|(k, _)| same(k, key) == Some(true)) {
                    Some((_, old)) => *old = value.clone(),
                    None => all.push((key.clone(), value.clone())),
                }
                Val::None
            }
            ("keys", _) => Val::list(dict.borrow().iter().map(|(k, _)| k.clone()).collect()),
            ("values", _) => Val::list(dict.borrow().iter().map(|(_, v)| v.clone()).collect()),
            ("items", _) => Val::list(
                dict.borrow().iter().map(|(k, v)| Val::Tuple([k.clone(), v.clone()].into())).collect(),
            ),
            _ => return Ok(None),
        }))
    }
}

fn on_text(name: &str, text: &str, places: &[Val]) -> Option<Val> {
    let other = match places.get(1) {
        Some(Val::Text(other)) => Some(&**other),
        _ => None,
    };
    Some(match (name, other) {
        ("len", _) => Val::Int(text.chars().count() as i64),
        ("add", Some(other)) => Val::text(&format!("{text}{other}")),
        ("startswith", Some(other)) => Val::Bool(text.starts_with(other)),
        ("endswith", Some(other)) => Val::Bool(text.ends_with(other)),
        ("lower", _) => Val::text(&text.to_lowercase()),
        ("__contains__", Some(other)) => Val::Bool(text.contains(other)),
        _ => return None,
    })
}

/// Whether two values are the same, if neither is a number or a tensor.
fn same(a: &Val, b: &Val) -> Option<bool> {
    match (a, b) {
        (Val::Text(a), Val::Text(b)) => Some(a == b),
        (Val::Text(_), _) | (_, Val::Text(_)) => Some(false),
        (Val::None, Val::None) => Some(true),
        (Val::None, _) | (_, Val::None) => Some(false),
        (Val::Type(a), Val::Type(b)) => Some(a == b),
        (Val::Type(a), Val::Int(b)) | (Val::Int(b), Val::Type(a)) => Some(number_of(*a) == *b),
        (Val::List(_) | Val::Tuple(_), Val::List(_) | Val::Tuple(_)) => {
            let (a, b) = (a.items()?, b.items()?);
            if a.len() != b.len() {
                return Some(false);
            }
            let each: Option<Vec<bool>> = a
                .iter()
                .zip(&b)
                .map(|(a, b)| match (a, b) {
                    (Val::Int(a), Val::Int(b)) => Some(a == b),
                    (Val::Float(a), Val::Float(b)) => Some(a == b),
                    (Val::Bool(a), Val::Bool(b)) => Some(a == b),
                    (a, b) => same(a, b),
                })
                .collect();
            each.map(|each| each.into_iter().all(|same| same))
        }
        _ => None,
    }
}

/// A place of so many, counted from the end if it is negative.
fn place(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(length as i64)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn sliced(items: Vec<Val>, begin: Option<i64>, end: Option<i64>, step: Option<i64>) -> Val {
    let length = items.len() as i64;
    let clamp = |n: i64| if n < 0 { n.saturating_add(length).max(0) } else { n.min(length) };
    let (begin, end) = (clamp(begin.unwrap_or(0)), clamp(end.unwrap_or(i64::MAX)));
    let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1).max(1);
    let count = usize::try_from(end - begin).unwrap_or(0);
    Val::list(items.into_iter().skip(usize::try_from(begin).unwrap_or(0)).take(count).step_by(step).collect())
}
