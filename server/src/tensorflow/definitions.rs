//! What a SavedModel says of its signatures beyond what the engine needs: their methods, the names of their tensors.
//!
//! The file holds the whole graph. Only the parts about signatures are read; all others are passed over.

use crate::grpc::proto::tensorflow::SignatureDef;
use berth_engine::Chosen;
use prost::Message;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};

/// Bytes of one part, and of all signatures together.
const MOST_BYTES: u64 = 16 << 20;
/// The tag of the graph that is served.
const SERVE: &str = "serve";

/// Signatures by their names; empty for other formats than SavedModel.
#[derive(Debug, Default)]
pub struct Definitions(BTreeMap<String, SignatureDef>);

#[derive(Clone, PartialEq, Message)]
struct MetaInfo {
    #[prost(string, repeated, tag = "4")]
    tags: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    signature: Option<SignatureDef>,
}

impl Definitions {
    /// Reads those of a version. The engine has read the file before: what cannot be read here is left out.
    pub fn read(chosen: &Chosen) -> Self {
        let Some(dir) = &chosen.saved_model else { return Self::default() };
        let path = dir.join("saved_model.pb");
        let read = File::open(&path).and_then(|file| {
            let size = file.metadata()?.len();
            read(&mut Parts { file: BufReader::new(file), left: size })
        });
        read.unwrap_or_else(|error| {
            tracing::warn!(file = %path.display(), %error, "signatures are told without their tensors' names");
            Self::default()
        })
    }

    /// Every signature.
    pub fn all(&self) -> &BTreeMap<String, SignatureDef> {
        &self.0
    }
}

fn read(file: &mut Parts) -> io::Result<Definitions> {
    let mut budget = MOST_BYTES;
    while let Some((field, length)) = file.next()? {
        // SavedModel.meta_graphs
        if field != 2 {
            file.skip(length)?;
            continue;
        }
        let after = file.left.checked_sub(length).ok_or_else(broken)?;
        let (mut served, mut found) = (false, BTreeMap::new());
        while file.left > after {
            let Some((field, length)) = file.next()? else { return Err(broken()) };
            match field {
                1 => served = file.message::<MetaInfo>(length, &mut budget)?.tags.iter().any(|t| t == SERVE),
                5 => {
                    let entry: Entry = file.message(length, &mut budget)?;
                    found.insert(entry.name, entry.signature.unwrap_or_default());
                }
                _ => file.skip(length)?,
            }
        }
        if served && file.left == after {
            return Ok(Definitions(found));
        }
    }
    Ok(Definitions::default())
}

/// The fields of a message in a file, one after the other.
struct Parts {
    file: BufReader<File>,
    left: u64,
}

impl Parts {
    /// The next field's number and the bytes of its value; None at the end.
    fn next(&mut self) -> io::Result<Option<(u64, u64)>> {
        if self.left == 0 {
            return Ok(None);
        }
        let tag = self.varint()?;
        let length = match tag & 7 {
            0 => {
                self.varint()?;
                0
            }
            1 => 8,
            2 => self.varint()?,
            5 => 4,
            _ => return Err(broken()),
        };
        if length > self.left { Err(broken()) } else { Ok(Some((tag >> 3, length))) }
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            self.left = self.left.checked_sub(1).ok_or_else(broken)?;
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(broken())
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.left -= length;
        self.file.seek_relative(i64::try_from(length).map_err(|_| broken())?)
    }

    fn message<M: Message + Default>(&mut self, length: u64, budget: &mut u64) -> io::Result<M> {
        *budget = budget.checked_sub(length).ok_or_else(broken)?;
        self.left -= length;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| broken())?];
        self.file.read_exact(&mut bytes)?;
        M::decode(bytes.as_slice()).map_err(|_| broken())
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "saved_model.pb breaks its format")
}

#[cfg(test)]
mod tests {
    use super::{Definitions, Entry, MetaInfo, SignatureDef};
    use berth_engine::Chosen;
    use prost::Message;
    use std::sync::Arc;

    /// A field of bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        prost::encode_length_delimiter(bytes.len(), &mut out).unwrap();
        [out, bytes.to_vec()].concat()
    }

    fn graph(tag: &str, method: &str) -> Vec<u8> {
        let info = MetaInfo { tags: vec![tag.to_owned()] };
        let signature = Some(SignatureDef { method_name: method.to_owned(), ..SignatureDef::default() });
        let entry = Entry { name: "serving_default".to_owned(), signature };
        let parts =
            [field(1, &info.encode_to_vec()), field(2, &[0; 100_000]), field(5, &entry.encode_to_vec())];
        field(2, &parts.concat())
    }

    fn read(bytes: &[u8]) -> Definitions {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("saved_model.pb"), bytes).unwrap();
        let saved_model = Some(dir.path().to_owned());
        Definitions::read(&Chosen {
            dir: dir.path().to_owned(),
            saved_model,
            number: 1,
            numbering: Arc::default(),
        })
    }

    #[test]
    fn signatures_are_those_of_the_graph_that_is_served() {
        let file = [field(1, b""), graph("train", "a"), graph("serve", "b")].concat();
        assert_eq!(read(&file).all()["serving_default"].method_name, "b");
        assert!(read(&graph("train", "a")).all().is_empty());
    }

    #[test]
    fn damage_anywhere_leaves_them_out_and_nothing_worse() {
        let file = graph("serve", "b");
        for end in 0..file.len().min(200) {
            read(&file[..end]);
        }
        for at in [0, 1, 2, 3, 5, 8, 12, 20, file.len() - 20, file.len() - 5] {
            for byte in [0, 0x7f, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] = byte;
                read(&damaged);
            }
        }
        let endless = [vec![2 << 3 | 2], vec![0xff; 9], vec![1]].concat();
        assert!(read(&endless).all().is_empty());
    }
}
