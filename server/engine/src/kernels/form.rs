//! How a product's weights lie in memory: it follows from their shape and the groups of channels, before they are read.

use super::convolve::Weights;
use super::gemm::{self, Matrix, Packed, Side};
use super::{EngineError, fail};
use crate::graph::{Product, Products};
use crate::value::Memory;

/// How weights lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// One packed matrix: rows and columns.
    Dense([usize; 2]),
    /// A packed filter `[height, width, channels of a group, outs]`.
    Conv { dims: [usize; 4], groups: usize },
    /// As the artifact has them.
    Plain,
}

impl Form {
    /// The form for weights of a shape; a convolution's for the number of groups, if it is known.
    pub fn of(product: &Product, dims: &[usize], groups: Option<usize>) -> Result<Self, EngineError> {
        match (&product.kind, dims) {
            (Products::Dense, [inner, columns]) => Ok(Self::Dense([*inner, *columns])),
            (Products::Conv(_), [kh, kw, per_group, outs]) if !dims.contains(&0) => Ok(match groups {
                Some(groups) => Self::Conv { dims: [*kh, *kw, *per_group, *outs], groups },
                None => Self::Plain,
            }),
            (Products::Depthwise(_), [_, _, _, _]) => Ok(Self::Plain),
            _ => Err(fail(format!("weights of shape {dims:?}"))),
        }
    }

    /// The packed matrices: their number, rows and columns. None: it is not packed.
    fn parts(&self) -> Option<[usize; 3]> {
        match *self {
            Self::Dense([inner, columns]) => Some([1, inner, columns]),
            Self::Conv { dims: [kh, kw, ins, outs], groups } => {
                Some([groups, kh.saturating_mul(kw).saturating_mul(ins), outs / groups.max(1)])
            }
            Self::Plain => None,
        }
    }

    /// Numbers that the packed matrices take together; None: it is not packed, or they are more than there can be.
    pub fn elements(&self) -> Option<usize> {
        let [count, inner, columns] = self.parts()?;
        count.checked_mul(Packed::elements(inner, columns)?)
    }

    /// Bytes of the packed matrices; as many as there can be if they are not to be told.
    pub fn bytes(&self) -> usize {
        self.elements().map_or(usize::MAX, |n| n.saturating_mul(size_of::<f32>()))
    }

    /// Packs weights of the form's shape.
    pub fn pack(&self, weights: &[f32]) -> Vec<Packed> {
        match *self {
            Self::Dense([inner, columns]) => vec![Packed::new(weights, inner, columns)],
            Self::Conv { dims, groups } => Weights::new(weights, dims, groups).into_parts(),
            Self::Plain => Vec::new(),
        }
    }

    /// Packs weights as they are read; `factors` multiply what belongs to each output. `read` is told how many columns a row has, and
    /// hands over rows with the number of the first. None: the weights have to be there as a whole, or `read` said that it cannot.
    pub fn pack_rows(
        &self,
        factors: Option<&[f32]>,
        read: impl FnOnce(usize, &(dyn Fn(usize, &[f32]) + Sync)) -> Result<bool, EngineError>,
    ) -> Result<Option<Vec<Packed>>, EngineError> {
        let Some([count, inner, columns]) = self.parts() else { return Ok(None) };
        let outs = count.saturating_mul(columns);
        if outs == 0 || factors.is_some_and(|f| f.len() != outs) {
            return Ok(None);
        }
        let room = || fail("there is no memory for the weights");
        gemm::pack_rows(Side { count, inner, columns }, factors, room, |to| {
            read(outs, &|first, rows| to.put(first, rows))
        })
    }

    /// Packs a matrix that is to be turned first: what is in memory is `[columns][rows]`. None: it is no matrix.
    pub fn pack_turned(&self, weights: &[f32]) -> Option<Vec<Packed>> {
        let Self::Dense([inner, columns]) = *self else { return None };
        let turned = Matrix::new(weights, columns, inner).transposed();
        Some(vec![Packed::of(turned)])
    }

    /// What was once packed, from memory where the matrices lie one after the other; `part` gives so many numbers from a
    /// place on. None: it is not packed, or not of this form.
    pub fn restore(&self, part: impl Fn(usize, usize) -> Option<Memory<f32>>) -> Option<Vec<Packed>> {
        let [count, inner, columns] = self.parts()?;
        let size = Packed::elements(inner, columns)?;
        (0..count).map(|n| Packed::from_memory(part(n.checked_mul(size)?, size)?, inner, columns)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    fn numbers(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|n| ((n * step) % 1009) as f32 * 0.01 - 5.0).collect()
    }

    /// Rows as they are read, in pieces, give what the whole gives, scaled before.
    #[test]
    fn packing_by_rows_is_packing() {
        for (form, rows, outs) in [
            (Form::Dense([70, 33]), 70, 33),
            (Form::Conv { dims: [5, 3, 8, 40], groups: 1 }, 5 * 3 * 8, 40),
            (Form::Conv { dims: [3, 3, 4, 30], groups: 3 }, 9 * 4, 30),
        ] {
            let (weights, factors) = (numbers(rows * outs, 7919), numbers(outs, 31));
            let scaled: Vec<f32> = weights.iter().zip(factors.iter().cycle()).map(|(x, f)| x * f).collect();
            let wanted = form.pack(&scaled);
            let packed = form.pack_rows(Some(&factors), |columns, put| {
                assert_eq!(columns, outs);
                for (n, piece) in weights.chunks(16 * outs).enumerate() {
                    put(n * 16, piece);
                }
                Ok(true)
            });
            let packed = packed.unwrap().unwrap();
            assert_eq!(packed.len(), wanted.len(), "{form:?}");
            for (packed, wanted) in packed.iter().zip(&wanted) {
                assert_eq!(packed.as_slice(), wanted.as_slice(), "{form:?}");
            }
        }
    }
}
