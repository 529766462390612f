//! `tokenizer.json`, and what the files beside it say of how long texts may be and how they are filled up.

use super::config::{self, Config};
use crate::EngineError;
use crate::formats::savedmodel::layout;
use crate::graph::{Lengths, Stated, Tokenizer};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// The file's name.
const FILE: &str = "tokenizer.json";
/// The largest vocabularies have half a million words.
const LARGEST: u64 = 64 << 20;
/// Places of a text where nothing says how many a model takes: attention needs the square of them.
const MOST: usize = 8192;
/// The same for models that take any number, where nothing says at how many a text is cut.
const USUAL: usize = 512;

/// `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    /// 1e30 stands for none.
    model_max_length: Option<f64>,
    truncation_side: Option<String>,
    padding_side: Option<String>,
    pad_token: Option<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

/// What a directory says of texts.
pub struct Source<'d> {
    dir: &'d Path,
    settings: Settings,
}

impl<'d> Source<'d> {
    /// None: there is no tokenizer.
    pub fn find(dir: &'d Path) -> Result<Option<Self>, EngineError> {
        if !dir.join(FILE).symlink_metadata().is_ok_and(|m| m.is_file()) {
            return Ok(None);
        }
        Ok(Some(Self { dir, settings: config::read_if_there(dir, "tokenizer_config.json")? }))
    }

    /// The tokenizer; `places`: as many as the model takes, `most`: what a text is cut at, if that is told elsewhere.
    pub fn read(
        &self,
        config: &Config,
        places: Option<usize>,
        most: Option<usize>,
        cut_second: bool,
    ) -> Result<Arc<Tokenizer>, EngineError> {
        let bytes = layout::read_file(self.dir, FILE, LARGEST)?;
        let lengths = |stated: &Stated| {
            let told = self.settings.model_max_length.filter(|n| (1.0..1e9).contains(n)).map(|n| n as usize);
            let told = most.or(told).or(stated.most);
            let limit = places.unwrap_or(if told.is_some() { MOST } else { USUAL });
            let is_left = |side: &Option<String>| side.as_ref().map(|side| side == "left");
            let token = self.settings.pad_token.as_ref().and_then(|token| {
                let (Token::Text(content) | Token::Added { content }) = token;
                stated.special.get(content)
            });
            Lengths {
                most: told.unwrap_or(limit).min(limit).min(MOST),
                cut_left: is_left(&self.settings.truncation_side).or(stated.cut_left).unwrap_or(false),
                cut_second,
                pad: token.or(stated.pad).or(config.pad_token_id).unwrap_or(0),
                pad_type: stated.pad_type.unwrap_or(0),
                pad_left: is_left(&self.settings.padding_side).or(stated.pad_left).unwrap_or(false),
            }
        };
        Tokenizer::new(&bytes, lengths).map(Arc::new)
    }
}
