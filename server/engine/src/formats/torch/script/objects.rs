//! A program's data: modules and what they hold, made values when they are first asked for.

use super::super::aten;
use super::super::build::Builder;
use super::super::pickled;
use super::super::value::{Result, Val, broken, unsupported};
use super::super::weights::Weights;
use crate::formats::pickle::{Node, NodeId, Tree, View};
use crate::formats::zip::Zip;
use crate::{DType, EngineError};
use std::collections::HashMap;
use std::rc::Rc;

/// Lists in lists.
const DEEPEST: usize = 64;

/// What an archive holds beside text.
pub struct Data {
    modules: Tree,
    constants: Option<Tree>,
    prefix: String,
}

/// An instance of a class of the program's.
#[derive(Debug, Clone)]
pub struct Object {
    pub class: Rc<str>,
    /// Where it is in the pickle; none: the program made it.
    node: Option<NodeId>,
    pub attributes: HashMap<Rc<str>, Val>,
}

/// The values that were made of the data so far.
#[derive(Default, Clone)]
pub struct Made {
    pub objects: Vec<Object>,
    by_node: HashMap<(bool, NodeId), Val>,
}

impl Data {
    pub fn read(zip: &Zip, prefix: &str) -> std::result::Result<Self, EngineError> {
        let modules = pickled::read(zip, &format!("{prefix}data.pkl"))?;
        let modules = modules.ok_or_else(|| EngineError::broken("data.pkl is missing"))?;
        let constants = pickled::read(zip, &format!("{prefix}constants.pkl"))?;
        Ok(Self { modules, constants, prefix: prefix.to_owned() })
    }

    /// The class of the module that is served.
    pub fn class(&self) -> Result<String> {
        match View::root(&self.modules).qualified() {
            Some((module, name)) => Ok(format!("{module}.{name}")),
            None => broken("its data is no module"),
        }
    }
}

/// Makes values of data.
pub struct Maker<'a> {
    pub data: &'a Data,
    pub weights: &'a mut Weights,
    pub builder: &'a mut Builder,
    pub made: &'a mut Made,
}

impl Maker<'_> {
    /// The module that is served.
    pub fn root(&mut self) -> Result<Val> {
        let root = self.data.modules.root;
        self.value(root, false, 0)
    }

    /// A constant by its number.
    pub fn constant(&mut self, number: usize) -> Result<Val> {
        let data = self.data;
        let tree = data.constants.as_ref();
        let item = tree.and_then(|tree| View::root(tree).items().get(number).map(|item| item.id()));
        match item {
            Some(item) => {
                let value = self.value(item, true, 0)?;
                self.as_number(&value)?;
                Ok(value)
            }
            None => broken(format!("constant {number} is missing")),
        }
    }

    /// A trace holds a number as a tensor without axes, of the widest type of its kind.
    fn as_number(&mut self, value: &Val) -> Result<()> {
        if let Val::Tensor(handle) = value {
            let value = self.builder.value(*handle)?;
            let is_wide = matches!(self.builder.dtype(value), DType::F64 | DType::I64 | DType::Bool);
            if is_wide && self.builder.shape(value).is_some_and(<[_]>::is_empty) {
                self.builder.numbers.insert(value);
            }
        }
        Ok(())
    }

    /// An attribute of an object; none: it has no such attribute.
    pub fn attribute(&mut self, object: usize, name: &str) -> Result<Option<Val>> {
        let Some(own) = self.made.objects.get(object) else { return broken("an object that there is not") };
        if let Some(value) = own.attributes.get(name) {
            return Ok(Some(value.clone()));
        }
        let Some(node) = own.node else { return Ok(None) };
        let data = self.data;
        let Some(found) = View::new(&data.modules, node).attribute(name) else { return Ok(None) };
        let value = self.value(found.id(), false, 0)?;
        if let Some(own) = self.made.objects.get_mut(object) {
            own.attributes.insert(Rc::from(name), value.clone());
        }
        Ok(Some(value))
    }

    fn value(&mut self, node: NodeId, is_constant: bool, depth: usize) -> Result<Val> {
        if depth > DEEPEST {
            return broken("its data is nested too deep");
        }
        if let Some(value) = self.made.by_node.get(&(is_constant, node)) {
            return Ok(value.clone());
        }
        let data = self.data;
        let Some(tree) = (if is_constant { data.constants.as_ref() } else { Some(&data.modules) }) else {
            return broken("constants.pkl is missing");
        };
        let view = View::new(tree, node);
        let items = |maker: &mut Self, view: View<'_>| {
            let items = view.items().into_iter().map(|item| maker.value(item.id(), is_constant, depth + 1));
            items.collect::<Result<Vec<Val>>>()
        };
        let value = match view.node() {
            Node::None => Val::None,
            Node::Bool(flag) => Val::Bool(flag),
            Node::Int(n) => Val::Int(n),
            Node::Float(x) => Val::Float(x),
            Node::Text(_) | Node::MadeText(_) => Val::text(view.text().unwrap_or_default()),
            Node::Tuple(_) => Val::Tuple(items(self, view)?.into()),
            Node::List(_) => Val::list(items(self, view)?),
            Node::Dict(_) => self.dict(view, is_constant, depth)?,
            Node::Object(_) => self.object(view, is_constant, depth)?,
            _ => return unsupported("its data holds something that is no part of a program"),
        };
        self.made.by_node.insert((is_constant, node), value.clone());
        Ok(value)
    }

    /// The numbers that steps mean, by how large these are: as the tensor's fifth argument says.
    fn meant(&mut self, steps: &Val, view: View<'_>, is_constant: bool, depth: usize) -> Result<Val> {
        let told: Vec<Val> = match view.arguments().get(4) {
            Some(told) => told
                .items()
                .iter()
                .skip(1)
                .map(|v| self.value(v.id(), is_constant, depth + 1))
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        aten::numbers_of_steps(self.builder, steps, &told)
    }

    /// The state that an object's own method is to make attributes of; none: they are told.
    pub fn unread_state(&mut self, object: usize) -> Result<Option<Val>> {
        let Some(node) = self.made.objects.get_mut(object).and_then(|own| own.node.take()) else {
            return Ok(None);
        };
        let state = View::new(&self.data.modules, node).state();
        match state {
            Some(state) if !matches!(state.node(), Node::Dict(_)) => {
                self.value(state.id(), false, 0).map(Some)
            }
            _ => {
                if let Some(own) = self.made.objects.get_mut(object) {
                    own.node = Some(node);
                }
                Ok(None)
            }
        }
    }

    fn dict(&mut self, view: View<'_>, is_constant: bool, depth: usize) -> Result<Val> {
        let mut all = Vec::new();
        for (key, value) in view.entries() {
            let key = self.value(key.id(), is_constant, depth + 1)?;
            all.push((key, self.value(value.id(), is_constant, depth + 1)?));
        }
        Ok(Val::Dict(Rc::new(std::cell::RefCell::new(all))))
    }

    fn object(&mut self, view: View<'_>, is_constant: bool, depth: usize) -> Result<Val> {
        let directory = if is_constant { "constants/" } else { "data/" };
        if let Some(place) = pickled::place(view, &format!("{}{directory}", self.data.prefix))? {
            let tensor = self.weights.tensor(self.builder, &place.member, &place)?;
            return match view.qualified() {
                Some((_, "_rebuild_qtensor")) => self.meant(&tensor, view, is_constant, depth),
                _ => Ok(tensor),
            };
        }
        let Some((module, name)) = view.qualified() else { return broken("an object of no class") };
        let arguments = view.arguments();
        match (module, name) {
            ("torch.jit._pickle", _) => match arguments.first() {
                Some(inner) => self.value(inner.id(), is_constant, depth + 1),
                None => broken("a value that is made of nothing"),
            },
            ("torch", "device") => Ok(Val::None),
            ("collections", _) => self.dict(view, is_constant, depth),
            // What a library packed is told by its state.
            (module, _) if module.starts_with("__torch__.torch.classes") => match view.state() {
                Some(state) => self.value(state.id(), is_constant, depth + 1),
                None => broken("packed weights without a state"),
            },
            _ if module.starts_with("__torch__") => {
                let class = Rc::from(format!("{module}.{name}").as_str());
                self.made.objects.push(Object { class, node: Some(view.id()), attributes: HashMap::new() });
                Ok(Val::Object(self.made.objects.len() - 1))
            }
            _ => unsupported(format!("its data holds a {name}")),
        }
    }
}

impl Made {
    /// An instance that the program makes.
    pub fn instance(&mut self, class: &str, attributes: HashMap<Rc<str>, Val>) -> Val {
        self.objects.push(Object { class: Rc::from(class), node: None, attributes });
        Val::Object(self.objects.len() - 1)
    }
}
