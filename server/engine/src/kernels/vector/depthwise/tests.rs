use super::super::testing::{Random, close};
use super::{Band, Depthwise, depthwise};
use crate::graph::Activation;
use crate::kernels::activate;
use crate::kernels::simd::{Isa, run_on};
use crate::kernels::spatial::Geometry;

fn naive(conv: &Depthwise<'_>, x: &[f32]) -> Vec<f64> {
    let (g, m) = (conv.geometry, conv.multiplier);
    let outs = g.channels * m;
    let mut out = Vec::new();
    for b in 0..g.batch {
        for (oy, ox) in (0..g.out_height).flat_map(|y| (0..g.out_width).map(move |x| (y, x))) {
            for o in 0..outs {
                let mut sum = conv.bias.map_or(0.0, |b| f64::from(b[o]));
                for (ky, kx) in (0..g.window[0]).flat_map(|y| (0..g.window[1]).map(move |x| (y, x))) {
                    if let (Some(y), Some(at)) = (g.place(0, oy, ky), g.place(1, ox, kx)) {
                        let pixel = x[((b * g.height + y) * g.width + at) * g.channels + o / m];
                        sum += f64::from(pixel) * f64::from(conv.filter[(ky * g.window[1] + kx) * outs + o]);
                    }
                }
                out.push(f64::from(activate::scalar(conv.activation, sum as f32)));
            }
        }
    }
    out
}

fn geometry(random: &mut Random) -> Option<Geometry> {
    let window = [[3, 3], [5, 5], [3, 3], [1, 4], [2, 3], [7, 7]][random.below(6)];
    let stride = 1 + random.below(3);
    let [strides, dilations] = [[stride, stride], [1 + random.below(5) / 4, 1 + random.below(5) / 4]];
    let (height, width) = (1 + random.below(24), 1 + random.below(40));
    let before = [random.below(window[0] + 1), random.below(window[1] + 1)];
    let out = |i: usize, size: usize, after: usize| {
        let span = (window[i] - 1) * dilations[i] + 1;
        Some((size + before[i] + after).checked_sub(span)? / strides[i] + 1)
    };
    Some(Geometry {
        batch: random.below(3),
        height,
        width,
        channels: [1, 3, 16, 17, 24, 32, 37, 64][random.below(8)],
        window,
        strides,
        dilations,
        before,
        out_height: out(0, height, random.below(3))?,
        out_width: out(1, width, random.below(3))?,
    })
}

#[test]
fn any_shape_gives_what_the_definition_says() {
    let mut random = Random::new(3);
    for case in 0..250 {
        let Some(g) = geometry(&mut random) else { continue };
        let multiplier = 1 + random.below(4) / 3 * (1 + random.below(2));
        let outs = g.channels * multiplier;
        let filter = random.many(g.window[0] * g.window[1] * outs, 1.0);
        let bias = random.many(outs, 1.0);
        let bias = (case % 3 > 0).then_some(bias.as_slice());
        let activation = [Activation::None, Activation::Relu6, Activation::Swish][case % 3];
        let conv = Depthwise { geometry: &g, filter: &filter, multiplier, bias, activation };
        let x = random.many(g.batch * g.height * g.width * g.channels, 1.0);
        let right = naive(&conv, &x);
        let mut out = vec![7.0; right.len()];
        for threads in [1, 2] {
            assert!(depthwise(&conv, &x, &mut out, threads));
            close(&out, &right, 2e-6, &format!("{g:?}"));
        }
        if g.batch == 1 && !out.is_empty() {
            for isa in Isa::all() {
                run_on(isa, Band { conv: &conv, x: &x, first: 0, to: &mut out });
                close(&out, &right, 2e-6, &format!("{g:?} on {isa:?}"));
            }
        }
    }
}
