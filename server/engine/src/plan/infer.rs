//! What is known of shapes before a request comes: enough to choose how convolutions are computed. An extent that depends on the
//! request is unknown, and so is a whole shape where an operation makes it of values.

use super::draft::Draft;
use crate::graph::{Op, Product, Products, ValueId};
use crate::kernels::Geometry;
use std::collections::HashMap;

/// Extents as far as they are known.
pub type Extents = Vec<Option<usize>>;

/// The shapes of a draft's values.
#[derive(Debug, Default)]
pub struct Shapes {
    known: HashMap<ValueId, Extents>,
}

impl Shapes {
    /// Follows the inputs' shapes through the draft.
    pub fn of(draft: &Draft, inputs: &[(ValueId, Option<Extents>)]) -> Self {
        let known = inputs.iter().filter_map(|(v, s)| s.clone().map(|s| (*v, s))).collect();
        let mut shapes = Self { known };
        for (value, constant) in &draft.constants {
            shapes.known.insert(*value, constant.dims().iter().map(|d| Some(*d)).collect());
        }
        for (value, weight) in &draft.deferred {
            shapes.known.insert(*value, weight.dims.iter().map(|d| Some(*d)).collect());
        }
        for node in &draft.nodes {
            if let (Some(shape), [output]) = (shapes.result(draft, &node.op, &node.inputs), &node.outputs[..])
            {
                shapes.known.insert(*output, shape);
            }
        }
        shapes
    }

    /// What is known of a value's shape.
    pub fn get(&self, value: ValueId) -> Option<&Extents> {
        self.known.get(&value)
    }

    /// The image that a convolution reads and what becomes of it; an unknown batch counts as one.
    pub fn geometry(&self, draft: &Draft, kind: &Products, inputs: &[ValueId]) -> Option<Geometry> {
        let (Products::Conv(conv) | Products::Depthwise(conv)) = kind else { return None };
        let [batch, height, width, channels] = self.get(*inputs.first()?)?[..] else { return None };
        let dims = [batch.unwrap_or(1), height?, width?, channels?];
        let window = draft.weights(*inputs.get(1)?)?;
        let window = [*window.first()?, *window.get(1)?];
        Geometry::of(dims, window, conv.strides, conv.dilations, conv.padding).ok()
    }

    fn result(&self, draft: &Draft, op: &Op, inputs: &[ValueId]) -> Option<Extents> {
        let x = || self.get(*inputs.first()?);
        let ints = |n: usize| draft.integers(*inputs.get(n)?);
        match op {
            Op::Unary(_) | Op::Activate(_) | Op::Cast(_) | Op::Softmax { .. } | Op::Reverse => x().cloned(),
            Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Chain(_) => {
                let shapes: Option<Vec<&Extents>> = inputs.iter().map(|v| self.get(*v)).collect();
                shapes?.into_iter().try_fold(Extents::new(), |a, b| Some(broadcast(&a, b)))
            }
            Op::Product(product) => self.product(draft, product, inputs),
            Op::Pool(pool) => {
                let [batch, height, width, channels] = x()?[..] else { return None };
                let dims = [1, height?, width?, channels.unwrap_or(1)];
                let g = Geometry::of(dims, pool.window, pool.strides, [1, 1], pool.padding).ok()?;
                Some(vec![batch, Some(g.out_height), Some(g.out_width), channels])
            }
            Op::Pad => {
                let x = x()?;
                let pairs = ints(1)?.as_chunks::<2>().0;
                let size = |(x, [a, b]): (&Option<usize>, &[i64; 2])| {
                    usize::try_from(a.checked_add(*b)?).ok()?.checked_add((*x)?)
                };
                (pairs.len() == x.len()).then(|| x.iter().zip(pairs).map(size).collect())
            }
            Op::Concat => self.concat(draft, inputs),
            Op::Transpose => {
                let x = x()?;
                ints(1)?.iter().map(|a| x.get(usize::try_from(*a).ok()?).copied()).collect()
            }
            Op::Reduce { keep, .. } => {
                let mut shape = x()?.clone();
                let rank = shape.len() as i64;
                let over: Option<Vec<usize>> = ints(1)?
                    .iter()
                    .map(|a| usize::try_from(if *a < 0 { a + rank } else { *a }).ok())
                    .collect();
                let over = over?;
                over.iter().for_each(|a| {
                    if let Some(extent) = shape.get_mut(*a) {
                        *extent = Some(1);
                    }
                });
                let mut axis = 0..;
                shape.retain(|_| *keep || axis.next().is_none_or(|a| !over.contains(&a)));
                Some(shape)
            }
            Op::Reshape => {
                let wanted = ints(1)?;
                let size = |d: &i64| usize::try_from(*d).ok();
                Some(wanted.iter().map(size).collect())
            }
            _ => None,
        }
    }

    fn product(&self, draft: &Draft, product: &Product, inputs: &[ValueId]) -> Option<Extents> {
        let x = self.get(*inputs.first()?)?;
        let weights = self.get(*inputs.get(1)?)?;
        let outs = match (&product.kind, &weights[..]) {
            (Products::Depthwise(_), [.., channels, multiplier]) => {
                (*channels)?.checked_mul((*multiplier)?)?
            }
            (_, dims) => (*dims.last()?)?,
        };
        if product.kind == Products::Dense {
            let mut shape = x.clone();
            *shape.last_mut()? = Some(outs);
            return Some(shape);
        }
        let g = self.geometry(draft, &product.kind, inputs);
        let size = |f: fn(&Geometry) -> usize| g.as_ref().map(f);
        Some(vec![x.first().copied()?, size(|g| g.out_height), size(|g| g.out_width), Some(outs)])
    }

    fn concat(&self, draft: &Draft, inputs: &[ValueId]) -> Option<Extents> {
        let (along, parts) = inputs.split_last()?;
        let shapes: Option<Vec<&Extents>> = parts.iter().map(|v| self.get(*v)).collect();
        let shapes = shapes?;
        let mut shape = (*shapes.first()?).clone();
        let along = *draft.integers(*along)?.first()?;
        let axis = usize::try_from(if along < 0 { along + shape.len() as i64 } else { along }).ok()?;
        let total = shapes.iter().try_fold(0usize, |n, s| n.checked_add((*s.get(axis)?)?));
        *shape.get_mut(axis)? = total;
        Some(shape)
    }
}

/// As far as is known: a one gives way, an unknown extent to a known one that is not one.
fn broadcast(a: &Extents, b: &Extents) -> Extents {
    let rank = a.len().max(b.len());
    let extent = |s: &Extents, i: usize| if i + s.len() < rank { Some(1) } else { s[i + s.len() - rank] };
    (0..rank)
        .map(|i| match (extent(a, i), extent(b, i)) {
            (Some(1), other) | (other, Some(1)) => other,
            (known, None) | (None, known) => known,
            (Some(x), Some(_)) => Some(x),
        })
        .collect()
}
