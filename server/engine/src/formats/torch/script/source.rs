//! The files of a program's text, each parsed when something in it is first named.

use super::super::value::{Result, broken};
use super::tree::{Class, Function};
use crate::EngineError;
use crate::formats::zip::{Member, Zip};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// One file of text.
const LARGEST: u64 = 64 << 20;

/// What a qualified name means.
#[derive(Debug, Clone)]
pub enum Meaning {
    Function(Rc<Function>),
    Class(Rc<Class>),
}

/// What the names in one file mean.
type Meanings = HashMap<Rc<str>, Meaning>;

/// A program's text.
pub struct Text {
    files: HashMap<String, Member>,
    path: std::path::PathBuf,
    known: RefCell<HashMap<String, Option<Meanings>>>,
}

impl Text {
    pub fn new(zip: &Zip, prefix: &str) -> Self {
        let code = format!("{prefix}code/");
        let files = zip
            .members()
            .iter()
            .filter_map(|m| {
                Some((m.name.strip_prefix(&code)?.strip_suffix(".py")?.replace('/', "."), m.clone()))
            })
            .collect();
        Self { files, path: zip.path().to_owned(), known: RefCell::new(HashMap::new()) }
    }

    /// What a qualified name means; none: no file has it.
    pub fn find(&self, name: &str) -> Result<Option<Meaning>> {
        let Some((module, name)) = name.rsplit_once('.') else { return Ok(None) };
        if !self.known.borrow().contains_key(module) {
            let meanings = self.parsed(module)?;
            self.known.borrow_mut().insert(module.to_owned(), meanings);
        }
        let known = self.known.borrow();
        Ok(known.get(module).and_then(Option::as_ref).and_then(|m| m.get(name)).cloned())
    }

    fn parsed(&self, module: &str) -> Result<Option<Meanings>> {
        let Some(member) = self.files.get(module) else { return Ok(None) };
        let bytes = Zip::open(&self.path)?.read(member, LARGEST)?;
        let Ok(text) = String::from_utf8(bytes) else {
            return broken(format!("{} is not UTF-8", member.name));
        };
        let parsed = super::parser::module(&text).map_err(|e| match e {
            EngineError::BrokenArtifact(what) => EngineError::broken(format!("{}: {what}", member.name)),
            other => other,
        })?;
        let functions = parsed.functions.into_iter().map(|f| (f.name.clone(), Meaning::Function(f)));
        let classes = parsed.classes.into_iter().map(|(name, class)| (name, Meaning::Class(class)));
        Ok(Some(functions.chain(classes).collect()))
    }

    /// A class by its qualified name.
    pub fn class(&self, name: &str) -> Result<Rc<Class>> {
        match self.find(name)? {
            Some(Meaning::Class(class)) => Ok(class),
            _ => broken(format!("the program has no class {name:?}")),
        }
    }
}
