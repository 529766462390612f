//! Lists to which every turn of a loop appends, where the request decides how many turns there are.

use super::super::build::kind;
use super::super::value::{Handle, Result, Val, unsupported};
use super::decided::place;
use super::interpret::Interpreter;
use super::tree::{Expr, Statement};
use crate::DType;
use crate::graph::{Listing, Op, ValueId};
use std::rc::Rc;

/// The names of the lists that a block appends to.
pub fn appended(body: &[Statement]) -> Vec<Rc<str>> {
    let mut names: Vec<Rc<str>> = Vec::new();
    for statement in body {
        let (Statement::Expr(value) | Statement::Assign(_, value)) = statement else { continue };
        let values = match value {
            Expr::List(all) | Expr::Tuple(all) => &all[..],
            value => std::slice::from_ref(value),
        };
        for value in values {
            if let Expr::Call(of, arguments, _) = value
                && let (Expr::Attribute(_, operation), Some(Expr::Name(name))) = (&**of, arguments.first())
                && matches!(&**operation, "append" | "add_" | "extend")
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
    }
    names
}

impl Interpreter<'_> {
    /// A list of the program as one of the graph.
    pub fn begun(&mut self, items: &Val) -> Result<ValueId> {
        let shape = self.builder.int(-1)?;
        let list = self.builder.op(Op::List(Listing::Empty), &[shape], DType::F32)?;
        Ok(self.grown(items, list)?.0)
    }

    /// A list of which a turn knows nothing but what it appends.
    pub fn placeholder(&mut self, before: ValueId) -> Val {
        let list = Val::list(Vec::new());
        self.growing.extend(place(&list).map(|at| (at, before)));
        // It has to stay where it is.
        self.placeholders.push(list.clone());
        list
    }

    /// Whether something is asked of a list that is not known.
    pub fn is_growing(&self, value: &Val) -> bool {
        place(value).is_some_and(|place| self.growing.contains_key(&place))
    }

    /// How many items such a list has.
    pub fn length_of_growing(&mut self, list: &Val) -> Result<Val> {
        let Some(before) = place(list).and_then(|at| self.growing.get(&at)).copied() else {
            return unsupported("of no list");
        };
        let length = self.builder.op(Op::List(Listing::Length), &[before], DType::I64)?;
        self.builder.shaped(length, Vec::new());
        let more = Val::Int(list.items().map_or(0, |items| items.len() as i64));
        super::super::aten::combined(&mut self.builder, "add", &Val::Symbol(length), &more)
    }

    /// A list of the graph with the items of one of the program behind it; the last of these.
    pub fn grown(&mut self, items: &Val, list: ValueId) -> Result<(ValueId, Option<ValueId>)> {
        let (mut list, mut last) = (list, None);
        for item in items.items().unwrap_or_default() {
            let Val::Tensor(handle) = item else {
                return unsupported("a list of what are no tensors, whose length depends on the request");
            };
            let value = self.builder.value(handle)?;
            list = self.builder.op(Op::List(Listing::Push), &[list, value], DType::F32)?;
            last = Some(value);
        }
        Ok((list, last))
    }

    /// The items of a list of the graph as slices of one tensor.
    pub fn slices(&mut self, list: ValueId, dtype: DType, item: Option<Vec<Option<usize>>>) -> Result<Val> {
        let op = Op::List(Listing::Along { kind: kind(dtype), axis: 0, stacked: true });
        let value = self.builder.op(op, &[list], dtype)?;
        if let Some(item) = item {
            self.builder.shaped(value, [vec![None], item].concat());
        }
        Ok(Val::Slices(self.builder.tensor(value)))
    }

    /// What is done with such a list.
    pub fn on_slices(&mut self, name: &str, places: &[Val]) -> Result<Val> {
        let Some(Val::Slices(handle)) = places.first() else { return unsupported("of no list") };
        let all = Val::Tensor(*handle);
        let dim = places.get(1).cloned().unwrap_or(Val::Int(0));
        match name {
            "len" => self.operation("size", vec![all, Val::Int(0)], Vec::new()),
            "__getitem__" => self.operation("select", vec![all, Val::Int(0), dim], Vec::new()),
            "stack" => self.operation("movedim", vec![all, Val::Int(0), dim], Vec::new()),
            "cat" | "concat" => {
                let rank = self.builder.rank(self.builder.value(*handle)?)? as i64;
                let at = self.builder.known(&dim).map(|n| if n < 0 { n + rank - 1 } else { n });
                let Some(at) = at else { return unsupported("along an axis that is not known") };
                let moved = self.operation("movedim", vec![all, Val::Int(0), Val::Int(at)], Vec::new())?;
                self.operation("flatten", vec![moved, Val::Int(at), Val::Int(at + 1)], Vec::new())
            }
            "reverse" => {
                let turned = self.operation("flip", vec![all, Val::list(vec![Val::Int(0)])], Vec::new())?;
                self.become_other(*handle, &turned, &places[0])
            }
            "append" => {
                let Some(item) = places.get(1) else { return unsupported("of nothing") };
                let row = self.operation("unsqueeze", vec![item.clone(), Val::Int(0)], Vec::new())?;
                let more = self.operation("cat", vec![Val::list(vec![all, row])], Vec::new())?;
                self.become_other(*handle, &more, &places[0])
            }
            "list" | "copy" => {
                let own = self.operation("clone", vec![all], Vec::new())?;
                if let Val::Tensor(own) = own { Ok(Val::Slices(own)) } else { unsupported("of no list") }
            }
            _ => unsupported(format!("{name} of a list whose length depends on the request")),
        }
    }

    /// A list that is changed where it is.
    fn become_other(&mut self, list: Handle, other: &Val, own: &Val) -> Result<Val> {
        if let Val::Tensor(other) = other {
            let value = self.builder.value(*other)?;
            self.builder.write(list, value)?;
        }
        Ok(own.clone())
    }
}
