//! Choices and loops that the request decides: both sides, or one turn, are followed apart and become parts of the graph.

use super::super::build::Part;
use super::super::value::{Result, Stop, Val, unsupported};
use super::interpret::{Flow, Interpreter, Scope};
use super::tree::Statement;
use std::collections::HashSet;
use std::rc::Rc;

/// Values in values that are looked through.
const MOST_VALUES: usize = 1 << 20;

/// Lists, by where they are, and how many objects there were.
pub struct Held {
    lists: HashSet<usize>,
    objects: usize,
}

/// What a side comes to.
struct Side {
    part: Part,
    scope: Scope,
    /// What it returns, if it does.
    returned: Option<Val>,
}

/// Where a list or dictionary is.
pub fn place(value: &Val) -> Option<usize> {
    match value {
        Val::List(list) => Some(Rc::as_ptr(list).cast::<()>().addr()),
        Val::Dict(dict) => Some(Rc::as_ptr(dict).cast::<()>().addr()),
        _ => None,
    }
}

impl Interpreter<'_> {
    /// Whether something was there before what the request decides on.
    pub fn is_held(&self, value: &Val) -> bool {
        self.held.iter().any(|held| match value {
            Val::Object(number) => *number < held.objects,
            other => place(other).is_some_and(|place| held.lists.contains(&place)),
        })
    }

    pub fn hold(&mut self, scope: &Scope) {
        let mut open: Vec<Val> = scope.values().cloned().collect();
        open.extend(self.made.objects.iter().flat_map(|o| o.attributes.values().cloned()));
        let mut lists = HashSet::new();
        for _ in 0..MOST_VALUES {
            let Some(value) = open.pop() else { break };
            if place(&value).is_some_and(|place| !lists.insert(place)) {
                continue;
            }
            match &value {
                Val::Dict(dict) => open.extend(dict.borrow().iter().map(|(_, v)| v.clone())),
                other => open.extend(other.items().unwrap_or_default()),
            }
        }
        self.held.push(Held { lists, objects: self.made.objects.len() });
    }

    /// Follows both blocks of a choice. A block that raises an exception is not taken.
    pub fn both(
        &mut self,
        condition: &Val,
        then: &[Statement],
        otherwise: &[Statement],
        scope: &mut Scope,
    ) -> Result<Flow> {
        let (yes, no) = match (self.side(then, scope), self.side(otherwise, scope)) {
            (Err(Stop::Raised(_)), _) => return self.block(otherwise, scope),
            (_, Err(Stop::Raised(_))) => return self.block(then, scope),
            (yes, no) => (yes?, no?),
        };
        let mut names: Vec<Rc<str>> =
            yes.scope.keys().filter(|name| no.scope.contains_key(*name)).cloned().collect();
        // Objects that a side makes are its own.
        let objects = self.made.objects.len();
        names.retain(|name| !matches!(yes.scope[name], Val::Object(number) if number >= objects));
        names.sort_unstable();
        let mut pairs: Vec<(Val, Val)> =
            names.iter().map(|name| (yes.scope[name].clone(), no.scope[name].clone())).collect();
        match (yes.returned, no.returned) {
            (Some(yes), Some(no)) => pairs.push((yes, no)),
            (None, None) => {}
            _ => return unsupported("a choice that depends on the request, one side of which returns"),
        }
        let mut chosen = self.builder.chosen(condition, yes.part, no.part, &pairs)?;
        if chosen.len() > names.len() {
            return match chosen.pop().flatten() {
                Some(returned) => Ok(Flow::Return(returned)),
                None => {
                    unsupported("a choice that depends on the request, whose sides return different things")
                }
            };
        }
        // What the sides do not have alike is theirs alone.
        *scope = names.into_iter().zip(chosen).filter_map(|(name, value)| Some((name, value?))).collect();
        Ok(Flow::Next)
    }

    fn side(&mut self, body: &[Statement], scope: &Scope) -> Result<Side> {
        self.hold(scope);
        let (start, made) = (self.builder.begin(), self.made.clone());
        let mut inner = scope.clone();
        let flow = self.block(body, &mut inner);
        // Weights that were read in it are read anew outside.
        self.made = made;
        self.held.pop();
        let returned = match flow {
            Ok(Flow::Return(value)) => Some(value),
            Ok(Flow::Next) => None,
            Err(stop) => {
                self.builder.end(start, &[])?;
                return Err(stop);
            }
        };
        let results: Vec<Val> = inner.values().chain(&returned).cloned().collect();
        let part = self.builder.end(start, &results)?;
        Ok(Side { part, scope: inner, returned })
    }
}
