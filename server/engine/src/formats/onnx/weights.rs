//! A model's weights: parts of its file, or of files beside it.

use super::elem::Elem;
use super::proto::Tensor;
use super::tensors;
use crate::EngineError;
use crate::formats::Access;
use crate::formats::stored::Stored;
use crate::graph::{Literal, Weight};
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// Constants of more elements stay in their file; shapes, axes and the like are shorter.
const LONGEST_CONSTANT: usize = 1024;

/// What a constant of the model becomes.
pub enum Constant {
    /// It is in the graph.
    Literal(Literal, Elem),
    /// A weight by its number.
    Weight(usize, Elem),
}

/// The weights that were met.
pub struct Weights {
    file: PathBuf,
    bytes: Bytes,
    stored: Stored,
    /// All of them, each once.
    pub all: Vec<Weight>,
    keys: std::collections::HashMap<String, usize>,
}

impl Weights {
    /// None yet.
    pub fn new(file: &Path, bytes: Bytes, access: Access) -> Self {
        Self {
            file: file.to_owned(),
            bytes,
            stored: Stored::new(access),
            all: Vec::new(),
            keys: std::collections::HashMap::new(),
        }
    }

    /// What a tensor of the model becomes.
    pub fn constant(&mut self, tensor: &Tensor) -> Result<Constant, EngineError> {
        let (elem, shape) = (tensors::elem(tensor)?, tensors::dims(tensor)?);
        let place = match tensors::external(tensor)? {
            Some((location, offset)) => {
                let dir = self.file.parent().unwrap_or(Path::new("."));
                Some((self.stored.file(&dir.join(location))?, offset))
            }
            None => self.inside(tensor, elem, shape.iter().product())?,
        };
        let Some((file, offset)) = place else {
            return Ok(Constant::Literal(tensors::literal(tensor)?, elem));
        };
        let Elem::Plain(dtype) = elem else {
            return Err(EngineError::broken(format!(
                "constant {:?} of {elem:?} lies in another file; keep those of less than a byte in the model",
                tensor.name
            )));
        };
        // Equal places are one weight.
        let key = format!("{file}:{offset}:{dtype}:{shape:?}");
        if let Some(number) = self.keys.get(&key) {
            return Ok(Constant::Weight(*number, elem));
        }
        let weight = self.stored.add(&key, file, offset, dtype, &shape)?;
        self.all.push(weight);
        self.keys.insert(key, self.all.len() - 1);
        Ok(Constant::Weight(self.all.len() - 1, elem))
    }

    /// Where in the model's own file a long tensor is. None: it is short, or not as it would be in memory.
    fn inside(
        &mut self,
        tensor: &Tensor,
        elem: Elem,
        count: usize,
    ) -> Result<Option<(usize, u64)>, EngineError> {
        let raw = &tensor.raw_data;
        let Some(width) = tensors::stored_width(elem).filter(|_| count > LONGEST_CONSTANT) else {
            return Ok(None);
        };
        if count.checked_mul(width) != Some(raw.len()) {
            return Ok(None);
        }
        let offset = (raw.as_ptr().addr()).checked_sub(self.bytes.as_ptr().addr());
        let offset = offset.filter(|o| o.checked_add(raw.len()).is_some_and(|end| end <= self.bytes.len()));
        match offset {
            Some(offset) => Ok(Some((self.stored.file(&self.file.clone())?, offset as u64))),
            None => Ok(None),
        }
    }

    /// The weights and where they are.
    pub fn finish(self) -> (Vec<Weight>, Stored) {
        (self.all, self.stored)
    }
}
