//! Models of Hugging Face's transformers: `config.json` says what they are, safetensors hold their weights, `tokenizer.json` makes
//! tokens of texts. There is no program in such a directory: the families that are read are built here, layer by layer.

mod config;
mod distances;
mod encoder;
mod families;
mod heads;
mod network;
mod programs;
mod sentence;
mod t5;
mod tokenizers;
mod vit;

use super::candidates;
use super::safetensors::{self, Tensors};
use super::{Access, Artifact, Program, Source};
use crate::{EngineError, Preferences};
use config::Config;
use encoder::Tokens;
use families::{FAMILIES, Family};
use heads::Task;
use network::Network;
use programs::{Given, Output};
use sentence::Sentence;
use std::path::{Path, PathBuf};

/// Name of the format.
const FORMAT: &str = "huggingface";
/// The signature that is meant where a request names none.
const DEFAULT: &str = "serving_default";
/// What older versions wrote their weights to.
const PICKLE: &str = "pytorch_model.bin";

/// What a model is built as.
enum Kind {
    Text(&'static Family, Task),
    /// T5's encoder.
    T5,
    /// A model of pictures.
    Vit(Task),
}

/// Whether a file is what tells a model of transformers: its settings, with weights or modules beside them.
pub fn is_model(file: &Path, all: &[PathBuf]) -> bool {
    let there = |name: &str| all.iter().any(|file| candidates::name(file) == name);
    let weights = || there(safetensors::FILE) || there(safetensors::INDEX) || there(PICKLE);
    match candidates::name(file).as_str() {
        config::FILE => !there(sentence::FILE) && weights(),
        sentence::FILE => true,
        safetensors::FILE | safetensors::INDEX => !there(config::FILE) && !there(sentence::FILE),
        _ => false,
    }
}

/// Reads a model's directory.
pub fn read(file: &Path, access: Access) -> Result<Artifact, EngineError> {
    let dir = file.parent().unwrap_or(Path::new("."));
    let sentence = Sentence::find(dir)?;
    let own = sentence.as_ref().map_or(dir, |s| &s.dir);
    let config = settings(own)?;
    let mut tensors = match &sentence {
        Some(sentence) => sentence.tensors(access)?,
        None => Tensors::open(own, access)?,
    };
    let programs = programs(own, &config, &mut tensors, sentence.as_ref())?;
    let (weights, stored) = tensors.finish();
    Ok(Artifact {
        parsed: 0,
        format: FORMAT,
        programs,
        weights,
        unsupported: Vec::new(),
        source: Source::Stored(stored),
        preferences: Preferences::default(),
    })
}

/// The settings, if what belongs to them is there.
fn settings(dir: &Path) -> Result<Config, EngineError> {
    let there = |name: &str| dir.join(name).symlink_metadata().is_ok_and(|m| m.is_file());
    if !there(config::FILE) {
        return Err(EngineError::UnknownFormat(
            "safetensors hold weights without a program; put the model's config.json (of Hugging Face's transformers) beside them, as \
             model.save_pretrained(path) does, or export the model with its graph"
                .to_owned(),
        ));
    }
    if !there(safetensors::FILE) && !there(safetensors::INDEX) {
        return Err(EngineError::UnknownFormat(format!(
            "{} is there, {} is not{}; save the model anew: model.save_pretrained(path, safe_serialization=True)",
            config::FILE,
            safetensors::FILE,
            if there(PICKLE) { format!(", and {PICKLE} is not read") } else { String::new() }
        )));
    }
    config::read(dir, config::FILE)
}

/// What the settings say that a model is.
fn kind(config: &Config) -> Result<Kind, EngineError> {
    let model_type = config.model_type.clone().unwrap_or_default();
    let class = config.architectures.as_ref().and_then(|all| all.first()).cloned();
    let unknown = |what: String| Err(EngineError::UnknownFormat(what));
    let task = |class: &Option<String>, names: &[&str]| {
        let Some(class) = class else { return Some(Task::Base) };
        names.iter().find_map(|name| match class.strip_prefix(name)? {
            "Model" | "EncoderModel" => Some(Task::Base),
            "ForSequenceClassification" | "ForImageClassification" => Some(Task::Sequence),
            "ForTokenClassification" => Some(Task::Token),
            "ForMaskedLM" => Some(Task::Masked),
            "ForQuestionAnswering" => Some(Task::Question),
            _ => None,
        })
    };
    let family = FAMILIES.into_iter().find(|family| family.types.contains(&model_type.as_str()));
    let found = match (family, model_type.as_str()) {
        (Some(family), _) => task(&class, family.class).map(|task| Kind::Text(family, task)),
        (None, "t5" | "mt5") => {
            let is_encoder = class.as_ref().is_some_and(|c| c.ends_with("EncoderModel"));
            is_encoder.then_some(Kind::T5)
        }
        (None, "vit") => {
            let task = task(&class, &["ViT"]).filter(|task| matches!(task, Task::Base | Task::Sequence));
            task.map(Kind::Vit)
        }
        (None, other) => {
            let known = FAMILIES.iter().flat_map(|f| f.types).copied().chain(["t5", "mt5", "vit"]);
            return unknown(format!(
                "config.json says model_type {other:?}; read are {}",
                known.collect::<Vec<&str>>().join(", ")
            ));
        }
    };
    match found {
        Some(found) => Ok(found),
        None => unknown(format!(
            "config.json says that it is a {}; of model_type {model_type:?} the encoder is read (…Model, of T5 …EncoderModel), and \
             …ForSequenceClassification, …ForTokenClassification, …ForMaskedLM and …ForQuestionAnswering, of ViT …ForImageClassification",
            class.unwrap_or_default()
        )),
    }
}

/// The ways to call a model.
fn programs(
    dir: &Path,
    config: &Config,
    tensors: &mut Tensors,
    sentence: Option<&Sentence>,
) -> Result<Vec<Program>, EngineError> {
    let kind = kind(config)?;
    config.check()?;
    if let Kind::Vit(task) = kind {
        return Ok(vec![vit::program(Network::new(tensors, config), DEFAULT, task)?]);
    }
    let (places, types) = match &kind {
        Kind::Text(family, _) => {
            let network = Network::new(tensors, config);
            (Some(encoder::most_places(&network, family)?), encoder::has_types(&network, family))
        }
        _ => (None, false),
    };
    let task = if let Kind::Text(_, task) = kind { task } else { Task::Base };
    let (most, lower) = sentence.map_or((None, false), |s| (s.most, s.lower));
    let tokens = Given::Tokens { types };
    let mut calls = vec![("tokens", tokens.clone())];
    match tokenizers::Source::find(dir)? {
        Some(source) => {
            let is_question = task == Task::Question;
            let tokenizer = source.read(config, places, most, is_question)?;
            let texts = |names| Given::Texts { names, tokenizer: tokenizer.clone(), lower, types };
            if is_question {
                calls.push((DEFAULT, texts(&["question", "context"])));
            } else {
                calls.push((DEFAULT, texts(&["text"])));
            }
            if task == Task::Sequence {
                calls.push(("pairs", texts(&["text", "text_pair"])));
            }
        }
        None => calls.push((DEFAULT, tokens)),
    }
    calls.sort_by_key(|(name, _)| *name);
    let program = |(name, given): (&str, Given)| {
        let mut network = Network::new(tensors, config);
        let (tokens, inputs) = programs::given(&mut network, &given)?;
        let outputs = answers(&mut network, &kind, sentence, tokens)?;
        Ok(programs::finish(network, name, inputs, outputs))
    };
    calls.into_iter().map(program).collect()
}

fn answers(
    network: &mut Network<'_>,
    kind: &Kind,
    sentence: Option<&Sentence>,
    tokens: Tokens,
) -> Result<Vec<Output>, EngineError> {
    let encode = |network: &mut Network<'_>| match kind {
        Kind::Text(family, _) => encoder::encode(network, family, tokens),
        _ => t5::encode(network, tokens),
    };
    match (sentence, kind) {
        (Some(sentence), _) => {
            let x = encode(network)?;
            sentence.answers(network, x, tokens)
        }
        (None, Kind::Text(family, task)) => heads::answers(network, family, *task, tokens),
        (None, _) => {
            let x = encode(network)?;
            let width = network.width(x)?;
            Ok(vec![Output::floats("last_hidden_state", x, &[None, Some(width)])])
        }
    }
}
