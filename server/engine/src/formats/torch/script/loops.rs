//! Loops whose number of turns the request decides: one turn is followed, and what it gives new values goes from turn to turn.

use super::super::aten;
use super::super::build::Part;
use super::super::value::{Handle, Result, Val, unsupported};
use super::decided::place;
use super::growing;
use super::interpret::{Flow, Interpreter, Scope};
use super::tree::{Expr, Statement};
use crate::DType;
use crate::graph::{Op, ValueId};
use std::collections::HashSet;
use std::rc::Rc;

/// Tuples in tuples.
const DEEPEST: usize = 8;

/// How often a turn is followed, with less known of the shapes each time.
const MOST_ATTEMPTS: usize = 8;

/// What a state is to the program.
#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Tensor,
    Whole,
    /// Turns append to it.
    List,
    /// Turns write to it in place.
    Written(Handle),
}

/// What goes from turn to turn.
pub struct State {
    name: Rc<str>,
    /// Where it is in what is named so, if that is a tuple or a list.
    path: Vec<usize>,
    /// Before the first turn.
    value: ValueId,
    sort: Sort,
    /// That of a list's items is known after the first turn.
    dtype: DType,
    shape: Option<Vec<Option<usize>>>,
}

impl State {
    fn as_val(&self, interpreter: &mut Interpreter<'_>, value: ValueId) -> Result<Val> {
        Ok(match self.sort {
            Sort::Tensor | Sort::Written(_) => Val::Tensor(interpreter.builder.tensor(value)),
            Sort::Whole => Val::Symbol(value),
            Sort::List => interpreter.slices(value, self.dtype, self.shape.clone())?,
        })
    }
}

impl Interpreter<'_> {
    /// What cannot go from turn to turn has to stay what it is.
    fn unchanged(&mut self, states: &[State], before: &Scope, after: &Scope) -> Result<()> {
        for (name, before) in before {
            let Some(after) = after.get(name) else { continue };
            let carried = |path: &[usize]| {
                states.iter().any(|s| s.name == *name && (s.sort == Sort::List || s.path == path))
            };
            if carried(&[]) {
                continue;
            }
            let (before, after) = (self.plain(before.clone(), 0)?, self.plain(after.clone(), 0)?);
            let (old, new) = (parts(&before), parts(&after));
            let stays = old.len() == new.len()
                && old.iter().zip(&new).all(|((path, a), (_, b))| carried(path) || is_same(a, b));
            if !stays {
                return unsupported(format!(
                    "a loop whose end depends on the request and in which {name} changes"
                ));
            }
        }
        Ok(())
    }

    /// `while`: the condition is followed apart, too.
    pub fn while_it_holds(&mut self, condition: &Expr, body: &[Statement], scope: &mut Scope) -> Result<()> {
        let mut states = self.states(body, scope)?;
        let turn = self.turn(&mut states, scope, |this, inner| this.block(body, inner))?;
        self.looped(&states, turn, scope, |this, inner| this.eval(condition, inner))?;
        self.forget(body, &states, scope);
        Ok(())
    }

    /// `for` over as many numbers as the request says.
    pub fn as_often_as_asked(
        &mut self,
        name: &Rc<str>,
        count: &Expr,
        body: &[Statement],
        scope: &mut Scope,
    ) -> Result<()> {
        let count = self.eval(count, scope)?;
        scope.insert(name.clone(), Val::Int(0));
        let mut states = self.states(body, scope)?;
        if !states.iter().any(|state| state.name == *name) {
            states.extend(self.state(name, Vec::new(), &Val::Int(0))?);
        }
        let turn = self.turn(&mut states, scope, |this, inner| {
            let at = inner.get(name).cloned().unwrap_or(Val::Int(0));
            let flow = this.block(body, inner)?;
            let next = aten::combined(&mut this.builder, "add", &at, &Val::Int(1))?;
            inner.insert(name.clone(), next);
            Ok(flow)
        })?;
        self.looped(&states, turn, scope, |this, inner| {
            let at = inner.get(name).cloned().unwrap_or(Val::Int(0));
            aten::combined(&mut this.builder, "lt", &at, &count)
        })?;
        self.forget(body, &states, scope);
        Ok(())
    }

    /// What a block gives new values, as far as it can go from turn to turn.
    fn states(&mut self, body: &[Statement], scope: &mut Scope) -> Result<Vec<State>> {
        let mut names = HashSet::new();
        assigned(body, &mut names);
        let mut names: Vec<Rc<str>> = names.into_iter().collect();
        names.sort_unstable();
        let mut states = Vec::new();
        for name in growing::appended(body) {
            if let Some(items @ Val::List(_)) = scope.get(&name) {
                let value = self.begun(items)?;
                let path = Vec::new();
                states.push(State { name, path, value, sort: Sort::List, dtype: DType::F32, shape: None });
            }
        }
        for name in names {
            if let Some(value) = scope.get(&name).cloned()
                && !states.iter().any(|state| state.name == name)
            {
                let value = self.plain(value, 0)?;
                scope.insert(name.clone(), value.clone());
                for (path, part) in parts(&value) {
                    states.extend(self.state(&name, path, &part)?);
                }
            }
        }
        Ok(states)
    }

    fn state(&mut self, name: &Rc<str>, path: Vec<usize>, value: &Val) -> Result<Option<State>> {
        let Some(at_first) = self.carried(value)? else { return Ok(None) };
        let whole = matches!(value, Val::Int(_) | Val::Symbol(_));
        let sort = if whole { Sort::Whole } else { Sort::Tensor };
        let dtype = self.builder.dtype(at_first);
        let shape = self.builder.shape(at_first).map(<[_]>::to_vec);
        Ok(Some(State { name: name.clone(), path, value: at_first, sort, dtype, shape }))
    }

    /// A value as one of the graph; None: it cannot be one.
    fn carried(&mut self, value: &Val) -> Result<Option<ValueId>> {
        Ok(Some(match value {
            Val::Tensor(handle) => self.builder.value(*handle)?,
            Val::Int(_) | Val::Symbol(_) => self.builder.scalar(value)?,
            Val::Bool(_) => self.builder.truth_value(value)?,
            Val::Float(x) => self.builder.number(*x, DType::F64)?,
            _ => return Ok(None),
        }))
    }

    /// Follows something with states that a loop brings.
    fn apart<T>(
        &mut self,
        states: &[State],
        scope: &Scope,
        follow: impl FnOnce(&mut Self, &mut Scope, &[ValueId]) -> Result<T>,
    ) -> Result<(Part, T)> {
        self.hold(scope);
        let (start, made) = (self.builder.begin(), self.made.clone());
        let (mut inner, mut inputs) = (scope.clone(), Vec::new());
        for (n, state) in states.iter().enumerate() {
            let value = self.builder.made(state.dtype, |to| to.add(Op::Input(n), &[]))?;
            inputs.push(value);
            let val = match (&state.shape, state.sort) {
                (shape, Sort::Written(handle)) => {
                    if let Some(shape) = shape {
                        self.builder.shaped(value, shape.clone());
                    }
                    self.builder.write(handle, value)?;
                    continue;
                }
                // What is appended in a turn is all that it knows of the list.
                (_, Sort::List) => self.placeholder(value),
                (Some(shape), _) => {
                    self.builder.shaped(value, shape.clone());
                    state.as_val(self, value)?
                }
                _ => state.as_val(self, value)?,
            };
            put(&mut inner, state, val);
        }
        let followed = follow(self, &mut inner, &inputs)?;
        self.made = made;
        self.held.pop();
        let part = self.builder.end(start, &[])?;
        Ok((part, followed))
    }

    /// One turn, and what the states are after it. Their shapes are known only as far as turns leave them alone.
    fn turn(
        &mut self,
        states: &mut Vec<State>,
        scope: &Scope,
        mut follow: impl FnMut(&mut Self, &mut Scope) -> Result<Flow>,
    ) -> Result<(Part, Vec<ValueId>)> {
        for _ in 0..MOST_ATTEMPTS {
            let mut items = Vec::new();
            let (part, next) = self.apart(states, scope, |this, inner, inputs| {
                if let Flow::Return(_) = follow(this, inner)? {
                    return unsupported("a loop that returns and whose end depends on the request");
                }
                this.unchanged(states, scope, inner)?;
                let mut next = Vec::new();
                for (state, input) in states.iter().zip(inputs) {
                    let (value, item) = this.after(state, inner, *input)?;
                    next.push(value);
                    items.push(item);
                }
                Ok(next)
            })?;
            // What is written to goes from turn to turn too.
            let held = |handle: &Handle| states.iter().any(|s| s.sort == Sort::Written(*handle));
            let new: Vec<Handle> = part.written().into_iter().filter(|handle| !held(handle)).collect();
            if !new.is_empty() {
                for handle in new {
                    let value = self.builder.value(handle)?;
                    let (dtype, shape) =
                        (self.builder.dtype(value), self.builder.shape(value).map(<[_]>::to_vec));
                    states.push(State {
                        name: Rc::from(""),
                        path: Vec::new(),
                        value,
                        sort: Sort::Written(handle),
                        dtype,
                        shape,
                    });
                }
                continue;
            }
            let mut stays = true;
            for ((state, next), item) in states.iter_mut().zip(&next).zip(items) {
                if let Some(item) = item {
                    state.dtype = self.builder.dtype(item);
                    state.shape = self.builder.shape(item).map(<[_]>::to_vec);
                }
                if state.sort == Sort::List {
                    continue;
                }
                let after = self.builder.shape(*next).map(<[_]>::to_vec);
                let joined = match (&state.shape, after) {
                    (Some(before), Some(after)) if before.len() == after.len() => {
                        Some(before.iter().zip(after).map(|(b, a)| b.filter(|_| *b == a)).collect())
                    }
                    _ => None,
                };
                stays &= joined == state.shape;
                state.shape = joined;
            }
            if stays {
                return Ok((part, next));
            }
        }
        unsupported("a loop whose values change their shapes")
    }

    /// What a state is after a turn; of a list an item too.
    fn after(&mut self, state: &State, scope: &Scope, input: ValueId) -> Result<(ValueId, Option<ValueId>)> {
        if let Sort::Written(handle) = state.sort {
            return Ok((self.builder.value(handle)?, None));
        }
        let mut value = scope.get(&state.name).cloned().unwrap_or(Val::None);
        if !state.path.is_empty() {
            value = self.plain(value, 0)?;
        }
        for at in &state.path {
            value = value.items().and_then(|items| items.get(*at).cloned()).unwrap_or(Val::None);
        }
        if state.sort == Sort::List {
            return self.grown(&value, input);
        }
        match self.carried(&value)? {
            Some(next) if self.builder.dtype(next) == state.dtype => Ok((next, None)),
            _ => unsupported(format!("a loop in which {} becomes something else", state.name)),
        }
    }

    /// The loop in the graph; what is named after its states is what they are at its end.
    fn looped(
        &mut self,
        states: &[State],
        (turn, next): (Part, Vec<ValueId>),
        scope: &mut Scope,
        condition: impl FnOnce(&mut Self, &mut Scope) -> Result<Val>,
    ) -> Result<()> {
        let (test, holds) = self.apart(states, scope, |this, inner, _| {
            let holds = condition(this, inner)?;
            this.builder.truth_value(&holds)
        })?;
        let values: Vec<ValueId> = states.iter().map(|s| s.value).collect();
        let made = self.builder.repeated(&values, (turn, next), (test, holds))?;
        for (state, value) in states.iter().zip(made) {
            if let (Some(shape), true) = (&state.shape, state.sort != Sort::List) {
                self.builder.shaped(value, shape.clone());
            }
            if let Sort::Written(handle) = state.sort {
                self.builder.write(handle, value)?;
                continue;
            }
            let value = state.as_val(self, value)?;
            put(scope, state, value);
        }
        Ok(())
    }

    /// What a loop gave values that cannot go from turn to turn is not there behind it.
    fn forget(&self, body: &[Statement], states: &[State], scope: &mut Scope) {
        let mut names = HashSet::new();
        assigned(body, &mut names);
        scope.retain(|name, _| !names.contains(name) || states.iter().any(|state| state.name == *name));
    }
}

/// The parts of a value that is made of others, down to those that are not, and where they are.
fn parts(value: &Val) -> Vec<(Vec<usize>, Val)> {
    let (mut found, mut open) = (Vec::new(), vec![(Vec::new(), value.clone())]);
    while let Some((path, value)) = open.pop() {
        match value.items() {
            Some(items) if path.len() < DEEPEST => {
                open.extend(
                    items.into_iter().enumerate().map(|(n, item)| ([&path[..], &[n]].concat(), item)),
                );
            }
            _ => found.push((path, value)),
        }
    }
    found
}

/// Gives a state's name, or its part of what is named so, a value.
fn put(scope: &mut Scope, state: &State, value: Val) {
    fn within(whole: &Val, path: &[usize], value: Val) -> Val {
        let (Some((at, rest)), Some(mut items)) = (path.split_first(), whole.items()) else { return value };
        if let Some(item) = items.get_mut(*at) {
            *item = within(item, rest, value);
        }
        if matches!(whole, Val::List(_)) { Val::list(items) } else { Val::Tuple(items.into()) }
    }
    let whole = scope.get(&state.name).cloned().unwrap_or(Val::None);
    scope.insert(state.name.clone(), within(&whole, &state.path, value));
}

/// Whether two values are one, as far as that can be told.
fn is_same(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::None, Val::None) => true,
        (Val::Text(a), Val::Text(b)) | (Val::Named(a), Val::Named(b)) => a == b,
        (Val::Type(a), Val::Type(b)) => a == b,
        (Val::Int(a), Val::Int(b)) => a == b,
        (Val::Float(a), Val::Float(b)) => a.to_bits() == b.to_bits(),
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Object(a), Val::Object(b))
        | (Val::Tensor(a), Val::Tensor(b))
        | (Val::Slices(a), Val::Slices(b))
        | (Val::Symbol(a), Val::Symbol(b)) => a == b,
        _ => place(a).is_some_and(|at| place(b) == Some(at)),
    }
}

/// The names that a block gives values, those of blocks in it included.
fn assigned(body: &[Statement], names: &mut HashSet<Rc<str>>) {
    for statement in body {
        match statement {
            Statement::Assign(targets, _) => {
                names.extend(targets.iter().filter_map(|target| match target {
                    Expr::Name(name) => Some(name.clone()),
                    _ => None,
                }));
            }
            Statement::If(_, then, otherwise) => {
                assigned(then, names);
                assigned(otherwise, names);
            }
            Statement::For(name, _, body) => {
                names.insert(name.clone());
                assigned(body, names);
            }
            Statement::While(_, body) => assigned(body, names),
            Statement::Forked(name, _) => {
                names.insert(name.clone());
            }
            Statement::Return(_) | Statement::Expr(_) => {}
        }
    }
}
