//! Which elements of a value, and copying them.

use crate::value::Dims;

/// Which elements of a value, in which order: the first one, and the step to the next along each axis of the result.
#[derive(Debug, Clone)]
pub struct Strided {
    pub start: usize,
    pub dims: Dims,
    pub steps: smallvec::SmallVec<[isize; 6]>,
}

impl Strided {
    /// The elements as they lie.
    pub fn whole(dims: &[usize]) -> Self {
        let mut steps = smallvec::SmallVec::from_elem(0, dims.len());
        let mut step = 1isize;
        for (to, extent) in steps.iter_mut().zip(dims).rev() {
            *to = step;
            step = step.saturating_mul(extent.cast_signed());
        }
        Self { start: 0, dims: dims.into(), steps }
    }

    /// `count` places of an axis from `begin` on, `step` apart. They must exist.
    pub fn cut(&mut self, axis: usize, begin: usize, count: usize, step: isize) {
        self.start = self.start.wrapping_add_signed(begin.cast_signed() * self.steps[axis]);
        if count == 0 {
            self.start = 0;
        }
        self.dims[axis] = count;
        // A step that does not fit is one that is never taken.
        self.steps[axis] = self.steps[axis].saturating_mul(step);
    }

    /// Axes in another order.
    pub fn permute(&mut self, order: &[usize]) {
        self.dims = order.iter().map(|a| self.dims[*a]).collect();
        self.steps = order.iter().map(|a| self.steps[*a]).collect();
    }

    /// Fewest axes that say the same; the last one is the run that is copied at a time.
    pub fn collapse(&self) -> Vec<(usize, isize)> {
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(self.dims.len());
        for (extent, step) in self.dims.iter().zip(&self.steps).filter(|(e, _)| **e != 1) {
            match axes.last_mut() {
                Some((outer, outer_step)) if *outer_step == step * extent.cast_signed() => {
                    *outer *= extent;
                    *outer_step = *step;
                }
                _ => axes.push((*extent, *step)),
            }
        }
        axes
    }

    /// Copies the elements; the caller has checked that they exist.
    pub fn copy<T: Clone>(&self, from: &[T], to: &mut [T]) {
        if to.is_empty() {
            return;
        }
        let axes = self.collapse();
        let Some(((count, step), outer)) = axes.split_last() else {
            to[0] = from[self.start].clone();
            return;
        };
        let mut places = vec![0usize; outer.len()];
        let mut start = self.start;
        for run in to.chunks_exact_mut(*count) {
            match step {
                1 => run.clone_from_slice(&from[start..start + count]),
                0 => run.fill(from[start].clone()),
                _ => {
                    let mut at = start;
                    for to in run {
                        *to = from[at].clone();
                        at = at.wrapping_add_signed(*step);
                    }
                }
            }
            for (place, (extent, step)) in places.iter_mut().zip(outer).rev() {
                *place += 1;
                start = start.wrapping_add_signed(*step);
                if *place < *extent {
                    break;
                }
                *place = 0;
                start = start.wrapping_add_signed(-step * extent.cast_signed());
            }
        }
    }
}
