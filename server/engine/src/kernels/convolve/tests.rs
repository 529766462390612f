//! Convolutions against the plainest loop.

use super::super::gemm::Epilogue;
use super::super::gemm::tests::{ACTIVATIONS, assert_close, random};
use super::super::simd::Isa;
use super::{Algorithm, Geometry, Weights, choose, convolution_by, pooled_on, pools};
use crate::graph::Activation;

/// Batch, image, channels, window, strides, dilations, padding before and after (both ways).
fn geometry(
    [batch, height, width, channels]: [usize; 4],
    window: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    [before, after]: [usize; 2],
) -> Geometry {
    let out =
        |n: usize, size: usize| (size + before + after - (window[n] - 1) * dilations[n] - 1) / strides[n] + 1;
    Geometry {
        batch,
        height,
        width,
        channels,
        window,
        strides,
        dilations,
        before: [before; 2],
        out_height: out(0, height),
        out_width: out(1, width),
    }
}

/// The sums in `f64`, without an epilogue.
fn naive(g: &Geometry, x: &[f32], w: &[f32], outs: usize, groups: usize) -> Vec<f64> {
    let (c, per_out) = (g.channels / groups, outs / groups);
    let mut out = Vec::new();
    for pixel in 0..g.batch * g.out_height * g.out_width {
        let (image, oy, ox) =
            (pixel / (g.out_height * g.out_width), pixel / g.out_width % g.out_height, pixel % g.out_width);
        let mut sums = vec![0.0; outs];
        for tap in 0..g.window[0] * g.window[1] {
            let (ky, kx) = (tap / g.window[1], tap % g.window[1]);
            let Some((y, at)) = g.place(0, oy, ky).zip(g.place(1, ox, kx)) else { continue };
            let from = ((image * g.height + y) * g.width + at) * g.channels;
            for k in 0..c {
                for (o, sum) in sums.iter_mut().enumerate() {
                    let x = x[from + o / per_out * c + k];
                    *sum += f64::from(x) * f64::from(w[(tap * c + k) * outs + o]);
                }
            }
        }
        out.extend(sums);
    }
    out
}

fn check(g: &Geometry, outs: usize, groups: usize, algorithm: Algorithm, n: usize) {
    let mut seed = 7 + n as u64;
    let dims = [g.window[0], g.window[1], g.channels / groups, outs];
    let x = random(&mut seed, g.batch * g.height * g.width * g.channels);
    let w = random(&mut seed, dims.iter().product());
    let sums = naive(g, &x, &w, outs, groups);
    let (bias, there) = (random(&mut seed, outs), random(&mut seed, sums.len()));
    let epilogue = Epilogue {
        bias: n.is_multiple_of(2).then_some(&bias),
        adds: n.is_multiple_of(3),
        activation: ACTIVATIONS[n % ACTIVATIONS.len()],
    };
    let end = |(at, sum): (usize, &f64)| {
        let x = *sum as f32
            + epilogue.bias.map_or(0.0, |b| b[at % outs])
            + if epilogue.adds { there[at] } else { 0.0 };
        super::super::activate::scalar(epilogue.activation, x)
    };
    let expected: Vec<f32> = sums.iter().enumerate().map(end).collect();
    let weights = Weights::new(&w, dims, groups);
    let again = Weights::from_parts(dims, groups, weights.parts().to_vec()).unwrap();
    for isa in Isa::all() {
        for threads in [1, 3] {
            let mut out = if epilogue.adds { there.clone() } else { vec![f32::NAN; expected.len()] };
            convolution_by(algorithm, isa, &mut out, &x, g, &again, &epilogue, threads);
            assert_close(&out, &expected, 3e-4, &format!("{isa:?} {g:?} {outs} {groups} {threads}"));
        }
    }
}

#[test]
fn windows_of_every_kind_equal_the_plain_loop() {
    let cases = [
        (geometry([1, 5, 7, 3], [3, 3], [1, 1], [1, 1], [1, 1]), 5, 1),
        (geometry([2, 9, 8, 4], [3, 3], [2, 2], [1, 1], [0, 1]), 33, 1),
        (geometry([1, 15, 14, 3], [7, 7], [2, 2], [1, 1], [3, 3]), 64, 1),
        (geometry([2, 6, 5, 17], [1, 1], [1, 1], [1, 1], [0, 0]), 40, 1),
        (geometry([1, 7, 7, 33], [1, 1], [2, 2], [1, 1], [0, 0]), 31, 1),
        (geometry([1, 11, 9, 6], [3, 2], [1, 2], [2, 3], [2, 1]), 9, 1),
        (geometry([1, 1, 30, 20], [1, 5], [1, 1], [1, 1], [0, 0]), 12, 1),
        (geometry([1, 8, 8, 12], [3, 3], [1, 1], [1, 1], [1, 1]), 18, 3),
        (geometry([2, 5, 5, 8], [1, 1], [1, 1], [1, 1], [0, 0]), 8, 4),
        (geometry([1, 6, 6, 6], [3, 3], [1, 1], [2, 2], [2, 2]), 6, 6),
        (geometry([1, 3, 3, 300], [3, 3], [1, 1], [1, 1], [4, 4]), 34, 1),
        (geometry([0, 3, 3, 3], [3, 3], [1, 1], [1, 1], [1, 1]), 4, 1),
        (geometry([1, 20, 24, 40], [5, 5], [1, 1], [1, 1], [2, 2]), 70, 1),
        (geometry([2, 19, 17, 1], [3, 3], [1, 1], [1, 1], [1, 1]), 8, 1),
        (geometry([1, 30, 33, 3], [7, 7], [2, 2], [1, 1], [3, 3]), 64, 1),
        (geometry([2, 21, 26, 3], [5, 5], [1, 1], [1, 1], [2, 2]), 16, 1),
        (geometry([1, 40, 60, 3], [4, 4], [4, 4], [1, 1], [0, 0]), 37, 1),
        (geometry([1, 14, 25, 2], [1, 3], [2, 1], [1, 1], [0, 1]), 33, 1),
        (geometry([1, 2, 16, 4], [5, 5], [1, 2], [1, 1], [3, 4]), 20, 1),
    ];
    for (n, (g, outs, groups)) in cases.into_iter().enumerate() {
        check(&g, outs, groups, Algorithm::Direct, n);
    }
}

#[test]
fn winograd_equals_the_plain_loop() {
    let cases = [
        (geometry([1, 4, 4, 16], [3, 3], [1, 1], [1, 1], [1, 1]), 16),
        (geometry([2, 7, 7, 33], [3, 3], [1, 1], [1, 1], [1, 1]), 47),
        (geometry([1, 13, 6, 5], [3, 3], [1, 1], [1, 1], [0, 0]), 3),
        (geometry([1, 3, 3, 300], [3, 3], [1, 1], [1, 1], [2, 0]), 70),
        (geometry([0, 3, 3, 3], [3, 3], [1, 1], [1, 1], [1, 1]), 4),
        (geometry([1, 30, 41, 64], [3, 3], [1, 1], [1, 1], [1, 1]), 64),
        (geometry([3, 21, 22, 20], [3, 3], [1, 1], [1, 1], [1, 1]), 80),
    ];
    for (n, (g, outs)) in cases.into_iter().enumerate() {
        check(&g, outs, 1, Algorithm::Winograd, n);
    }
}

#[test]
fn the_largest_of_each_window_are_those_of_the_whole_result() {
    let cases = [([2, 16, 12, 33], [1, 1], 40), ([1, 15, 17, 16], [1, 1], 64), ([1, 30, 31, 20], [0, 0], 7)];
    for (n, (image, before, outs)) in cases.into_iter().enumerate() {
        let g = geometry(image, [3, 3], [1, 1], [1, 1], before);
        let mut seed = 21 + n as u64;
        let x = random(&mut seed, image.iter().product());
        let w = random(&mut seed, 9 * g.channels * outs);
        let bias = random(&mut seed, outs);
        let activation = [Activation::Relu, Activation::None, Activation::Relu6][n];
        let epilogue = Epilogue { bias: Some(&bias), adds: false, activation };
        let weights = Weights::new(&w, [3, 3, g.channels, outs], 1);
        assert!(pools(&g, &weights, &epilogue));
        let [height, width] = [g.out_height / 2, g.out_width / 2];
        for isa in Isa::all() {
            for threads in [1, 3] {
                let mut whole = vec![f32::NAN; g.batch * g.out_height * g.out_width * outs];
                convolution_by(Algorithm::Winograd, isa, &mut whole, &x, &g, &weights, &epilogue, threads);
                let at = |image: usize, y: usize, x: usize, c: usize| {
                    whole[((image * g.out_height + y) * g.out_width + x) * outs + c]
                };
                let mut out = vec![f32::NAN; g.batch * height * width * outs];
                pooled_on(isa, &mut out, &x, &g, &weights, &epilogue, threads);
                for (place, got) in out.iter().enumerate() {
                    let (c, pixel) = (place % outs, place / outs);
                    let (i, y, x) = (pixel / width / height, pixel / width % height, pixel % width);
                    let window = [(0, 0), (0, 1), (1, 0), (1, 1)];
                    let all = window.map(|(down, right)| at(i, 2 * y + down, 2 * x + right, c));
                    let wanted = all.into_iter().fold(f32::NEG_INFINITY, f32::max);
                    assert!((got - wanted).abs() <= 1e-6, "{isa:?} {image:?} {place}: {got} and {wanted}");
                }
            }
        }
    }
}

#[test]
fn winograd_of_512_channels_is_exact_enough() {
    let g = geometry([1, 14, 14, 512], [3, 3], [1, 1], [1, 1], [1, 1]);
    let (outs, mut seed) = (64, 11);
    // Sums of twelve are nearly normal.
    let mut normal = |count: usize| -> Vec<f32> {
        random(&mut seed, count * 12).chunks(12).map(|c| c.iter().sum::<f32>() * 0.5).collect()
    };
    let (x, w) = (normal(14 * 14 * 512), normal(9 * 512 * outs));
    let expected = naive(&g, &x, &w, outs, 1);
    assert_eq!(choose(&g, [3, 3, 512, outs], 1), Algorithm::Winograd);
    for algorithm in [Algorithm::Direct, Algorithm::Winograd] {
        let weights = Weights::new(&w, [3, 3, 512, outs], 1);
        let mut out = vec![0.0; expected.len()];
        convolution_by(algorithm, Isa::best(), &mut out, &x, &g, &weights, &Epilogue::NONE, 1);
        let error = out.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        let largest = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
        println!("{algorithm:?}: {}", error / largest);
        assert!(error / largest < 2e-5, "{algorithm:?}: {error} of {largest}");
    }
}
