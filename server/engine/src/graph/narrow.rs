//! Types of elements that are narrower than what anything is computed in.

/// A narrow float or integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Narrow {
    /// 4 bits of exponent, 3 of mantissa; no infinity.
    F8E4M3FN,
    /// As above, with one zero, and NaN in the place of the other.
    F8E4M3FNUZ,
    /// 5 bits of exponent, 2 of mantissa.
    F8E5M2,
    /// As above, without infinity, with one zero, and NaN in the place of the other.
    F8E5M2FNUZ,
    /// A power of two.
    F8E8M0,
    /// 2 bits of exponent, 1 of mantissa; neither infinity nor NaN.
    F4E2M1,
    /// -8 to 7.
    I4,
    /// 0 to 15.
    U4,
    /// -2 to 1.
    I2,
    /// 0 to 3.
    U2,
}

impl Narrow {
    /// Whether it is a float.
    pub fn is_float(self) -> bool {
        !matches!(self, Self::I4 | Self::U4 | Self::I2 | Self::U2)
    }

    /// Bits of an element.
    pub fn bits(self) -> u32 {
        match self {
            Self::I4 | Self::U4 | Self::F4E2M1 => 4,
            Self::I2 | Self::U2 => 2,
            _ => 8,
        }
    }
}

/// How numbers become narrow ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Narrowing {
    /// What they become.
    pub to: Narrow,
    /// What is too large becomes the largest number; else infinity, or NaN where there is none.
    pub saturate: bool,
    /// How powers of two are chosen.
    pub rounding: PowerRounding,
}

/// Which power of two stands for a number between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PowerRounding {
    /// The larger one.
    #[default]
    Up,
    /// The smaller one.
    Down,
    /// The nearer one.
    Nearest,
}
