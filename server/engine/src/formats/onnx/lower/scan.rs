//! Loops over the slices of values.

use super::super::bodies::Given;
use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Listing, Op, ValueId};

impl Lowering<'_, '_> {
    /// A loop over the slices of its inputs. Before version 9 they had a batch before them, and lengths.
    pub(super) fn scan(&mut self) -> Outcome {
        if self.version >= 9 {
            let all = self.inputs.clone();
            return self.scan_over(&all);
        }
        if self.optional(0).is_some() {
            return Self::refuse("a scan of version 8 over sequences of different lengths");
        }
        let mut first = Vec::new();
        for n in 1..self.inputs.len() {
            let (value, elem) = self.tensor(n)?;
            if self.build().shape(value).and_then(|s| s.first().copied().flatten()) != Some(1) {
                return Self::refuse("a scan of version 8 over several batches");
            }
            first.push(Val::Tensor(self.add(Op::Squeeze(vec![0]), &[value])?, elem));
        }
        let mut wide = Vec::new();
        for val in self.scan_over(&first)?.unwrap_or_default() {
            let Val::Tensor(value, elem) = val else { return Self::refuse("a scan over sequences") };
            let zero = self.build().int(0)?;
            wide.push(Val::Tensor(self.add(Op::ExpandDims, &[value, zero])?, elem));
        }
        Ok(Some(wide))
    }

    /// State: what the model carries, the lists of its results, the step, how many there are, what is scanned, what the body reads of
    /// the graph around.
    fn scan_over(&mut self, all: &[Val]) -> Outcome {
        let graph = self.graph("body")?;
        let scanned = self.int("num_scan_inputs").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let carried = all.len().checked_sub(scanned).filter(|_| scanned > 0);
        let carried = carried.ok_or_else(|| Self::broken("it scans nothing"))?;
        let (mut state, mut takes) = (Vec::new(), Vec::new());
        for val in &all[..carried] {
            let (value, given) = self.given(*val)?;
            state.push(value);
            takes.push(given);
        }
        let count = graph.output.len().checked_sub(carried);
        let count = count.ok_or_else(|| Self::broken("its body has too few results"))?;
        let (lists, given) = self.lists(count)?;
        state.extend(lists);
        takes.extend(given);
        let sources = self.scanned_sources(&all[carried..])?;
        let shape = self.add(Op::Shape, &[sources[0].0])?;
        let steps = self.part(shape, 0, 1)?;
        state.extend([self.build().int(0)?, self.build().reshape(steps, &[])?]);
        takes.extend([Self::scalar_given(Elem::I64), Self::scalar_given(Elem::I64)]);
        for (source, elem) in &sources {
            state.push(*source);
            let shape = self.build().shape(*source).cloned();
            takes.push(Given { like: Val::Tensor(*source, *elem), shape });
        }
        let step = carried + count;
        let mut body = self.context.apart(graph, &takes, |context, inputs| {
            let mut bound = inputs[..carried].to_vec();
            let zero = context.build().int(0)?;
            for input in &inputs[step + 2..] {
                let (Some((source, elem)), Some((at, _))) = (input.tensor(), inputs[step].tensor()) else {
                    continue;
                };
                let slice = context.build().add(Op::Gather { batch_dims: 0 }, &[source, at, zero])?;
                bound.push(Val::Tensor(slice, elem));
            }
            Ok(bound)
        })?;
        let results = Self::results(&body)?;
        state.extend(body.captured());
        let build = &mut body.level.build;
        let (inputs, one) = (build.graph.inputs.clone(), build.int(1)?);
        let mut next: Vec<ValueId> = results[..carried].iter().map(|(v, _)| *v).collect();
        for (n, (value, _)) in results[carried..].iter().enumerate() {
            next.push(build.add(Op::List(Listing::Push), &[inputs[carried + n], *value])?);
        }
        next.push(build.add(Op::Binary(B::Add), &[inputs[step], one])?);
        next.extend(&inputs[step + 1..]);
        let condition = Self::condition(state.len(), [step, step + 1], None)?;
        let found = Self::made(&body, &results);
        let made = self.looped(condition, body.function("body", next), &state)?;
        let Some(vals) = self.finished(&made, &found, carried)? else { return Ok(None) };
        self.scan_results(vals, carried)
    }

    /// What is scanned, along its first axis, from its beginning.
    fn scanned_sources(&mut self, vals: &[Val]) -> Result<Vec<(ValueId, Elem)>, Stop> {
        let mut sources = Vec::new();
        for (n, val) in vals.iter().enumerate() {
            let Val::Tensor(mut value, elem) = *val else { return Self::refuse("a scan over sequences") };
            let backwards = self.nth(&["scan_input_directions", "directions"], n) == 1;
            let along = self.nth(&["scan_input_axes"], n);
            value = self.axis_moved(value, along, true)?;
            if backwards {
                value = self.reversed(value)?;
            }
            sources.push((value, elem));
        }
        Ok(sources)
    }

    fn scan_results(&mut self, mut vals: Vec<Val>, carried: usize) -> Outcome {
        for (n, val) in vals.iter_mut().enumerate().skip(carried) {
            let Val::Tensor(value, _) = val else { continue };
            if self.nth(&["scan_output_directions"], n - carried) == 1 {
                *value = self.reversed(*value)?;
            }
            let along = self.nth(&["scan_output_axes"], n - carried);
            *value = self.axis_moved(*value, along, false)?;
        }
        Ok(Some(vals))
    }

    /// A number of a list that may not be there, or not as long.
    fn nth(&self, names: &[&str], n: usize) -> i64 {
        let list = names.iter().find_map(|name| self.ints(name));
        list.and_then(|list| list.get(n)).copied().unwrap_or(0)
    }

    fn reversed(&mut self, x: ValueId) -> Result<ValueId, Stop> {
        let axes = self.build().ints(&[0])?;
        self.add(Op::Reverse, &[x, axes])
    }

    /// An axis becomes the first one, or the first one an axis.
    fn axis_moved(&mut self, x: ValueId, axis: i64, to_front: bool) -> Result<ValueId, Stop> {
        if axis == 0 {
            return Ok(x);
        }
        let rank = self.rank(x)?;
        let axis = crate::kernels::axis(axis, rank)?;
        let mut order: Vec<usize> = (0..rank).collect();
        if to_front {
            order.remove(axis);
            order.insert(0, axis);
        } else {
            order.remove(0);
            order.insert(axis, 0);
        }
        Ok(self.build().transpose(x, &order)?)
    }
}
