//! What is known of a value: what it depends on, its shape and, of short integers, its numbers.

use super::size::{Names, Size};
use crate::graph::Op;
use crate::plan::rules;
use crate::value::{Kind, Value};

/// Values of more numbers are not followed number by number.
const MOST_NUMBERS: usize = 64;

/// What a value depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// On nothing that differs between requests that are run together.
    Same,
    /// On how many rows there are, and on nothing else of them: its numbers are known.
    Count,
    /// Along this axis each row of the inputs has its own part, all of one size, in order; a part depends on its row alone.
    Rows(usize),
    /// Along the first axis each row of the inputs has some part, of any size, in order; a part depends on its row alone. Values with
    /// one number have parts of the same sizes.
    Parts(usize),
    /// As above, and each item is the number of its row.
    Owners(usize),
    /// As above: items are pairs, of the number of the row and of something that depends on the row.
    Places(usize),
    /// Numbers of items of parts with the first name, in order; those of each row depend on the row alone. Items picked by them are
    /// parts with the second name.
    Picked(usize, usize),
    /// Along the first axis all rows lie behind each other so many times.
    Blocks(usize),
    /// On several rows together.
    Together,
}

/// The parts of which each row has one.
pub const ONE: usize = 0;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub of: Of,
    /// None: not even the rank is known.
    pub shape: Option<Vec<Size>>,
    /// Row by row; truths are 0 and 1.
    pub numbers: Option<Vec<Size>>,
}

/// Why rows are not independent of each other.
pub type Why = String;
/// What a rule finds of the results.
pub type Found = Result<Vec<Fact>, Why>;

impl Fact {
    /// All of a constant.
    pub fn constant(value: &Value) -> Self {
        let number = |n: i64| Size::number(n);
        let numbers = match value.kind() {
            _ if value.elem_count() > MOST_NUMBERS => None,
            Kind::I64 => value.slice::<i64>().ok().map(|all| all.iter().map(|n| number(*n)).collect()),
            Kind::Bool => {
                value.slice::<u8>().ok().map(|all| all.iter().map(|n| number((*n).into())).collect())
            }
            _ => None,
        };
        let shape = value.dims().iter().map(|d| Size::extent(*d)).collect();
        Self { of: Of::Same, shape: Some(shape), numbers }
    }

    pub fn same(shape: Option<Vec<Size>>) -> Self {
        Self { of: Of::Same, shape, numbers: None }
    }

    /// Rows along an axis, if the shape has as many there and nowhere else.
    pub fn rows(shape: Vec<Size>, axis: usize) -> Result<Self, Why> {
        let fits = shape.get(axis).is_some_and(|n| n.each().is_some())
            && shape.iter().enumerate().all(|(n, size)| n == axis || size.is_fixed());
        if !fits {
            return Err("its shape depends on how many rows there are".to_owned());
        }
        Ok(Self { of: Of::Rows(axis), shape: Some(shape), numbers: None })
    }

    /// What several rows make together.
    pub fn together() -> Self {
        Self { of: Of::Together, shape: None, numbers: None }
    }

    /// Parts along the first axis.
    pub fn parts(of: Of, rest: Vec<Size>) -> Self {
        Self { of, shape: Some([vec![Size::Other], rest].concat()), numbers: None }
    }

    /// Numbers of a shape or of less.
    pub fn numbers(numbers: Vec<Size>, shape: Vec<Size>) -> Result<Self, Why> {
        if numbers.contains(&Size::Other) || numbers.len() > MOST_NUMBERS {
            return Err(COUNTED.to_owned());
        }
        let of = if numbers.iter().all(Size::is_fixed) { Of::Same } else { Of::Count };
        Ok(Self { of, shape: Some(shape), numbers: Some(numbers) })
    }

    /// The same, but for what it depends on.
    pub fn into(self, of: Of) -> Self {
        Self { of, numbers: None, ..self }
    }

    pub fn is_same(&self) -> bool {
        self.of == Of::Same
    }

    /// The axis of the rows.
    pub fn axis(&self) -> Option<usize> {
        match self.of {
            Of::Rows(axis) => Some(axis),
            _ => None,
        }
    }

    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// The shape of a value whose rank is known.
    pub fn dims(&self) -> Result<&[Size], Why> {
        self.shape.as_deref().ok_or_else(|| "nothing is known of a shape".to_owned())
    }

    /// The numbers of a value of integers; those that are the same for all requests, but not known, are like no others.
    pub fn told(&self, names: &Names) -> Option<Vec<Size>> {
        if self.numbers.is_some() || !self.is_same() {
            return self.numbers.clone();
        }
        let count = super::size::product(self.shape.as_ref()?).known()?;
        let count = usize::try_from(count).ok().filter(|n| *n <= MOST_NUMBERS)?;
        Some((0..count).map(|_| names.fresh()).collect())
    }

    /// The integers of a value that is known.
    pub fn integers(&self) -> Result<Vec<i64>, Why> {
        let known = self.numbers.as_ref().and_then(|numbers| numbers.iter().map(Size::known).collect());
        known.ok_or_else(|| "which axes or places it is about depends on values".to_owned())
    }

    pub fn integer(&self) -> Result<i64, Why> {
        match self.integers()?[..] {
            [n] => Ok(n),
            _ => Err("it lacks a number".to_owned()),
        }
    }

    /// What the rules of shapes know it by: what depends on the number of rows is not known.
    fn known(&self) -> rules::Known {
        let extent = |size: &Size| size.known().and_then(|n| usize::try_from(n).ok());
        rules::Known {
            shape: self.shape.as_ref().map(|shape| shape.iter().map(extent).collect()),
            numbers: self.numbers.as_ref().map(|numbers| numbers.iter().map(Size::known).collect()),
        }
    }
}

/// Something is computed with the number of rows.
pub const COUNTED: &str = "it computes with how many rows there are";

/// What a rule looks at.
pub struct Reads<'a> {
    pub all: &'a [&'a Fact],
    /// Number of results.
    pub outputs: usize,
    pub names: &'a Names,
}

impl<'a> Reads<'a> {
    pub fn at(&self, n: usize) -> Result<&'a Fact, Why> {
        self.all.get(n).copied().ok_or_else(|| "it lacks an input".to_owned())
    }

    /// An input's axis of rows.
    pub fn axis(&self, n: usize) -> Result<usize, Why> {
        self.at(n)?.axis().ok_or_else(|| "rows are where none are expected".to_owned())
    }

    /// The inputs from one on must be the same for all requests.
    pub fn same_from(&self, first: usize) -> Result<(), Why> {
        let same = self.all.iter().skip(first).all(|x| x.is_same());
        if same { Ok(()) } else { Err("its parameters depend on the rows".to_owned()) }
    }

    /// One result.
    pub fn one(&self, fact: Fact) -> Found {
        if self.outputs == 1 { Ok(vec![fact]) } else { Err("it has several results".to_owned()) }
    }

    /// The shapes of the results by the rules of shapes; what these leave open depends on no rows but where the caller knows better.
    pub fn shapes(&self, op: &Op) -> Vec<Option<Vec<Size>>> {
        let reads: Vec<rules::Known> = self.all.iter().map(|x| x.known()).collect();
        let found = rules::results(op, &reads.iter().collect::<Vec<_>>(), self.outputs);
        let size = |d: Option<usize>| d.map_or_else(|| self.names.fresh(), Size::extent);
        let shape = |known: rules::Known| known.shape.map(|shape| shape.into_iter().map(size).collect());
        match found {
            Ok(all) => all.into_iter().map(shape).collect(),
            Err(_) => vec![None; self.outputs],
        }
    }

    /// Results by the rules of shapes, with so many rows along the axes.
    pub fn shaped(&self, op: &Op, rows: &Size, axis: usize) -> Found {
        let place = |shape: Option<Vec<Size>>| {
            let mut shape = shape.ok_or("nothing is known of the result's shape")?;
            *shape.get_mut(axis).ok_or("the rows' axis is gone")? = rows.clone();
            Fact::rows(shape, axis)
        };
        self.shapes(op).into_iter().map(place).collect()
    }

    /// The extent along the rows of an input.
    pub fn extent(&self, n: usize) -> Result<&'a Size, Why> {
        let axis = self.axis(n)?;
        self.at(n)?.dims()?.get(axis).ok_or_else(|| "rows are along no axis".to_owned())
    }

    /// A name for the sizes of rows' parts.
    pub fn group(&self) -> usize {
        self.names.group()
    }

    /// Extents of which nothing is known.
    pub fn fresh(&self, rank: usize) -> Vec<Size> {
        (0..rank).map(|_| self.names.fresh()).collect()
    }
}

/// An axis, counted from the end if it is negative.
pub fn axis(at: i64, rank: usize) -> Result<usize, Why> {
    crate::kernels::axis(at, rank).map_err(|e| e.to_string())
}
