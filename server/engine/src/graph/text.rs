//! Operations on byte strings.

mod pattern;
mod table;

pub use pattern::Pattern;
pub use table::{Keys, Table, float_key};

use std::sync::Arc;

/// An operation on byte strings.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    /// x; letters of ASCII only unless `utf8`.
    Lower { utf8: bool },
    /// x
    Upper { utf8: bool },
    /// x, without the white space around it
    Strip,
    /// x → characters or bytes
    Length { utf8: bool },
    /// x; `rewrite` may name groups of the pattern
    Replace { pattern: Pattern, rewrite: Vec<u8>, all: bool },
    /// x → booleans
    FullMatch(Pattern),
    /// x [n], separator → indices, values, shape
    Split { most: Option<usize> },
    /// xs…, broadcast
    Join(Vec<u8>),
    /// x, position, length
    Substr { utf8: bool },
    /// x [n] → indices, values, shape of the matches, or of what is `between` them, of so many characters at least
    Tokens { pattern: Pattern, between: bool, least: usize },
    /// numbers → x
    FromNumbers(Written),
    /// x → numbers
    ToNumbers { kind: crate::value::Kind },
    /// x → bucket
    Bucket(u64),
    /// x → bucket, by a key
    BucketStrong { count: u64, key: [u64; 2] },
    /// x → bucket, by the first hash there was
    BucketFirst(u64),
    /// x [n], bytes that are all separators → indices, values, shape
    SplitAny { skip_empty: bool },
    /// x, pattern, rewrite
    ReplaceBy { all: bool },
    /// x, pattern → booleans
    FullMatchBy,
    /// words, splits → runs of words, splits
    Grams(Grams),
    /// x, axes
    ReduceJoin { separator: Vec<u8>, keep: bool },
    /// x, ids, count
    SegmentJoin(Vec<u8>),
    /// x [n] → splits, characters, and the byte that each begins at
    Characters { from: Encoding, faults: Faults },
    /// characters, splits → x [n]
    FromCharacters { to: Encoding, faults: Faults },
    /// x
    Transcode { from: Encoding, to: Encoding, faults: Faults },
    /// x
    EncodeBase64 { pad: bool },
    /// x
    DecodeBase64,
    /// x, length? → numbers
    DecodeRaw { dtype: crate::DType, big: bool },
    /// a serialized `TensorProto` of a type → what it is of
    Tensor(crate::DType),
    /// numbers or texts of a type → a serialized tensor
    Serialized(crate::DType),
    /// characters → the numbers of their scripts
    Scripts,
    /// x, packed
    Unpacked(Packing),
    /// lines, a default of each column → columns
    Csv(Csv),
    /// values… → one text
    Template(Template),
    /// x [n], second texts [n]? → tokens, whether there is one, their types: [n, longest]. Whoever reads them takes care that an answer
    /// for a text does not depend on how many places are empty behind it.
    Tokenize(Arc<super::Tokenizer>),
}

impl Text {
    /// Where the table is that the operation brings along, and its bytes.
    pub fn table(&self) -> Option<(usize, usize)> {
        match self {
            Self::Tokenize(tokenizer) => Some((Arc::as_ptr(tokenizer).addr(), tokenizer.bytes())),
            _ => None,
        }
    }

    /// Whether it makes of each element of its first input one.
    pub fn is_by_element(&self) -> bool {
        matches!(
            self,
            Self::Lower { .. }
                | Self::Upper { .. }
                | Self::Strip
                | Self::Length { .. }
                | Self::Replace { .. }
                | Self::FullMatch(_)
                | Self::FromNumbers(_)
                | Self::ToNumbers { .. }
        )
    }
}

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Zlib,
    Gzip,
}

/// How lines of values are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    /// What is between two fields.
    pub delimiter: u8,
    /// Fields may lie between quotes.
    pub quotes: bool,
    /// What stands for nothing, beside an empty field.
    pub missing: Vec<u8>,
    /// The columns that are wanted; none: all.
    pub columns: Vec<usize>,
    /// What the wanted ones are.
    pub types: Vec<crate::DType>,
}

/// A text with places for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// What is before, between and behind the places.
    pub parts: Vec<Vec<u8>>,
    /// So many of the first and of the last along each axis are written; None: all.
    pub ends: Option<usize>,
}

/// Unicode's encodings; those of more than a byte with the highest byte first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

/// What becomes of bytes that are no characters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// They are an error.
    pub strict: bool,
    /// What stands for them; None: nothing.
    pub replacement: Option<u32>,
    /// Control characters are treated as they are.
    pub control: bool,
}

/// How runs of words are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Grams {
    pub separator: Vec<u8>,
    /// Words in a run.
    pub widths: Vec<usize>,
    /// What stands before the first word.
    pub left: Vec<u8>,
    /// What stands behind the last word.
    pub right: Vec<u8>,
    /// How often they stand there; None: as often as there is room for in a run.
    pub pad: Option<usize>,
    /// A row that is too short for a run is one itself.
    pub short: bool,
}

impl Grams {
    /// How much stands before and behind the words for runs of a width.
    pub fn padding(&self, width: usize) -> usize {
        let most = width.saturating_sub(1);
        self.pad.map_or(most, |pad| pad.min(most))
    }
}

/// How a float is written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Notation {
    #[default]
    Fixed,
    Scientific,
    Shortest,
    /// As `Shortest`; what is no number is written `NaN` and `INF`.
    Capital,
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Written {
    pub notation: Notation,
    /// Digits behind the point.
    pub precision: Option<usize>,
    /// Characters at least.
    pub width: usize,
    /// A flag of C's format; 0: none.
    pub fill: u8,
}
