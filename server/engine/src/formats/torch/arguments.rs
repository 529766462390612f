//! What an operation is called with.

use super::build::Builder;
use super::value::{Handle, Result, Val, broken};
use crate::DType;
use crate::graph::ValueId;

/// A call of an operation. Exports name every argument, programs in text only some.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation's name, without its overload.
    pub name: String,
    /// The overload, where it is told.
    pub overload: String,
    pub arguments: Vec<(Option<String>, Val)>,
}

impl Call {
    /// An argument by its place and name.
    pub fn get(&self, place: usize, name: &str) -> Option<&Val> {
        let named = self.arguments.iter().find(|(n, _)| n.as_deref() == Some(name));
        let found = named.or_else(|| self.arguments.get(place).filter(|(n, _)| n.is_none()));
        found.map(|(_, value)| value)
    }

    /// An argument that is not left out and not None.
    pub fn some(&self, place: usize, name: &str) -> Option<&Val> {
        self.get(place, name).filter(|v| !v.is_none())
    }

    pub fn wrong<T>(&self, name: &str, wanted: &str) -> Result<T> {
        let given = self.arguments.iter().find(|(n, _)| n.as_deref() == Some(name));
        let given = given.map_or("something else", |(_, v)| v.describe());
        broken(format!("argument {name:?} of {} is {given}; {wanted} is wanted", self.name))
    }

    pub fn tensor(&self, place: usize, name: &str) -> Result<Handle> {
        match self.get(place, name) {
            Some(Val::Tensor(handle)) => Ok(*handle),
            _ => self.wrong(name, "a tensor"),
        }
    }

    /// The first argument, whatever its name.
    pub fn first(&self) -> Result<Handle> {
        match self.arguments.first() {
            Some((_, Val::Tensor(handle))) => Ok(*handle),
            _ => self.wrong("self", "a tensor"),
        }
    }

    /// The value of the first argument.
    pub fn x(&self, b: &Builder) -> Result<ValueId> {
        b.value(self.first()?)
    }

    pub fn value(&self, b: &Builder, place: usize, name: &str) -> Result<ValueId> {
        b.value(self.tensor(place, name)?)
    }

    pub fn maybe(&self, b: &Builder, place: usize, name: &str) -> Result<Option<ValueId>> {
        match self.some(place, name) {
            None => Ok(None),
            Some(Val::Tensor(handle)) => Ok(Some(b.value(*handle)?)),
            Some(_) => self.wrong(name, "a tensor"),
        }
    }

    pub fn tensors(&self, b: &Builder, place: usize, name: &str) -> Result<Vec<ValueId>> {
        let Some(items) = self.get(place, name).and_then(Val::items) else {
            return self.wrong(name, "a list of tensors");
        };
        items
            .iter()
            .map(|item| match item {
                Val::Tensor(handle) => b.value(*handle),
                _ => self.wrong(name, "a list of tensors"),
            })
            .collect()
    }

    pub fn int(&self, b: &Builder, place: usize, name: &str) -> Result<i64> {
        match self.get(place, name).and_then(|v| b.known(v)) {
            Some(n) => Ok(n),
            None => self.wrong(name, "an int that is known"),
        }
    }

    pub fn int_or(&self, b: &Builder, place: usize, name: &str, default: i64) -> Result<i64> {
        if self.some(place, name).is_some() { self.int(b, place, name) } else { Ok(default) }
    }

    pub fn flag(&self, place: usize, name: &str, default: bool) -> Result<bool> {
        match self.some(place, name) {
            None => Ok(default),
            Some(Val::Bool(flag)) => Ok(*flag),
            Some(Val::Int(n)) => Ok(*n != 0),
            Some(_) => self.wrong(name, "a bool"),
        }
    }

    pub fn float(&self, place: usize, name: &str) -> Result<Option<f64>> {
        match self.some(place, name) {
            None => Ok(None),
            Some(Val::Float(x)) => Ok(Some(*x)),
            Some(Val::Int(n)) => Ok(Some(*n as f64)),
            Some(Val::Bool(b)) => Ok(Some(f64::from(u8::from(*b)))),
            Some(_) => self.wrong(name, "a number"),
        }
    }

    pub fn float_or(&self, place: usize, name: &str, default: f64) -> Result<f64> {
        Ok(self.float(place, name)?.unwrap_or(default))
    }

    pub fn text(&self, place: usize, name: &str) -> Option<std::rc::Rc<str>> {
        match self.get(place, name) {
            Some(Val::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Integers; of a single one a list of it.
    pub fn sizes(&self, place: usize, name: &str) -> Result<Vec<Val>> {
        match self.get(place, name) {
            Some(n @ (Val::Int(_) | Val::Symbol(_))) => Ok(vec![n.clone()]),
            Some(list) => match list.items() {
                Some(items) => Ok(items),
                None => self.wrong(name, "a list of ints"),
            },
            None => self.wrong(name, "a list of ints"),
        }
    }

    /// Integers that are known.
    pub fn ints(&self, b: &Builder, place: usize, name: &str) -> Result<Vec<i64>> {
        let known: Option<Vec<i64>> = self.sizes(place, name)?.iter().map(|n| b.known(n)).collect();
        known.map_or_else(|| self.wrong(name, "a list of ints that are known"), Ok)
    }

    /// Integers that are known, if there are any.
    pub fn maybe_ints(&self, b: &Builder, place: usize, name: &str) -> Result<Option<Vec<i64>>> {
        if self.some(place, name).is_some() { self.ints(b, place, name).map(Some) } else { Ok(None) }
    }

    /// As many sizes as there are spatial axes; a single one is for all of them.
    pub fn spatial(
        &self,
        b: &Builder,
        place: usize,
        name: &str,
        axes: usize,
        default: i64,
    ) -> Result<Vec<usize>> {
        let given = self.maybe_ints(b, place, name)?.unwrap_or_default();
        let all = match given[..] {
            [] => vec![default; axes],
            [one] => vec![one; axes],
            _ => given,
        };
        let sizes: Option<Vec<usize>> =
            all.iter().map(|n| usize::try_from(*n).ok().filter(|n| *n <= 1 << 20)).collect();
        match sizes {
            Some(sizes) if sizes.len() == axes => Ok(sizes),
            _ => self.wrong(name, "a size for each spatial axis"),
        }
    }

    /// An element type; programs in text write its number.
    pub fn dtype(&self, place: usize, name: &str) -> Result<Option<DType>> {
        match self.some(place, name) {
            None => Ok(None),
            Some(Val::Type(dtype)) => Ok(Some(*dtype)),
            Some(Val::Int(number)) => match super::dtypes::of_number(*number) {
                Some(dtype) => Ok(Some(dtype)),
                None => super::value::unsupported("of a type that is not supported"),
            },
            Some(_) => self.wrong(name, "a dtype"),
        }
    }
}
