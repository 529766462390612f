use super::super::testing::{Random, close};
use super::reduce::{Along, Columns};
use super::{Fold, Row, pool, reduce};
use crate::kernels::simd::{Isa, run_on};
use crate::kernels::spatial::Geometry;

const ALL: [Fold; 4] = [Fold::Sum, Fold::Mean, Fold::Max, Fold::Min];

fn together(fold: Fold, x: impl Iterator<Item = f32>) -> f64 {
    let x: Vec<f64> = x.map(f64::from).collect();
    let nan = x.iter().any(|x| x.is_nan());
    match fold {
        _ if nan => f64::NAN,
        Fold::Sum => x.iter().sum(),
        Fold::Mean => x.iter().sum::<f64>() / x.len() as f64,
        Fold::Max => x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Fold::Min => x.iter().copied().fold(f64::INFINITY, f64::min),
    }
}

#[test]
fn reductions_give_what_the_definition_says() {
    let mut random = Random::new(19);
    for [outer, middle, inner] in
        [[2, 0, 3], [0, 3, 1], [3, 1, 1], [2, 17, 1], [1, 5003, 1], [2, 49, 37], [1, 300, 16], [2, 70, 150]]
    {
        let mut x = random.many(outer * middle * inner, 1.0);
        if middle == 17 {
            x[3] = f32::NAN;
        }
        for fold in ALL {
            let place = |n: usize| {
                let (o, i) = (n / inner, n % inner);
                let x = &x;
                together(fold, (0..middle).map(move |m| x[(o * middle + m) * inner + i]))
            };
            let right: Vec<f64> = (0..outer * inner).map(place).collect();
            for threads in [1, 2] {
                let mut to = vec![5.0; outer * inner];
                reduce(fold, &x, [outer, middle, inner], &mut to, threads);
                close(&to, &right, 1e-5, &format!("{fold:?} {outer} {middle} {inner}"));
            }
            for isa in Isa::all().into_iter().filter(|_| middle > 0) {
                let mut to = vec![5.0; outer * inner];
                if inner == 1 {
                    run_on(isa, Along { fold, x: &x, middle, to: &mut to });
                } else {
                    for (x, to) in x.chunks(middle * inner).zip(to.chunks_mut(inner)) {
                        run_on(isa, Columns { fold, x, middle, inner, to });
                    }
                }
                close(&to, &right, 1e-5, &format!("{fold:?} on {isa:?}"));
            }
        }
    }
}

#[test]
fn windows_are_pooled_without_the_padding() {
    let mut random = Random::new(23);
    for channels in [1, 5, 16, 33, 150] {
        let g = Geometry {
            batch: 2,
            height: 9,
            width: 11,
            channels,
            window: [3, 2],
            strides: [2, 2],
            dilations: [1, 1],
            before: [1, 1],
            out_height: 5,
            out_width: 6,
        };
        let x = random.many(2 * 9 * 11 * channels, 1.0);
        for fold in [Fold::Mean, Fold::Max] {
            let place = |n: usize| {
                let (b, oy, ox, c) =
                    (n / (30 * channels), n / (6 * channels) % 5, n / channels % 6, n % channels);
                let taps = (0..3).flat_map(|y| (0..2).map(move |x| (y, x)));
                let inside = taps.filter_map(|(ky, kx)| Some((g.place(0, oy, ky)?, g.place(1, ox, kx)?)));
                together(fold, inside.map(|(y, at)| x[((b * 9 + y) * 11 + at) * channels + c]))
            };
            let right: Vec<f64> = (0..2 * 30 * channels).map(place).collect();
            for threads in [1, 2] {
                let mut to = vec![0.0; right.len()];
                pool(&g, fold, &x, &mut to, threads);
                close(&to, &right, 1e-6, "pool");
            }
            let row = 6 * channels;
            for isa in Isa::all() {
                let mut to = vec![0.0; row];
                run_on(isa, Row { g: &g, fold, x: &x, n: 6, to: &mut to });
                close(&to, &right[6 * row..7 * row], 1e-6, "one row");
            }
        }
    }
}
