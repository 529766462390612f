//! TorchScript's grammar: classes, functions, a few statements, expressions.

mod expressions;

use super::lexer::{Token, tokens};
use super::tree::{Class, Expr, Function, Module, Parameter, Statement};
use crate::EngineError;
use std::rc::Rc;

/// Expressions in expressions, blocks in blocks.
const DEEPEST: usize = 100;

type Parsed<T> = Result<T, EngineError>;

/// Reads a file.
pub fn module(text: &str) -> Parsed<Module> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let mut module = Module::default();
    while parser.at < tokens.len() {
        if parser.takes_name("class") {
            let class = parser.class()?;
            module.classes.push(class);
        } else if parser.takes_name("def") {
            module.functions.push(Rc::new(parser.function()?));
        } else if parser.takes_name("import") || parser.takes_name("op_version_set") {
            parser.skip_line();
        } else {
            return parser.wrong("a class or a function is wanted");
        }
    }
    Ok(module)
}

struct Parser<'t> {
    tokens: &'t [(Token, usize)],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn wrong<T>(&self, what: &str) -> Parsed<T> {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |(_, line)| *line);
        Err(EngineError::broken(format!("line {line}: {what}")))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(m)) if *m == mark)
    }

    fn takes(&mut self, mark: &str) -> bool {
        let found = self.is_mark(mark);
        self.at += usize::from(found);
        found
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(n)) if n == name);
        self.at += usize::from(found);
        found
    }

    fn takes_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn want(&mut self, mark: &str) -> Parsed<()> {
        if self.takes(mark) { Ok(()) } else { self.wrong(&format!("{mark:?} is wanted")) }
    }

    fn name(&mut self) -> Parsed<Rc<str>> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = Rc::from(name.as_str());
                self.at += 1;
                Ok(name)
            }
            _ => self.wrong("a name is wanted"),
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some() && !self.takes_token(&Token::Newline) {
            self.at += 1;
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.wrong("it is nested too deep");
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn class(&mut self) -> Parsed<(Rc<str>, Rc<Class>)> {
        let name = self.name()?;
        if self.takes("(") {
            while !self.takes(")") {
                self.at += 1;
                if self.peek().is_none() {
                    return self.wrong("a class that does not begin");
                }
            }
        }
        self.want(":")?;
        let mut class = Class::default();
        self.takes_token(&Token::Newline);
        if !self.takes_token(&Token::Indent) {
            return Ok((name, Rc::new(class)));
        }
        while !self.takes_token(&Token::Dedent) {
            if self.takes_name("def") {
                let method = self.function()?;
                class.methods.insert(method.name.clone(), Rc::new(method));
            } else {
                self.field(&mut class)?;
            }
        }
        Ok((name, Rc::new(class)))
    }

    /// `name : Type`, `name : Final[Type] = value`, `__parameters__ = […]`, `__annotations__["name"] = Type`.
    fn field(&mut self, class: &mut Class) -> Parsed<()> {
        if self.takes_name("pass") {
            self.takes_token(&Token::Newline);
            return Ok(());
        }
        let name = self.name()?;
        if self.takes("[") {
            if let Some(Token::Text(field)) = self.peek() {
                class.fields.push(Rc::from(field.as_str()));
            }
            self.skip_line();
            return Ok(());
        }
        if self.takes(":") {
            self.expression()?;
            class.fields.push(name.clone());
        }
        if self.takes("=") {
            let value = self.expression()?;
            if !name.starts_with("__") {
                class.constants.push((name, value));
            }
        }
        self.line_end()
    }

    fn line_end(&mut self) -> Parsed<()> {
        if self.takes_token(&Token::Newline) || self.peek().is_none() {
            Ok(())
        } else {
            self.wrong("a new line is wanted")
        }
    }

    fn function(&mut self) -> Parsed<Function> {
        let name = self.name()?;
        self.want("(")?;
        let mut parameters = Vec::new();
        while !self.takes(")") {
            self.takes("*");
            if self.takes(",") {
                continue;
            }
            let name = self.name()?;
            let annotation = if self.takes(":") { Some(self.expression()?) } else { None };
            let default = if self.takes("=") { Some(self.expression()?) } else { None };
            parameters.push(Parameter { name, annotation, default });
            if !self.takes(",") && !self.is_mark(")") {
                return self.wrong("a parameter list that does not end");
            }
        }
        if self.takes("->") {
            self.expression()?;
        }
        self.want(":")?;
        let body = self.block()?;
        Ok(Function { name, parameters, body })
    }

    fn block(&mut self) -> Parsed<Vec<Statement>> {
        self.deeper(|parser| {
            let mut all = Vec::new();
            if !parser.takes_token(&Token::Newline) {
                parser.statement(&mut all)?;
                return Ok(all);
            }
            if !parser.takes_token(&Token::Indent) {
                return parser.wrong("a block is wanted");
            }
            while !parser.takes_token(&Token::Dedent) {
                parser.statement(&mut all)?;
            }
            Ok(all)
        })
    }

    fn statement(&mut self, all: &mut Vec<Statement>) -> Parsed<()> {
        if self.takes_name("pass") {
            return self.line_end();
        }
        if self.takes_name("if") {
            let condition = self.expression()?;
            self.want(":")?;
            let then = self.block()?;
            let otherwise = if self.takes_name("else") {
                self.want(":")?;
                self.block()?
            } else {
                Vec::new()
            };
            all.push(Statement::If(condition, then, otherwise));
            return Ok(());
        }
        if self.takes_name("for") {
            let name = self.name()?;
            if !self.takes_name("in") {
                return self.wrong("\"in\" is wanted");
            }
            let over = self.expression()?;
            self.want(":")?;
            let body = self.block()?;
            all.push(Statement::For(name, over, body));
            return Ok(());
        }
        if self.takes_name("while") {
            let condition = self.expression()?;
            self.want(":")?;
            let body = self.block()?;
            all.push(Statement::While(condition, body));
            return Ok(());
        }
        if self.takes_name("with") {
            // What a block runs under matters in training and for profiles only.
            while !self.takes(":") {
                self.at += 1;
                if self.peek().is_none() {
                    return self.wrong("a block that does not begin");
                }
            }
            let body = self.block()?;
            all.extend(body);
            return Ok(());
        }
        if self.takes_name("def") {
            let function = self.function()?;
            if !function.parameters.is_empty() {
                return self.wrong("a function in a function that takes arguments");
            }
            all.push(Statement::Forked(function.name, function.body));
            return Ok(());
        }
        if self.takes_name("return") {
            let value = if self.peek() == Some(&Token::Newline) { None } else { Some(self.items()?) };
            all.push(Statement::Return(value));
            return self.line_end();
        }
        self.assignment(all)
    }

    /// `a = x`, `a, b, = x`, `a, b = x, y`, `self.a = x`, or an expression alone.
    fn assignment(&mut self, all: &mut Vec<Statement>) -> Parsed<()> {
        let first = self.items()?;
        if self.takes(":") {
            self.expression()?;
        }
        if !self.takes("=") {
            all.push(Statement::Expr(first));
            return self.line_end();
        }
        let value = self.items()?;
        let (targets, one) = match first {
            Expr::Tuple(targets) => (targets, false),
            target => (vec![target], true),
        };
        // One name takes the value as it is, several take its items; so does one with a comma behind it.
        let value = if one { Expr::List(vec![value]) } else { value };
        all.push(Statement::Assign(targets, value));
        self.line_end()
    }
}
