//! What requests bring for the parameters of `forward`: tensors, and tuples, lists and dictionaries of them. A list has as many as
//! `berth.json` names, or one; a dictionary has those that it names, or those that the program asks it for.

use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::decided::place;
use super::interpret::{Interpreter, Scope};
use super::tree::{Expr, Function, Parameter};
use super::{Assumed, Known};
use crate::{DType, TensorSpec};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// Types in types.
const DEEPEST: usize = 8;
/// Tensors of one list.
const MOST_ITEMS: usize = 4096;

/// What a parameter takes.
#[derive(Debug, Clone)]
pub enum Taken {
    Tensor(Rc<str>),
    /// A whole number, a number or a truth.
    Number(Rc<str>, DType),
    Tuple(Vec<Taken>),
    List(Vec<Taken>),
    Dict(Vec<(Rc<str>, Taken)>),
}

/// The parameters that requests bring, in order, each with what it takes.
pub fn taken(forward: &Function, known: &Known) -> Result<Vec<(Rc<str>, Taken)>> {
    let own = || forward.parameters.iter().skip(1);
    let dicts = own().filter(|p| is_dict(p.annotation.as_ref())).count();
    let mut plain = Vec::new();
    for Parameter { name, annotation, .. } in own().filter(|p| !is_dict(p.annotation.as_ref())) {
        let one = of_type(name, annotation.as_ref(), known, &Vec::new, 0)?;
        plain.extend(one.map(|one| (name.clone(), one)));
    }
    let others: HashSet<Rc<str>> = names(&plain).into_iter().map(|(name, _)| name).collect();
    let mut all = Vec::new();
    for parameter in own() {
        let Parameter { name, annotation, default } = parameter;
        let keys = || keys(known, name, dicts == 1, &others);
        let one = of_type(name, annotation.as_ref(), known, &keys, 0)?;
        match (one, default) {
            (Some(one), None) => all.push((name.clone(), one)),
            // What has a default is brought only where it is said to be.
            (Some(one), Some(_)) if is_told(&one, known) => all.push((name.clone(), one)),
            (_, Some(_)) => {}
            (None, None) => return unsupported(format!("input {name:?}, which is no tensor")),
        }
    }
    let mut seen = HashSet::new();
    match names(&all).into_iter().find(|(name, _)| !seen.insert(name.clone())) {
        Some((name, _)) => unsupported(format!("two inputs named {name:?}")),
        None => Ok(all),
    }
}

/// The names of the inputs, and the types of those that are numbers.
pub fn names(taken: &[(Rc<str>, Taken)]) -> Vec<(Rc<str>, Option<DType>)> {
    fn add(taken: &Taken, all: &mut Vec<(Rc<str>, Option<DType>)>) {
        match taken {
            Taken::Tensor(name) => all.push((name.clone(), None)),
            Taken::Number(name, dtype) => all.push((name.clone(), Some(*dtype))),
            Taken::Tuple(items) | Taken::List(items) => items.iter().for_each(|item| add(item, all)),
            Taken::Dict(items) => items.iter().for_each(|(_, item)| add(item, all)),
        }
    }
    let mut all = Vec::new();
    taken.iter().for_each(|(_, one)| add(one, &mut all));
    all
}

/// What a type is an option of.
fn option(annotation: Option<&Expr>) -> Option<&Expr> {
    match annotation {
        Some(Expr::Index(of, inner)) if matches!(&**of, Expr::Name(n) if &**n == "Optional") => {
            option(Some(inner))
        }
        other => other,
    }
}

fn is_dict(annotation: Option<&Expr>) -> bool {
    matches!(option(annotation), Some(Expr::Index(of, _)) if matches!(&**of, Expr::Name(n) if &**n == "Dict"))
}

/// The keys of a dictionary: those that were asked for, and, where there is no other dictionary, all that are said and no other parameter.
fn keys(known: &Known, name: &Rc<str>, is_only: bool, others: &HashSet<Rc<str>>) -> Vec<Rc<str>> {
    let asked = known.keys.iter().filter(|(of, _)| of == name).map(|(_, key)| key.clone());
    let mut all: Vec<Rc<str>> = asked.collect();
    if is_only {
        let told = known.told.keys().map(|key| Rc::from(key.as_str()));
        all.extend(
            told.filter(|key: &Rc<str>| !others.contains(key) && !all.contains(key)).collect::<Vec<_>>(),
        );
    }
    all.sort_unstable();
    all
}

fn of_type(
    name: &Rc<str>,
    annotation: Option<&Expr>,
    known: &Known,
    keys: &dyn Fn() -> Vec<Rc<str>>,
    depth: usize,
) -> Result<Option<Taken>> {
    if depth > DEEPEST {
        return broken("an input whose type is nested too deep");
    }
    let numbered = |n: usize| Rc::from(format!("{name}_{n}").as_str());
    Ok(match option(annotation) {
        None => Some(Taken::Tensor(name.clone())),
        Some(Expr::Name(kind)) => match &**kind {
            "Tensor" => Some(Taken::Tensor(name.clone())),
            "int" => Some(Taken::Number(name.clone(), DType::I64)),
            "float" => Some(Taken::Number(name.clone(), DType::F64)),
            "bool" => Some(Taken::Number(name.clone(), DType::Bool)),
            _ => None,
        },
        Some(Expr::Index(of, inner)) => match (&**of, &**inner) {
            (Expr::Name(kind), Expr::Tuple(kinds)) if &**kind == "Tuple" => {
                let items = kinds.iter().enumerate();
                let items = items.map(|(n, kind)| of_type(&numbered(n), Some(kind), known, keys, depth + 1));
                items.collect::<Result<Option<Vec<_>>>>()?.map(Taken::Tuple)
            }
            (Expr::Name(kind), item) if &**kind == "Tuple" => {
                of_type(&numbered(0), Some(item), known, keys, depth + 1)?.map(|one| Taken::Tuple(vec![one]))
            }
            (Expr::Name(kind), item) if &**kind == "List" => {
                let mut items = Vec::new();
                while items.len() < MOST_ITEMS {
                    let Some(one) = of_type(&numbered(items.len()), Some(item), known, keys, depth + 1)?
                    else {
                        return Ok(None);
                    };
                    if !items.is_empty() && !is_told(&one, known) {
                        break;
                    }
                    items.push(one);
                }
                Some(Taken::List(items))
            }
            (Expr::Name(kind), Expr::Tuple(kinds)) if &**kind == "Dict" => match &kinds[..] {
                [Expr::Name(key), item] if &**key == "str" => {
                    let all = keys().into_iter();
                    let all = all.map(|key| {
                        Ok(of_type(&key, Some(item), known, &Vec::new, depth + 1)?.map(|one| (key, one)))
                    });
                    all.collect::<Result<Option<Vec<_>>>>()?.map(Taken::Dict)
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// Whether something of an input is said in `berth.json`.
fn is_told(taken: &Taken, known: &Known) -> bool {
    match taken {
        Taken::Tensor(name) | Taken::Number(name, _) => known.told.contains_key(&**name),
        Taken::Tuple(items) | Taken::List(items) => items.iter().any(|item| is_told(item, known)),
        Taken::Dict(items) => items.iter().any(|(_, item)| is_told(item, known)),
    }
}

impl Interpreter<'_> {
    /// The inputs of the graph, and the values of the parameters that are made of them.
    pub fn brought(
        &mut self,
        taken: &[(Rc<str>, Taken)],
        assumed: &[Assumed],
        scope: &mut Scope,
    ) -> Result<Vec<TensorSpec>> {
        let mut specs = Vec::new();
        for (name, one) in taken {
            let value = self.made_of(one, assumed, &mut specs)?;
            if let (Taken::Dict(_), Some(at)) = (one, place(&value)) {
                self.asked.push((at, name.clone()));
                // It has to stay where it is.
                self.placeholders.push(value.clone());
            }
            scope.insert(name.clone(), value);
        }
        Ok(specs)
    }

    fn made_of(&mut self, taken: &Taken, assumed: &[Assumed], specs: &mut Vec<TensorSpec>) -> Result<Val> {
        let mut all = |this: &mut Self, items: &[Taken]| {
            items.iter().map(|item| this.made_of(item, assumed, specs)).collect::<Result<Vec<Val>>>()
        };
        Ok(match taken {
            Taken::Tuple(items) => Val::Tuple(all(self, items)?.into()),
            Taken::List(items) => Val::list(all(self, items)?),
            Taken::Dict(items) => {
                let mut pairs = Vec::new();
                for (key, item) in items {
                    pairs.push((Val::Text(key.clone()), self.made_of(item, assumed, specs)?));
                }
                Val::Dict(Rc::new(RefCell::new(pairs)))
            }
            Taken::Tensor(name) | Taken::Number(name, _) => {
                let Some(assumed) = assumed.get(specs.len()) else {
                    return broken("an input of which nothing is known");
                };
                self.builder.to.name = name.to_string();
                let handle = self.builder.input(assumed.shape.clone(), assumed.dtype)?;
                specs.push(TensorSpec {
                    name: name.to_string(),
                    dtype: assumed.dtype,
                    shape: assumed.shape.clone(),
                });
                match taken {
                    Taken::Number(_, DType::I64) => self.builder.symbol(self.builder.value(handle)?),
                    _ => Val::Tensor(handle),
                }
            }
        })
    }

    /// What is asked of a dictionary that a request brings and of which it is not known that it has it.
    pub fn asked_for(&self, dict: &Val, key: Option<&Val>) -> Result<()> {
        let Some(at) = place(dict) else { return Ok(()) };
        let Some((_, name)) = self.asked.iter().find(|(place, _)| *place == at) else { return Ok(()) };
        match key {
            Some(Val::Text(key)) => Err(Stop::Key(name.clone(), key.clone())),
            _ => unsupported(format!(
                "all that is in dictionary {name:?}; say in berth.json what it has: {{\"inputs\": {{\"KEY\": {{\"shape\": [null, 3]}}}}}}"
            )),
        }
    }
}
