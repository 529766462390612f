//! Parts of a program that the request decides on. A part is built where it stands and then taken out of the graph; what it reads of the
//! rest becomes its inputs.

use super::super::value::{Handle, Result, Val, unsupported};
use super::{Builder, Tensor};
use crate::DType;
use crate::graph::{Body, Control, Graph, Node, Op, ValueId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What there was before a part.
pub struct Start {
    nodes: usize,
    values: usize,
    tensors: Vec<Tensor>,
}

/// A part, taken out.
pub struct Part {
    /// What it does.
    pub nodes: Vec<Node>,
    /// What tensors of the program are at its end, those that it wrote to included.
    now: HashMap<Handle, ValueId>,
    written: HashSet<Handle>,
}

impl Part {
    /// The tensors that were there before and that it writes to.
    pub fn written(&self) -> Vec<Handle> {
        let mut all: Vec<Handle> = self.written.iter().copied().collect();
        all.sort_unstable();
        all
    }
}

impl Builder {
    /// Begins a part.
    pub fn begin(&self) -> Start {
        Start {
            nodes: self.to.graph.nodes.len(),
            values: self.to.graph.values,
            tensors: self.tensors.clone(),
        }
    }

    /// Ends a part that gives these values. Tensors of the program are what they were before it.
    pub fn end(&mut self, start: Start, results: &[Val]) -> Result<Part> {
        let (mut now, mut written) = (HashMap::new(), HashSet::new());
        let mut open: Vec<Val> = results.to_vec();
        while let Some(value) = open.pop() {
            match &value {
                // What was written to since it was viewed is told when it is read.
                Val::Tensor(handle) => {
                    if let Ok(value) = self.value(*handle) {
                        now.insert(*handle, value);
                    }
                }
                other => open.extend(other.items().unwrap_or_default()),
            }
        }
        for (handle, before) in start.tensors.iter().enumerate() {
            let own = &self.tensors[handle];
            if own.value != before.value {
                if own.view.is_some() {
                    return unsupported(
                        "writing through a view where the request decides whether it is done",
                    );
                }
                now.insert(handle, own.value);
                written.insert(handle);
            }
        }
        for (own, before) in self.tensors.iter_mut().zip(start.tensors) {
            *own = before;
        }
        let nodes = self.to.take_since(start.nodes, start.values);
        Ok(Part { nodes, now, written })
    }

    /// What one of two parts gives, by a truth: of each two values one.
    pub fn chosen(
        &mut self,
        condition: &Val,
        mut then: Part,
        mut other: Part,
        pairs: &[(Val, Val)],
    ) -> Result<Vec<Option<Val>>> {
        let mut written: Vec<Handle> = then.written.union(&other.written).copied().collect();
        written.sort_unstable();
        let mut slots = Vec::new();
        let mut merged = Vec::new();
        for (a, b) in pairs {
            merged.push(self.paired((a, &mut then), (b, &mut other), &mut slots)?);
        }
        for handle in &written {
            let of = |part: &Part| part.now.get(handle).copied().unwrap_or(self.tensors[*handle].value);
            slots.push((of(&then), of(&other)));
        }
        let condition = self.truth_value(condition)?;
        let made = self.branch(condition, then.nodes, other.nodes, &slots)?;
        let mut settled = Vec::new();
        for value in merged {
            settled.push(match value {
                Some(value) => Some(self.filled(&value, &made)?),
                None => None,
            });
        }
        for (handle, value) in written.iter().zip(&made[made.len() - written.len()..]) {
            self.tensors[*handle].value = *value;
            self.tensors[*handle].writes += 1;
        }
        Ok(settled)
    }

    /// A truth of the program as a scalar of the graph.
    pub fn truth_value(&mut self, condition: &Val) -> Result<ValueId> {
        let value = match condition {
            Val::Bool(flag) => self.number(f64::from(u8::from(*flag)), DType::Bool)?,
            other => match other {
                Val::Tensor(handle) => self.value(*handle)?,
                other => self.scalar(other)?,
            },
        };
        let value = self.cast(value, DType::Bool)?;
        if self.shape(value).is_some_and(<[_]>::is_empty) { Ok(value) } else { self.reshape(value, &[]) }
    }

    /// Two values as one, whose tensors are numbers of slots; None: they are nothing that is one.
    fn paired(
        &mut self,
        (a, then): (&Val, &mut Part),
        (b, other): (&Val, &mut Part),
        slots: &mut Vec<(ValueId, ValueId)>,
    ) -> Result<Option<Slot>> {
        if a.is_unset() || b.is_unset() {
            return self.either((a, then), (b, other), slots);
        }
        if let (Some(x), Some(y)) = (a.items(), b.items()) {
            if x.len() != y.len() {
                return Ok(None);
            }
            let mut items = Vec::new();
            for (x, y) in x.iter().zip(&y) {
                let Some(item) = self.paired((x, then), (y, other), slots)? else { return Ok(None) };
                items.push(item);
            }
            let kept = items.iter().all(|item| matches!(item, Slot::Kept(_)));
            return Ok(Some(match a {
                _ if kept => Slot::Kept(a.clone()),
                Val::List(_) => Slot::List(items),
                _ => Slot::Tuple(items),
            }));
        }
        let same = match (a, b) {
            (Val::Tensor(x), Val::Tensor(y)) => {
                x == y
                    && then.now.get(x) == other.now.get(y)
                    && self.tensors.get(*x).map(|t| t.value) == then.now.get(x).copied()
            }
            (Val::Int(x), Val::Int(y)) => x == y,
            (Val::Float(x), Val::Float(y)) => x.to_bits() == y.to_bits(),
            (Val::Bool(x), Val::Bool(y)) => x == y,
            (Val::Text(x), Val::Text(y)) | (Val::Named(x), Val::Named(y)) => x == y,
            (Val::Type(x), Val::Type(y)) => x == y,
            (Val::None, Val::None) => true,
            (Val::Object(x), Val::Object(y)) => x == y,
            (Val::Symbol(x), Val::Symbol(y)) => {
                x == y && then.nodes.iter().chain(&other.nodes).all(|n| !n.outputs.contains(x))
            }
            _ => false,
        };
        if same {
            return Ok(Some(Slot::Kept(a.clone())));
        }
        let kind = match (a, b) {
            (Val::Int(_) | Val::Symbol(_), Val::Int(_) | Val::Symbol(_)) => Slot::Symbol(slots.len()),
            (Val::Bool(_) | Val::Tensor(_), Val::Bool(_) | Val::Tensor(_))
            | (Val::Float(_), Val::Float(_)) => Slot::Tensor(slots.len()),
            _ => return Ok(None),
        };
        let (Some(x), Some(y)) = (self.within(a, then)?, self.within(b, other)?) else { return Ok(None) };
        if self.dtype(x) != self.dtype(y) {
            return Ok(None);
        }
        slots.push((x, y));
        Ok(Some(kind))
    }

    /// Two values one of which nobody reads.
    fn either(
        &mut self,
        (a, then): (&Val, &mut Part),
        (b, other): (&Val, &mut Part),
        slots: &mut Vec<(ValueId, ValueId)>,
    ) -> Result<Option<Slot>> {
        let real = if a.is_unset() { b } else { a };
        if let Some(items) = real.items() {
            let mut all = Vec::new();
            for item in &items {
                let pair = if a.is_unset() { (a, item) } else { (item, b) };
                let Some(slot) = self.paired((pair.0, &mut *then), (pair.1, &mut *other), slots)? else {
                    return Ok(None);
                };
                all.push(slot);
            }
            return Ok(Some(if matches!(real, Val::List(_)) { Slot::List(all) } else { Slot::Tuple(all) }));
        }
        let (own, empty) = if a.is_unset() { (other, then) } else { (then, other) };
        let value = match real {
            Val::Tensor(handle) => own.now.get(handle).copied(),
            Val::Symbol(value) => Some(*value),
            kept => return Ok(Some(Slot::Kept(kept.clone()))),
        };
        let Some(value) = value else { return Ok(None) };
        let (nodes, values) = (self.to.graph.nodes.len(), self.to.graph.values);
        let nothing = self.number(0.0, self.dtype(value))?;
        // Of what nobody reads the shape is what it is of the other.
        if let Some(shape) = self.shape(value).map(<[_]>::to_vec) {
            self.shaped(nothing, shape);
        }
        empty.nodes.extend(self.to.take_since(nodes, values));
        let slot = if matches!(real, Val::Symbol(_)) {
            Slot::Symbol(slots.len())
        } else {
            Slot::Tensor(slots.len())
        };
        slots.push(if a.is_unset() { (nothing, value) } else { (value, nothing) });
        Ok(Some(slot))
    }

    /// A value at the end of a part; a number that is known is made there.
    fn within(&mut self, value: &Val, part: &mut Part) -> Result<Option<ValueId>> {
        let (nodes, values) = (self.to.graph.nodes.len(), self.to.graph.values);
        let made = match value {
            Val::Tensor(handle) => return Ok(part.now.get(handle).copied()),
            Val::Symbol(value) => return Ok(Some(*value)),
            Val::Int(n) => self.int(*n)?,
            Val::Float(x) => self.number(*x, DType::F64)?,
            Val::Bool(flag) => self.number(f64::from(u8::from(*flag)), DType::Bool)?,
            _ => return Ok(None),
        };
        part.nodes.extend(self.to.take_since(nodes, values));
        Ok(Some(made))
    }

    fn branch(
        &mut self,
        condition: ValueId,
        then: Vec<Node>,
        other: Vec<Node>,
        slots: &[(ValueId, ValueId)],
    ) -> Result<Vec<ValueId>> {
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let (first, second): (Vec<ValueId>, Vec<ValueId>) = slots.iter().copied().unzip();
        let mut outer = captured(&then, &first);
        outer
            .extend(captured(&other, &second).into_iter().filter(|v| !outer.contains(v)).collect::<Vec<_>>());
        let dtypes: Vec<DType> = first.iter().map(|v| self.dtype(*v)).collect();
        let branches = vec![body("else", other, 0, &outer, &second)?, body("then", then, 0, &outer, &first)?];
        let op = Op::Control(Arc::new(Control::Branch { branches, by_truth: true }));
        let inputs: Vec<ValueId> = std::iter::once(condition).chain(outer).collect();
        let made = self.ops(op, &inputs, &dtypes)?;
        for (made, (x, y)) in made.iter().zip(slots) {
            if let (Some(x), Some(y)) = (self.shape(*x), self.shape(*y))
                && x.len() == y.len()
            {
                let shape = x.iter().zip(y).map(|(x, y)| x.filter(|_| x == y)).collect();
                self.shaped(*made, shape);
            }
        }
        Ok(made)
    }

    /// A value whose slots are filled.
    fn filled(&mut self, slot: &Slot, made: &[ValueId]) -> Result<Val> {
        Ok(match slot {
            Slot::Kept(value) => value.clone(),
            Slot::Tensor(n) => Val::Tensor(self.tensor(made[*n])),
            Slot::Symbol(n) => Val::Symbol(made[*n]),
            Slot::List(items) | Slot::Tuple(items) => {
                let all = items.iter().map(|item| self.filled(item, made)).collect::<Result<Vec<_>>>()?;
                if matches!(slot, Slot::List(_)) { Val::list(all) } else { Val::Tuple(all.into()) }
            }
        })
    }
}

/// What becomes of two values.
enum Slot {
    /// Both are this.
    Kept(Val),
    Tensor(usize),
    Symbol(usize),
    List(Vec<Slot>),
    Tuple(Vec<Slot>),
}

/// What a part reads of the rest.
pub fn captured(nodes: &[Node], results: &[ValueId]) -> Vec<ValueId> {
    let own: HashSet<ValueId> = nodes.iter().flat_map(|n| &n.outputs).copied().collect();
    let mut seen = HashSet::new();
    let read = nodes.iter().flat_map(|n| &n.inputs).chain(results).copied();
    read.filter(|v| !own.contains(v) && seen.insert(*v)).collect()
}

/// A part as a graph of its own, which takes so many values that change and these of the rest.
pub fn body(
    name: &str,
    nodes: Vec<Node>,
    own: usize,
    outer: &[ValueId],
    results: &[ValueId],
) -> Result<Body> {
    let mut graph = Graph::default();
    let mut places: HashMap<ValueId, ValueId> = HashMap::new();
    for n in 0..own + outer.len() {
        let input = graph.add(Op::Input(n), Vec::new(), name)?;
        graph.inputs.push(input);
        if let Some(value) = n.checked_sub(own).and_then(|n| outer.get(n)) {
            places.insert(*value, input);
        }
    }
    let place = |places: &HashMap<ValueId, ValueId>, value: &ValueId| match places.get(value) {
        Some(place) => Ok(*place),
        None => unsupported("of a value of another part of the program"),
    };
    for node in nodes {
        if let (Op::Input(n), Some(made)) = (&node.op, node.outputs.first()) {
            places.insert(*made, *n);
            continue;
        }
        let inputs = node.inputs.iter().map(|v| place(&places, v)).collect::<Result<Vec<_>>>()?;
        let made = graph.add_many(node.op, inputs, node.outputs.len(), &node.name)?;
        places.extend(node.outputs.into_iter().zip(made));
    }
    graph.outputs = results.iter().map(|v| place(&places, v)).collect::<Result<_>>()?;
    Ok(Body { name: name.to_owned(), graph })
}
