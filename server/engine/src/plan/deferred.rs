//! Weights that are known by their shape before their elements are read. Passes work with the shape and note what is to be
//! done with the elements; only a step that needs them has them read.

use super::rules::{self, Known};
use crate::EngineError;
use crate::graph::{Binary, Op};
use crate::kernels::{self, Form, Value};
use crate::packed_file::Key;
use crate::value::{Contents, Kind};
use sha2::{Digest, Sha256};

/// Changes when the layout of packed weights does, or the arithmetic that makes them.
const LAYOUT: u32 = 2;

/// A weight and what is done to it.
#[derive(Debug, Clone)]
pub struct Deferred {
    /// Its number among the artifact's.
    pub weight: usize,
    pub kind: Kind,
    /// The shape after all edits.
    pub dims: Vec<usize>,
    edits: Vec<Edit>,
}

/// An operation on the elements, and its second operand.
#[derive(Debug, Clone)]
struct Edit {
    op: Op,
    operand: Option<Value>,
}

impl Deferred {
    /// A weight as the artifact has it.
    pub fn new(weight: usize, kind: Kind, dims: Vec<usize>) -> Self {
        Self { weight, kind, dims, edits: Vec::new() }
    }

    /// Number of elements; that of a weight, whose size was checked.
    pub fn elements(&self) -> usize {
        self.dims.iter().fold(1, |n, d| n.saturating_mul(*d))
    }

    /// Bytes of the elements.
    pub fn bytes(&self) -> usize {
        let width = match self.kind {
            Kind::F32 => 4,
            Kind::F64 | Kind::I64 => 8,
            Kind::Bool | Kind::Text | Kind::List => 1,
        };
        self.elements().saturating_mul(width)
    }

    /// The result of an operation on it. None: its shape does not follow from what is known here.
    pub fn then(&self, op: &Op, operand: Option<&Value>) -> Option<Self> {
        let dims = self.shape(op, operand)?;
        let possible = match op {
            Op::Reshape | Op::Transpose => operand.is_some_and(|o| o.kind() == Kind::I64),
            Op::Cast(to) => is_float(*to) && self.kind == Kind::F32,
            // A factor that is not longer along any axis leaves the shape as it is.
            Op::Binary(Binary::Mul) => {
                let alike = operand.is_some_and(|factor| factor.kind() == Kind::F32);
                alike && self.kind == Kind::F32 && dims == self.dims
            }
            _ => false,
        };
        if !possible {
            return None;
        }
        let mut edits = self.edits.clone();
        edits.push(Edit { op: op.clone(), operand: operand.cloned() });
        Some(Self { weight: self.weight, kind: self.kind, dims, edits })
    }

    /// The shape of an operation's result, by its rule.
    fn shape(&self, op: &Op, operand: Option<&Value>) -> Option<Vec<usize>> {
        let own = Known::shaped(self.dims.iter().copied().map(Some).collect());
        let operand = operand.map(Known::constant);
        let inputs: Vec<&Known> = std::iter::once(&own).chain(&operand).collect();
        rules::results(op, &inputs, 1).ok()?.pop()?.dims()
    }

    /// All that is done to the elements, once they are read.
    pub fn apply(&self, value: Value) -> Result<Value, EngineError> {
        self.run(value, &self.edits)
    }

    /// The elements as the artifact has them, if nothing but shapes is between these and a matrix, and whether it is turned last.
    pub fn as_stored(&self) -> Option<(Self, bool)> {
        let (edits, turned) = match self.edits.split_last() {
            Some((Edit { op: Op::Transpose, .. }, before)) => (before, true),
            _ => (&self.edits[..], false),
        };
        let [rows, columns] = self.dims[..] else { return None };
        let dims = if turned { vec![columns, rows] } else { self.dims.clone() };
        let before = Self { dims, edits: edits.to_vec(), ..*self };
        let shapes = edits.iter().all(|edit| matches!(edit.op, Op::Reshape));
        let turns = |edit: &Edit| {
            let axes = edit.operand.as_ref().and_then(|axes| axes.slice::<i64>().ok());
            axes.is_some_and(|axes| matches!(axes, [1 | -1, 0 | -2]))
        };
        let plain = self.kind == Kind::F32 && shapes && (!turned || self.edits.last().is_some_and(turns));
        plain.then_some((before, turned))
    }

    /// By what each column (of the last axis) is multiplied, if that and new shapes are all that is done. None: more is.
    pub fn factors(&self) -> Option<Option<&[f32]>> {
        let mut factors = None;
        for Edit { op, operand } in &self.edits {
            match (op, operand) {
                (Op::Reshape, _) | (Op::Cast(crate::DType::F32), _) => {}
                (Op::Binary(Binary::Mul), Some(by)) if factors.is_none() => {
                    // Along the last axis alone, and that is the last one to the end.
                    let [before @ .., last] = by.dims() else { return None };
                    let along = before.iter().all(|d| *d == 1) && self.dims.last() == Some(last);
                    factors = Some(by.slice().ok().filter(|_| along)?);
                }
                _ => return None,
            }
        }
        Some(factors)
    }

    /// The elements packed.
    pub fn pack(&self, value: Value, form: Form) -> Result<Vec<kernels::gemm::Packed>, EngineError> {
        // A matrix that is turned last is read turned, not written anew.
        if let Some((Edit { op: Op::Transpose, .. }, before)) = self.edits.split_last()
            && let [rows, columns] = self.dims[..]
        {
            let value = before.iter().try_fold(value.clone(), |v, edit| edit.run(&v))?;
            if value.dims() == [columns, rows]
                && let Some(packed) = form.pack_turned(value.slice()?)
            {
                return Ok(packed);
            }
        }
        let value = self.run(value, &self.edits)?;
        Ok(form.pack(value.slice()?))
    }

    fn run(&self, value: Value, edits: &[Edit]) -> Result<Value, EngineError> {
        let value = edits.iter().try_fold(value, |v, edit| edit.run(&v))?;
        if value.dims() == self.dims && value.kind() == self.kind {
            return Ok(value);
        }
        Err(EngineError::broken(format!("a weight has shape {:?} instead of {:?}", value.dims(), self.dims)))
    }

    /// Names the elements in a form by all that decides them: `identity`, what is done to the weight, the form. Equal keys are
    /// equal elements, whatever plan asks for them.
    pub fn key(&self, identity: &str, form: Option<Form>) -> Key {
        let mut hasher = Sha256::new();
        let mut text = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        text(&format!("{LAYOUT} {:?} {:?} {form:?}", self.kind, self.dims));
        text(identity);
        for edit in &self.edits {
            text(&format!("{:?} {:?}", edit.op, edit.operand.as_ref().map(Value::dims)));
        }
        for operand in self.edits.iter().filter_map(|e| e.operand.as_ref()) {
            match operand.contents() {
                Contents::F32(m) => hasher.update(bytemuck::cast_slice::<f32, u8>(m)),
                Contents::I64(m) => hasher.update(bytemuck::cast_slice::<i64, u8>(m)),
                // No edit has another operand.
                _ => {}
            }
        }
        hasher.finalize().into()
    }
}

impl Edit {
    fn run(&self, value: &Value) -> Result<Value, EngineError> {
        let mut inputs = vec![value];
        inputs.extend(&self.operand);
        let made = kernels::run(&self.op, &inputs)?.pop();
        made.ok_or_else(|| EngineError::Execution("an operation gave nothing".to_owned()))
    }
}

fn is_float(dtype: crate::DType) -> bool {
    use crate::DType;
    matches!(dtype, DType::F32 | DType::F16 | DType::BF16)
}

#[cfg(test)]
mod tests {
    use super::Deferred;
    use crate::graph::{Binary, Op};
    use crate::kernels::Form;
    use crate::value::{Kind, Value};

    fn ints(values: &[i64]) -> Value {
        Value::of(values.to_vec(), &[values.len()]).unwrap()
    }

    fn numbers(dims: &[usize]) -> Value {
        let count = dims.iter().product::<usize>();
        Value::of((0..count).map(|n| n as f32).collect::<Vec<_>>(), dims).unwrap()
    }

    /// What is foretold of the shape is what the operations then make.
    #[test]
    fn edits_give_the_shape_that_was_foretold() {
        let weight = Deferred::new(0, Kind::F32, vec![4, 6]);
        let shaped = weight.then(&Op::Reshape, Some(&ints(&[2, -1, 3]))).unwrap();
        assert_eq!(shaped.dims, [2, 4, 3]);
        let turned = shaped.then(&Op::Transpose, Some(&ints(&[1, 0, -1]))).unwrap();
        assert_eq!(turned.dims, [4, 2, 3]);
        let scaled = turned.then(&Op::Binary(Binary::Mul), Some(&numbers(&[3]))).unwrap();
        let made = scaled.apply(numbers(&[4, 6])).unwrap();
        assert_eq!(made.dims(), [4, 2, 3]);
        assert_eq!(made.slice::<f32>().unwrap()[..5], [0.0, 1.0, 4.0, 0.0, 13.0]);
        for (op, operand) in [
            (Op::Reshape, ints(&[5, -1])),
            (Op::Transpose, ints(&[0, 0])),
            (Op::Transpose, ints(&[0, 2])),
            (Op::Binary(Binary::Mul), numbers(&[2, 4, 6])),
            (Op::Binary(Binary::Add), numbers(&[6])),
        ] {
            assert!(weight.then(&op, Some(&operand)).is_none(), "{op:?} {operand:?}");
        }
    }

    #[test]
    fn a_turned_matrix_is_packed_as_if_it_had_been_turned_before() {
        let turned =
            Deferred::new(0, Kind::F32, vec![40, 3]).then(&Op::Transpose, Some(&ints(&[1, 0]))).unwrap();
        let form = Form::Dense([3, 40]);
        let packed = turned.pack(numbers(&[40, 3]), form).unwrap();
        let value = turned.apply(numbers(&[40, 3])).unwrap();
        assert_eq!(packed[0].as_slice(), form.pack(value.slice().unwrap())[0].as_slice());
    }

    #[test]
    fn keys_differ_with_everything_that_decides_the_elements() {
        let plain = Deferred::new(0, Kind::F32, vec![4, 6]);
        let scaled = |factor: Value| plain.then(&Op::Binary(Binary::Mul), Some(&factor)).unwrap();
        let twice = Value::of(vec![2f32; 6], &[6]).unwrap();
        let thrice = Value::of(vec![3f32; 6], &[6]).unwrap();
        let turned = plain.then(&Op::Transpose, Some(&ints(&[1, 0]))).unwrap();
        let keys = [
            plain.key("a", None),
            plain.key("b", None),
            plain.key("a", Some(Form::Plain)),
            plain.key("a", Some(Form::Dense([4, 6]))),
            scaled(twice.clone()).key("a", None),
            scaled(thrice).key("a", None),
            scaled(twice.reshape(&[1, 6]).unwrap()).key("a", None),
            turned.key("a", None),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "key {n}");
        }
        assert_eq!(plain.key("a", None), Deferred::new(7, Kind::F32, vec![4, 6]).key("a", None));
    }
}
