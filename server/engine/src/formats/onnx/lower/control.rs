//! Branches and loops.

use super::super::bodies::{Body, Given};
use super::super::proto::{TypeValue, ValueInfo};
use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::formats::builder::Builder;
use crate::graph::{self, Binary as B, Compare as C, Control, Listing, Literal, Op, ValueId};
use crate::plan::rules::Extents;
use std::sync::Arc;

/// What a body makes: as what, and its shape as far as it is known.
pub(super) struct Made {
    val: Val,
    shape: Option<Extents>,
}

impl Lowering<'_, '_> {
    pub(super) fn control(&mut self) -> Outcome {
        match self.op() {
            "If" => self.branch(),
            "Loop" => self.repeat(),
            "Scan" => self.scan(),
            _ => Ok(None),
        }
    }

    /// Results that are there; what they are.
    pub(super) fn results(body: &Body) -> Result<Vec<(ValueId, Val)>, Stop> {
        let value = |val: &Val| match (val, val.id()) {
            (_, Some(value)) => Ok((value, *val)),
            (Val::Unknown, _) => Self::refuse("its body has operations that are not supported"),
            _ => Self::refuse("a body whose result is an optional value that is never there"),
        };
        body.results.iter().map(value).collect()
    }

    fn branch(&mut self) -> Outcome {
        let choice = self.value(0)?;
        let (then, other) = (self.graph("then_branch")?, self.graph("else_branch")?);
        if let Some(Literal::Bool(known, _)) = self.build().constant(choice) {
            let chosen = if known.first().is_some_and(|b| *b != 0) { then } else { other };
            return Ok(Some(self.context.within(chosen)?));
        }
        let choice = self.build().reshape(choice, &[])?;
        let mut then = self.context.apart(then, &[], |_, _| Ok(Vec::new()))?;
        let mut other = self.context.apart(other, &[], |_, _| Ok(Vec::new()))?;
        Self::made_optional(&mut then, &mut other)?;
        let (yes, no) = (Self::results(&then)?, Self::results(&other)?);
        if yes.len() != no.len() || yes.len() < self.node.output.len() {
            return Err(Self::broken("its branches have other numbers of results"));
        }
        let (first, second) = (then.captured(), other.captured());
        other.surround(first.len(), 0)?;
        then.surround(0, second.len())?;
        let inputs: Vec<ValueId> = [choice].iter().chain(&first).chain(&second).copied().collect();
        let branches = vec![
            other.function("else", no.iter().map(|(v, _)| *v).collect()),
            then.function("then", yes.iter().map(|(v, _)| *v).collect()),
        ];
        let op = Op::Control(Arc::new(Control::Branch { branches, by_truth: true }));
        let made = self.build().add_many(op, &inputs, yes.len())?;
        Ok(Some(made.into_iter().zip(yes).map(|(v, (_, val))| val.renamed(v)).collect()))
    }

    /// What only one of two branches makes, both make as an optional value.
    fn made_optional(then: &mut Body, other: &mut Body) -> Result<(), Stop> {
        for n in 0..then.results.len().min(other.results.len()) {
            let like = match (then.results[n], other.results[n]) {
                (Val::Tensor(..), Val::Tensor(..)) | (Val::Sequence(..), Val::Sequence(..)) => continue,
                (Val::Absent, there) | (there, _) => there,
            };
            for body in [&mut *then, &mut *other] {
                body.results[n] = optional_like(&mut body.level.build, body.results[n], like)?;
            }
        }
        Ok(())
    }

    pub(super) fn given(&mut self, val: Val) -> Result<(ValueId, Given), Stop> {
        match (val, val.id()) {
            // What changes from step to step may change its shape too, but not its rank.
            (Val::Tensor(..), Some(value)) => {
                let rank = self.build().rank(value);
                Ok((value, Given { like: val, shape: rank.map(|r| vec![None; r]) }))
            }
            (_, Some(value)) => Ok((value, Given { like: val, shape: None })),
            _ => Self::refuse("a loop over an optional value that is not there"),
        }
    }

    pub(super) fn scalar_given(elem: Elem) -> Given {
        Given { like: Val::Tensor(0, elem), shape: Some(Vec::new()) }
    }

    /// As many lists, empty, and that a body takes them.
    pub(super) fn lists(&mut self, count: usize) -> Result<(Vec<ValueId>, Vec<Given>), Stop> {
        let (mut lists, mut given) = (Vec::new(), Vec::new());
        for _ in 0..count {
            lists.push(self.empty_list()?);
            given.push(Given { like: Val::Sequence(0, Elem::F32), shape: None });
        }
        Ok((lists, given))
    }

    /// State: the step, whether to go on, what the model carries, the lists of its results, how many steps there may be, what the body
    /// reads of the graph around.
    fn repeat(&mut self) -> Outcome {
        let graph = self.graph("body")?;
        let most = match self.optional(0) {
            Some((most, _)) => self.build().reshape(most, &[])?,
            None => self.build().int(i64::MAX)?,
        };
        let go_on = match self.optional(1) {
            Some((go_on, _)) => self.build().reshape(go_on, &[])?,
            None => self.build().literal(Literal::Bool(vec![1], Vec::new()))?,
        };
        let mut state = vec![self.build().int(0)?, go_on];
        let mut takes = vec![Self::scalar_given(Elem::I64), Self::scalar_given(Elem::BOOL)];
        for (n, mut val) in self.inputs.get(2..).unwrap_or_default().to_vec().into_iter().enumerate() {
            if val == Val::Absent {
                val = self.absent(graph.input.get(n + 2))?;
            }
            let (value, given) = self.given(val)?;
            state.push(value);
            takes.push(given);
        }
        let own = state.len();
        let count = graph.output.len().checked_sub(own - 1);
        let count = count.ok_or_else(|| Self::broken("its body has too few results"))?;
        let (lists, given) = self.lists(count)?;
        state.extend(lists);
        takes.extend(given);
        state.push(most);
        takes.push(Self::scalar_given(Elem::I64));
        let mut body = self.context.apart(graph, &takes, |_, inputs| Ok(inputs[..own].to_vec()))?;
        for (n, taken) in takes.iter().enumerate().take(own).skip(2) {
            if let (Val::Optional(..), Some(result)) = (taken.like, body.results.get_mut(n - 1)) {
                *result = optional_like(&mut body.level.build, *result, taken.like)?;
            }
        }
        let results = Self::results(&body)?;
        state.extend(body.captured());
        let build = &mut body.level.build;
        let (inputs, one) = (build.graph.inputs.clone(), build.int(1)?);
        let mut next =
            vec![build.add(Op::Binary(B::Add), &[inputs[0], one])?, build.reshape(results[0].0, &[])?];
        next.extend(results[1..own - 1].iter().map(|(v, _)| *v));
        for (n, (value, _)) in results[own - 1..].iter().enumerate() {
            next.push(build.add(Op::List(Listing::Push), &[inputs[own + n], *value])?);
        }
        next.extend(&inputs[own + count..]);
        let condition = Self::condition(state.len(), [0, own + count], Some(1))?;
        let found = Self::made(&body, &results[1..]);
        let body = body.function("body", next);
        let made = self.looped(condition, body, &state)?;
        let mut vals = self.finished(&made[2..], &found, own - 2)?.unwrap_or_default();
        // What the body says is there after a step is there after the loop.
        for (n, val) in vals.iter_mut().enumerate().take(own - 2) {
            let kind = graph.output[n + 1].r#type.as_ref().and_then(|t| t.value.as_ref());
            if let Val::Optional(..) = val
                && !matches!(kind, None | Some(TypeValue::Optional(_)))
            {
                *val = self.element(*val)?;
            }
        }
        Ok(Some(vals))
    }

    /// Whether the step, one of the inputs, is less than another, and a third one holds.
    pub(super) fn condition(
        inputs: usize,
        [step, most]: [usize; 2],
        holds: Option<usize>,
    ) -> Result<graph::Body, Stop> {
        let mut build = Builder::default();
        let inputs = (0..inputs).map(|_| build.input(None)).collect::<Result<Vec<_>, _>>()?;
        let mut go_on = build.add(Op::Compare(C::Less), &[inputs[step], inputs[most]])?;
        if let Some(holds) = holds {
            go_on = build.add(Op::Binary(B::And), &[go_on, inputs[holds]])?;
        }
        build.graph.outputs.push(go_on);
        Ok(graph::Body { name: "condition".to_owned(), graph: build.graph })
    }

    pub(super) fn looped(
        &mut self,
        condition: graph::Body,
        body: graph::Body,
        state: &[ValueId],
    ) -> Result<Vec<ValueId>, Stop> {
        let op = Op::Control(Arc::new(Control::Loop { condition, body }));
        Ok(self.build().add_many(op, state, state.len())?)
    }

    /// An optional value that is not there yet: what its body says of it.
    fn absent(&mut self, info: Option<&ValueInfo>) -> Result<Val, Stop> {
        let kind = info.and_then(|i| i.r#type.as_ref()).and_then(|t| t.value.as_ref());
        let Some(TypeValue::Optional(inner)) = kind else {
            return Self::refuse("a loop over an optional value whose type is not told");
        };
        let inner = inner.elem_type.as_deref();
        let elem = inner.and_then(Elem::of_type);
        let elem = elem.ok_or_else(|| Stop::Refused("a type that is not supported".to_owned()))?;
        let sequence = matches!(inner.and_then(|i| i.value.as_ref()), Some(TypeValue::Sequence(_)));
        Ok(Val::Optional(self.empty_list()?, elem, sequence))
    }

    pub(super) fn made(body: &Body, results: &[(ValueId, Val)]) -> Vec<Made> {
        let shape = |value: &ValueId| body.level.build.shape(*value).cloned();
        results.iter().map(|(value, val)| Made { val: *val, shape: shape(value) }).collect()
    }

    /// What a loop carried, then what it gathered in lists.
    pub(super) fn finished(&mut self, made: &[ValueId], results: &[Made], carried: usize) -> Outcome {
        let mut found = Vec::new();
        for (n, (value, Made { val, shape })) in made.iter().zip(results).enumerate() {
            found.push(match (n < carried, val) {
                (true, val) => {
                    // Its extents may be others after no step at all, but not its rank.
                    if let Some(shape) = shape {
                        self.build().tell(*value, vec![None; shape.len()]);
                    }
                    val.renamed(*value)
                }
                (false, Val::Tensor(_, elem)) => {
                    // Extents that are not known are nothing where there was no step.
                    let said = match shape {
                        Some(shape) => {
                            let said: Vec<i64> = shape.iter().map(|d| d.unwrap_or(0) as i64).collect();
                            self.build().ints(&said)?
                        }
                        None => self.build().int(-1)?,
                    };
                    let made = self.add(Op::List(Listing::Stack(elem.kind())), &[*value, said])?;
                    if let Some(shape) = shape {
                        let whole = [None].into_iter().chain(shape.iter().copied()).collect();
                        self.build().tell(made, whole);
                    }
                    Val::Tensor(made, *elem)
                }
                (false, _) => return Self::refuse("a loop that gathers sequences"),
            });
        }
        Ok(Some(found))
    }
}

/// A value, which may not be there, as an optional one.
fn optional_like(build: &mut Builder, val: Val, like: Val) -> Result<Val, Stop> {
    let (elem, sequence) = match like {
        Val::Tensor(_, elem) => (elem, false),
        Val::Sequence(_, elem) => (elem, true),
        Val::Optional(_, elem, sequence) => (elem, sequence),
        Val::Absent | Val::Unknown => return Ok(val),
    };
    if matches!(val, Val::Optional(..) | Val::Unknown) {
        return Ok(val);
    }
    let shape = build.int(-1)?;
    let mut list = build.add(Op::List(Listing::Empty), &[shape])?;
    if let Some(value) = val.id() {
        list = build.add(Op::List(Listing::Push), &[list, value])?;
    }
    Ok(Val::Optional(list, elem, sequence))
}
