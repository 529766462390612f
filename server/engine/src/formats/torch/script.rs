//! TorchScript archives: a program in text, and its modules' attributes as a pickle. The program is followed from `forward` on with
//! everything that is known without an input; what is left are operations on tensors.

mod assign;
mod builtins;
mod calls;
mod decided;
mod growing;
mod inputs;
mod interpret;
mod lexer;
mod loops;
mod objects;
mod parser;
mod prim;
mod signature;
mod source;
mod tree;

use super::failure;
use super::value::{Stop, Val};
use super::weights::{Weights, check_order};
use crate::formats::overrides::Input;
use crate::formats::zip::Zip;
use crate::formats::{Access, Artifact, Program};
use crate::{DType, EngineError, UnsupportedOp};
use interpret::Interpreter;
use objects::Data;
use source::Text;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// How often a program is followed, with more known of its inputs each time.
const MOST_ATTEMPTS: usize = 64;
/// Tensors that a program gives, and lists of them.
const MOST_OUTPUTS: usize = 4096;
/// What is tried where nothing tells how many axes an input has.
const RANKS: [usize; 4] = [2, 4, 3, 1];

/// What is known, or taken for known, of an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumed {
    pub shape: Option<Vec<Option<usize>>>,
    pub dtype: DType,
}

/// Where the members of a program are; none: it is no such archive.
pub fn prefix(zip: &Zip) -> Option<String> {
    let prefix = zip.members().iter().find_map(|m| m.name.strip_suffix("data.pkl"))?;
    let code = format!("{prefix}code/");
    zip.members().iter().any(|m| m.name.starts_with(&code)).then(|| prefix.to_owned())
}

/// Reads an archive without its weights' values.
pub fn read(
    zip: Zip,
    prefix: &str,
    inputs: &BTreeMap<String, Input>,
    access: Access,
) -> Result<Artifact, EngineError> {
    check_order(&zip, prefix)?;
    let text = Text::new(&zip, prefix);
    let data = Data::read(&zip, prefix)?;
    let traced = signature::traced(&zip, prefix)?;
    let told = signature::told(inputs)?;
    let mut reader = Reader {
        text,
        data,
        traced,
        known: Known { told, keys: Vec::new() },
        weights: Weights::new(zip, access),
        attempts: 0,
        unsupported: Vec::new(),
    };
    let first = reader.first().map_err(failure)?;
    let program = reader.follow(first);
    let Reader { weights, unsupported, .. } = reader;
    let programs = match program {
        Ok(program) => vec![program],
        Err(_) if !unsupported.is_empty() => Vec::new(),
        Err(stop) => return Err(failure(stop)),
    };
    let unsupported = if programs.is_empty() { unsupported } else { Vec::new() };
    Ok(weights.artifact(programs, unsupported))
}

/// What is known of a program's inputs that its text does not say.
pub struct Known {
    /// What is said of them beside it, by name.
    pub told: HashMap<String, Assumed>,
    /// Parameters that are dictionaries, and keys that the program asks them for.
    pub keys: Vec<(Rc<str>, Rc<str>)>,
}

/// An archive on its way.
struct Reader {
    text: Text,
    data: Data,
    /// What a traced program was traced with.
    traced: Vec<Assumed>,
    known: Known,
    weights: Weights,
    attempts: usize,
    unsupported: Vec<UnsupportedOp>,
}

impl Reader {
    /// What is assumed of the inputs at first.
    fn first(&mut self) -> super::value::Result<Vec<Assumed>> {
        let names = signature::names(&self.text, &self.data, &self.known)?;
        let assumed = names.iter().enumerate().map(|(n, (name, number))| {
            match (number, self.known.told.get(&**name), self.traced.get(n)) {
                (Some(dtype), _, _) => Assumed { shape: Some(Vec::new()), dtype: *dtype },
                (None, Some(told), _) => told.clone(),
                (None, None, Some(traced)) => {
                    Assumed { shape: traced.shape.as_ref().map(|s| vec![None; s.len()]), dtype: traced.dtype }
                }
                (None, None, None) => Assumed { shape: None, dtype: DType::F32 },
            }
        });
        Ok(assumed.collect())
    }

    /// What is assumed with one more key that a dictionary is asked for.
    fn with_key(
        &mut self,
        assumed: Vec<Assumed>,
        of: Rc<str>,
        key: Rc<str>,
    ) -> super::value::Result<Vec<Assumed>> {
        let before = signature::names(&self.text, &self.data, &self.known)?;
        self.known.keys.push((of, key));
        let names = signature::names(&self.text, &self.data, &self.known)?;
        let mut more = self.first()?;
        for ((name, _), assumed) in before.iter().zip(assumed) {
            if let Some(at) = names.iter().position(|(n, _)| n == name) {
                more[at] = assumed;
            }
        }
        Ok(more)
    }

    /// Follows the program; where more has to be known of an input than it is, again with that.
    fn follow(&mut self, assumed: Vec<Assumed>) -> super::value::Result<Program> {
        self.attempts += 1;
        if self.attempts > MOST_ATTEMPTS {
            return super::value::unsupported(
                "its inputs' shapes cannot be told from it; export it with torch.export",
            );
        }
        let mut interpreter = Interpreter::new(&self.text, &self.data, &mut self.weights);
        let outcome = signature::program(&mut interpreter, &self.known, &assumed);
        let missing = std::mem::take(&mut interpreter.unsupported);
        let stop = match outcome {
            Ok(program) if missing.is_empty() => return Ok(program),
            Ok(_) => Stop::Unsupported(String::new()),
            Err(stop) => stop,
        };
        match stop {
            Stop::Rank(input, Some(rank)) if assumed[input].shape.is_none() => {
                self.follow(ranked(&assumed, input, rank))
            }
            Stop::Rank(input, None) if assumed[input].shape.is_none() => {
                let mut first = None;
                for rank in RANKS {
                    match self.follow(ranked(&assumed, input, rank)) {
                        Ok(program) => return Ok(program),
                        Err(stop) => first = first.or(Some(stop)),
                    }
                }
                Err(first.unwrap_or(Stop::Rank(input, None)))
            }
            Stop::Whole(input) if assumed[input].dtype != DType::I64 => {
                let mut more = assumed;
                more[input].dtype = DType::I64;
                self.follow(more)
            }
            Stop::Key(of, key) if !self.known.keys.contains(&(of.clone(), key.clone())) => {
                let more = self.with_key(assumed, of, key)?;
                self.follow(more)
            }
            stop => match self.narrowed(&assumed) {
                Some(more) => self.follow(more),
                None => {
                    if self.unsupported.is_empty() {
                        self.unsupported = missing;
                    }
                    Err(stop)
                }
            },
        }
    }

    /// The extents that the program was traced with, all but the batch; then that too. None: nothing more is known.
    fn narrowed(&self, assumed: &[Assumed]) -> Option<Vec<Assumed>> {
        if self.traced.len() != assumed.len() || !self.known.told.is_empty() {
            return None;
        }
        let fixed = |shape: &Option<Vec<Option<usize>>>, from: usize| {
            shape.as_ref().map(|s| s.iter().enumerate().map(|(n, d)| d.filter(|_| n >= from)).collect())
        };
        [1, 0].into_iter().find_map(|from| {
            let more: Vec<Assumed> = self
                .traced
                .iter()
                .map(|t| Assumed { shape: fixed(&t.shape, from), dtype: t.dtype })
                .collect();
            let known = |all: &[Assumed]| all.iter().flat_map(|a| a.shape.iter().flatten()).flatten().count();
            (known(&more) > known(assumed)).then_some(more)
        })
    }
}

fn ranked(assumed: &[Assumed], input: usize, rank: usize) -> Vec<Assumed> {
    let mut more = assumed.to_vec();
    more[input].shape = Some(vec![None; rank]);
    more
}

/// The tensors and numbers among a value's items, with the names that they have in a dictionary.
fn flattened(value: &Val) -> Vec<(Option<String>, Val)> {
    let (mut found, mut open, mut seen) = (Vec::new(), vec![(value.clone(), None)], 0);
    while let Some((value, name)) = open.pop() {
        seen += 1;
        if seen > MOST_OUTPUTS {
            break;
        }
        match &value {
            Val::Tensor(_) | Val::Symbol(_) | Val::Int(_) | Val::Float(_) | Val::Bool(_) => {
                found.push((name, value));
            }
            Val::List(_) | Val::Tuple(_) => {
                let items = value.items().unwrap_or_default().into_iter().take(MOST_OUTPUTS);
                open.extend(items.rev().map(|item| (item, None)));
            }
            Val::Dict(items) => {
                let named = |(key, item): &(Val, Val)| match key {
                    Val::Text(text) => (item.clone(), Some(text.to_string())),
                    _ => (item.clone(), None),
                };
                open.extend(items.borrow().iter().take(MOST_OUTPUTS).rev().map(named));
            }
            _ => {}
        }
    }
    found
}
