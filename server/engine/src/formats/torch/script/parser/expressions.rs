//! Expressions, from the loosest binding to the tightest.

use super::super::lexer::Token;
use super::super::tree::Expr;
use super::{Parsed, Parser};
use std::rc::Rc;

impl Parser<'_> {
    /// Expressions between commas: more than one, or a comma behind it, are a tuple.
    pub fn items(&mut self) -> Parsed<Expr> {
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

    pub fn expression(&mut self) -> Parsed<Expr> {
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
