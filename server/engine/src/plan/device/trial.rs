//! A little of everything on a device that was just opened: each family of candle's kernels is loaded and translated for this GPU, which
//! the first request would wait for, and a GPU or driver that cannot run them is found out at once.

use super::form::first_line;
use candle_core::{DType, Device, Tensor};

/// What comes of [`computed`].
const WANTED: f32 = 25.0;

/// Tries a device out.
pub fn run(device: &Device) -> Result<(), String> {
    let advice = "this program's kernels are for GPUs of the compute capability that CUDA_COMPUTE_CAP said when it was built (80 is for \
                  all that are newer too), and for drivers that know the CUDA that it was built with";
    match computed(device) {
        Ok(WANTED) => Ok(()),
        Ok(got) => Err(format!("it computes {got} where {WANTED} was to come")),
        Err(error) => Err(format!("{}; {advice}", first_line(&error))),
    }
}

/// Uses a kernel of each family: fill, affine, unary, binary, cast, ternary, indexing, conv, reduce, and a product of matrices.
fn computed(device: &Device) -> Result<f32, candle_core::Error> {
    let ones = Tensor::full(1f32, (1, 1, 4, 4), device)?;
    let twos = ones.affine(1., 1.)?;
    let threes = twos.neg()?.abs()?.add(&ones)?;
    let truths = threes.gt(&twos)?.to_dtype(DType::I64)?.to_dtype(DType::U8)?;
    let chosen = truths.where_cond(&threes, &ones)?;
    let places = Tensor::new(&[3u32, 0], device)?;
    let picked = chosen.index_select(&places, 3)?;
    let largest = picked.max_pool2d(2)?.reshape((2, 1))?;
    let product = largest.matmul(&largest.t()?)?;
    product.sum_all()?.affine(1., -11.)?.to_scalar()
}

#[cfg(test)]
mod tests {
    use super::run;
    use candle_core::Device;

    #[test]
    fn the_trial_comes_out_where_tensors_compute() {
        run(&Device::Cpu).unwrap();
    }
}
