#![allow(clippy::type_complexity, reason = "a table of operations and what they should give")]
use super::super::testing::{Random, close};
use super::chain::{Chain, Input, Operand, Step};
use super::{Strided, binary, unary};
use crate::graph::{Activation, Binary, Unary};
use crate::kernels::activate;

#[test]
fn broadcasting_gives_what_the_definition_says() {
    let mut random = Random::new(5);
    let ops: [(Binary, fn(f64, f64) -> f64); 6] = [
        (Binary::Add, |a, b| a + b),
        (Binary::Sub, |a, b| a - b),
        (Binary::Mul, |a, b| a * b),
        (Binary::SquaredDifference, |a, b| (a - b) * (a - b)),
        (Binary::Max, |a, b| if a > b || a.is_nan() { a } else { b }),
        (Binary::Min, |a, b| if a < b || a.is_nan() { a } else { b }),
    ];
    for case in 0..300 {
        let rank = random.below(5);
        let shape: Vec<usize> = (0..rank).map(|_| random.below(7) + usize::from(case % 9 > 0)).collect();
        let side = |random: &mut Random| {
            let own: Vec<usize> = shape.iter().map(|d| if random.below(3) == 0 { 1 } else { *d }).collect();
            let mut data = random.many(own.iter().product(), 1.0);
            if let Some(x) = data.first_mut().filter(|_| case % 4 == 0) {
                *x = f32::NAN;
            }
            (crate::kernels::elementwise::steps(&own, &shape), data)
        };
        let ((sa, a), (sb, b)) = (side(&mut random), side(&mut random));
        let offsets = crate::kernels::elementwise::offsets;
        let count: usize = shape.iter().product();
        for (op, f) in ops {
            let places = offsets(&shape, &sa).into_iter().zip(offsets(&shape, &sb)).take(count);
            let right: Vec<f64> = places.map(|(x, y)| f(f64::from(a[x]), f64::from(b[y]))).collect();
            for threads in [1, 2] {
                let mut to = vec![9.0; count];
                let [a, b] = [Strided { data: &a, steps: &sa }, Strided { data: &b, steps: &sb }];
                binary(op, a, b, &shape, &mut to, threads);
                close(&to, &right, 1e-6, &format!("{op:?} {shape:?} {sa:?} {sb:?}"));
            }
        }
    }
}

#[test]
fn functions_of_one_number_agree_with_the_standard_library() {
    let x: Vec<f32> = (-333..334).map(|n| n as f32 * 0.03).chain([f32::NAN]).collect();
    let ops: [(Unary, fn(f64) -> f64); 9] = [
        (Unary::Ceil, f64::ceil),
        (Unary::Round, f64::round_ties_even),
        (Unary::Sign, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        (Unary::Erfc, libm::erfc),
        (Unary::Tan, f64::tan),
        (Unary::Softsign, |x| x / (1.0 + x.abs())),
        (Unary::Rsqrt, |x| 1.0 / x.sqrt()),
        (Unary::LeakyRelu(0.5), |x| if x < 0.0 { x / 2.0 } else { x }),
        (Unary::Selu, |x| {
            1.050_700_987_355_480_5 * if x < 0.0 { 1.673_263_242_354_377_2 * x.exp_m1() } else { x }
        }),
    ];
    for (op, f) in ops {
        let right: Vec<f64> = x.iter().map(|x| f(f64::from(*x))).collect();
        let (mut to, mut own) = (vec![0.0; x.len()], x.clone());
        unary(op, &x, &mut to, 1);
        unary(op, &x, &mut own, 2);
        close(&to, &right, 1e-6, &format!("{op:?}"));
        close(&own, &right, 1e-6, &format!("{op:?} on two threads"));
    }
}

#[test]
fn a_chain_gives_what_its_steps_give() {
    use Operand::{Constant, Input as Of, Step as By};
    let chain = Chain {
        steps: vec![
            Step::Binary(Binary::Sub, Of(0), Of(1)),
            Step::Binary(Binary::Mul, By(0), Of(2)),
            Step::Binary(Binary::Add, By(1), Constant(0.25)),
            Step::Activate(Activation::Swish, By(2)),
            Step::Binary(Binary::Add, By(3), By(0)),
            Step::Unary(Unary::Tanh, By(4)),
        ],
    };
    let mut random = Random::new(9);
    for (pixels, channels) in [(0, 3), (1, 1), (7, 5), (700, 3), (40, 100), (3, 1024), (5, 2500), (33, 1025)]
    {
        let x = random.many(pixels * channels, 3.0);
        let mean = random.many(channels, 1.0);
        let right: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(n, x)| {
                let centred = x - mean[n % channels];
                let swish = activate::scalar(Activation::Swish, centred * 0.7 + 0.25);
                f64::from(swish + centred).tanh()
            })
            .collect();
        let inputs = [Input::Full(&x), Input::Channel(&mean), Input::Scalar(0.7)];
        for threads in [1, 2] {
            let mut to = vec![0.0; x.len()];
            assert!(chain.run(&inputs, channels, &mut to, threads));
            close(&to, &right, 2e-6, &format!("{pixels} x {channels}"));
        }
    }
    assert!(!Chain { steps: vec![Step::Unary(Unary::Exp, By(0))] }.run(&[], 1, &mut [0.0], 1));
}
