//! TorchScript's grammar: classes, functions, a few statements, expressions.

use super::lexer::{Token, tokens};
use super::tree::{Class, Expr, Function, Module, Parameter, Statement};
use crate::EngineError;
use std::rc::Rc;

/// Expressions in expressions, blocks in blocks.
const DEEPEST: usize = 200;

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

    /// Expressions between commas: more than one, or a comma behind it, are a tuple.
    fn items(&mut self) -> Parsed<Expr> {
        let first = self.expression()?;
        if !self.is_mark(",") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.takes(",") {
            if self.is_mark("=") || self.peek() == Some(&Token::Newline) {
                break;
            }
            all.push(self.expression()?);
        }
        Ok(Expr::Tuple(all))
    }

    fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(Self::compared)
    }

    fn compared(&mut self) -> Parsed<Expr> {
        if self.takes_name("not") {
            let of = self.expression()?;
            return Ok(Expr::Unary("__not__", Box::new(of)));
        }
        let mut left = self.sum()?;
        loop {
            let name = match self.peek() {
                Some(Token::Mark("==")) => "eq",
                Some(Token::Mark("!=")) => "ne",
                Some(Token::Mark("<")) => "lt",
                Some(Token::Mark("<=")) => "le",
                Some(Token::Mark(">")) => "gt",
                Some(Token::Mark(">=")) => "ge",
                Some(Token::Name(name)) if name == "and" => "__and__",
                Some(Token::Name(name)) if name == "or" => "__or__",
                Some(Token::Name(name)) if name == "is" => "__is__",
                _ => return Ok(left),
            };
            self.at += 1;
            let name = if name == "__is__" && self.takes_name("not") { "__isnot__" } else { name };
            let right = self.deeper(Self::sum)?;
            left = Expr::Binary(name, Box::new(left), Box::new(right));
        }
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.factor()?;
        loop {
            let name = match self.peek() {
                Some(Token::Mark("+")) => "add",
                Some(Token::Mark("-")) => "sub",
                Some(Token::Mark("*")) => "mul",
                Some(Token::Mark("//")) => "floordiv",
                Some(Token::Mark("**")) => "pow",
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.factor()?;
            left = Expr::Binary(name, Box::new(left), Box::new(right));
        }
    }

    fn factor(&mut self) -> Parsed<Expr> {
        if self.takes("-") {
            let of = self.deeper(Self::factor)?;
            return Ok(match of {
                Expr::Int(n) => Expr::Int(n.wrapping_neg()),
                Expr::Float(x) => Expr::Float(-x),
                of => Expr::Unary("neg", Box::new(of)),
            });
        }
        let mut of = self.atom()?;
        loop {
            if self.takes(".") {
                of = Expr::Attribute(Box::new(of), self.name()?);
            } else if self.takes("[") {
                let index = self.enclosed("]")?;
                let index =
                    if index.len() == 1 { index.into_iter().next() } else { Some(Expr::Tuple(index)) };
                of = Expr::Index(Box::new(of), Box::new(index.unwrap_or(Expr::None)));
            } else if self.takes("(") {
                of = self.call(of)?;
            } else {
                return Ok(of);
            }
        }
    }

    fn call(&mut self, of: Expr) -> Parsed<Expr> {
        let (mut places, mut names) = (Vec::new(), Vec::new());
        while !self.takes(")") {
            let named = matches!(
                (self.peek(), self.tokens.get(self.at + 1)),
                (Some(Token::Name(_)), Some((Token::Mark("="), _)))
            );
            if named {
                let name = self.name()?;
                self.want("=")?;
                names.push((name, self.expression()?));
            } else {
                places.push(self.expression()?);
            }
            if !self.takes(",") && !self.is_mark(")") {
                return self.wrong("arguments that do not end");
            }
        }
        Ok(Expr::Call(Box::new(of), places, names))
    }

    /// Expressions between commas, up to a bracket.
    fn enclosed(&mut self, end: &'static str) -> Parsed<Vec<Expr>> {
        let mut all = Vec::new();
        while !self.takes(end) {
            all.push(self.expression()?);
            if !self.takes(",") && !self.is_mark(end) {
                return self.wrong("a list that does not end");
            }
        }
        Ok(all)
    }

    fn atom(&mut self) -> Parsed<Expr> {
        let Some((token, _)) = self.tokens.get(self.at) else { return self.wrong("it ends too soon") };
        self.at += 1;
        Ok(match token {
            Token::Int(n) => Expr::Int(*n),
            Token::Float(x) => Expr::Float(*x),
            Token::Text(text) => self.texts(text),
            Token::Name(name) => match name.as_str() {
                "True" => Expr::Bool(true),
                "False" => Expr::Bool(false),
                "None" => Expr::None,
                "inf" => Expr::Float(f64::INFINITY),
                "nan" => Expr::Float(f64::NAN),
                name => Expr::Name(Rc::from(name)),
            },
            Token::Mark("[") => Expr::List(self.enclosed("]")?),
            Token::Mark("(") => {
                let begin = self.at;
                let mut items = self.enclosed(")")?;
                // A comma makes a tuple of one.
                let comma = matches!(self.tokens.get(self.at.saturating_sub(2)), Some((Token::Mark(","), _)));
                if items.len() == 1 && !(comma && self.at > begin + 1) {
                    items.remove(0)
                } else {
                    Expr::Tuple(items)
                }
            }
            Token::Mark("{") => {
                let mut all = Vec::new();
                while !self.takes("}") {
                    let key = self.expression()?;
                    self.want(":")?;
                    all.push((key, self.expression()?));
                    if !self.takes(",") && !self.is_mark("}") {
                        return self.wrong("a dict that does not end");
                    }
                }
                Expr::Dict(all)
            }
            _ => {
                self.at -= 1;
                return self.wrong("an expression is wanted");
            }
        })
    }

    /// Strings behind each other are one.
    fn texts(&mut self, first: &str) -> Expr {
        let mut text = first.to_owned();
        while let Some(Token::Text(more)) = self.peek() {
            text.push_str(more);
            self.at += 1;
        }
        Expr::Text(Rc::from(text.as_str()))
    }
}
