//! The cosine transform of a block, in integers, and its steps.

use super::{BLOCK, SIDE};

/// Bits behind the point of the factors, and of what is between the two passes.
const FACTOR_BITS: u32 = 13;
const PASS_BITS: u32 = 2;

fn rounded(x: i32, bits: u32) -> i32 {
    (x + (1 << (bits - 1))) >> bits
}

/// A line of eight numbers; the even ones of the middle leave `bits`, all others those and the factors'.
fn line(d: [i32; SIDE], middle: impl Fn(i32) -> i32, bits: u32) -> [i32; SIDE] {
    let (sums, apart): (Vec<i32>, Vec<i32>) = (0..4).map(|n| (d[n] + d[7 - n], d[n] - d[7 - n])).unzip();
    let (outer, inner) = (sums[0] + sums[3], sums[1] + sums[2]);
    let (outside, inside) = (sums[0] - sums[3], sums[1] - sums[2]);
    let z = (inside + outside) * 4433;
    let [d, c, b, a] = [apart[0], apart[1], apart[2], apart[3]];
    let five = (a + c + b + d) * 9633;
    let (one, two) = ((a + d) * -7373, (b + c) * -20995);
    let (three, four) = ((a + c) * -16069 + five, (b + d) * -3196 + five);
    [
        middle(outer + inner),
        rounded(d * 12299 + one + four, bits),
        rounded(z + outside * 6270, bits),
        rounded(c * 25172 + two + three, bits),
        middle(outer - inner),
        rounded(b * 16819 + two + four, bits),
        rounded(z - inside * 15137, bits),
        rounded(a * 2446 + one + three, bits),
    ]
}

/// The block's coefficients in whole steps, row by row.
pub fn block(samples: &[u8], width: usize, [row, column]: [usize; 2], steps: &[i32; BLOCK]) -> [i32; BLOCK] {
    let mut all = [0; BLOCK];
    for (n, to) in all.as_chunks_mut::<SIDE>().0.iter_mut().enumerate() {
        let from = (row * SIDE + n) * width + column * SIDE;
        let own = std::array::from_fn(|i| i32::from(samples[from + i]) - 128);
        *to = line(own, |x| x << PASS_BITS, FACTOR_BITS - PASS_BITS);
    }
    for column in 0..SIDE {
        let own = std::array::from_fn(|i| all[i * SIDE + column]);
        let made = line(own, |x| rounded(x, PASS_BITS), FACTOR_BITS + PASS_BITS);
        (0..SIDE).for_each(|i| all[i * SIDE + column] = made[i]);
    }
    for (x, step) in all.iter_mut().zip(steps) {
        // The transform's numbers are eight times as large.
        let step = step << 3;
        *x = (x.abs() + (step >> 1)) / step * x.signum();
    }
    all
}
