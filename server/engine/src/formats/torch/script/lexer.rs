//! TorchScript's text, word by word. Lines inside brackets go on; how far a line is indented says where blocks begin and end.

use crate::EngineError;

/// Blocks in blocks.
const DEEPEST: usize = 100;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Name(String),
    Int(i64),
    Float(f64),
    Text(String),
    /// A mark: brackets, commas, `->` and the like.
    Mark(&'static str),
    Newline,
    Indent,
    Dedent,
}

const MARKS: [&str; 23] = [
    "->", "**", "//", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "-", "+",
    "*", "<", ">", "@",
];

/// All words, each with the number of its line.
pub fn tokens(text: &str) -> Result<Vec<(Token, usize)>, EngineError> {
    let mut lexer = Lexer { all: Vec::new(), indents: vec![0], open: 0, line: 0 };
    for line in text.lines() {
        lexer.line += 1;
        lexer.line(line)?;
    }
    lexer.end()?;
    Ok(lexer.all)
}

struct Lexer {
    all: Vec<(Token, usize)>,
    indents: Vec<usize>,
    open: usize,
    line: usize,
}

impl Lexer {
    fn wrong<T>(&self, what: &str) -> Result<T, EngineError> {
        Err(EngineError::broken(format!("line {}: {what}", self.line)))
    }

    fn push(&mut self, token: Token) {
        self.all.push((token, self.line));
    }

    fn line(&mut self, line: &str) -> Result<(), EngineError> {
        let rest = line.trim_start_matches(' ');
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(());
        }
        if self.open == 0 {
            self.indented(line.len() - rest.len())?;
        }
        let mut rest = rest;
        loop {
            rest = rest.trim_start();
            if rest.is_empty() || rest.starts_with('#') {
                break;
            }
            rest = self.word(rest)?;
        }
        if self.open == 0 {
            self.push(Token::Newline);
        }
        Ok(())
    }

    fn indented(&mut self, depth: usize) -> Result<(), EngineError> {
        let current = self.indents.last().copied().unwrap_or(0);
        if depth > current {
            if self.indents.len() >= DEEPEST {
                return self.wrong("blocks in blocks, too deep");
            }
            self.indents.push(depth);
            self.push(Token::Indent);
        }
        while self.indents.last().is_some_and(|d| depth < *d) {
            self.indents.pop();
            self.push(Token::Dedent);
        }
        if self.indents.last() == Some(&depth) {
            Ok(())
        } else {
            self.wrong("it is indented by less than its block")
        }
    }

    fn end(&mut self) -> Result<(), EngineError> {
        if self.open > 0 {
            return self.wrong("a bracket is not closed");
        }
        for _ in 1..self.indents.len() {
            self.push(Token::Dedent);
        }
        Ok(())
    }

    /// Takes one word off; what is left.
    fn word<'t>(&mut self, rest: &'t str) -> Result<&'t str, EngineError> {
        let first = rest.as_bytes()[0];
        if first.is_ascii_alphabetic() || first == b'_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.push(Token::Name(rest[..end].to_owned()));
            return Ok(&rest[end..]);
        }
        if first.is_ascii_digit() || (first == b'.' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit))
        {
            return self.number(rest);
        }
        if first == b'"' || first == b'\'' {
            return self.text(rest);
        }
        let Some(mark) = MARKS.iter().find(|m| rest.starts_with(**m)) else {
            return self.wrong("a character that means nothing");
        };
        match *mark {
            "(" | "[" | "{" => self.open += 1,
            ")" | "]" | "}" => match self.open.checked_sub(1) {
                Some(open) => self.open = open,
                None => return self.wrong("a bracket that was not opened"),
            },
            _ => {}
        }
        self.push(Token::Mark(mark));
        Ok(&rest[mark.len()..])
    }

    fn number<'t>(&mut self, rest: &'t str) -> Result<&'t str, EngineError> {
        let bytes = rest.as_bytes();
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let after_e = end > 0 && matches!(bytes[end - 1], b'e' | b'E');
            let is_part = matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E');
            let is_sign = after_e && matches!(byte, b'-' | b'+');
            if !is_part && !is_sign {
                break;
            }
            end += 1;
        }
        let text = &rest[..end];
        let token = match text.parse::<i64>() {
            Ok(number) => Token::Int(number),
            // The least integer is written as its negative's negative.
            Err(_) if text == "9223372036854775808" => Token::Int(i64::MIN),
            Err(_) => match text.parse::<f64>() {
                Ok(number) => Token::Float(number),
                Err(_) => return self.wrong("a number that is none"),
            },
        };
        self.push(token);
        Ok(&rest[end..])
    }

    fn text<'t>(&mut self, rest: &'t str) -> Result<&'t str, EngineError> {
        let quote = rest.as_bytes()[0] as char;
        let mut text = Vec::new();
        let mut characters = rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            if character == quote {
                let text = String::from_utf8_lossy(&text).into_owned();
                self.push(Token::Text(text));
                return Ok(&rest[at + 1..]);
            }
            if character != '\\' {
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            let Some((at, escaped)) = characters.next() else { break };
            match escaped {
                'n' => text.push(b'\n'),
                't' => text.push(b'\t'),
                'r' => text.push(b'\r'),
                'a' => text.push(7),
                'b' => text.push(8),
                'f' => text.push(12),
                'v' => text.push(11),
                '0'..='7' => {
                    let digits = rest.get(at..at + 3).and_then(|d| u8::from_str_radix(d, 8).ok());
                    let Some(byte) = digits else { return self.wrong("an escape that is none") };
                    text.push(byte);
                    characters.nth(1);
                }
                other => text.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.wrong("a string that does not end")
    }
}
