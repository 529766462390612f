//! Bilinear resizing. Where a picture shrinks, each new pixel is the weighted mean of all old ones below it, so that nothing is lost
//! between them.

use super::picture::Bitmap;

/// Old pixels, from the first, and their weights, which add up to one.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// A picture of another size: row by row, pixel by pixel, in as many channels as before. Neither side may be 0.
pub fn resize(picture: &Bitmap, width: usize, height: usize) -> Vec<f32> {
    let channels = picture.channels;
    let columns = taps(picture.width, width);
    let mut out = Vec::with_capacity(width * height * channels);
    let mut row = vec![0f32; picture.width * channels];
    for line in taps(picture.height, height) {
        row.fill(0.0);
        let old = picture.samples.chunks_exact(row.len()).skip(line.first);
        for (weight, samples) in line.weights.iter().zip(old) {
            row.iter_mut().zip(samples).for_each(|(sum, s)| *sum += weight * f32::from(*s));
        }
        for column in &columns {
            for channel in 0..channels {
                let old = row[column.first * channels + channel..].iter().step_by(channels);
                out.push(column.weights.iter().zip(old).map(|(weight, s)| weight * s).sum());
            }
        }
    }
    out
}

/// For each new pixel of an axis, the old ones that it is made of.
fn taps(old: usize, new: usize) -> Vec<Taps> {
    let scale = old as f64 / new as f64;
    let reach = scale.max(1.0);
    let one = |n: usize| {
        let centre = (n as f64 + 0.5) * scale;
        // Both are inside: the centre is, and the reach is at least a pixel.
        let first = ((centre - reach).floor().max(0.0) as usize).min(old - 1);
        let last = ((centre + reach).ceil() as usize).clamp(first + 1, old);
        let weight = |i: usize| (1.0 - (i as f64 + 0.5 - centre).abs() / reach).max(0.0);
        let sum: f64 = (first..last).map(weight).sum();
        Taps { first, weights: (first..last).map(|i| (weight(i) / sum) as f32).collect() }
    };
    (0..new).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bitmap, resize};

    fn grey(width: usize, samples: &[u8]) -> Bitmap {
        Bitmap { width, height: samples.len() / width, channels: 1, samples: samples.to_vec() }
    }

    #[test]
    fn a_picture_of_the_same_size_stays_as_it_is() {
        let samples = [1, 2, 3, 4, 5, 6, 7, 250];
        let picture = Bitmap { width: 2, height: 2, channels: 2, samples: samples.to_vec() };
        assert_eq!(resize(&picture, 2, 2), samples.map(f32::from));
    }

    #[test]
    fn pixels_are_mixed_by_their_distance() {
        // As bilinear interpolation between pixel centres gives it.
        assert_eq!(resize(&grey(2, &[0, 100]), 4, 1), [0.0, 25.0, 75.0, 100.0]);
        let shrunk = resize(&grey(4, &[0, 0, 200, 200]), 2, 1);
        assert!(
            shrunk[0] < 40.0 && shrunk[1] > 160.0 && (shrunk[0] + shrunk[1] - 200.0).abs() < 1e-3,
            "{shrunk:?}"
        );
        assert_eq!(resize(&grey(2, &[0, 100, 100, 200]), 1, 1), [100.0]);
        assert_eq!(resize(&grey(1, &[7]), 3, 2), [7.0; 6]);
    }
}
