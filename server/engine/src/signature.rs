//! What a model takes and gives: the names, types and shapes of its signatures.

use crate::DType;
use serde::Serialize;

/// Extent of one dimension: fixed, or any (`None`; the batch, a sequence).
pub type Dim = Option<usize>;

/// Name, type and shape of one input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// The name that requests use.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extents, outermost first; `None` as a whole: rank unknown.
    pub shape: Option<Vec<Dim>>,
}

impl TensorSpec {
    /// The type and shape as an error message shows them: `float32[N,32,32,3]`; an extent that may be anything is `N` in first
    /// place and `?` elsewhere.
    pub fn describe(&self) -> String {
        let Some(shape) = &self.shape else { return format!("{}[…]", self.dtype) };
        let dims: Vec<String> = shape
            .iter()
            .enumerate()
            .map(|(i, d)| match d {
                Some(n) => n.to_string(),
                None if i == 0 => "N".to_owned(),
                None => "?".to_owned(),
            })
            .collect();
        format!("{}[{}]", self.dtype, dims.join(","))
    }

    /// Whether a tensor of this shape fits.
    pub fn accepts(&self, shape: &[usize]) -> bool {
        match &self.shape {
            None => true,
            Some(dims) => {
                dims.len() == shape.len() && dims.iter().zip(shape).all(|(d, n)| d.is_none_or(|d| d == *n))
            }
        }
    }
}

/// One way to call a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// The name that requests use; `serving_default` when they name none.
    pub name: String,
    /// Inputs, sorted by name.
    pub inputs: Vec<TensorSpec>,
    /// Outputs, sorted by name.
    pub outputs: Vec<TensorSpec>,
}
