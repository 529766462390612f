//! A JSON reader that goes straight to tensors: no tree of values in between, which for an image would be a hundred times
//! its size. Takes `NaN`, `Infinity` and `-Infinity`, which TensorFlow Serving takes too.

mod tensor;

use crate::error::InvokeError;

/// Levels of nesting: more than any tensor has.
const DEEPEST: usize = 32;

/// A place in a JSON text.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn error(&self, what: &str) -> InvokeError {
        InvokeError::bad(format!("the JSON is not valid at byte {}: {what}", self.at))
    }

    /// The next byte that is not white space, not taken.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Takes `byte` if it is next.
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), InvokeError> {
        if self.take(byte) { Ok(()) } else { Err(self.error(&format!("expected {:?}", byte as char))) }
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), InvokeError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error("expected the end")) }
    }

    /// Walks over an object; `member` gets each key and takes its value.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), InvokeError>,
    ) -> Result<(), InvokeError> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            let key = String::from_utf8(key).map_err(|_| self.error("a key that is not UTF-8"))?;
            member(self, &key)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Walks over an array; `element` takes each value.
    pub fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), InvokeError>,
    ) -> Result<usize, InvokeError> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            element(self)?;
            count += 1;
            if self.take(b']') {
                return Ok(count);
            }
            self.expect(b',')?;
        }
    }

    /// Walks over any value and checks no more than its brackets and strings.
    pub fn skip(&mut self) -> Result<(), InvokeError> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'[' | b'{') => {
                    self.at += 1;
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(self.error("nested too deeply"));
                    }
                    continue;
                }
                Some(b']' | b'}') if depth > 0 => {
                    self.at += 1;
                    depth -= 1;
                }
                Some(b',' | b':') if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                Some(b'"') => drop(self.string()?),
                Some(_) => drop(self.token()?),
                None => return Err(self.error("the text ends early")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A number, `true`, `false`, `null`, `NaN` or an infinity, as it stands.
    pub fn token(&mut self) -> Result<&'a [u8], InvokeError> {
        self.peek();
        let start = self.at;
        while let Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'a'..=b'z' | b'A'..=b'Z') = self.text.get(self.at)
        {
            self.at += 1;
        }
        if start == self.at { Err(self.error("expected a value")) } else { Ok(&self.text[start..self.at]) }
    }

    /// A string, unescaped.
    pub fn string(&mut self) -> Result<Vec<u8>, InvokeError> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.text.get(self.at) {
                None => return Err(self.error("a string without an end")),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..0x20) => return Err(self.error("a control character in a string")),
                Some(_) => self.at += 1,
            }
        }
        let raw = self.text.get(start..self.at).ok_or_else(|| self.error("a string without an end"))?;
        self.at += 1;
        if !escaped {
            return Ok(raw.to_vec());
        }
        // Escapes are rare: the library may take its second look.
        let quoted = &self.text[start - 1..self.at];
        serde_json::from_slice::<String>(quoted)
            .map(String::into_bytes)
            .map_err(|_| self.error("a bad escape"))
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;
    use crate::codec::convert::Builder;
    use berth_engine::{DType, Data};

    fn read(text: &str) -> Result<(Vec<usize>, Data), String> {
        let mut out = Builder::new(DType::F32);
        let mut cursor = Cursor::new(text.as_bytes());
        let shape = cursor.tensor(&mut out).map_err(|e| e.to_string())?;
        cursor.end().map_err(|e| e.to_string())?;
        Ok((shape, out.finish()))
    }

    #[test]
    fn shapes_come_from_the_nesting() {
        assert_eq!(
            read(" [[1, 2.5],[-3e2 ,4]] ").unwrap(),
            (vec![2, 2], Data::F32(vec![1., 2.5, -300., 4.]))
        );
        assert_eq!(read("7").unwrap(), (vec![], Data::F32(vec![7.])));
        assert_eq!(read("[]").unwrap(), (vec![0], Data::F32(vec![])));
        assert_eq!(read("[[],[]]").unwrap(), (vec![2, 0], Data::F32(vec![])));
        assert!(
            matches!(read("[Infinity, -Infinity]").unwrap().1, Data::F32(v) if v == [f32::INFINITY, -f32::INFINITY])
        );
    }

    #[test]
    fn ragged_and_broken_texts_are_refused() {
        for bad in [
            "[[1],[1,2]]",
            "[1,[2]]",
            "[[1],2]",
            "[[],[1]]",
            "[1,]",
            "[1",
            "1 2",
            "[true]",
            "[null]",
            "[\"x\"]",
            "[1..2]",
            "[1e39]",
            "[-1e999]",
            "",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn any_value_can_be_skipped() {
        for text in ["1", "\"a\\\"b\"", "{\"a\": [1, {\"b\": null}], \"c\": \"]\"}", "[[],{}]"] {
            let mut cursor = Cursor::new(text.as_bytes());
            cursor.skip().unwrap();
            cursor.end().unwrap();
        }
        assert!(Cursor::new("[".repeat(64).as_bytes()).skip().is_err());
        assert!(Cursor::new(b"[1").skip().is_err());
    }
}
