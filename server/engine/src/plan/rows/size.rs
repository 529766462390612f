//! Extents, and the numbers that shapes are computed with, as far as they are known before any request: products of what is not known.

use smallvec::{SmallVec, smallvec};
use std::cell::Cell;

/// Something that is not known.
type Symbol = u32;
/// How many rows there are.
const ROWS: Symbol = 0;
/// Longer products are not followed.
const LONGEST: usize = 16;

/// Gives names to what is not known and does not depend on the number of rows.
#[derive(Debug, Default)]
pub struct Names(Cell<Symbol>);

impl Names {
    /// A number like no other.
    pub fn fresh(&self) -> Size {
        Size::Product(1, smallvec![self.next()])
    }

    /// A name like no other.
    pub fn group(&self) -> usize {
        self.next() as usize
    }

    fn next(&self) -> Symbol {
        self.0.set(self.0.get().saturating_add(1));
        self.0.get()
    }
}

/// An extent, or a number of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Size {
    /// A number times what is not known, in order.
    Product(i64, SmallVec<[Symbol; 4]>),
    /// Follows from the number of rows in another way.
    Other,
}

use Size::{Other, Product};

impl Size {
    /// The number of rows.
    pub fn rows() -> Self {
        Product(1, smallvec![ROWS])
    }

    pub fn number(n: i64) -> Self {
        Product(n, SmallVec::new())
    }

    /// An extent that is known.
    pub fn extent(n: usize) -> Self {
        i64::try_from(n).map_or(Other, Self::number)
    }

    /// The number, if it is known.
    pub fn known(&self) -> Option<i64> {
        match self {
            Product(n, symbols) if symbols.is_empty() => Some(*n),
            _ => None,
        }
    }

    pub fn is(&self, n: i64) -> bool {
        self.known() == Some(n)
    }

    /// Whether it is the same however many rows there are.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Product(_, symbols) if !symbols.contains(&ROWS))
    }

    /// What the number of rows is multiplied by. None: it is no such product.
    pub fn each(&self) -> Option<Self> {
        let each = self.over(&Self::rows())?;
        each.is_fixed().then_some(each)
    }

    /// For so many rows, where what is not known is `guess`.
    pub fn at(&self, rows: usize, guess: usize) -> usize {
        let Product(n, symbols) = self else { return rows.saturating_mul(guess) };
        let value = |s: &Symbol| if *s == ROWS { rows } else { guess };
        let known = usize::try_from(*n).unwrap_or(0);
        symbols.iter().map(value).fold(known, usize::saturating_mul)
    }

    pub fn times(&self, other: &Self) -> Self {
        let (Product(a, left), Product(b, right)) = (self, other) else { return Other };
        let Some(n) = a.checked_mul(*b).filter(|_| left.len() + right.len() <= LONGEST) else { return Other };
        if n == 0 {
            return Self::number(0);
        }
        let mut symbols: SmallVec<[Symbol; 4]> = left.iter().chain(right).copied().collect();
        symbols.sort_unstable();
        Product(n, symbols)
    }

    /// The quotient, if it is one whatever the numbers that are not known.
    pub fn over(&self, other: &Self) -> Option<Self> {
        let (Product(a, left), Product(b, right)) = (self, other) else { return None };
        let mut rest = left.clone();
        for symbol in right {
            let at = rest.iter().position(|s| s == symbol)?;
            rest.remove(at);
        }
        (a.checked_rem(*b)? == 0).then(|| a.checked_div(*b)).flatten().map(|n| Product(n, rest))
    }

    /// What follows from two numbers, if nothing is known of how.
    pub fn mixed(&self, other: &Self, names: &Names) -> Self {
        if self.is_fixed() && other.is_fixed() { names.fresh() } else { Other }
    }

    pub fn plus(&self, other: &Self, names: &Names) -> Self {
        match (self, other) {
            (Product(0, _), rest) | (rest, Product(0, _)) => rest.clone(),
            (Product(a, left), Product(b, right)) if left == right => match a.checked_add(*b) {
                Some(0) => Self::number(0),
                Some(n) => Product(n, left.clone()),
                None => Other,
            },
            _ => self.mixed(other, names),
        }
    }

    pub fn minus(&self, other: &Self, names: &Names) -> Self {
        self.plus(&other.times(&Self::number(-1)), names)
    }

    /// The extent that two extents broadcast to: a one gives way. Both are fixed.
    pub fn broadcast(&self, other: &Self, names: &Names) -> Self {
        match (self.known(), other.known()) {
            (Some(1), _) => other.clone(),
            (_, Some(1)) => self.clone(),
            _ if self == other => self.clone(),
            (Some(_), _) => self.clone(),
            (_, Some(_)) => other.clone(),
            _ => self.mixed(other, names),
        }
    }
}

/// All of them multiplied.
pub fn product(sizes: &[Size]) -> Size {
    sizes.iter().fold(Size::number(1), |all, size| all.times(size))
}

#[cfg(test)]
mod tests {
    use super::{Names, Size, product};

    #[test]
    fn products_are_taken_apart_again() {
        let names = Names::default();
        let (rows, steps, other) = (Size::rows(), names.fresh(), names.fresh());
        let all = product(&[rows.clone(), Size::number(6), steps.clone()]);
        assert_eq!(all.each(), Some(Size::number(6).times(&steps)));
        assert_eq!(all.over(&Size::number(3).times(&steps)), Some(Size::number(2).times(&rows)));
        for not in [Size::number(4), other.clone(), rows.times(&rows), Size::number(0), Size::Other] {
            assert_eq!(all.over(&not), None, "{not:?}");
        }
        assert_eq!(rows.times(&rows).each(), None);
        assert_eq!(steps.each(), None);
        assert_eq!(all.at(3, 5), 90);
    }

    #[test]
    fn what_is_added_to_the_rows_is_followed_no_more() {
        let names = Names::default();
        let (rows, steps) = (Size::rows(), names.fresh());
        assert_eq!(rows.plus(&rows, &names), Size::number(2).times(&rows));
        assert_eq!(rows.minus(&rows, &names), Size::number(0));
        assert_eq!(rows.plus(&Size::number(1), &names), Size::Other);
        assert_eq!(rows.plus(&Size::number(0), &names), rows);
        assert!(steps.plus(&Size::number(1), &names).is_fixed());
        assert_ne!(steps.plus(&Size::number(1), &names), steps.plus(&Size::number(1), &names));
        assert_eq!(Size::number(2).plus(&Size::number(3), &names), Size::number(5));
    }

    #[test]
    fn numbers_that_are_too_large_are_not_followed() {
        let large = Size::number(i64::MAX);
        assert_eq!(large.times(&Size::number(2)), Size::Other);
        assert_eq!(large.plus(&Size::number(1), &Names::default()), Size::Other);
        assert_eq!(Size::number(i64::MIN).over(&Size::number(-1)), None);
        let many = (0..40).fold(Size::number(1), |n, _| n.times(&Size::rows()));
        assert_eq!(many, Size::Other);
    }
}
