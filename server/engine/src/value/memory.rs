//! Where elements are: in a vector, in a block of a workspace, or in a mapped file.

use super::Element;
use super::map::Map;
use super::workspace::{self, Block};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Elements that nobody changes any more, shared.
#[derive(Debug, Clone)]
pub enum Memory<T> {
    /// A vector of their own.
    Vector(Arc<Vec<T>>),
    /// The beginning of a block.
    Block(Arc<Block>, usize),
    /// Elements of a mapped file: the byte at which they begin, and their number.
    Mapped(Arc<Map>, usize, usize),
}

impl<T: Element> Memory<T> {
    /// Elements of a mapped file. None: they lie outside of it, or where they cannot be read as such.
    pub fn mapped(map: Arc<Map>, start: usize, len: usize) -> Option<Self> {
        let bytes = map.get(start..start.checked_add(len.checked_mul(size_of::<T>())?)?)?;
        bytemuck::try_cast_slice::<u8, T>(bytes).ok()?;
        Some(Self::Mapped(map, start, len))
    }
}

impl<T> Memory<T> {
    /// To be written again; the memory as it was if others share it, or if it is no block.
    pub fn into_output(self) -> Result<Output<T>, Self> {
        let Self::Block(block, len) = self else { return Err(self) };
        match Arc::try_unwrap(block) {
            Ok(block) => Ok(Output { block, len, of: std::marker::PhantomData }),
            Err(block) => Err(Self::Block(block, len)),
        }
    }
}

impl<T: Element> Deref for Memory<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Vector(vector) => vector,
            Self::Block(block, len) => &block.elements()[..*len],
            Self::Mapped(map, start, len) => {
                bytemuck::cast_slice(&map[*start..*start + *len * size_of::<T>()])
            }
        }
    }
}

impl<T> From<Vec<T>> for Memory<T> {
    fn from(vector: Vec<T>) -> Self {
        Self::Vector(Arc::new(vector))
    }
}

/// Elements on their way to become a value: whoever holds them writes them.
#[derive(Debug)]
pub struct Output<T> {
    block: Block,
    len: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Element> Output<T> {
    /// Room for `len` elements, of which it is not said what they are.
    pub fn new(len: usize) -> Self {
        Self { block: workspace::block(len * size_of::<T>()), len, of: std::marker::PhantomData }
    }

    /// Room for `len` elements that outlive the run: never a part of its workspace. All zero.
    pub fn lasting(len: usize) -> Self {
        Self { block: Block::alone(len * size_of::<T>()), len, of: std::marker::PhantomData }
    }

    /// As [`Output::lasting`]; None: there is no room for them.
    pub fn try_lasting(len: usize) -> Option<Self> {
        let block = Block::try_alone(len.checked_mul(size_of::<T>())?)?;
        Some(Self { block, len, of: std::marker::PhantomData })
    }
}

impl<T: Element> Deref for Output<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.block.elements()[..self.len]
    }
}

impl<T: Element> DerefMut for Output<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.block.elements_mut()[..self.len]
    }
}

impl<T: Element> From<Output<T>> for Memory<T> {
    fn from(output: Output<T>) -> Self {
        let len = output.len;
        Self::Block(Arc::new(output.block), len)
    }
}
