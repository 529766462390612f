//! Texts as numbers of tokens: what a `tokenizer.json` of Hugging Face says, by the library that wrote it.
//!
//! The file is the model owner's: the library panics at some files that contradict themselves, when it reads them or when it meets a
//! text, so both are done where a panic ends as an error.

use crate::EngineError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::PostProcessor;
use tokenizers::{EncodeInput, TruncationDirection, TruncationParams, TruncationStrategy};

/// Bytes of a text: far more than any number of tokens that a model takes.
const LONGEST_TEXT: usize = 1 << 20;
/// Characters of what is one word to a tokenizer: finding its pieces takes the square of them.
const LONGEST_WORD: usize = 1000;

/// How long texts may be, and how they become equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Tokens of a text, those that the tokenizer adds included: what is over is cut off.
    pub most: usize,
    /// It is cut off at the beginning.
    pub cut_left: bool,
    /// Of two texts only the second is cut.
    pub cut_second: bool,
    /// What stands in the places behind a text.
    pub pad: i64,
    /// The type of those places.
    pub pad_type: i64,
    /// These places are before the text.
    pub pad_left: bool,
}

/// A tokenizer.
pub struct Tokenizer {
    library: tokenizers::Tokenizer,
    lengths: Lengths,
    bytes: usize,
}

/// A text's tokens and their types.
#[derive(Debug, Default)]
pub struct Tokens {
    pub ids: Vec<i64>,
    pub types: Vec<i64>,
}

impl Tokenizer {
    /// Reads a file's contents. How a text is cut and filled up is told by `lengths`, not by the file.
    pub fn new(json: &[u8], lengths: impl FnOnce(&Stated) -> Lengths) -> Result<Self, EngineError> {
        let broken = |what: &str| EngineError::broken(format!("tokenizer.json: {what}"));
        let mut library = guarded(|| tokenizers::Tokenizer::from_bytes(json)).map_err(|e| broken(&e))?;
        let lengths = lengths(&Stated::of(&library));
        // Two texts may have more around them than one.
        let added = |pair| library.get_post_processor().map_or(0, |p| p.added_tokens(pair));
        let around = guarded(|| Ok(added(false).max(added(true)))).map_err(|e| broken(&e))?;
        if lengths.most <= around {
            let most = lengths.most;
            return Err(broken(&format!("it adds {around} tokens to a text, which may have {most}")));
        }
        let direction = if lengths.cut_left { TruncationDirection::Left } else { TruncationDirection::Right };
        let strategy = if lengths.cut_second {
            TruncationStrategy::OnlySecond
        } else {
            TruncationStrategy::LongestFirst
        };
        let truncation = TruncationParams { direction, max_length: lengths.most, strategy, stride: 0 };
        guarded(|| library.with_truncation(Some(truncation)).map(|_| ())).map_err(|e| broken(&e))?;
        library.with_padding(None);
        let bytes = json.len().saturating_mul(bytes_for_each(library.get_model()).map_err(|e| broken(&e))?);
        Ok(Self { library, lengths, bytes })
    }

    /// Bytes in memory, as far as they are known.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How texts become equally long.
    pub fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// The tokens of a text, or of two that belong together.
    pub fn encode(&self, text: &str, second: Option<&str>) -> Result<Tokens, EngineError> {
        for text in [Some(text), second].into_iter().flatten() {
            if text.len() > LONGEST_TEXT {
                let length = text.len();
                return Err(EngineError::input(format!(
                    "a text has {length} bytes; at most {LONGEST_TEXT} are taken"
                )));
            }
        }
        let input: EncodeInput<'_> = match second {
            Some(second) => (text, second).into(),
            None => text.into(),
        };
        let made = guarded(|| self.library.encode_fast(input, true));
        let made = made.map_err(|e| EngineError::Execution(format!("the tokenizer: {e}")))?;
        let numbers = |all: &[u32]| all.iter().map(|n| i64::from(*n)).collect();
        Ok(Tokens { ids: numbers(made.get_ids()), types: numbers(made.get_type_ids()) })
    }
}

/// What a tokenizer's file says of lengths itself.
#[derive(Debug, Clone, Default)]
pub struct Stated {
    pub most: Option<usize>,
    pub cut_left: Option<bool>,
    pub pad: Option<i64>,
    pub pad_type: Option<i64>,
    pub pad_left: Option<bool>,
    /// The tokens that are no words.
    pub special: Vocabulary,
}

/// Which number a token has.
#[derive(Clone, Default)]
pub struct Vocabulary(std::collections::HashMap<String, i64>);

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} special tokens", self.0.len())
    }
}

impl Vocabulary {
    /// The number of a special token.
    pub fn get(&self, token: &str) -> Option<i64> {
        self.0.get(token).copied()
    }
}

impl Stated {
    fn of(library: &tokenizers::Tokenizer) -> Self {
        let (cut, pad) = (library.get_truncation(), library.get_padding());
        let special = library.get_added_tokens_decoder();
        Self {
            most: cut.map(|cut| cut.max_length),
            cut_left: cut.map(|cut| matches!(cut.direction, TruncationDirection::Left)),
            pad: pad.map(|pad| i64::from(pad.pad_id)),
            pad_type: pad.map(|pad| i64::from(pad.pad_type_id)),
            pad_left: pad.map(|pad| matches!(pad.direction, tokenizers::PaddingDirection::Left)),
            special: Vocabulary(special.into_iter().map(|(n, t)| (t.content, i64::from(n))).collect()),
        }
    }
}

/// Bytes in memory for each of the file's, measured: words are kept in two maps, pieces in a tree of maps.
fn bytes_for_each(model: &ModelWrapper) -> Result<usize, String> {
    match model {
        ModelWrapper::WordPiece(words) if words.max_input_chars_per_word > LONGEST_WORD => Err(format!(
            "max_input_chars_per_word is {}; at most {LONGEST_WORD} are taken",
            words.max_input_chars_per_word
        )),
        ModelWrapper::WordPiece(_) | ModelWrapper::WordLevel(_) => Ok(20),
        ModelWrapper::Unigram(_) => Ok(48),
        ModelWrapper::BPE(_) => Ok(8),
    }
}

/// Runs the library; its errors and its panics as text.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => {
            Err(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it contradicts itself".to_owned()))
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("lengths", &self.lengths).finish_non_exhaustive()
    }
}

impl PartialEq for Tokenizer {
    /// One is itself: comparing vocabularies would take longer than having two.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}
