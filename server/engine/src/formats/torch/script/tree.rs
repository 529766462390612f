//! TorchScript as a tree.

use std::collections::HashMap;
use std::rc::Rc;

#[derive(Debug, Clone)]
pub enum Expr {
    Name(Rc<str>),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Bool(bool),
    None,
    Attribute(Box<Expr>, Rc<str>),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>, Vec<(Rc<str>, Expr)>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// The operation's name, as a function of numbers has it.
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
}

#[derive(Debug, Clone)]
pub enum Statement {
    /// Several names take the items of one value.
    Assign(Vec<Expr>, Expr),
    If(Expr, Vec<Statement>, Vec<Statement>),
    For(Rc<str>, Expr, Vec<Statement>),
    While(Expr, Vec<Statement>),
    Return(Option<Expr>),
    /// What is done beside the rest, and is waited for where its result is wanted.
    Forked(Rc<str>, Vec<Statement>),
    Expr(Expr),
}

/// A function or a method.
#[derive(Debug)]
pub struct Function {
    pub name: Rc<str>,
    pub parameters: Vec<Parameter>,
    pub body: Vec<Statement>,
}

#[derive(Debug)]
pub struct Parameter {
    pub name: Rc<str>,
    /// Written as text; empty: none.
    pub annotation: Option<Expr>,
    pub default: Option<Expr>,
}

/// A class: its methods, and what all its instances share.
#[derive(Debug, Default)]
pub struct Class {
    pub methods: HashMap<Rc<str>, Rc<Function>>,
    pub constants: Vec<(Rc<str>, Expr)>,
    /// The attributes in the order in which they are declared.
    pub fields: Vec<Rc<str>>,
}

/// One file.
#[derive(Debug, Default)]
pub struct Module {
    pub functions: Vec<Rc<Function>>,
    pub classes: Vec<(Rc<str>, Rc<Class>)>,
}
