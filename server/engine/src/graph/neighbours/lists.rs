//! Vectors in lists around centroids, as they are or as codes.

use super::{Metric, Vectors};
use crate::EngineError;

/// A code is a byte.
pub const CODES: usize = 256;

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
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Vectors(vectors) => vectors.len(),
            Self::Codes(codes) => codes.codes.len() / codes.parts,
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Vectors(vectors) => vectors.width(),
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
    /// Of codes of residuals, by how much the square of an item's distance from the origin is larger than its centroid's.
    farther: Option<Vec<f32>>,
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
        if !whole || centroids.width() != items.width() || lengths.is_empty() {
            return Err(EngineError::broken(format!(
                "{} lists of {} items around {} centroids",
                lengths.len(),
                items.len(),
                centroids.len()
            )));
        }
        let farther = match &items {
            Items::Codes(codes) if codes.of_residuals => Some(farther(&centroids, &begins, codes)),
            _ => None,
        };
        Ok(Self { centroids, metric, probes: probes.clamp(1, lengths.len()), begins, items, farther })
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

    /// Of codes of residuals, by how much the square of each item's distance from the origin is larger than its centroid's.
    pub fn farther(&self) -> Option<&[f32]> {
        self.farther.as_deref()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let farther = self.farther.as_ref().map_or(0, |farther| size_of_val(&farther[..]));
        self.items.bytes() + self.centroids.bytes() + size_of_val(&self.begins[..]) + farther
    }

    /// All items.
    pub fn items(&self) -> &Items {
        &self.items
    }
}

/// A table for each list: what each code adds, a square of what it stands for and twice the product with the centroid.
fn farther(centroids: &Vectors, begins: &[usize], codes: &Codes) -> Vec<f32> {
    let (count, size) = (codes.count, codes.width / codes.parts);
    let mut farther = Vec::with_capacity(codes.codes.len() / codes.parts);
    let mut table = vec![0.0; codes.parts * count];
    for (list, ends) in begins.windows(2).enumerate().filter(|(_, ends)| ends[0] < ends[1]) {
        table.fill(0.0);
        let parts = table.chunks_exact_mut(count).zip(centroids.at(list).chunks_exact(size));
        for (part, (table, centroid)) in parts.enumerate() {
            for (c, residuals) in centroid.iter().zip(codes.centroids(part).chunks_exact(count)) {
                table.iter_mut().zip(residuals).for_each(|(to, r)| *to += r * (r + 2.0 * c));
            }
        }
        let rows = codes.codes[ends[0] * codes.parts..ends[1] * codes.parts].chunks_exact(codes.parts);
        farther.extend(rows.map(|row| {
            let parts = row.iter().zip(table.chunks_exact(count));
            parts.map(|(code, table)| table[usize::from(*code)]).sum::<f32>()
        }));
    }
    farther
}
