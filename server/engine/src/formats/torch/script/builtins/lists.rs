//! Lists and dictionaries.

use super::super::super::aten;
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::interpret::Interpreter;
use super::same;
use std::cell::RefCell;
use std::rc::Rc;

/// Items of one list.
const MOST_ITEMS: usize = 1 << 20;

impl Interpreter<'_> {
    pub fn on_list(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
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
            ("dict" | "OrderedDict", _) => {
                let pair = |item: Val| match item.items().as_deref() {
                    Some([key, value]) => Some((key.clone(), value.clone())),
                    _ => None,
                };
                match items.into_iter().map(pair).collect::<Option<Vec<_>>>() {
                    Some(pairs) => Val::Dict(Rc::new(RefCell::new(pairs))),
                    None => return broken("a dictionary of what are no pairs"),
                }
            }
            ("sorted", _) => Val::list(in_order(items)?),
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
            _ => return self.changing(name, places, items.len()),
        }))
    }

    /// What changes a list where it is.
    fn changing(&mut self, name: &str, places: &[Val], length: usize) -> Result<Option<Val>> {
        const CHANGES: [&str; 11] = [
            "reverse",
            "append",
            "extend",
            "insert",
            "pop",
            "_set_item",
            "clear",
            "sort",
            "add_",
            "Delete",
            "__delitem__",
        ];
        if CHANGES.contains(&name) && self.is_held(&places[0]) {
            return unsupported("a list that is changed where the request decides whether it is");
        }
        let number = |n: usize| places.get(n).and_then(|v| self.builder.known(v));
        match (name, places) {
            ("reverse", _) => self.changed(places, |items, _| items.reverse()),
            ("append", [_, _]) => self.changed(places, |items, more| items.extend(more.first().cloned())),
            ("extend" | "add_", [_, _]) => self.changed(places, |items, more| {
                let more = more.first().and_then(Val::items).unwrap_or_default();
                items.extend(more.into_iter().take(MOST_ITEMS));
            }),
            ("insert", [_, at, value]) => {
                let at = self.builder.known(at).and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
                let value = value.clone();
                self.changed(places, move |items, _| {
                    let at = at.min(items.len());
                    items.insert(at, value);
                })
            }
            ("pop", _) => {
                let at = number(1).unwrap_or(-1);
                let Val::List(list) = &places[0] else { return Ok(None) };
                let mut list = list.borrow_mut();
                match place(at, length) {
                    Some(at) => Ok(Some(list.remove(at))),
                    None => broken("an item that a list does not have"),
                }
            }
            ("_set_item", [_, at, value]) => {
                let at = self.builder.known(at).and_then(|at| place(at, length));
                let value = value.clone();
                self.changed(places, move |items, _| {
                    if let Some(item) = at.and_then(|at| items.get_mut(at)) {
                        *item = value;
                    }
                })
            }
            ("sort", _) => {
                let sorted = in_order(places[0].items().unwrap_or_default())?;
                self.changed(places, |items, _| *items = sorted)
            }
            ("Delete" | "__delitem__", [_, at]) => {
                let at = self.builder.known(at).and_then(|at| place(at, length));
                self.changed(places, |items, _| {
                    if let Some(at) = at {
                        items.remove(at);
                    }
                })
            }
            ("clear", _) => self.changed(places, |items, _| items.clear()),
            _ => Ok(None),
        }
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

    pub fn on_dict(&mut self, name: &str, places: &[Val]) -> Result<Option<Val>> {
        let Val::Dict(dict) = &places[0] else { return Ok(None) };
        let find = |key: &Val| {
            dict.borrow().iter().find(|(k, _)| same(k, key) == Some(true)).map(|(_, v)| v.clone())
        };
        if dict.borrow().is_empty() && matches!(name, "len" | "keys" | "values" | "items") {
            self.asked_for(&places[0], None)?;
        }
        Ok(Some(match (name, places) {
            ("len", _) => Val::Int(dict.borrow().len() as i64),
            ("__contains__", [_, key]) => Val::Bool(find(key).is_some()),
            ("__getitem__", [_, key]) => match find(key) {
                Some(value) => value,
                None => {
                    self.asked_for(&places[0], Some(key))?;
                    return broken("a key that a dictionary does not have");
                }
            },
            ("get", [_, key, rest @ ..]) => find(key).or_else(|| rest.first().cloned()).unwrap_or(Val::None),
            ("_set_item", _) if self.is_held(&places[0]) => {
                return unsupported("a dictionary that is changed where the request decides whether it is");
            }
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

/// Numbers or strings from the least to the largest.
fn in_order(mut items: Vec<Val>) -> Result<Vec<Val>> {
    let mut alike = true;
    items.sort_by(|a, b| match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.cmp(b),
        (Val::Float(a), Val::Float(b)) => a.total_cmp(b),
        (Val::Text(a), Val::Text(b)) => a.cmp(b),
        _ => {
            alike = false;
            std::cmp::Ordering::Equal
        }
    });
    if alike { Ok(items) } else { unsupported("the order of what are no numbers or strings") }
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
