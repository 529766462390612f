use super::super::testing::{Random, close};
use super::{Groups, Norm, Parameters, Rows, groups, rows, scale_shift};
use crate::kernels::simd::{Isa, run_on};

fn statistics(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len() as f64)
}

#[test]
fn rows_of_any_width_are_normalised() {
    let mut random = Random::new(13);
    for width in [1, 3, 15, 16, 17, 64, 65, 79, 300, 768] {
        // Far from zero: where a sum of squares would lose everything.
        let x: Vec<f32> = random.many(4 * width, 1.0).iter().map(|x| x + 100.0).collect();
        let (gamma, beta) = (random.many(width, 2.0), random.many(width, 2.0));
        for norm in [Norm::Layer, Norm::Rms] {
            let with = width % 3 > 0;
            let p = Parameters { gamma: with.then_some(&gamma), beta: with.then_some(&beta), epsilon: 1e-3 };
            let right: Vec<f64> = x
                .chunks(width)
                .flat_map(|row| {
                    let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
                    let (mean, variance) = match norm {
                        Norm::Layer => statistics(&row),
                        Norm::Rms => (0.0, row.iter().map(|x| x * x).sum::<f64>() / width as f64),
                    };
                    let scale = 1.0 / (variance + 1e-3).sqrt();
                    let (gamma, beta) = (&gamma, &beta);
                    row.into_iter().enumerate().map(move |(n, x)| {
                        let (g, b) =
                            if with { (f64::from(gamma[n]), f64::from(beta[n])) } else { (1.0, 0.0) };
                        (x - mean) * scale * g + b
                    })
                })
                .collect();
            for isa in Isa::all() {
                let mut to = vec![0.0; x.len()];
                run_on(isa, Rows { norm, p, x: &x, width, to: &mut to });
                close(&to, &right, 3e-4, &format!("{norm:?} of {width} on {isa:?}"));
                rows(norm, p, &x, width, &mut to, 2);
                close(&to, &right, 3e-4, &format!("{norm:?} of {width} on threads"));
            }
        }
    }
}

#[test]
fn groups_and_channels_are_normalised() {
    let mut random = Random::new(17);
    for (places, count, size) in [(1, 1, 1), (9, 2, 3), (50, 4, 16), (7, 3, 17)] {
        let channels = count * size;
        let x = random.many(2 * places * channels, 1.0);
        let (gamma, beta) = (random.many(channels, 2.0), random.many(channels, 2.0));
        let p = Parameters { gamma: Some(&gamma), beta: Some(&beta), epsilon: 1e-2 };
        let group_of = |n: usize| (n / (places * channels), n % channels / size);
        let right: Vec<f64> = (0..x.len())
            .map(|n| {
                let same = (0..x.len()).filter(|o| group_of(*o) == group_of(n));
                let (mean, variance) = statistics(&same.map(|o| f64::from(x[o])).collect::<Vec<_>>());
                let c = n % channels;
                (f64::from(x[n]) - mean) / (variance + 1e-2).sqrt() * f64::from(gamma[c]) + f64::from(beta[c])
            })
            .collect();
        let mut to = vec![0.0; x.len()];
        groups(p, &x, [places, count, size], &mut to, 2);
        close(&to, &right, 1e-5, "groups");
        let half = x.len() / 2;
        for isa in Isa::all() {
            let image = Groups { p, x: &x[..half], places, groups: count, size, to: &mut to[..half] };
            run_on(isa, image);
            close(&to[..half], &right[..half], 1e-5, "groups");
        }
        let right: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(n, x)| f64::from(*x) * f64::from(gamma[n % channels]) + f64::from(beta[n % channels]))
            .collect();
        scale_shift(&x, &gamma, &beta, &mut to, 1 + size % 2);
        close(&to, &right, 1e-6, "channels");
    }
}
