//! Products against the plainest loop, on every instruction set, with sizes that leave rests everywhere.

use super::super::simd::Isa;
use super::{
    Activation, Dense, Epilogue, Matrix, Packed, Part, Prologued, Stored, product_on, prologued_on,
    unpacked_on,
};

/// Numbers between -1 and 1 from a seed.
pub fn random(seed: &mut u64, count: usize) -> Vec<f32> {
    let next = |_| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*seed >> 40) as f32 / (1 << 23) as f32) - 1.0
    };
    (0..count).map(next).collect()
}

pub const ACTIVATIONS: [Activation; 12] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu(0.2),
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Swish,
    Activation::HardSigmoid,
    Activation::HardSwish,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Elu,
];

fn naive(a: Matrix<'_>, b: Matrix<'_>, epilogue: &Epilogue<'_>, there: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; a.rows * b.columns];
    for row in 0..a.rows {
        for column in 0..b.columns {
            let term = |k| {
                let x = a.data[row * a.row_step + k * a.column_step];
                f64::from(x) * f64::from(b.data[k * b.row_step + column * b.column_step])
            };
            let sum = (0..b.rows).map(term).sum::<f64>() as f32;
            let at = row * b.columns + column;
            let x =
                sum + epilogue.bias.map_or(0.0, |b| b[column]) + if epilogue.adds { there[at] } else { 0.0 };
            out[at] = super::super::activate::scalar(epilogue.activation, x);
        }
    }
    out
}

pub fn assert_close(ours: &[f32], theirs: &[f32], most: f32, what: &str) {
    assert_eq!(ours.len(), theirs.len());
    for (n, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= most * (1.0 + b.abs()), "{what}: at {n}: {a} instead of {b}");
    }
}

const SIZES: [[usize; 3]; 14] = [
    [0, 3, 4],
    [3, 0, 40],
    [3, 4, 0],
    [1, 1, 1],
    [1, 700, 100],
    [2, 256, 32],
    [3, 257, 33],
    [5, 17, 31],
    [12, 64, 64],
    [13, 600, 65],
    [25, 27, 15],
    [49, 96, 200],
    [145, 33, 48],
    [300, 300, 130],
];

#[test]
fn products_equal_the_plain_loop() {
    let mut seed = 1;
    for (n, [rows, inner, columns]) in SIZES.into_iter().enumerate() {
        let lda = inner + n % 3;
        let (a, b) = (random(&mut seed, rows * lda), random(&mut seed, inner * columns));
        let (bias, there) = (random(&mut seed, columns), random(&mut seed, rows * columns));
        let epilogue = Epilogue {
            bias: n.is_multiple_of(2).then_some(&bias),
            adds: n.is_multiple_of(3),
            activation: ACTIVATIONS[n % ACTIVATIONS.len()],
        };
        let view = Matrix { data: &a, rows, columns: inner, row_step: lda, column_step: 1 };
        let expected = naive(view, Matrix::new(&b, inner, columns), &epilogue, &there);
        let packed = Packed::new(&b, inner, columns);
        for isa in Isa::all() {
            for threads in [1, 3] {
                let mut out = if epilogue.adds { there.clone() } else { vec![f32::NAN; rows * columns] };
                product_on(isa, &mut out, view, (&packed).into(), &epilogue, threads);
                assert_close(&out, &expected, 1e-4, &format!("{isa:?} {rows}x{inner}x{columns}"));
            }
        }
    }
}

/// Also where some numbers are zero in all rows, and where the rows of `a` have gaps.
#[test]
fn matrices_as_stored_are_multiplied_as_packed_ones() {
    let mut seed = 4;
    let thin = [[1, 40, 5000], [2, 33, 100], [4, 100, 16], [4, 3, 2100], [3, 64, 7]];
    for (n, [rows, inner, columns]) in SIZES.into_iter().chain(thin).enumerate() {
        let lda = inner + n % 3;
        let (mut a, b) = (random(&mut seed, rows * lda), random(&mut seed, inner * columns));
        for k in (0..inner).filter(|k| k % 3 == 0) {
            a.chunks_mut(lda).for_each(|row| row[k] = 0.0);
        }
        let (bias, there) = (random(&mut seed, columns), random(&mut seed, rows * columns));
        let epilogue = Epilogue {
            bias: n.is_multiple_of(2).then_some(&bias),
            adds: n.is_multiple_of(3),
            activation: ACTIVATIONS[n % ACTIVATIONS.len()],
        };
        let view = Matrix { data: &a, rows, columns: inner, row_step: lda, column_step: 1 };
        let expected = naive(view, Matrix::new(&b, inner, columns), &epilogue, &there);
        let turned: Vec<f32> = (0..b.len()).map(|n| b[n % inner * columns + n / inner]).collect();
        let stored = [(b, false), (turned, true)].map(|(numbers, turned)| {
            Dense::Stored(Stored::new(numbers.into(), [inner, columns], turned).unwrap())
        });
        for (isa, stored) in Isa::all().into_iter().flat_map(|isa| stored.iter().map(move |s| (isa, s))) {
            let mut first: Option<Vec<f32>> = None;
            for threads in [1, 3] {
                let mut out = if epilogue.adds { there.clone() } else { vec![f32::NAN; rows * columns] };
                product_on(isa, &mut out, view, stored.right(), &epilogue, threads);
                assert_close(&out, &expected, 1e-4, &format!("{isa:?} {rows}x{inner}x{columns}"));
                let same = *first.get_or_insert_with(|| out.clone()) == out;
                assert!(same || rows > super::thin::MOST, "{isa:?} {rows}x{inner}x{columns}");
            }
        }
    }
    assert!(Stored::new(vec![0.0; 5].into(), [2, 3], false).is_none());
    assert!(Stored::new(vec![0.0; 5].into(), [usize::MAX, 2], true).is_none());
}

#[test]
fn rows_are_made_on_the_way() {
    let mut seed = 5;
    for (n, widths) in [&[7][..], &[16, 32], &[5, 33, 16, 1], &[300, 0, 250, 31]].into_iter().enumerate() {
        let (rows, columns, inner) = (26, 37, widths.iter().sum::<usize>());
        let data: Vec<Vec<f32>> = widths.iter().map(|w| random(&mut seed, rows * w)).collect();
        let b = random(&mut seed, inner * columns);
        let packed = Packed::new(&b, inner, columns);
        for (m, activation) in ACTIVATIONS.into_iter().enumerate() {
            // For all rows, or for each half of them.
            let each = if m % 2 == 0 { rows } else { 13 };
            let scale = (m % 3 != 0).then(|| random(&mut seed, inner * rows / each));
            let shift = (m % 4 != 0).then(|| random(&mut seed, inner));
            let number = |row: usize, column: usize, x: f32| {
                let scaled = x * scale.as_ref().map_or(1.0, |s| s[row / each * inner + column]);
                let shifted = scaled + shift.as_ref().map_or(0.0, |s| s[column]);
                super::super::activate::scalar(activation, shifted)
            };
            let row = |row: usize| {
                let parts = data.iter().zip(widths).flat_map(move |(data, w)| &data[row * w..(row + 1) * w]);
                parts.enumerate().map(move |(column, x)| (row, column, *x))
            };
            let whole: Vec<f32> = (0..rows).flat_map(row).map(|(r, c, x)| number(r, c, x)).collect();
            let epilogue = Epilogue { activation: Activation::Relu, ..Epilogue::NONE };
            let expected =
                naive(Matrix::new(&whole, rows, inner), Matrix::new(&b, inner, columns), &epilogue, &[]);
            let parts = data.iter().zip(widths).map(|(data, width)| Part { data, width: *width }).collect();
            let made = Prologued::new(parts, rows, (scale.as_deref(), each), shift.as_deref(), activation);
            let made = made.unwrap();
            for isa in Isa::all() {
                for threads in [1, 3] {
                    let mut out = vec![f32::NAN; rows * columns];
                    prologued_on(isa, &mut out, &made, (&packed).into(), &epilogue, threads);
                    assert_close(&out, &expected, 1e-4, &format!("{isa:?} {n} {activation:?}"));
                }
            }
        }
    }
}

#[test]
fn parts_and_factors_have_to_be_as_many_as_the_rows() {
    let data = [1.0; 12];
    let of = |width, rows, scale: &'static [f32], each, shift: &'static [f32]| {
        let parts = vec![Part { data: &data, width }];
        Prologued::new(parts, rows, (Some(scale), each), Some(shift), Activation::None).is_some()
    };
    assert!(of(4, 3, &[2.0; 4], 3, &[0.0; 4]));
    assert!(!of(4, 2, &[2.0; 4], 3, &[0.0; 4]) && !of(usize::MAX, 2, &[2.0; 4], 3, &[0.0; 4]));
    assert!(!of(4, 3, &[2.0; 4], 2, &[0.0; 4]));
    assert!(!of(4, 3, &[2.0; 4], 3, &[0.0; 3]));
}

#[test]
fn operands_may_be_transposed() {
    let mut seed = 2;
    for [rows, inner, columns] in SIZES {
        let (a, b) = (random(&mut seed, rows * inner), random(&mut seed, inner * columns));
        for flips in 0..4 {
            let (fa, fb) = (flips & 1 == 1, flips & 2 == 2);
            let a = if fa { Matrix::new(&a, inner, rows).transposed() } else { Matrix::new(&a, rows, inner) };
            let b = if fb {
                Matrix::new(&b, columns, inner).transposed()
            } else {
                Matrix::new(&b, inner, columns)
            };
            let expected = naive(a, b, &Epilogue::NONE, &[]);
            for isa in Isa::all() {
                let mut out = vec![f32::NAN; rows * columns];
                unpacked_on(isa, &mut out, a, b, &Epilogue::NONE, 1 + flips);
                assert_close(&out, &expected, 1e-4, &format!("{isa:?} {rows}x{inner}x{columns} {flips}"));
            }
        }
    }
}

#[test]
fn every_activation_is_the_scalar_one_and_keeps_nan() {
    let x: Vec<f32> = (-40..40).map(|n| n as f32 * 0.25).chain([f32::NAN, 0.0]).collect();
    let one = Packed::new(&[1.0], 1, 1);
    for activation in ACTIVATIONS {
        let epilogue = Epilogue { activation, ..Epilogue::NONE };
        let a = Matrix::new(&x, x.len(), 1);
        let expected: Vec<f32> = x.iter().map(|x| super::super::activate::scalar(activation, *x)).collect();
        for isa in Isa::all() {
            let mut out = vec![0.0; x.len()];
            product_on(isa, &mut out, a, (&one).into(), &epilogue, 1);
            for (x, y) in out.iter().zip(&expected) {
                let same = (x - y).abs() <= 1e-6 * (1.0 + y.abs()) || (x.is_nan() && y.is_nan());
                assert!(same, "{isa:?} {activation:?}: {x} instead of {y}");
            }
        }
    }
}

#[test]
fn packed_weights_come_back_from_their_numbers() {
    let mut seed = 3;
    let weights = random(&mut seed, 7 * 45);
    let packed = Packed::new(&weights, 7, 45);
    assert_eq!(packed.bytes(), 2 * 7 * 32 * 4);
    assert_eq!(packed.as_slice().as_ptr().addr() % 64, 0);
    let again = Packed::from_memory(packed.as_slice().to_vec().into(), 7, 45).unwrap();
    assert_eq!(again.as_slice(), packed.as_slice());
    assert!(Packed::from_memory(packed.as_slice().to_vec().into(), 8, 45).is_none());
    let mut turned = vec![0.0; weights.len()];
    (0..7 * 45).for_each(|n| turned[n % 45 * 7 + n / 45] = weights[n]);
    assert_eq!(Packed::transposed(&turned, 7, 45).as_slice(), packed.as_slice());
}
