//! Classes: whole numbers, floats, truths or texts.

use super::builder::Builder;
use super::estimator::Part;
use crate::formats::pickle::{Node, Type, View};
use crate::graph::{Literal, Op, ValueId};
use crate::{DType, EngineError};

/// Classes of one model.
pub enum Labels {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<u8>),
    Texts(Vec<String>),
}

impl Labels {
    pub fn of(view: View<'_>) -> Result<Self, EngineError> {
        let array = view.array()?;
        let objects = array.objects();
        let first = objects.as_ref().and_then(|all| all.first()).map(|first| first.node());
        Ok(match (&array.dtype, first) {
            (Type::Bool, _) | (Type::Object, Some(Node::Bool(_))) => {
                Self::Bools(array.ints()?.into_iter().map(|n| u8::from(n != 0)).collect())
            }
            (Type::Int { .. }, _) | (Type::Object, Some(Node::Int(_))) => Self::Ints(array.ints()?),
            (Type::Float { .. }, _) | (Type::Object, Some(Node::Float(_) | Node::Object(_) | Node::None)) => {
                Self::Floats(array.floats()?)
            }
            (Type::Object, None) => Self::Ints(Vec::new()),
            _ => Self::Texts(array.texts()?),
        })
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Ints(v) => v.len(),
            Self::Floats(v) => v.len(),
            Self::Bools(v) => v.len(),
            Self::Texts(v) => v.len(),
        }
    }

    fn literal(self) -> (Literal, DType) {
        let shape = vec![self.len()];
        match self {
            Self::Ints(v) => (Literal::I64(v, shape), DType::I64),
            Self::Floats(v) => (Literal::F64(v, shape), DType::F64),
            Self::Bools(v) => (Literal::Bool(v, shape), DType::Bool),
            Self::Texts(v) => {
                (Literal::Text(v.into_iter().map(String::into_bytes).collect(), shape), DType::String)
            }
        }
    }
}

/// How many classes there are.
pub fn count(view: View<'_>) -> Result<usize, EngineError> {
    Ok(view.get("classes_")?.array()?.len())
}

/// The class that each number names: [rows].
pub fn labelled(to: &mut Builder<'_>, classes: View<'_>, index: ValueId) -> Result<Part, EngineError> {
    let labels = Labels::of(classes)?;
    if labels.len() == 0 {
        return Err(EngineError::broken("the model has no classes"));
    }
    let (literal, dtype) = labels.literal();
    let (names, axis) = (to.literal(literal)?, to.int(0)?);
    let id = to.add(Op::Gather { batch_dims: 0 }, &[names, index, axis])?;
    Ok(Part { id, dtype, width: None })
}
