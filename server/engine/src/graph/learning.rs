//! Operations that estimators are made of beside plain arithmetic: categories, distances, counts of words.

use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// How far rows are from each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distance {
    SquaredEuclidean,
    Manhattan,
    Chebyshev,
    /// With its power.
    Minkowski(f64),
    Cosine,
}

/// What a column's values are known as.
#[derive(Debug, Clone)]
pub struct Categories {
    /// The column, for errors.
    pub column: String,
    /// The number of each text.
    pub texts: HashMap<Vec<u8>, i64>,
    /// The number of each float, by its bits; NaN is one.
    pub floats: HashMap<u64, i64>,
    /// Values that are not known are an error; else their number is -1.
    pub strict: bool,
}

impl Categories {
    /// What a float is known by: zeros of either sign are one, and so is all that is no number.
    pub fn bits(x: f64) -> u64 {
        if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
    }

    fn bytes(&self) -> usize {
        let texts: usize = self.texts.keys().map(|text| text.len() + size_of::<(Vec<u8>, i64)>()).sum();
        texts + self.floats.len() * size_of::<(u64, i64)>()
    }
}

/// What of a document is counted.
#[derive(Debug, Clone)]
pub enum Analyser {
    /// Runs of at least two letters, digits and underscores.
    Words,
    /// What a pattern matches, or its only group.
    Pattern(Regex),
    /// Runs of characters.
    Characters,
    /// Runs of characters within words, with a space before and behind each.
    CharactersInWords,
}

/// Which column counts what.
#[derive(Debug, Clone)]
pub enum Vocabulary {
    Known(HashMap<Box<str>, u32>),
    /// By hash; alternately signed or not.
    Hashed {
        columns: u32,
        signed: bool,
    },
}

/// From documents to counts.
#[derive(Debug, Clone)]
pub struct Vectoriser {
    pub analyser: Analyser,
    pub lowercase: bool,
    /// Accents go; true: and all that is not ASCII.
    pub strip_accents: Option<bool>,
    pub stop_words: HashSet<Box<str>>,
    /// The shortest and the longest run.
    pub runs: [usize; 2],
    pub vocabulary: Vocabulary,
    pub columns: usize,
    /// Counts are 0 or 1.
    pub binary: bool,
}

impl Vectoriser {
    fn bytes(&self) -> usize {
        let size = |word: &str| word.len() + size_of::<(Box<str>, u32)>();
        let known = match &self.vocabulary {
            Vocabulary::Known(words) => words.keys().map(|word| size(word)).sum(),
            Vocabulary::Hashed { .. } => 0,
        };
        known + self.stop_words.iter().map(|word| size(word)).sum::<usize>()
    }
}

/// When a search for the least squares ends: all rows together decide, as they do where they are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Descent {
    /// The share of the first round's slopes that is near enough.
    pub tolerance: f64,
    /// Rounds, at most.
    pub rounds: usize,
}

/// What a search for the least divergence makes less, and when it ends: all rows together decide, here too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divergence {
    /// Its kind: 2 is that of squares, 1 Kullback's and Leibler's, 0 Itakura's and Saito's.
    pub beta: f64,
    /// The share of the first divergence that ten rounds have to save.
    pub tolerance: f64,
    /// Rounds, at most.
    pub rounds: usize,
    /// What shares cost by their size.
    pub absolute: f64,
    /// What shares cost by their square.
    pub square: f64,
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Clone)]
pub enum Learning {
    /// x → the number of each value
    Categories(Arc<Categories>),
    /// documents [n] → indices, counts, shape
    Count(Arc<Vectoriser>),
    /// x [n, width], y [m, width] → [n, m]
    Distances(Distance),
    /// for each pair of classes the chance of the first [n, pairs] → of each class [n, classes]
    Coupling,
    /// x [n, width], places [k, width], values there [k, width] → straight lines between them
    Interpolate,
    /// x, least, most → x, or an error; bounds are one number, or one for each column
    Between(Arc<str>),
    /// products of rows with parts [n, k], products of the parts with each other [k, k] → how much of each part is in a row [n, k]
    Shares(Descent),
    /// rows [n, width], parts [k, width] → how much of each part is in a row [n, k]
    ScaledShares(Divergence),
    /// x [n, features], the number of each tree's leaf [n, trees] → sums [n, outputs]
    LinearLeaves(Arc<super::LinearLeaves>),
}

impl Learning {
    /// A table's place and bytes in memory.
    pub fn table(&self) -> Option<(usize, usize)> {
        match self {
            Self::Categories(table) => Some((Arc::as_ptr(table).addr(), table.bytes())),
            Self::Count(table) => Some((Arc::as_ptr(table).addr(), table.bytes())),
            Self::LinearLeaves(table) => Some((Arc::as_ptr(table).addr(), table.bytes())),
            _ => None,
        }
    }
}

impl fmt::Debug for Learning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Categories(known) => write!(f, "Categories of {}", known.column),
            Self::Count(vectoriser) => write!(f, "Count into {} columns", vectoriser.columns),
            Self::Distances(metric) => write!(f, "Distances {metric:?}"),
            Self::Coupling => f.write_str("Coupling"),
            Self::Interpolate => f.write_str("Interpolate"),
            Self::Between(what) => write!(f, "Between, for {what}"),
            Self::Shares(descent) => write!(f, "Shares in {} rounds", descent.rounds),
            Self::ScaledShares(how) => write!(f, "ScaledShares in {} rounds", how.rounds),
            Self::LinearLeaves(leaves) => write!(f, "LinearLeaves for {} outputs", leaves.outputs()),
        }
    }
}

/// Tables are like none but themselves.
impl PartialEq for Learning {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Categories(a), Self::Categories(b)) => Arc::ptr_eq(a, b),
            (Self::LinearLeaves(a), Self::LinearLeaves(b)) => Arc::ptr_eq(a, b),
            (Self::Count(a), Self::Count(b)) => Arc::ptr_eq(a, b),
            (Self::Distances(a), Self::Distances(b)) => a == b,
            (Self::Between(a), Self::Between(b)) => a == b,
            (Self::Shares(a), Self::Shares(b)) => a == b,
            (Self::ScaledShares(a), Self::ScaledShares(b)) => a == b,
            (Self::Coupling, Self::Coupling) | (Self::Interpolate, Self::Interpolate) => true,
            _ => false,
        }
    }
}
