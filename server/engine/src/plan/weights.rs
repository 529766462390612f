//! Gives steps their weights, each made once: from the file of packed weights, or read from the artifact and packed.

use super::deferred::Deferred;
use crate::EngineError;
use crate::kernels::gemm::{self, Packed};
use crate::kernels::{Form, Value};
use crate::packed_file::{Key, PackedFile, Packs};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Reads an artifact's weights.
pub trait Reader: Sync {
    /// One of them, checked.
    fn read(&self, weight: usize) -> Result<Value, EngineError>;
    /// One of them where it lies in a mapped file, checked. None: it has to be read.
    fn mapped(&self, weight: usize) -> Result<Option<Value>, EngineError>;
    /// Hands one of `float32` over in rows of so many columns, from several threads: the number of the first row, and rows. False: it
    /// has to be read as a whole. What was made of the rows is void if this fails.
    fn rows(
        &self,
        weight: usize,
        columns: usize,
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<bool, EngineError>;
    /// A text that another content would not have.
    fn identity(&self, weight: usize) -> String;
}

/// Bytes from which on a dense layer's matrix stays where it is mapped. One of them does not stay in a cache from one run to the next, so
/// that a run takes as long as reading it, packed or not; and it would take as long to pack as to run several times.
const VAST: usize = 32 << 20;

/// Packed constants by where they lie and how they are packed.
type Constants = HashMap<(usize, Form), (Value, Vec<Packed>)>;

/// The weights of the plans of one model.
pub struct Weights<'r> {
    reader: &'r dyn Reader,
    file: Option<PackedFile>,
    plain: Mutex<HashMap<Key, Value>>,
    packed: Mutex<BTreeMap<Key, Vec<Packed>>>,
    /// Of constants, by where they lie; each keeps its place from being another's.
    constants: Mutex<Constants>,
    /// Something was packed that the file does not have.
    added: AtomicBool,
}

impl<'r> Weights<'r> {
    /// Of an artifact, with what was packed before.
    pub fn new(reader: &'r dyn Reader, file: Option<PackedFile>) -> Self {
        let (plain, packed, constants) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { reader, file, plain, packed, constants, added: AtomicBool::new(false) }
    }

    /// The name of a weight in a form.
    pub fn key(&self, weight: &Deferred, form: Option<Form>) -> Key {
        weight.key(&self.reader.identity(weight.weight), form)
    }

    /// A weight as a value.
    pub fn plain(&self, weight: &Deferred) -> Result<Value, EngineError> {
        let key = self.key(weight, None);
        if let Some(value) = lock(&self.plain).get(&key) {
            return Ok(value.clone());
        }
        let value = self.once(weight)?;
        Ok(lock(&self.plain).entry(key).or_insert(value).clone())
    }

    /// A weight as a value that nobody else wants.
    pub fn once(&self, weight: &Deferred) -> Result<Value, EngineError> {
        weight.apply(self.reader.read(weight.weight)?)
    }

    /// A large matrix as the artifact has it, if it may stay in its file. None: it is to be packed.
    pub fn stored(&self, weight: &Deferred, form: Form) -> Result<Option<gemm::Stored>, EngineError> {
        let Form::Dense(dims) = form else { return Ok(None) };
        if form.bytes() < VAST {
            return Ok(None);
        }
        let Some((weight, turned)) = weight.as_stored() else { return Ok(None) };
        let key = self.key(&weight, None);
        let known = lock(&self.plain).get(&key).cloned();
        let value = match known {
            Some(value) => value,
            None => match self.reader.mapped(weight.weight)? {
                Some(value) => lock(&self.plain).entry(key).or_insert(weight.apply(value)?).clone(),
                None => return Ok(None),
            },
        };
        Ok(value.memory::<f32>().and_then(|memory| gemm::Stored::new(memory, dims, turned)))
    }

    /// A weight packed. What is read for it goes as soon as it is packed.
    pub fn packed(&self, weight: &Deferred, form: Form) -> Result<Vec<Packed>, EngineError> {
        let key = self.key(weight, Some(form));
        if let Some(packed) = lock(&self.packed).get(&key) {
            return Ok(packed.clone());
        }
        let found = self.file.as_ref().and_then(|file| file.find(&key, form));
        let packed = match found {
            Some(packed) => packed,
            None => {
                self.added.store(true, Ordering::Relaxed);
                self.pack(weight, form)?
            }
        };
        Ok(lock(&self.packed).entry(key).or_insert(packed).clone())
    }

    fn pack(&self, weight: &Deferred, form: Form) -> Result<Vec<Packed>, EngineError> {
        if let Some(factors) = weight.factors() {
            let read = |columns, work: &(dyn Fn(usize, &[f32]) + Sync)| {
                self.reader.rows(weight.weight, columns, work)
            };
            if let Some(packed) = form.pack_rows(factors, read)? {
                return Ok(packed);
            }
        }
        weight.pack(self.reader.read(weight.weight)?, form)
    }

    /// A constant packed; once for all nodes that read it.
    pub fn packed_constant(&self, constant: &Value, form: Form) -> Result<Vec<Packed>, EngineError> {
        let place = (constant.place(), form);
        if let Some((_, packed)) = lock(&self.constants).get(&place) {
            return Ok(packed.clone());
        }
        let packed = form.pack(constant.slice()?);
        let kept = (constant.clone(), packed);
        Ok(lock(&self.constants).entry(place).or_insert(kept).1.clone())
    }

    /// All that was packed, and whether the file lacks some of it.
    pub fn into_packs(self) -> (Packs, bool) {
        let packed = self.packed.into_inner().unwrap_or_else(PoisonError::into_inner);
        (Packs::new(packed), self.added.into_inner())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Reader, VAST, Weights};
    use crate::EngineError;
    use crate::graph::Op;
    use crate::kernels::gemm::{Dense, Right};
    use crate::kernels::{Form, Value};
    use crate::plan::deferred::Deferred;
    use crate::value::Kind;

    const INNER: usize = 1024;
    const COLUMNS: usize = VAST / INNER / size_of::<f32>();

    /// One weight, which lies in a file or does not.
    struct Mapped(Option<Value>);

    impl Reader for Mapped {
        fn read(&self, _: usize) -> Result<Value, EngineError> {
            Err(EngineError::broken("it is not to be read"))
        }

        fn mapped(&self, _: usize) -> Result<Option<Value>, EngineError> {
            Ok(self.0.clone())
        }

        fn rows(&self, _: usize, _: usize, _: &(dyn Fn(usize, &[f32]) + Sync)) -> Result<bool, EngineError> {
            Ok(false)
        }

        fn identity(&self, weight: usize) -> String {
            weight.to_string()
        }
    }

    fn ints(values: &[i64]) -> Value {
        Value::of(values.to_vec(), &[values.len()]).unwrap()
    }

    #[test]
    fn a_vast_matrix_stays_in_its_file() {
        let value = Value::of(vec![0f32; INNER * COLUMNS], &[INNER, COLUMNS]).unwrap();
        let reader = Mapped(Some(value.clone()));
        let weights = Weights::new(&reader, None);
        let plain = Deferred::new(0, Kind::F32, vec![INNER, COLUMNS]);
        let halves = [INNER * 2, COLUMNS / 2];
        let shaped = plain.then(&Op::Reshape, Some(&ints(&halves.map(|n| n as i64)))).unwrap();
        for (weight, dims) in [(&plain, [INNER, COLUMNS]), (&shaped, halves)] {
            let stored = weights.stored(weight, Form::Dense(dims)).unwrap().unwrap();
            assert_eq!(Dense::Stored(stored).place(), value.place());
        }
        assert_eq!(weights.plain(&plain).unwrap().place(), value.place());

        let turned = plain.then(&Op::Transpose, Some(&ints(&[1, 0]))).unwrap();
        let stored = weights.stored(&turned, Form::Dense([COLUMNS, INNER])).unwrap().unwrap();
        let stored = Dense::Stored(stored);
        assert_eq!(stored.place(), value.place());
        assert!(matches!(stored.right(), Right::Stored(m) if (m.rows, m.row_step) == (COLUMNS, 1)));
        let again = turned.then(&Op::Transpose, Some(&ints(&[1, 0]))).unwrap();
        assert!(weights.stored(&again, Form::Dense([INNER, COLUMNS])).unwrap().is_none());
        let small = Deferred::new(0, Kind::F32, vec![INNER, COLUMNS / 2]);
        assert!(weights.stored(&small, Form::Dense([INNER, COLUMNS / 2])).unwrap().is_none());
        let conv = Form::Conv { dims: [1, 1, INNER, COLUMNS], groups: 1 };
        assert!(weights.stored(&plain, conv).unwrap().is_none());
        let unmapped = Mapped(None);
        let weights = Weights::new(&unmapped, None);
        assert!(weights.stored(&plain, Form::Dense([INNER, COLUMNS])).unwrap().is_none());
    }
}
