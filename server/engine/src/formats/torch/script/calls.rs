//! Calls: of the program's own functions and methods, which are followed, and of operations.

use super::super::arguments::Call;
use super::super::aten;
use super::super::value::{Result, Stop, UNSET, Val, broken, unsupported};
use super::interpret::{Interpreter, Scope};
use super::source::Meaning;
use super::tree::{Class, Expr, Function};
use crate::{EngineError, UnsupportedOp};
use std::collections::HashMap;
use std::rc::Rc;

/// Operations that an error lists.
const MOST_UNSUPPORTED: usize = 256;

/// Tuples in tuples.
const DEEPEST: usize = 32;

/// Arguments that are named.
pub type Names = Vec<(Rc<str>, Val)>;

impl Interpreter<'_> {
    pub fn call(
        &mut self,
        of: &Expr,
        places: &[Expr],
        names: &[(Rc<str>, Expr)],
        scope: &mut Scope,
    ) -> Result<Val> {
        // A method is called on what is before its name.
        if let Expr::Attribute(object, method) = of {
            let object = self.eval(object, scope)?;
            if let Val::Object(number) = object {
                let places = self.all(places, scope)?;
                let names = self.named(names, scope)?;
                return self.method(number, method, places, &names);
            }
            let callee = self.attribute(&object, method)?;
            return self.applied(callee, places, names, scope);
        }
        let callee = self.eval(of, scope)?;
        self.applied(callee, places, names, scope)
    }

    fn named(&mut self, names: &[(Rc<str>, Expr)], scope: &mut Scope) -> Result<Names> {
        names.iter().map(|(name, value)| Ok((name.clone(), self.eval(value, scope)?))).collect()
    }

    fn applied(
        &mut self,
        callee: Val,
        places: &[Expr],
        names: &[(Rc<str>, Expr)],
        scope: &mut Scope,
    ) -> Result<Val> {
        let name = match callee {
            Val::Named(name) => name,
            Val::Object(number) => {
                let places = self.all(places, scope)?;
                let names = self.named(names, scope)?;
                return self.method(number, "forward", places, &names);
            }
            other => return broken(format!("a call of {}", other.describe())),
        };
        // What is said of types comes first and is no value.
        if let ("annotate" | "unchecked_cast", [_, value]) = (&*name, places) {
            return self.eval(value, scope);
        }
        if let ("isinstance", [value, kind]) = (&*name, places) {
            let value = self.eval(value, scope)?;
            return Ok(Val::Bool(super::prim::is_instance(&value, kind)));
        }
        let places = self.all(places, scope)?;
        let names = self.named(names, scope)?;
        self.by_name(&name, places, names)
    }

    /// A method of an object.
    pub fn method(&mut self, object: usize, name: &str, mut places: Vec<Val>, names: &Names) -> Result<Val> {
        let class = self.made.objects.get(object).map(|o| o.class.clone()).unwrap_or_default();
        let found = self.text.class(&class)?.methods.get(name).cloned();
        let Some(method) = found else { return broken(format!("{class} has no method {name}")) };
        places.insert(0, Val::Object(object));
        self.function(&method, places, names)
    }

    fn by_name(&mut self, name: &str, places: Vec<Val>, names: Names) -> Result<Val> {
        if let Some(operation) = name.strip_prefix("torch.").or_else(|| name.strip_prefix("ops.aten.")) {
            return self.operation(operation, places, names);
        }
        if let Some(operation) = name.strip_prefix("ops.").filter(|name| aten::is_of_library(name)) {
            return self.operation(operation, places, names);
        }
        if let Some(operation) = name.strip_prefix("ops.prim.") {
            return self.prim(operation, &places, names);
        }
        // Whether a mask is the causal one is asked for speed alone.
        if name == "__torch__.torch.nn.modules.transformer._detect_is_causal_mask"
            && places.get(1).is_some_and(Val::is_none)
        {
            return Ok(Val::Bool(false));
        }
        if name.starts_with("__torch__.") {
            // What is made by it is called by its `__init__` afterwards.
            if let Some(class) = name.strip_suffix(".__new__") {
                return Ok(self.made.instance(class, HashMap::new()));
            }
            return match self.text.find(name)? {
                Some(Meaning::Function(function)) => self.function(&function, places, &names),
                Some(Meaning::Class(class)) => self.instance(name, &class, places, &names),
                None => broken(format!("the program has no {name:?}")),
            };
        }
        match name {
            // What nobody reads.
            "uninitialized" => Ok(Val::Named(Rc::from(UNSET))),
            "getattr" => match (&places[..], places.get(1)) {
                ([of, ..], Some(Val::Text(name))) => self.attribute(of, &name.clone()),
                _ => broken("an attribute without a name"),
            },
            name if name.contains('.') => self.missing(name),
            name => self.prim(name, &places, names),
        }
    }

    /// A function of the program's own.
    fn function(&mut self, function: &Function, places: Vec<Val>, names: &Names) -> Result<Val> {
        if places.len() > function.parameters.len() {
            return broken(format!("{} is called with {} arguments", function.name, places.len()));
        }
        let mut scope = Scope::new();
        let mut places = places.into_iter();
        for parameter in &function.parameters {
            let named =
                || names.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
            let value = match (places.next().or_else(named), &parameter.default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.eval(default, &mut Scope::new())?,
                (None, None) => {
                    return broken(format!("{} is called without {}", function.name, parameter.name));
                }
            };
            scope.insert(parameter.name.clone(), value);
        }
        self.body(&function.body, scope)
    }

    /// A new instance of a class: of one without methods a tuple of its fields.
    fn instance(&mut self, name: &str, class: &Class, places: Vec<Val>, names: &Names) -> Result<Val> {
        let mut attributes: HashMap<Rc<str>, Val> =
            class.fields.iter().cloned().zip(places.iter().cloned()).collect();
        attributes.extend(names.iter().cloned());
        let object = self.made.instance(name, attributes);
        if let (Some(init), Val::Object(number)) = (class.methods.get("__init__"), &object) {
            let places = std::iter::once(Val::Object(*number)).chain(places).collect();
            self.function(init, places, names)?;
        }
        Ok(object)
    }

    /// A value whose tuples with names are plain tuples.
    pub fn plain(&mut self, value: Val, depth: usize) -> Result<Val> {
        if depth > DEEPEST {
            return broken("its results are nested too deep");
        }
        if let Val::Object(number) = &value {
            let class = self.made.objects.get(*number).map(|o| o.class.clone()).unwrap_or_default();
            let class = self.text.class(&class)?;
            if !class.methods.is_empty() {
                return Ok(value);
            }
            let fields = class.fields.iter().map(|field| {
                let item = self.attribute(&value, field)?;
                self.plain(item, depth + 1)
            });
            return Ok(Val::Tuple(fields.collect::<Result<Vec<_>>>()?.into()));
        }
        match (&value, value.items()) {
            (Val::Tuple(_), Some(items)) => {
                let items = items.into_iter().map(|item| self.plain(item, depth + 1));
                Ok(Val::Tuple(items.collect::<Result<Vec<_>>>()?.into()))
            }
            _ => Ok(value),
        }
    }

    /// An operation: on lists and numbers done at once, on tensors added to the graph.
    pub fn operation(&mut self, name: &str, places: Vec<Val>, names: Names) -> Result<Val> {
        if let Some(Val::Slices(_)) = places.first() {
            return self.on_slices(name, &places);
        }
        if let ("len", [list]) = (name, &places[..])
            && self.is_growing(list)
        {
            return self.length_of_growing(list);
        }
        if places.first().is_some_and(|list| self.is_growing(list))
            && !matches!(name, "append" | "extend" | "add_")
        {
            return unsupported(format!("{name} of a list whose length depends on the request"));
        }
        if let Some(value) = self.builtin(name, &places)? {
            return Ok(value);
        }
        if let ("__getitem__", [x @ Val::Tensor(_), at]) = (name, &places[..]) {
            return self.operation("select", vec![x.clone(), Val::Int(0), at.clone()], names);
        }
        let places = places.into_iter().map(|value| (None, value));
        let arguments =
            places.chain(names.into_iter().map(|(name, value)| (Some(name.to_string()), value))).collect();
        let call = Call { name: name.to_owned(), overload: String::new(), arguments };
        self.builder.to.name = name.to_owned();
        match aten::lower(&mut self.builder, &call) {
            Ok(values) => Ok(match &values[..] {
                [] => Val::None,
                [one] => one.clone(),
                _ => Val::Tuple(values.into()),
            }),
            Err(Stop::Unsupported(why)) => {
                let name = if aten::is_of_library(name) { name.to_owned() } else { format!("aten.{name}") };
                self.note(&name, why);
                Err(Stop::Unsupported(name))
            }
            Err(Stop::Error(EngineError::BrokenArtifact(what))) => broken(format!("{name}: {what}")),
            Err(other) => Err(other),
        }
    }

    /// Something of another library's.
    fn missing(&mut self, name: &str) -> Result<Val> {
        let name = name.trim_start_matches("ops.");
        self.note(name, String::new());
        Err(Stop::Unsupported(name.to_owned()))
    }

    fn note(&mut self, op: &str, why: String) {
        let known = self.unsupported.iter().any(|u| u.op == op);
        if !known && self.unsupported.len() < MOST_UNSUPPORTED {
            let detail = (!why.is_empty()).then_some(why);
            self.unsupported.push(UnsupportedOp {
                op: op.to_owned(),
                node: op.to_owned(),
                function: None,
                detail,
            });
        }
    }
}
