//! Vectors among which the nearest ones are looked for.
//!
//! [`Neighbours`] are made once and never change. Making them checks what a search relies on: every list lies within its items, every
//! code within its quantiser, and nothing is asked for an extent that is not there.

use crate::EngineError;
use std::fmt::Debug;

/// More elements than any index that fits a machine has.
const MOST: usize = 1 << 34;
/// A code is a byte.
pub const CODES: usize = 256;

/// What makes a vector near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The square of the distance is small.
    Squared,
    /// The inner product is large.
    Product,
}

impl Metric {
    /// What is given for a neighbour that is not there.
    pub fn nowhere(self) -> f32 {
        match self {
            Self::Squared => f32::MAX,
            Self::Product => -f32::MAX,
        }
    }
}

/// Vectors of one width, one after the other.
pub struct Vectors {
    width: usize,
    values: Vec<f32>,
    /// The square of each one's length.
    squares: Vec<f32>,
}

impl Vectors {
    /// Puts them together.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, EngineError> {
        if width == 0 || width > MOST || !values.len().is_multiple_of(width) {
            return Err(EngineError::broken(format!("{} numbers are no vectors of {width}", values.len())));
        }
        let square = |v: &[f32]| v.iter().map(|x| x * x).sum();
        let squares = values.chunks_exact(width).map(square).collect();
        Ok(Self { width, values, squares })
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// All numbers.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The square of each one's length.
    pub fn squares(&self) -> &[f32] {
        &self.squares
    }

    /// One of them.
    pub fn at(&self, n: usize) -> &[f32] {
        &self.values[n * self.width..][..self.width]
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.values[..]) + size_of_val(&self.squares[..])
    }
}

/// Vectors as codes: each part of a vector is the number of one of [`CODES`] or fewer centroids.
pub struct Codes {
    parts: usize,
    /// `[part][width / parts][code]`
    centroids: Vec<f32>,
    /// `[item][part]`
    codes: Vec<u8>,
    /// Codes are of what a vector is beside its list's centroid.
    of_residuals: bool,
    count: usize,
    width: usize,
}

impl Codes {
    /// Puts vectors of `width` numbers together, each of `parts` codes below `count`; centroids are `[part][code][width / parts]`.
    pub fn new(
        width: usize,
        [parts, count]: [usize; 2],
        centroids: &[f32],
        codes: Vec<u8>,
        of_residuals: bool,
    ) -> Result<Self, EngineError> {
        let whole =
            parts > 0 && width > 0 && width.is_multiple_of(parts) && codes.len().is_multiple_of(parts);
        if !whole || count > CODES || width.checked_mul(count) != Some(centroids.len()) {
            return Err(EngineError::broken(format!(
                "a quantiser of {parts} parts and {count} codes for vectors of {width}"
            )));
        }
        if codes.iter().any(|code| usize::from(*code) >= count) {
            return Err(EngineError::broken(format!("a code is not one of {count}")));
        }
        let size = width / parts;
        let part = |centroids: &'_ [f32]| -> Vec<f32> {
            (0..size).flat_map(|i| (0..count).map(move |code| centroids[code * size + i])).collect()
        };
        let centroids = centroids.chunks_exact((count * size).max(1)).flat_map(part).collect();
        Ok(Self { parts, centroids, codes, of_residuals, count, width })
    }

    /// Parts of a vector.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Codes of a part.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The centroids of a part: for each of its places the numbers of all codes.
    pub fn centroids(&self, part: usize) -> &[f32] {
        let size = self.centroids.len() / self.parts;
        &self.centroids[part * size..][..size]
    }

    /// All codes.
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// Whether codes are of what a vector is beside its list's centroid.
    pub fn of_residuals(&self) -> bool {
        self.of_residuals
    }
}

/// The items of lists.
pub enum Items {
    /// As they are.
    Vectors(Vectors),
    /// Made coarse.
    Codes(Codes),
}

impl Items {
    fn len(&self) -> usize {
        match self {
            Self::Vectors(vectors) => vectors.len(),
            Self::Codes(codes) => codes.codes.len() / codes.parts,
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Vectors(vectors) => vectors.width,
            Self::Codes(codes) => codes.width,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Vectors(vectors) => vectors.bytes(),
            Self::Codes(codes) => codes.codes.len() + size_of_val(&codes.centroids[..]),
        }
    }
}

/// Lists of items around centroids, of which those of the nearest centroids are searched.
pub struct Lists {
    centroids: Vectors,
    /// How near a centroid is.
    metric: Metric,
    probes: usize,
    /// Where each list begins, and where the last one ends.
    begins: Vec<usize>,
    items: Items,
}

impl Lists {
    /// Puts lists together, given their lengths in the order of the centroids and of the items.
    pub fn new(
        (centroids, metric): (Vectors, Metric),
        probes: usize,
        lengths: &[usize],
        items: Items,
    ) -> Result<Self, EngineError> {
        let mut begins = vec![0usize];
        for length in lengths {
            begins.push(begins[begins.len() - 1].saturating_add(*length));
        }
        let whole = begins.last() == Some(&items.len()) && lengths.len() == centroids.len();
        if !whole || centroids.width != items.width() || lengths.is_empty() {
            return Err(EngineError::broken(format!(
                "{} lists of {} items around {} centroids",
                lengths.len(),
                items.len(),
                centroids.len()
            )));
        }
        Ok(Self { centroids, metric, probes: probes.clamp(1, lengths.len()), begins, items })
    }

    /// What lists are around, and how near that is.
    pub fn centroids(&self) -> (&Vectors, Metric) {
        (&self.centroids, self.metric)
    }

    /// Lists that are searched.
    pub fn probes(&self) -> usize {
        self.probes
    }

    /// The items of a list.
    pub fn list(&self, n: usize) -> std::ops::Range<usize> {
        self.begins[n]..self.begins[n + 1]
    }

    /// All items.
    pub fn items(&self) -> &Items {
        &self.items
    }
}

/// What is searched.
pub enum Search {
    /// All vectors.
    All(Vectors),
    /// Some lists.
    Lists(Lists),
}

/// An index.
pub struct Neighbours {
    metric: Metric,
    search: Search,
    /// What items are called; none: by their number.
    names: Option<Vec<i64>>,
}

impl Neighbours {
    /// Puts an index together.
    pub fn new(metric: Metric, search: Search, names: Option<Vec<i64>>) -> Result<Self, EngineError> {
        let index = Self { metric, search, names: None };
        if names.as_ref().is_some_and(|names| names.len() != index.len()) || index.len() > u32::MAX as usize {
            return Err(EngineError::broken(format!(
                "{} vectors have {} names",
                index.len(),
                names.map_or(0, |names| names.len())
            )));
        }
        Ok(Self { names, ..index })
    }

    /// Other names: `names` of what was called by its number.
    pub fn renamed(self, names: &[i64]) -> Result<Self, EngineError> {
        let name = |n: usize| {
            let of = self.names.as_ref().map_or(n as i64, |own| own[n]);
            let found = usize::try_from(of).ok().and_then(|of| names.get(of)).copied();
            found.ok_or_else(|| EngineError::broken(format!("vector {of} has no name")))
        };
        let names = (0..self.len()).map(name).collect::<Result<_, _>>()?;
        Self::new(self.metric, self.search, Some(names))
    }

    /// The vectors, if all of them are searched and have no names.
    pub fn into_vectors(self) -> Option<Vectors> {
        match (self.search, self.names) {
            (Search::All(vectors), None) => Some(vectors),
            _ => None,
        }
    }

    /// What makes a vector near.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// What is searched.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// What an item is called.
    pub fn name(&self, item: u32) -> i64 {
        self.names.as_ref().map_or(i64::from(item), |names| names[item as usize])
    }

    /// The least name that is larger than all, as far as names are numbers.
    pub fn end(&self) -> i64 {
        let largest = self.names.as_ref().map(|names| names.iter().copied().max().unwrap_or(-1));
        largest.map_or(self.len() as i64, |largest| largest.saturating_add(1))
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        match &self.search {
            Search::All(vectors) => vectors.len(),
            Search::Lists(lists) => lists.items.len(),
        }
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        match &self.search {
            Search::All(vectors) => vectors.width,
            Search::Lists(lists) => lists.centroids.width,
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let names = self.names.as_ref().map_or(0, |names| size_of_val(&names[..]));
        names
            + match &self.search {
                Search::All(vectors) => vectors.bytes(),
                Search::Lists(lists) => {
                    lists.items.bytes() + lists.centroids.bytes() + size_of_val(&lists.begins[..])
                }
            }
    }
}

/// An index is like none but itself: it is shared, and too large to be compared.
impl PartialEq for Neighbours {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Debug for Neighbours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Neighbours among {} vectors of {}", self.len(), self.width())
    }
}
