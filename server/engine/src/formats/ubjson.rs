//! Universal Binary JSON (draft 12), read straight into types: a deserialiser for `serde`.
//!
//! Lengths are compared with the bytes that are left before anything is made of them.

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// Objects in objects; a model has a handful.
const DEEPEST: usize = 64;

/// What is wrong, and where.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl de::Error for Broken {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self(message.to_string())
    }
}

/// Reads a document.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Broken> {
    let mut reader = Reader { bytes, at: 0, depth: 0 };
    T::deserialize(Item { marker: None, reader: &mut reader })
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    depth: usize,
}

impl<'b> Reader<'b> {
    fn broken<T>(&self, what: &str) -> Result<T, Broken> {
        Err(Broken(format!("{what} at byte {}", self.at)))
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], Broken> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..count)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => self.broken("the file ends too early"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next marker; what is there for nothing is left out.
    fn marker(&mut self) -> Result<u8, Broken> {
        loop {
            let [marker] = self.array()?;
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    fn integer(&mut self, marker: u8) -> Result<i64, Broken> {
        Ok(match marker {
            b'i' => i8::from_be_bytes(self.array()?).into(),
            b'U' => u8::from_be_bytes(self.array()?).into(),
            b'I' => i16::from_be_bytes(self.array()?).into(),
            b'l' => i32::from_be_bytes(self.array()?).into(),
            b'L' => i64::from_be_bytes(self.array()?),
            _ => return self.broken("a length is not an integer"),
        })
    }

    /// A length with its marker. Whatever is counted takes a byte each, but what is nothing but its type.
    fn length(&mut self) -> Result<usize, Broken> {
        let marker = self.marker()?;
        let length = self.integer(marker)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.bytes.len() - self.at => Ok(length),
            _ => self.broken("a length is larger than the file"),
        }
    }

    fn text(&mut self) -> Result<&'b str, Broken> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).or_else(|_| self.broken("a text is not UTF-8"))
    }

    /// What follows the bracket of a container.
    fn contents(&mut self) -> Result<Contents, Broken> {
        let mut contents = Contents { marker: None, left: None };
        if self.peek() == Some(b'$') {
            self.at += 1;
            contents.marker = Some(self.array::<1>()?[0]);
            if self.peek() != Some(b'#') {
                return self.broken("a type without a count");
            }
        }
        if self.peek() == Some(b'#') {
            self.at += 1;
            contents.left = Some(self.length()?);
        }
        Ok(contents)
    }

    fn inner<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Result<T, Broken> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.broken("too deep");
        }
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// The type of all items and how many are left; none: each says its own, and a bracket ends them.
struct Contents {
    marker: Option<u8>,
    left: Option<usize>,
}

impl Contents {
    /// Whether another item follows.
    fn goes_on(&mut self, reader: &mut Reader<'_>, end: u8) -> Result<bool, Broken> {
        match &mut self.left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => {
                while reader.peek() == Some(b'N') {
                    reader.at += 1;
                }
                let ends = reader.peek() == Some(end);
                reader.at += usize::from(ends);
                Ok(!ends)
            }
        }
    }
}

/// A value that is next.
struct Item<'r, 'b> {
    /// Its type, where the container said it.
    marker: Option<u8>,
    reader: &'r mut Reader<'b>,
}

impl<'de> de::Deserializer<'de> for Item<'_, 'de> {
    type Error = Broken;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        let reader = self.reader;
        let marker = match self.marker {
            Some(marker) => marker,
            None => reader.marker()?,
        };
        match marker {
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'i' | b'U' | b'I' | b'l' | b'L' => visitor.visit_i64(reader.integer(marker)?),
            b'd' => visitor.visit_f32(f32::from_be_bytes(reader.array()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(reader.array()?)),
            b'C' => visitor.visit_char(char::from(reader.array::<1>()?[0])),
            b'S' | b'H' => visitor.visit_borrowed_str(reader.text()?),
            b'[' => reader.inner(|reader| {
                let contents = reader.contents()?;
                visitor.visit_seq(Items { contents, reader })
            }),
            b'{' => reader.inner(|reader| {
                let contents = reader.contents()?;
                visitor.visit_map(Items { contents, reader })
            }),
            _ => reader.broken("an unknown type"),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        if self.marker.is_none() && self.reader.peek() == Some(b'Z') {
            self.reader.at += 1;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Broken> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Items<'r, 'b> {
    contents: Contents,
    reader: &'r mut Reader<'b>,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Broken;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Broken> {
        if !self.contents.goes_on(self.reader, b']')? {
            return Ok(None);
        }
        seed.deserialize(Item { marker: self.contents.marker, reader: self.reader }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.contents.left
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Broken;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Broken> {
        if !self.contents.goes_on(self.reader, b'}')? {
            return Ok(None);
        }
        let key = self.reader.text()?;
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Broken> {
        seed.deserialize(Item { marker: self.contents.marker, reader: self.reader })
    }
}

#[cfg(test)]
mod tests {
    use super::from_slice;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Some3 {
        name: String,
        numbers: Vec<f32>,
        #[serde(default)]
        counts: Vec<i64>,
    }

    #[test]
    fn typed_and_untyped_arrays() {
        let mut bytes = b"{L\0\0\0\0\0\0\0\x04nameSi\x01xi\x07numbers[$d#i\x02".to_vec();
        bytes.extend(1.5f32.to_be_bytes());
        bytes.extend((-2.0f32).to_be_bytes());
        bytes.extend(b"i\x06counts[i\xffI\x01\0NL\0\0\0\0\0\0\0\x02]i\x04more{i\x01a[TFZ]}}");
        let read: Some3 = from_slice(&bytes).unwrap();
        assert_eq!(read.name, "x");
        assert_eq!((read.numbers, read.counts), (vec![1.5, -2.0], vec![-1, 256, 2]));
        for end in 0..bytes.len() {
            assert!(from_slice::<Some3>(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn lengths_and_depth_are_checked() {
        let long = b"{i\x07numbers[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert!(from_slice::<Some3>(long).unwrap_err().to_string().contains("larger than the file"));
        let deep = [b"{i\x01a".as_slice(), &[b'['; 1 << 20]].concat();
        assert!(from_slice::<Some3>(&deep).unwrap_err().to_string().contains("too deep"));
        assert!(from_slice::<Some3>(b"{i\x01a[$Z#L\0\0\0\0\0\0\x10\0").is_err());
    }
}
