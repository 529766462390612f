//! Follows a program: statements are done, loops are unrolled, choices are made, as far as all that they depend on is known.

use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::super::weights::Weights;
use super::decided::Held;
use super::objects::{Data, Made, Maker};
use super::prim;
use super::source::Text;
use super::tree::{Expr, Statement};
use crate::UnsupportedOp;
use crate::graph::{Literal, ValueId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Expressions and blocks in each other, those of all functions together.
const DEEPEST: usize = 160;
/// Statements that are done: a program of that many would not be one.
const MOST_STEPS: usize = 1 << 21;

pub type Scope = HashMap<Rc<str>, Val>;

/// What a block comes to.
pub enum Flow {
    Next,
    Return(Val),
}

/// A program that is followed.
pub struct Interpreter<'a> {
    pub text: &'a Text,
    pub data: &'a Data,
    pub weights: &'a mut Weights,
    pub builder: Builder,
    pub made: Made,
    pub unsupported: Vec<UnsupportedOp>,
    /// Lists and objects that were there before what the request decides on, which does not change them.
    pub held: Vec<Held>,
    /// Where lists are that turns of loops append to and know nothing else of, and what they are before the turn.
    pub growing: HashMap<usize, ValueId>,
    pub placeholders: Vec<Val>,
    /// Where the dictionaries are that requests bring, and the parameters' names.
    pub asked: Vec<(usize, Rc<str>)>,
    depth: usize,
    steps: usize,
}

impl<'a> Interpreter<'a> {
    pub fn new(text: &'a Text, data: &'a Data, weights: &'a mut Weights) -> Self {
        Self {
            text,
            data,
            weights,
            builder: Builder::default(),
            made: Made::default(),
            unsupported: Vec::new(),
            held: Vec::new(),
            growing: HashMap::new(),
            placeholders: Vec::new(),
            asked: Vec::new(),
            depth: 0,
            steps: 0,
        }
    }

    pub fn maker(&mut self) -> Maker<'_> {
        Maker { data: self.data, weights: self.weights, builder: &mut self.builder, made: &mut self.made }
    }

    /// A block in a scope of its own.
    pub fn body(&mut self, body: &[Statement], mut scope: Scope) -> Result<Val> {
        Ok(match self.block(body, &mut scope)? {
            Flow::Return(value) => value,
            Flow::Next => Val::None,
        })
    }

    fn deeper<T>(&mut self, follow: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return broken("its parts lie in each other too deep");
        }
        let followed = follow(self);
        self.depth -= 1;
        followed
    }

    pub fn block(&mut self, body: &[Statement], scope: &mut Scope) -> Result<Flow> {
        self.deeper(|this| this.statements(body, scope))
    }

    fn statements(&mut self, body: &[Statement], scope: &mut Scope) -> Result<Flow> {
        for statement in body {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return broken(format!("the program has more than {MOST_STEPS} steps"));
            }
            if let Flow::Return(value) = self.statement(statement, scope)? {
                return Ok(Flow::Return(value));
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &Statement, scope: &mut Scope) -> Result<Flow> {
        match statement {
            Statement::Assign(targets, value) => self.assign(targets, value, scope)?,
            Statement::If(condition, then, otherwise) => {
                return self.choice(condition, then, otherwise, scope);
            }
            Statement::For(name, over, body) => {
                let Some(items) = self.over(over, scope)? else {
                    self.as_often_as_asked(name, over, body, scope)?;
                    return Ok(Flow::Next);
                };
                for item in items {
                    scope.insert(name.clone(), item);
                    if let Flow::Return(value) = self.block(body, scope)? {
                        return Ok(Flow::Return(value));
                    }
                }
            }
            Statement::While(condition, body) => loop {
                let holds = self.eval(condition, scope)?;
                match self.truth(&holds) {
                    Some(true) => {}
                    Some(false) => break,
                    None => {
                        self.while_it_holds(condition, body, scope)?;
                        break;
                    }
                }
                self.steps += 1;
                if self.steps > MOST_STEPS {
                    return broken("a loop without an end");
                }
                if let Flow::Return(value) = self.block(body, scope)? {
                    return Ok(Flow::Return(value));
                }
            },
            // The graph knows what can be done at once; here it is done where it is written, with what there is then.
            Statement::Forked(name, body) => {
                let made = self.body(body, scope.clone())?;
                scope.insert(name.clone(), made);
            }
            Statement::Return(None) => return Ok(Flow::Return(Val::None)),
            Statement::Return(Some(value)) => return Ok(Flow::Return(self.eval(value, scope)?)),
            Statement::Expr(value) => {
                self.eval(value, scope)?;
            }
        }
        Ok(Flow::Next)
    }

    /// What a loop goes through; None: so many numbers that the request decides.
    fn over(&mut self, over: &Expr, scope: &mut Scope) -> Result<Option<Vec<Val>>> {
        let over = self.eval(over, scope)?;
        match &over {
            Val::Dict(items) if items.borrow().is_empty() => {
                self.asked_for(&over, None)?;
                Ok(Some(Vec::new()))
            }
            Val::Dict(items) => Ok(Some(items.borrow().iter().map(|(key, _)| key.clone()).collect())),
            Val::Symbol(_) => Ok(None),
            over => {
                over.items().map_or_else(|| unsupported("a loop over what is no list"), |all| Ok(Some(all)))
            }
        }
    }

    /// Only one of two blocks is done. What is not known does not matter where the other one raises an exception.
    fn choice(
        &mut self,
        condition: &Expr,
        then: &[Statement],
        otherwise: &[Statement],
        scope: &mut Scope,
    ) -> Result<Flow> {
        let condition = self.eval(condition, scope)?;
        match self.truth(&condition) {
            Some(true) => self.block(then, scope),
            Some(false) => self.block(otherwise, scope),
            None if prim::raises(then) => self.block(otherwise, scope),
            None if prim::raises(otherwise) => self.block(then, scope),
            None if then.is_empty() && otherwise.is_empty() => Ok(Flow::Next),
            None => self.both(&condition, then, otherwise, scope),
        }
    }

    /// Whether something is true, if that is known.
    pub fn truth(&self, value: &Val) -> Option<bool> {
        match value {
            Val::Bool(flag) => Some(*flag),
            Val::Int(n) => Some(*n != 0),
            Val::Float(x) => Some(*x != 0.0),
            Val::None => Some(false),
            Val::Tensor(handle) => {
                let tensor = self.builder.value(*handle).ok()?;
                match self.builder.to.constant(tensor) {
                    Some(Literal::Bool(v, _)) if v.len() == 1 => Some(v[0] != 0),
                    _ => self.builder.known(value).map(|n| n != 0),
                }
            }
            Val::Symbol(_) => self.builder.known(value).map(|n| n != 0),
            _ => None,
        }
    }

    pub fn eval(&mut self, expr: &Expr, scope: &mut Scope) -> Result<Val> {
        self.deeper(|this| this.evaluated(expr, scope))
    }

    fn evaluated(&mut self, expr: &Expr, scope: &mut Scope) -> Result<Val> {
        Ok(match expr {
            Expr::Int(n) => Val::Int(*n),
            Expr::Float(x) => Val::Float(*x),
            Expr::Bool(flag) => Val::Bool(*flag),
            Expr::Text(text) => Val::Text(text.clone()),
            Expr::None => Val::None,
            Expr::Name(name) => scope.get(name).cloned().unwrap_or_else(|| Val::Named(name.clone())),
            Expr::List(items) => Val::list(self.all(items, scope)?),
            Expr::Tuple(items) => Val::Tuple(self.all(items, scope)?.into()),
            Expr::Dict(items) => {
                let mut all = Vec::new();
                for (key, value) in items {
                    let key = self.eval(key, scope)?;
                    all.push((key, self.eval(value, scope)?));
                }
                Val::Dict(Rc::new(RefCell::new(all)))
            }
            Expr::Attribute(of, name) => {
                let of = self.eval(of, scope)?;
                self.attribute(&of, name)?
            }
            Expr::Index(of, at) => {
                let of = self.eval(of, scope)?;
                let at = self.eval(at, scope)?;
                // Types are written like lists that are asked for an item.
                if matches!(of, Val::Named(_)) {
                    of
                } else {
                    let of = self.plain(of, 0)?;
                    self.operation("__getitem__", vec![of, at], Vec::new())?
                }
            }
            Expr::Call(of, places, names) => self.call(of, places, names, scope)?,
            Expr::Unary(name, of) => {
                let of = self.eval(of, scope)?;
                self.operation(name, vec![of], Vec::new())?
            }
            Expr::Binary(name, left, right) => {
                let left = self.eval(left, scope)?;
                let right = self.eval(right, scope)?;
                self.operation(name, vec![left, right], Vec::new())?
            }
        })
    }

    pub fn all(&mut self, items: &[Expr], scope: &mut Scope) -> Result<Vec<Val>> {
        items.iter().map(|item| self.eval(item, scope)).collect()
    }

    /// An attribute of an object, a constant, or a longer name.
    pub fn attribute(&mut self, of: &Val, name: &str) -> Result<Val> {
        match of {
            Val::Object(number) => {
                if let Some(value) = self.maker().attribute(*number, name)? {
                    return Ok(value);
                }
                if let Some(state) = self.maker().unread_state(*number)? {
                    self.method(*number, "__setstate__", vec![state], &Vec::new())?;
                    return self.attribute(of, name);
                }
                let class = self.made.objects.get(*number).map(|o| o.class.clone()).unwrap_or_default();
                let constants = self.text.class(&class)?;
                let constant = constants.constants.iter().find(|(n, _)| &**n == name);
                match constant {
                    Some((_, value)) => self.eval(&value.clone(), &mut Scope::new()),
                    None => broken(format!("{class} has no {name}")),
                }
            }
            Val::Named(module) if &**module == "CONSTANTS" => {
                match name.strip_prefix('c').and_then(|n| n.parse().ok()) {
                    Some(number) => self.maker().constant(number),
                    None => broken(format!("there is no constant {name}")),
                }
            }
            Val::Named(module) => Ok(Val::Named(Rc::from(format!("{module}.{name}").as_str()))),
            Val::Tensor(_) => self.operation(name, vec![of.clone()], Vec::new()),
            other => broken(format!("{name} of {}", other.describe())),
        }
    }
}
