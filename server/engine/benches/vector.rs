//! How much faster the kernels that are no product of matrices are than plain loops, on one thread.
//!
//! Both run in turns and the medians are compared, so that a machine that is busy with something else slows both.

use berth_engine::kernels::Geometry;
use berth_engine::kernels::vector::attention::{Attention, Rows, Steps, attention};
use berth_engine::kernels::vector::depthwise::{Depthwise, depthwise};
use berth_engine::kernels::vector::normalise::{Norm, Parameters, rows};
use berth_engine::kernels::vector::pool::{Fold, pool, reduce};
use berth_engine::kernels::vector::softmax::softmax;
use std::hint::black_box;
use std::time::Instant;

/// The median of one over the median of the other.
fn report(name: &str, mut plain: impl FnMut(), mut kernel: impl FnMut()) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let start = Instant::now();
        plain();
        old.push(start.elapsed());
        let start = Instant::now();
        (0..4).for_each(|_| kernel());
        new.push(start.elapsed() / 4);
    }
    old.sort();
    new.sort();
    println!("{name}: {:.1} times as fast", old[7].as_secs_f64() / new[7].as_secs_f64());
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| (n % 101) as f32 * 0.1 - 5.0).collect()
}

/// Windows with as much padding as keeps the size, but for the stride.
fn geometry([size, channels, window, stride]: [usize; 4]) -> Geometry {
    let out = size.div_ceil(stride);
    let before = ((out - 1) * stride + window).saturating_sub(size) / 2;
    Geometry {
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
    }
}

/// Goes through the windows: place of the result, of the window, of the image.
fn slide(g: &Geometry, mut each: impl FnMut(usize, usize, usize)) {
    for (y, x) in (0..g.out_height).flat_map(|y| (0..g.out_width).map(move |x| (y, x))) {
        for (ky, kx) in (0..g.window[0]).flat_map(|ky| (0..g.window[1]).map(move |kx| (ky, kx))) {
            if let Some((from_y, from_x)) = g.place(0, y, ky).zip(g.place(1, x, kx)) {
                each(y * g.out_width + x, ky * g.window[1] + kx, from_y * g.width + from_x);
            }
        }
    }
}

fn windows() {
    for sizes in [[112, 32, 3, 1], [56, 144, 3, 2], [28, 192, 3, 1], [14, 576, 3, 1], [14, 672, 5, 1]] {
        let (g, [size, channels, window, stride]) = (geometry(sizes), sizes);
        let (x, filter) = (numbers(size * size * channels), numbers(window * window * channels));
        let count = g.out_height * g.out_width * channels;
        let (mut right, mut out) = (vec![0.0; count], vec![0.0; count]);
        let conv = Depthwise {
            geometry: &g,
            filter: &filter,
            multiplier: 1,
            bias: None,
            activation: berth_engine::kernels::Activation::None,
        };
        report(
            &format!("depthwise {size}x{size}x{channels} {window}x{window} stride {stride}"),
            || {
                right.fill(0.0);
                slide(&g, |to, tap, from| {
                    let (x, w) = (&x[from * channels..][..channels], &filter[tap * channels..][..channels]);
                    let to = &mut right[to * channels..][..channels];
                    to.iter_mut().zip(x.iter().zip(w)).for_each(|(to, (x, w))| *to += x * w);
                });
                black_box(&right);
            },
            || assert!(depthwise(&conv, &x, black_box(&mut out), 1)),
        );
    }
    for sizes in [[112, 64, 3, 2], [56, 128, 2, 2], [35, 288, 3, 1]] {
        let (g, [size, channels, window, stride]) = (geometry(sizes), sizes);
        let x = numbers(size * size * channels);
        let count = g.out_height * g.out_width * channels;
        let (mut right, mut out) = (vec![0.0; count], vec![0.0; count]);
        report(
            &format!("largest of {size}x{size}x{channels} {window}x{window} stride {stride}"),
            || {
                right.fill(f32::NEG_INFINITY);
                slide(&g, |to, _, from| {
                    let to = &mut right[to * channels..][..channels];
                    to.iter_mut().zip(&x[from * channels..]).for_each(|(to, x)| *to = to.max(*x));
                });
                black_box(&right);
            },
            || pool(&g, Fold::Max, &x, black_box(&mut out), 1),
        );
    }
}

fn functions() {
    for (count, width) in [(64, 1000), (512, 64)] {
        let x = numbers(count * width);
        let (mut right, mut out) = (x.clone(), x.clone());
        report(
            &format!("softmax {count}x{width}"),
            || {
                for (x, to) in x.chunks(width).zip(right.chunks_mut(width)) {
                    let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    to.iter_mut().zip(x).for_each(|(to, x)| *to = (x - most).exp());
                    let sum: f32 = to.iter().sum();
                    to.iter_mut().for_each(|to| *to /= sum);
                }
                black_box(&right);
            },
            || softmax(false, &x, width, black_box(&mut out), 1),
        );
        let p = Parameters { gamma: Some(&x[..width]), beta: Some(&x[..width]), epsilon: 1e-3 };
        report(
            &format!("layer norm {count}x{width}"),
            || {
                for (x, to) in x.chunks(width).zip(right.chunks_mut(width)) {
                    let mean = x.iter().sum::<f32>() / width as f32;
                    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / width as f32;
                    let scale = 1.0 / (variance + 1e-3).sqrt();
                    for (n, (to, x)) in to.iter_mut().zip(x).enumerate() {
                        *to =
                            (x - mean) * scale * p.gamma.map_or(1.0, |g| g[n]) + p.beta.map_or(0.0, |b| b[n]);
                    }
                }
                black_box(&right);
            },
            || rows(Norm::Layer, p, &x, width, black_box(&mut out), 1),
        );
    }
    let x = numbers(49 * 2048);
    let (mut right, mut out) = (vec![0.0; 2048], vec![0.0; 2048]);
    report(
        "mean of 7x7x2048",
        || {
            right.fill(0.0);
            for row in x.chunks(2048) {
                right.iter_mut().zip(row).for_each(|(to, x)| *to += x / 49.0);
            }
            black_box(&right);
        },
        || reduce(Fold::Mean, &x, [1, 49, 2048], black_box(&mut out), 1),
    );
}

fn heads() {
    for (places, heads, width) in [(128, 4, 16), (384, 12, 64)] {
        let x = numbers(places * heads * width);
        let (mut right, mut out) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let rows = Rows { data: &x, batch: x.len(), head: width, row: heads * width };
        let (queries, keys, value_width) = (places, places, width);
        let a = Attention { batch: 1, heads, queries, keys, width, value_width, scale: 0.1, mask: None };
        let mut scores = vec![0.0f32; places];
        report(
            &format!("attention of {places} places, {heads} heads of {width}"),
            || {
                for (head, t) in (0..heads).flat_map(|h| (0..places).map(move |t| (h, t))) {
                    let row = |n: usize| &x[(n * heads + head) * width..][..width];
                    for (s, score) in scores.iter_mut().enumerate() {
                        *score = 0.1 * row(t).iter().zip(row(s)).map(|(a, b)| a * b).sum::<f32>();
                    }
                    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    scores.iter_mut().for_each(|s| *s = (*s - most).exp());
                    let sum: f32 = scores.iter().sum();
                    let to = &mut right[(t * heads + head) * width..][..width];
                    to.fill(0.0);
                    for (s, score) in scores.iter().enumerate() {
                        to.iter_mut().zip(row(s)).for_each(|(to, v)| *to += score / sum * v);
                    }
                }
                black_box(&right);
            },
            || attention(&a, [rows; 3], black_box(&mut out), Steps::of([1, heads, places, width], true), 1),
        );
    }
}

fn main() {
    windows();
    functions();
    heads();
}
