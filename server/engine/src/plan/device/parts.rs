//! What is too much at once. Kernels for GPUs count elements in 32 bits and go wrong silently where that does not do, and what a
//! convolution or attention needs beside its result (an image's windows, all scores) would take memory without bound.

use super::form::{Made, Wrong, fail};
use candle_core::Tensor;

/// Elements that kernels count without fail, as their step past the last one is counted too.
const LARGEST: usize = i32::MAX as usize;
/// Elements that are made at once of what is needed on the way: 1 GiB of `float32`.
pub const AT_ONCE: usize = 1 << 28;

/// Whether kernels can count these elements.
pub fn countable(elements: usize) -> Result<(), Wrong> {
    if elements <= LARGEST {
        return Ok(());
    }
    Err(fail(format!("{elements} elements, and the device counts no more than {LARGEST}: send fewer rows")))
}

/// Works on as many rows at a time as need no more than `most` elements on the way, if each needs so many; the work is told from which
/// row on and how many. The results follow each other along their first axis.
pub fn in_parts(rows: usize, each: usize, most: usize, work: impl Fn(usize, usize) -> Made) -> Made {
    countable(each)?;
    let count = (most / each.max(1)).max(1);
    if count >= rows {
        return work(0, rows);
    }
    let parts = (0..rows).step_by(count).map(|from| work(from, count.min(rows - from)));
    Ok(Tensor::cat(&parts.collect::<Result<Vec<_>, _>>()?, 0)?)
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, LARGEST, countable, in_parts};
    use candle_core::{Device, Tensor};
    use std::cell::RefCell;

    #[test]
    fn rows_in_parts_are_all_rows_in_order() {
        let x = Tensor::arange(0f32, 21., &Device::Cpu).unwrap().reshape((7, 3)).unwrap();
        for (most, wanted) in
            [(1, vec![1; 7]), (6, vec![2, 2, 2, 1]), (20, vec![6, 1]), (21, vec![7]), (AT_ONCE, vec![7])]
        {
            let seen = RefCell::new(Vec::new());
            let made = in_parts(7, 3, most, |from, count| {
                seen.borrow_mut().push(count);
                Ok(x.narrow(0, from, count)?.affine(2., 0.)?)
            });
            let made = made.unwrap().to_vec2::<f32>().unwrap().concat();
            assert_eq!(made, (0..21).map(|n| n as f32 * 2.).collect::<Vec<_>>());
            assert_eq!(seen.into_inner(), wanted);
        }
    }

    #[test]
    fn what_kernels_cannot_count_is_refused() {
        assert!(countable(LARGEST).is_ok());
        let error = countable(LARGEST + 1).unwrap_err().into_error().to_string();
        assert!(error.contains("send fewer rows"), "{error}");
        assert!(in_parts(1, LARGEST + 1, AT_ONCE, |_, _| unreachable!()).is_err());
    }
}
