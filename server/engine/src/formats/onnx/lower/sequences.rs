//! Sequences, which are lists of the graph, and optional values. Whether an optional value is there is known when a model is read, unless
//! one branch makes it and another does not.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Compare as C, Listing, Literal, Op, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    pub(super) fn sequences(&mut self) -> Outcome {
        match self.op() {
            "SequenceEmpty" => {
                let elem = self.int("dtype").map_or(Some(Elem::F32), Elem::of);
                let elem = elem.ok_or_else(|| Stop::Refused("a type that is not supported".to_owned()))?;
                let made = self.empty_list()?;
                Ok(Some(vec![Val::Sequence(made, elem)]))
            }
            "SequenceConstruct" => {
                let (all, elem) = (self.all()?, self.elem()?);
                let mut made = self.empty_list()?;
                for x in all {
                    made = self.add(Op::List(Listing::Push), &[made, x])?;
                }
                Ok(Some(vec![Val::Sequence(made, elem)]))
            }
            "SequenceLength" => {
                let (list, _) = self.sequence(0)?;
                let made = self.add(Op::List(Listing::Length), &[list])?;
                Self::give(made, Elem::I64)
            }
            "SequenceAt" => {
                let (list, elem) = self.sequence(0)?;
                let at = self.position(list, 1)?;
                let made = self.item(list, at, elem)?;
                Self::give(made, elem)
            }
            "SequenceInsert" => self.insert(),
            "SequenceErase" => self.erase(),
            "SplitToSequence" => self.split_to_sequence(),
            "ConcatFromSequence" => {
                let (list, elem) = self.sequence(0)?;
                let axis = self.int("axis").ok_or_else(|| Self::broken("it has no axis"))?;
                let joining = Listing::Along { kind: elem.kind(), axis, stacked: self.flag("new_axis") };
                let made = self.add(Op::List(joining), &[list])?;
                Self::give(made, elem)
            }
            "Optional" => Ok(Some(vec![self.val(0)])),
            "OptionalHasElement" => {
                if let Some(Val::Optional(list, ..)) = self.inputs.first().copied() {
                    let (length, zero) =
                        (self.add(Op::List(Listing::Length), &[list])?, self.build().int(0)?);
                    let made = self.add(Op::Compare(C::Greater), &[length, zero])?;
                    return Self::give(made, Elem::BOOL);
                }
                let there = !matches!(self.inputs.first(), None | Some(Val::Absent));
                let made = self.build().literal(Literal::Bool(vec![u8::from(there)], Vec::new()))?;
                Self::give(made, Elem::BOOL)
            }
            "OptionalGetElement" => match self.inputs.first().copied() {
                None | Some(Val::Absent) => Self::refuse("the element of an optional value that has none"),
                Some(val) => Ok(Some(vec![self.element(val)?])),
            },
            "SequenceMap" => self.map(),
            _ => Ok(None),
        }
    }

    /// What is in an optional value; a run fails where nothing is.
    pub(super) fn element(&mut self, val: Val) -> Result<Val, Stop> {
        let Val::Optional(list, elem, sequence) = val else { return Ok(val) };
        let [at, shape] = [self.build().int(0)?, self.build().int(-1)?];
        let kind = if sequence { Kind::List } else { elem.kind() };
        let made = self.add(Op::List(Listing::Get(kind)), &[list, at, shape])?;
        Ok(if sequence { Val::Sequence(made, elem) } else { Val::Tensor(made, elem) })
    }

    pub(super) fn sequence(&self, n: usize) -> Result<(ValueId, Elem), Stop> {
        match self.inputs.get(n) {
            Some(Val::Sequence(list, elem)) => Ok((*list, *elem)),
            _ => Err(Self::broken(format!("input {n} is missing, or no sequence"))),
        }
    }

    /// An empty list, of whose items nothing is known.
    pub(super) fn empty_list(&mut self) -> Result<ValueId, Stop> {
        let shape = self.build().int(-1)?;
        self.add(Op::List(Listing::Empty), &[shape])
    }

    /// An item by its place from the beginning.
    pub(super) fn item(&mut self, list: ValueId, at: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let shape = self.build().int(-1)?;
        self.add(Op::List(Listing::Get(elem.kind())), &[list, at, shape])
    }

    /// The place that an input names, counted from the beginning.
    fn position(&mut self, list: ValueId, n: usize) -> Result<ValueId, Stop> {
        let (at, of) = self.tensor(n)?;
        let at = self.scalar(at, of)?;
        if self.build().numbers(at).is_some_and(|n| n.iter().all(|n| *n >= 0)) {
            return Ok(at);
        }
        let (length, zero) = (self.add(Op::List(Listing::Length), &[list])?, self.build().int(0)?);
        let behind = self.add(Op::Binary(B::Add), &[at, length])?;
        let negative = self.add(Op::Compare(C::Less), &[at, zero])?;
        self.add(Op::Select, &[negative, behind, at])
    }

    /// At the end unless it is said where.
    fn insert(&mut self) -> Outcome {
        let ((list, _), (x, elem)) = (self.sequence(0)?, self.tensor(1)?);
        let made = if self.optional(2).is_some() {
            let at = self.position(list, 2)?;
            self.add(Op::List(Listing::Insert), &[list, at, x])?
        } else {
            self.add(Op::List(Listing::Push), &[list, x])?
        };
        Ok(Some(vec![Val::Sequence(made, elem)]))
    }

    /// The last item unless it is said which.
    fn erase(&mut self) -> Outcome {
        let (list, elem) = self.sequence(0)?;
        let at = if self.optional(1).is_some() {
            self.position(list, 1)?
        } else {
            let (length, one) = (self.add(Op::List(Listing::Length), &[list])?, self.build().int(1)?);
            self.add(Op::Binary(B::Sub), &[length, one])?
        };
        let made = self.add(Op::List(Listing::Erase), &[list, at])?;
        Ok(Some(vec![Val::Sequence(made, elem)]))
    }

    /// Parts of the lengths that are given, or of one length with the last as short as it comes; else single slices.
    fn split_to_sequence(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let axis = self.int("axis").unwrap_or(0);
        let keep = self.int("keepdims").is_none_or(|n| n != 0);
        let mut inputs = vec![x];
        inputs.extend(self.optional(1).map(|(lengths, _)| lengths));
        let made = self.add(Op::List(Listing::Cut { axis, keep }), &inputs)?;
        Ok(Some(vec![Val::Sequence(made, elem)]))
    }
}
