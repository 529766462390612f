//! The arithmetic that models do with shapes, number by number.

use super::fact::{Fact, Found, Reads, Why, axis};
use super::size::{Names, Size, product};
use super::slices;
use crate::DType;
use crate::graph::{Along, Binary, Compare, Op, Rare, Reduce, Unary};

/// Numbers with the extents of their shape.
type Numbered = Result<Fact, Why>;

/// What an operation makes of numbers that are all known. None: it makes no such numbers.
pub fn find(op: &Op, reads: &Reads<'_>) -> Option<Found> {
    match op {
        Op::Split(_) | Op::SplitSizes(_) | Op::Unpack(..) => return apart(op, reads),
        _ if reads.outputs != 1 => return None,
        _ => {}
    }
    let x = reads.at(0).ok()?;
    let found = match op {
        Op::Shape => shape(x),
        Op::Rank => Fact::numbers(vec![Size::extent(x.rank()?)], Vec::new()),
        Op::Size => x.dims().and_then(|dims| Fact::numbers(vec![product(dims)], Vec::new())),
        Op::Cast(DType::I32 | DType::I64) | Op::Reshape | Op::ExpandDims | Op::Squeeze(_) => {
            again(op, reads)?
        }
        Op::Unary(Unary::OnesLike) => like(x, 1)?,
        Op::Unary(Unary::ZerosLike) => like(x, 0)?,
        Op::Unary(Unary::Neg) => by_element(&[x], |n, _| n[0].times(&Size::number(-1)), reads.names)?,
        Op::Binary(f) => {
            by_element(&[x, reads.at(1).ok()?], |n, names| two(*f, n[0], n[1], names), reads.names)?
        }
        Op::Compare(f) => {
            by_element(&[x, reads.at(1).ok()?], |n, names| truth(*f, n[0], n[1], names), reads.names)?
        }
        Op::Select => by_element(reads.all, chosen, reads.names)?,
        Op::Reduce { kind, .. } => reduced(op, *kind, reads)?,
        Op::Concat => joined(reads.all.split_last()?.1, reads.names)?,
        Op::Pack(_) if reads.all.iter().all(|x| x.rank() == Some(0)) => joined(reads.all, reads.names)?,
        Op::Gather { batch_dims: 0 } => gathered(reads)?,
        Op::StridedSlice(_) | Op::Slice => slices::numbers(op, reads)?,
        Op::Fill => filled(x, reads.at(1).ok()?)?,
        Op::BroadcastTo => filled(reads.at(1).ok()?, x)?,
        Op::Rare(rare) => match &**rare {
            Rare::Along(Along::Squeeze | Along::Unsqueeze) | Rare::EnsureShape(_) => again(op, reads)?,
            Rare::Along(Along::Slice) => slices::numbers(op, reads)?,
            Rare::SelectRows => by_element(reads.all, chosen, reads.names)?,
            Rare::BroadcastArgs => spread(reads)?,
            _ => return None,
        },
        _ => return None,
    };
    Some(found.map(|fact| vec![fact]))
}

fn shape(x: &Fact) -> Numbered {
    let dims = x.dims()?;
    Fact::numbers(dims.to_vec(), vec![Size::extent(dims.len())])
}

/// The same numbers in another shape.
fn again(op: &Op, reads: &Reads<'_>) -> Option<Numbered> {
    let numbers = reads.at(0).ok()?.numbers.clone()?;
    // Narrower integers would be others.
    let fits = |n: &Size| n.known().is_none_or(|n| i32::try_from(n).is_ok());
    if matches!(op, Op::Cast(DType::I32)) && !numbers.iter().all(fits) {
        return None;
    }
    let shape = match op {
        Op::Cast(_) => reads.at(0).ok()?.shape.clone(),
        Op::Rare(rare) => match &**rare {
            Rare::EnsureShape(_) => reads.at(0).ok()?.shape.clone(),
            // A scalar or a row, as many numbers as there are.
            _ if numbers.len() == 1 => super::moves::axes_of(op, reads).ok(),
            _ => reads.at(0).ok()?.shape.clone(),
        },
        _ => reads.shapes(op).pop().flatten(),
    };
    Some(Fact::numbers(numbers, shape?))
}

fn like(x: &Fact, number: i64) -> Option<Numbered> {
    let count = x.numbers.as_ref()?.len();
    Some(Fact::numbers(vec![Size::number(number); count], x.shape.clone()?))
}

/// Of as many numbers, or of one number with each of several.
fn by_element(inputs: &[&Fact], f: impl Fn(&[&Size], &Names) -> Size, names: &Names) -> Option<Numbered> {
    let all = all_told(inputs, names)?;
    let count = all.iter().map(Vec::len).max()?;
    let is_row = |x: &&Fact| x.rank().is_some_and(|rank| rank <= 1);
    if all.iter().any(|n| n.len() != count && n.len() != 1) || !inputs.iter().all(is_row) {
        return None;
    }
    let (longest, _) = inputs.iter().zip(&all).max_by_key(|(x, n)| (n.len(), x.rank()))?;
    let at = |i: usize| all.iter().map(|n| if n.len() == 1 { &n[0] } else { &n[i] }).collect::<Vec<_>>();
    let made = (0..count).map(|i| f(&at(i), names)).collect();
    Some(Fact::numbers(made, longest.shape.clone()?))
}

fn two(f: Binary, a: &Size, b: &Size, names: &Names) -> Size {
    let known = a.known().zip(b.known()).filter(|(a, b)| *a >= 0 && *b > 0);
    match f {
        Binary::Add => a.plus(b, names),
        Binary::Sub => a.minus(b, names),
        Binary::Mul => a.times(b),
        Binary::Div | Binary::FloorDiv => match known {
            Some((a, b)) => Size::number(a / b),
            None => a.over(b).unwrap_or_else(|| a.mixed(b, names)),
        },
        Binary::FloorMod => match known {
            Some((a, b)) => Size::number(a % b),
            None if a.over(b).is_some() => Size::number(0),
            None => a.mixed(b, names),
        },
        Binary::Max if is_less(a, b) == Some(true) => b.clone(),
        Binary::Max if is_less(a, b).is_some() || is_less(b, a) == Some(true) => a.clone(),
        Binary::Min if is_less(b, a) == Some(true) => b.clone(),
        Binary::Min if is_less(b, a).is_some() || is_less(a, b) == Some(true) => a.clone(),
        _ => a.mixed(b, names),
    }
}

/// The least that a number can be, if that is known: there is a row at least.
fn least(n: &Size) -> Option<i64> {
    n.known().or_else(|| n.each()?.known().filter(|each| *each > 0))
}

fn is_less(a: &Size, b: &Size) -> Option<bool> {
    match (a.known(), b.known()) {
        (Some(a), Some(b)) => Some(a < b),
        _ if a == b => Some(false),
        (Some(a), None) => least(b).filter(|b| a < *b).map(|_| true),
        (None, Some(b)) => least(a).filter(|a| *a >= b).map(|_| false),
        (None, None) => None,
    }
}

fn truth(f: Compare, a: &Size, b: &Size, names: &Names) -> Size {
    let (less, greater) = (is_less(a, b), is_less(b, a));
    let equal = match (less, greater) {
        (Some(true), _) | (_, Some(true)) => Some(false),
        (Some(false), Some(false)) => Some(true),
        _ => None,
    };
    let found = match f {
        Compare::Equal => equal,
        Compare::NotEqual => equal.map(|e| !e),
        Compare::Less => less,
        Compare::LessEqual => greater.map(|g| !g),
        Compare::Greater => greater,
        Compare::GreaterEqual => less.map(|l| !l),
    };
    found.map_or_else(|| a.mixed(b, names), |found| Size::number(found.into()))
}

fn chosen(n: &[&Size], names: &Names) -> Size {
    let [condition, yes, no] = n else { return Size::Other };
    match condition.known() {
        Some(0) => (*no).clone(),
        Some(_) => (*yes).clone(),
        None if yes == no => (*yes).clone(),
        None if condition.is_fixed() => yes.mixed(no, names),
        None => Size::Other,
    }
}

fn reduced(op: &Op, kind: Reduce, reads: &Reads<'_>) -> Option<Numbered> {
    let x = reads.at(0).ok()?;
    let numbers = x.numbers.as_ref().filter(|_| x.rank() == Some(1))?;
    if reads.at(1).ok()?.integers().ok()?.len() != 1 {
        return None;
    }
    let all = |f: Binary| numbers.iter().cloned().reduce(|a, b| two(f, &a, &b, reads.names));
    let number = match kind {
        Reduce::Prod => product(numbers),
        Reduce::Sum => all(Binary::Add)?,
        Reduce::Max => all(Binary::Max)?,
        Reduce::Min => all(Binary::Min)?,
        _ => return None,
    };
    Some(Fact::numbers(vec![number], reads.shapes(op).pop().flatten()?))
}

/// The numbers of all values, if they are those of some at least: the others are integers then.
fn all_told(inputs: &[&Fact], names: &Names) -> Option<Vec<Vec<Size>>> {
    inputs.iter().find(|x| x.numbers.is_some())?;
    inputs.iter().map(|x| x.told(names)).collect()
}

/// Scalars and rows of numbers behind each other.
fn joined(inputs: &[&Fact], names: &Names) -> Option<Numbered> {
    if inputs.iter().any(|x| x.rank().is_none_or(|rank| rank > 1)) {
        return None;
    }
    let all = all_told(inputs, names)?.concat();
    let shape = vec![Size::extent(all.len())];
    Some(Fact::numbers(all, shape))
}

fn gathered(reads: &Reads<'_>) -> Option<Numbered> {
    let (x, indices) = (reads.at(0).ok()?, reads.at(1).ok()?);
    let numbers = x.numbers.as_ref().filter(|_| x.rank() == Some(1))?;
    let pick = |n: i64| usize::try_from(n).ok().and_then(|n| numbers.get(n)).cloned();
    let picked = indices.integers().ok()?.into_iter().map(pick).collect::<Option<Vec<_>>>()?;
    Some(Fact::numbers(picked, indices.shape.clone()?))
}

/// A shape of few elements that are all one number.
fn filled(shape: &Fact, value: &Fact) -> Option<Numbered> {
    let [number] = &value.numbers.as_deref()? else { return None };
    let shape = shape.integers().ok()?;
    let count = match shape[..] {
        [] => 1,
        [count] => usize::try_from(count).ok().filter(|n| *n <= 64)?,
        _ => return None,
    };
    let extents = shape.into_iter().map(Size::number).collect();
    Some(Fact::numbers(vec![number.clone(); count], extents))
}

/// The shape that shapes broadcast to.
fn spread(reads: &Reads<'_>) -> Option<Numbered> {
    let all = reads.all.iter().map(|x| x.numbers.as_deref()).collect::<Option<Vec<_>>>()?;
    let rank = all.iter().map(|n| n.len()).max()?;
    let extent = |from_end: usize| {
        let own = all.iter().filter_map(|n| n.iter().rev().nth(from_end - 1));
        own.fold(Size::number(1), |so_far, n| match (so_far.is_fixed(), n.is_fixed()) {
            (true, true) => so_far.broadcast(n, reads.names),
            _ if so_far.is(1) || so_far == *n => n.clone(),
            _ if n.is(1) => so_far,
            _ => Size::Other,
        })
    };
    let numbers = (1..=rank).rev().map(extent).collect();
    Some(Fact::numbers(numbers, vec![Size::extent(rank)]))
}

/// Single numbers, or pieces of a row of them.
fn apart(op: &Op, reads: &Reads<'_>) -> Option<Found> {
    let x = reads.at(0).ok()?;
    let numbers = x.numbers.as_ref().filter(|n| x.rank() == Some(1) && !n.is_empty() && reads.outputs > 0)?;
    let along = match op {
        Op::Unpack(along, _) => *along,
        Op::SplitSizes(_) => reads.at(2).ok()?.integer().ok()?,
        _ => reads.at(1).ok()?.integer().ok()?,
    };
    let sizes = match op {
        Op::SplitSizes(_) => {
            crate::kernels::split_sizes(numbers.len(), &reads.at(1).ok()?.integers().ok()?).ok()?
        }
        _ => vec![numbers.len() / reads.outputs; reads.outputs],
    };
    if axis(along, 1) != Ok(0) || sizes.len() != reads.outputs || sizes.iter().sum::<usize>() != numbers.len()
    {
        return None;
    }
    let mut rest = &numbers[..];
    let part = |size: usize| {
        let (part, after) = rest.split_at(size);
        rest = after;
        let shape = if matches!(op, Op::Unpack(..)) { Vec::new() } else { vec![Size::extent(size)] };
        Fact::numbers(part.to_vec(), shape)
    };
    Some(sizes.into_iter().map(part).collect())
}
