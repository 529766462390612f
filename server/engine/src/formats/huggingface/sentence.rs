//! Directories of sentence-transformers: `modules.json` names what stands behind the encoder, and makes one vector of a text.

use super::config::{self, activation};
use super::encoder::Tokens;
use super::network::Network;
use super::programs::Output;
use crate::formats::Access;
use crate::formats::safetensors::{self, Tensors};
use crate::graph::{Activation, Binary, Compare, Op, Reduce, Unary, ValueId};
use crate::{DType, EngineError};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What names the modules.
pub const FILE: &str = "modules.json";
/// Modules of a model.
const MOST: usize = 16;
/// The least that lengths are divided by, as torch has it.
const LEAST: f32 = 1e-12;
/// The least number of tokens that sums are divided by.
const LEAST_COUNT: f32 = 1e-9;

#[derive(Debug, Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    r#type: String,
}

/// `1_Pooling/config.json`: one or several of them, whose vectors come behind each other.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Pooling {
    pooling_mode_cls_token: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
    /// As newer versions say it: one of them by its name, or several.
    pooling_mode: Option<Modes>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Modes {
    One(String),
    Many(Vec<String>),
}

/// `2_Dense/config.json`
#[derive(Debug, Default, Deserialize)]
struct Dense {
    activation_function: Option<String>,
}

/// What follows the encoder.
#[derive(Debug)]
enum Step {
    Pool(Vec<String>),
    /// The prefix of its weights.
    Dense(String, Activation),
    Normalise,
}

/// `sentence_bert_config.json`
#[derive(Debug, Default, Deserialize)]
struct Settings {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// What makes vectors of texts.
#[derive(Debug)]
pub struct Sentence {
    /// Where the encoder is.
    pub dir: PathBuf,
    /// At how many tokens a text is cut.
    pub most: Option<usize>,
    pub lower: bool,
    steps: Vec<Step>,
    /// Files of weights, and the prefix of their names.
    files: Vec<(PathBuf, String)>,
}

impl Sentence {
    /// Reads what a directory says; None: it is none of sentence-transformers.
    pub fn find(dir: &Path) -> Result<Option<Self>, EngineError> {
        if !dir.join(FILE).symlink_metadata().is_ok_and(|m| m.is_file()) {
            return Ok(None);
        }
        let modules: Vec<Module> = config::read(dir, FILE)?;
        let broken = |what: String| EngineError::broken(format!("{FILE}: {what}"));
        let Some((first, rest)) = modules.split_first().filter(|(_, rest)| rest.len() < MOST) else {
            return Err(broken(format!("it has {} modules", modules.len())));
        };
        if kind(first) != "Transformer" {
            return Err(broken(format!("the first module is {:?}; \"Transformer\" is read", first.r#type)));
        }
        let dir_of = |module: &Module| {
            inside(dir, &module.path)
                .ok_or_else(|| broken(format!("{:?} is not a directory beside it", module.path)))
        };
        let encoder = dir_of(first)?;
        let settings: Settings = config::read_if_there(&encoder, "sentence_bert_config.json")?;
        let (most, lower) = (settings.max_seq_length, settings.do_lower_case);
        let mut sentence = Self { dir: encoder, most, lower, steps: Vec::new(), files: Vec::new() };
        for module in rest {
            let step = sentence.step(module, &dir_of(module)?)?;
            sentence.steps.push(step);
        }
        if !matches!(sentence.steps.first(), Some(Step::Pool(_))) {
            return Err(broken("a \"Pooling\" has to follow the \"Transformer\"".to_owned()));
        }
        Ok(Some(sentence))
    }

    fn step(&mut self, module: &Module, dir: &Path) -> Result<Step, EngineError> {
        Ok(match kind(module) {
            "Pooling" => Step::Pool(config::read::<Pooling>(dir, config::FILE)?.modes()?),
            "Dense" => {
                let told: Dense = config::read(dir, config::FILE)?;
                let function = told.activation_function.unwrap_or_default();
                let function = match function.rsplit('.').next().unwrap_or_default() {
                    "" | "Identity" => Activation::None,
                    "GELU" => Activation::Gelu,
                    other => activation(&other.to_lowercase())?,
                };
                let prefix = format!("{}/", module.path);
                self.files.push((dir.join(safetensors::FILE), prefix.clone()));
                Step::Dense(prefix, function)
            }
            "Normalize" => Step::Normalise,
            other => {
                let read = "Transformer, Pooling, Dense and Normalize are read";
                return Err(EngineError::broken(format!(
                    "{FILE}: the module {other:?} is not known; {read}"
                )));
            }
        })
    }

    /// The weights of the encoder and of what follows it.
    pub fn tensors(&self, access: Access) -> Result<Tensors, EngineError> {
        let mut tensors = Tensors::open(&self.dir, access)?;
        for (file, prefix) in &self.files {
            tensors.add(file, prefix)?;
        }
        Ok(tensors)
    }

    /// The vector of each text.
    pub fn answers(
        &self,
        network: &mut Network<'_>,
        x: ValueId,
        tokens: Tokens,
    ) -> Result<Vec<Output>, EngineError> {
        let mut vector = x;
        for (n, step) in self.steps.iter().enumerate() {
            vector = match step {
                Step::Pool(modes) if n == 0 => pool(network, modes, x, tokens)?,
                Step::Pool(_) => {
                    return Err(EngineError::broken(format!("{FILE}: vectors are pooled twice")));
                }
                Step::Dense(prefix, function) => {
                    let dense = network.linear(vector, &format!("{prefix}linear"))?;
                    if *function == Activation::None { dense } else { network.activate(*function, dense)? }
                }
                Step::Normalise => normalised(network, vector)?,
            };
        }
        let width = network.width(vector)?;
        Ok(vec![Output::floats("sentence_embedding", vector, &[Some(width)])])
    }
}

/// The last part of a module's name.
fn kind(module: &Module) -> &str {
    module.r#type.rsplit('.').next().unwrap_or_default()
}

/// A directory of the archive.
fn inside(dir: &Path, path: &str) -> Option<PathBuf> {
    match path {
        "" => Some(dir.to_owned()),
        _ if Path::new(path).file_name() == Some(path.as_ref()) => Some(dir.join(path)),
        _ => None,
    }
}

impl Pooling {
    fn modes(self) -> Result<Vec<String>, EngineError> {
        let flags = [
            (self.pooling_mode_cls_token, "cls"),
            (self.pooling_mode_max_tokens, "max"),
            (self.pooling_mode_mean_tokens, "mean"),
            (self.pooling_mode_mean_sqrt_len_tokens, "mean_sqrt_len_tokens"),
            (self.pooling_mode_weightedmean_tokens, "weightedmean"),
            (self.pooling_mode_lasttoken, "lasttoken"),
        ];
        let named = match self.pooling_mode {
            Some(Modes::One(one)) => vec![one],
            Some(Modes::Many(many)) => many,
            None => flags.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned()).collect(),
        };
        if named.is_empty() || named.len() > MOST {
            return Err(EngineError::broken("the Pooling of modules.json says no way of pooling"));
        }
        Ok(named)
    }
}

/// One vector of all places that are tokens: [n, width].
fn pool(
    network: &mut Network<'_>,
    modes: &[String],
    x: ValueId,
    tokens: Tokens,
) -> Result<ValueId, EngineError> {
    let width = network.width(x)?;
    let mut parts = Vec::new();
    for mode in modes {
        parts.push(pooled(network, mode, x, tokens)?);
    }
    if let [only] = parts[..] {
        return Ok(only);
    }
    let (count, axis) = (parts.len(), network.b.int(-1)?);
    parts.push(axis);
    let joined = network.b.add(Op::Concat, &parts)?;
    network.b.tell(joined, vec![None, width.checked_mul(count)]);
    Ok(joined)
}

fn pooled(network: &mut Network<'_>, mode: &str, x: ValueId, tokens: Tokens) -> Result<ValueId, EngineError> {
    let b = &mut network.b;
    let reduce = |kind, keep| Op::Reduce { kind, keep };
    let (over, last) = (b.int(1)?, b.int(-1)?);
    let over = b.reshape(over, &[1])?;
    let mask = b.add(Op::Cast(DType::F32), &[tokens.mask])?;
    let wide = b.add(Op::ExpandDims, &[mask, last])?;
    match mode {
        "cls" => network.place(x, 0),
        "max" => {
            let (zero, least) = (b.int(0)?, b.float(-1e9)?);
            let there = b.add(Op::Compare(Compare::NotEqual), &[tokens.mask, zero])?;
            let there = b.add(Op::ExpandDims, &[there, last])?;
            let kept = b.add(Op::Select, &[there, x, least])?;
            b.add(reduce(Reduce::Max, false), &[kept, over])
        }
        "mean" | "mean_sqrt_len_tokens" => {
            let kept = b.binary(Binary::Mul, x, wide)?;
            let sum = b.add(reduce(Reduce::Sum, false), &[kept, over])?;
            let (count, least) = (b.add(reduce(Reduce::Sum, true), &[mask, over])?, b.float(LEAST_COUNT)?);
            let count = b.binary(Binary::Max, count, least)?;
            let by = if mode == "mean" { count } else { b.add(Op::Unary(Unary::Sqrt), &[count])? };
            b.binary(Binary::Div, sum, by)
        }
        other => {
            let read = "cls, max, mean and mean_sqrt_len_tokens are read";
            Err(EngineError::broken(format!("the Pooling of modules.json pools by {other:?}; {read}")))
        }
    }
}

/// Vectors of length 1.
fn normalised(network: &mut Network<'_>, x: ValueId) -> Result<ValueId, EngineError> {
    let b = &mut network.b;
    let (over, least) = (b.ints(&[-1])?, b.float(LEAST)?);
    let squares = b.add(Op::Unary(Unary::Square), &[x])?;
    let sum = b.add(Op::Reduce { kind: Reduce::Sum, keep: true }, &[squares, over])?;
    let length = b.add(Op::Unary(Unary::Sqrt), &[sum])?;
    let length = b.binary(Binary::Max, length, least)?;
    b.binary(Binary::Div, x, length)
}
