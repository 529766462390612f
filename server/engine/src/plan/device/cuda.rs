//! NVIDIA's GPUs.

use crate::EngineError;
use candle_core::Device;

/// Opens a GPU by its number. Where something is missing the error says what.
#[cfg(feature = "cuda")]
pub fn open(number: usize) -> Result<Device, EngineError> {
    use super::form::first_line;
    let wrong = |why: &str| EngineError::Device(format!("cannot open cuda:{number}: {why}"));
    berth_cuda::load().map_err(|why| wrong(&why))?;
    // A stream of its own. By default each thread has one, and nothing would make the thread that runs a model wait for the one that
    // loaded it; products of two threads would share cuBLAS's working memory.
    let device = Device::new_cuda_with_stream(number).map_err(|e| wrong(&first_line(&e)))?;
    if let Device::Cuda(cuda) = &device {
        // SAFETY: everything that is done on this device is done on that one stream, in the order in which it was asked for: no event
        // has to say when a tensor is written or read. Devices are opened once, so that no other stream comes to its tensors.
        #[allow(unsafe_code)]
        unsafe {
            cuda.disable_event_tracking();
        }
    }
    super::trial::run(&device).map_err(|why| wrong(&why))?;
    Ok(device)
}

#[cfg(not(feature = "cuda"))]
pub fn open(number: usize) -> Result<Device, EngineError> {
    Err(EngineError::Device(format!("this build has no device cuda:{number}")))
}

#[cfg(all(test, feature = "cuda"))]
mod tests {
    use candle_core::cuda_backend::kernels::{
        AFFINE, BINARY, CAST, CONV, FILL, INDEXING, Module, REDUCE, TERNARY, UNARY,
    };
    use std::collections::BTreeSet;

    const FLOATS: &[&str] = &["f32", "f64"];
    const NUMBERS: &[&str] = &["f32", "f64", "i64"];
    const ALL: &[&str] = &["f32", "f64", "i64", "u8"];

    /// Kernels of candle that forms launch, by the elements of the operands that the table lets them have. A place is a `u32`.
    const LAUNCHED: &[(&Module, &str, &[&str])] = &[
        // Functions and activations of one value.
        (
            &UNARY,
            "uneg urecip uexp ulog usin ucos utanh uerf uceil ufloor uround uabs usqr usqrt usign",
            FLOATS,
        ),
        (&UNARY, "ugelu ugelu_erf urelu uelu usilu upowf", FLOATS),
        (&AFFINE, "affine", FLOATS),
        // Of two, and comparisons; truths are `u8`, and what is said of them is a minimum or a maximum.
        (&BINARY, "bdiv", FLOATS),
        (&BINARY, "badd bsub bmul", NUMBERS),
        (&BINARY, "bminimum bmaximum eq ne lt le gt ge", ALL),
        (&TERNARY, "where_u8", ALL),
        // Over axes.
        (&REDUCE, "fast_sum fast_sum_small", NUMBERS),
        (&REDUCE, "fast_max fast_min", ALL),
        (&REDUCE, "fast_argmax fast_argmin", FLOATS),
        // What moves elements: copies of views, parts side by side, places that are picked, borders.
        (&UNARY, "ucopy", ALL),
        (&FILL, "copy2d const_set", ALL),
        (&INDEXING, "is_u32", ALL),
        // Casts, and those by way of half floats.
        (&CAST, "cast_f32", &["f64", "i64", "u8", "f16", "bf16"]),
        (&CAST, "cast_f64", &["f32", "i64", "u8"]),
        (&CAST, "cast_i64", &["f32", "f64", "u8"]),
        (&CAST, "cast_u8", &["f32", "f64", "i64"]),
        (&CAST, "cast_f16 cast_bf16", &["f32"]),
        (&CAST, "cast_u32", &["i64"]),
        // Images.
        (&CONV, "im2col conv_transpose2d max_pool2d avg_pool2d", &["f32"]),
    ];

    /// What a module's text says can be launched.
    fn entries(module: &Module) -> BTreeSet<&str> {
        let name = |line: &'static str| Some(line.split_once(".entry ")?.1.trim_end_matches(['(', ' ']));
        module.ptx().lines().filter_map(name).collect()
    }

    #[test]
    fn what_forms_launch_was_built_for_all_that_they_take() {
        let mut missing = Vec::new();
        for (module, kernels, kinds) in LAUNCHED {
            let there = entries(module);
            assert!(there.len() > 3, "{there:?}");
            for kernel in kernels.split(' ') {
                let names = kinds.iter().map(|kind| format!("{kernel}_{kind}"));
                missing.extend(names.filter(|name| !there.contains(name.as_str())));
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    /// No machine has so many.
    #[test]
    fn a_gpu_that_is_not_there_is_an_error() {
        let error = super::open(65_000).unwrap_err().to_string();
        assert!(error.contains("cannot open cuda:65000: "), "{error}");
        let driver = berth_cuda::load();
        assert!(driver.is_ok() || error.contains("was not found"), "{error}");
    }
}
