//! How fast convolutions and products are, and how they compare with windows side by side in a matrix times the filter, by the
//! `gemm` crate: `cargo bench -p berth-engine --bench kernels [part of a name]`. The two take turns, so that a busy machine
//! slows both; the best time of each counts.
#![allow(missing_docs, unsafe_code)]

use berth_engine::kernels::convolve::{Geometry, Weights, choose, convolution};
use berth_engine::kernels::gemm::{Epilogue, Packed, product};
use std::time::{Duration, Instant};

/// Time for one layer and number of threads.
const EACH: Duration = Duration::from_millis(120);

/// Size of the image, channels, outputs, window, stride.
type Layer = [usize; 5];

const VGG16: [Layer; 9] = [
    [224, 3, 64, 3, 1],
    [224, 64, 64, 3, 1],
    [112, 64, 128, 3, 1],
    [112, 128, 128, 3, 1],
    [56, 128, 256, 3, 1],
    [56, 256, 256, 3, 1],
    [28, 256, 512, 3, 1],
    [28, 512, 512, 3, 1],
    [14, 512, 512, 3, 1],
];
const RESNET50: [Layer; 17] = [
    [224, 3, 64, 7, 2],
    [56, 64, 64, 1, 1],
    [56, 64, 64, 3, 1],
    [56, 64, 256, 1, 1],
    [56, 256, 64, 1, 1],
    [56, 256, 512, 1, 2],
    [28, 128, 128, 3, 1],
    [28, 128, 512, 1, 1],
    [28, 512, 128, 1, 1],
    [28, 512, 1024, 1, 2],
    [14, 256, 256, 3, 1],
    [14, 256, 1024, 1, 1],
    [14, 1024, 256, 1, 1],
    [14, 1024, 2048, 1, 2],
    [7, 512, 512, 3, 1],
    [7, 512, 2048, 1, 1],
    [7, 2048, 512, 1, 1],
];
const MOBILENETV2: [Layer; 14] = [
    [224, 3, 32, 3, 2],
    [112, 32, 16, 1, 1],
    [112, 16, 96, 1, 1],
    [56, 96, 24, 1, 1],
    [56, 24, 144, 1, 1],
    [28, 144, 32, 1, 1],
    [28, 32, 192, 1, 1],
    [14, 192, 64, 1, 1],
    [14, 64, 384, 1, 1],
    [14, 384, 96, 1, 1],
    [14, 96, 576, 1, 1],
    [7, 576, 160, 1, 1],
    [7, 160, 960, 1, 1],
    [7, 320, 1280, 1, 1],
];
/// Rows, inner, columns.
const PRODUCTS: [[usize; 3]; 7] = [
    [1, 2048, 1000],
    [1, 4096, 4096],
    [4, 1024, 1024],
    [128, 768, 768],
    [128, 768, 3072],
    [384, 768, 3072],
    [1024, 1024, 1024],
];

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    pool.install(|| {
        for (model, layers) in [("vgg16", &VGG16[..]), ("resnet50", &RESNET50), ("mobilenetv2", &MOBILENETV2)]
        {
            layers.iter().for_each(|l| layer(&wanted, model, *l));
        }
        PRODUCTS.iter().for_each(|p| matrices(&wanted, *p));
    });
}

fn layer(wanted: &str, model: &str, [size, channels, outs, window, stride]: Layer) {
    let out = size.div_ceil(stride);
    let before = ((out - 1) * stride + window).saturating_sub(size) / 2;
    let g = Geometry {
        batch: 1,
        height: size,
        width: size,
        channels,
        window: [window; 2],
        strides: [stride; 2],
        dilations: [1; 2],
        before: [before; 2],
        out_height: out,
        out_width: out,
    };
    let (dims, inner, pixels) = ([window, window, channels, outs], window * window * channels, out * out);
    let (x, filter) = (numbers(size * size * channels), numbers(inner * outs));
    let algorithm = choose(&g, dims, 1);
    let name =
        format!("{model} {size}x{size}x{channels} -> {outs}, {window}x{window}/{stride} {algorithm:?}");
    if !name.contains(wanted) {
        return;
    }
    let weights = Weights::new(&filter, dims, 1);
    let (mut ours, mut theirs, mut windows) =
        (vec![0.0; pixels * outs], vec![0.0; pixels * outs], vec![0.0; pixels * inner]);
    for threads in [1, 2] {
        let times = race(
            || convolution(&mut ours, &x, &g, &weights, &Epilogue::NONE, threads),
            || {
                if window == 1 && stride == 1 {
                    return crate_product(&mut theirs, &x, &filter, [pixels, inner, outs], threads);
                }
                cut(&g, &x, &mut windows);
                crate_product(&mut theirs, &windows, &filter, [pixels, inner, outs], threads);
            },
        );
        report(&name, threads, pixels * inner * outs, times);
    }
}

fn matrices(wanted: &str, [rows, inner, columns]: [usize; 3]) {
    let (a, b) = (numbers(rows * inner), numbers(inner * columns));
    let name = format!("product {rows}x{inner}x{columns}");
    if !name.contains(wanted) {
        return;
    }
    let packed = Packed::new(&b, inner, columns);
    let (mut ours, mut theirs) = (vec![0.0; rows * columns], vec![0.0; rows * columns]);
    for threads in [1, 2] {
        let times = race(
            || product(&mut ours, &a, rows, inner, (&packed).into(), &Epilogue::NONE, threads),
            || crate_product(&mut theirs, &a, &b, [rows, inner, columns], threads),
        );
        report(&name, threads, rows * inner * columns, times);
    }
}

fn report(name: &str, threads: usize, work: usize, [ours, theirs]: [f64; 2]) {
    let speed = 2e-9 * work as f64 / ours;
    println!("{name:<58} threads {threads} {speed:>7.1} GFLOP/s, {:>5.2} times gemm", theirs / ours);
}

/// The best time of each, taking turns.
fn race(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    let start = Instant::now();
    while best[0].is_infinite() || start.elapsed() < EACH {
        best = [best[0].min(time(&mut ours)), best[1].min(time(&mut theirs))];
    }
    best
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| (n * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}

/// Windows side by side.
fn cut(g: &Geometry, x: &[f32], windows: &mut [f32]) {
    let mut to = windows.chunks_exact_mut(g.channels);
    for pixel in 0..g.out_height * g.out_width {
        for ky in 0..g.window[0] {
            let y = g.place(0, pixel / g.out_width, ky);
            for kx in 0..g.window[1] {
                let Some(to) = to.next() else { return };
                match y.zip(g.place(1, pixel % g.out_width, kx)) {
                    Some((y, at)) => {
                        let from = (y * g.width + at) * g.channels;
                        to.copy_from_slice(&x[from..from + g.channels]);
                    }
                    None => to.fill(0.0),
                }
            }
        }
    }
}

fn crate_product(out: &mut [f32], a: &[f32], b: &[f32], [m, k, n]: [usize; 3], threads: usize) {
    assert!(a.len() == m * k && b.len() == k * n && out.len() == m * n);
    let parallelism = if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    let (out_step, a_step, b_step) = (n.cast_signed(), k.cast_signed(), n.cast_signed());
    // SAFETY: the slices have the sizes of the matrices, and `out` overlaps neither of the others.
    unsafe {
        let (out, a, b) = (out.as_mut_ptr(), a.as_ptr(), b.as_ptr());
        let (zero, one) = (0.0, 1.0);
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            out_step,
            false,
            a,
            1,
            a_step,
            b,
            1,
            b_step,
            zero,
            one,
            false,
            false,
            false,
            parallelism,
        );
    }
}
