//! Hostile models: any operation on any inputs gives values or an error, and never panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod features;

use crate::DType;
use crate::graph::*;
use crate::kernels::{Value, run};

/// Numbers that look random; the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn size(&mut self) -> usize {
        [0, 1, 1, 2, 2, 3, 4, 5][self.roll(8) as usize]
    }

    fn int(&mut self) -> i64 {
        match self.roll(30) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => 1 << 40,
            3 => -(1 << 33),
            n => n as i64 % 6 - 2,
        }
    }

    fn float(&mut self) -> f64 {
        match self.roll(40) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -1e30,
            n => n as f64 / 8.0 - 2.0,
        }
    }

    fn value(&mut self) -> Value {
        let rank = [0, 1, 1, 2, 2, 3, 4, 4, 5][self.roll(9) as usize];
        let dims: Vec<usize> = (0..rank).map(|_| self.size()).collect();
        self.shaped(&dims)
    }

    fn shaped(&mut self, dims: &[usize]) -> Value {
        let count = dims.iter().product();
        match self.roll(10) {
            0..4 => Value::of((0..count).map(|_| self.float() as f32).collect::<Vec<f32>>(), dims).unwrap(),
            4 => Value::of((0..count).map(|_| self.float()).collect::<Vec<f64>>(), dims).unwrap(),
            5 => Value::of((0..count).map(|_| self.roll(2) as u8).collect::<Vec<u8>>(), dims).unwrap(),
            6 if self.roll(4) == 0 => Value::text(vec![b"a".to_vec(); count], dims).unwrap(),
            _ => Value::of((0..count).map(|_| self.int()).collect::<Vec<i64>>(), dims).unwrap(),
        }
    }

    /// Some inputs; now and then all of one shape, for what else would hardly ever fit.
    fn inputs(&mut self, most: u64) -> Vec<Value> {
        let count = self.roll(most) + 1;
        if self.roll(3) > 0 {
            return (0..count).map(|_| self.value()).collect();
        }
        let first = self.value();
        let dims = first.dims().to_vec();
        (0..count).map(|_| if self.roll(3) > 0 { self.shaped(&dims) } else { self.value() }).collect()
    }
}

fn imaging() -> Vec<Imaging> {
    let sliding =
        |padding| Sliding { strides: [1, 2, 1], dilations: [1, 1, 2], padding, depth_padding: [1, 0] };
    let mut all = Vec::new();
    for padding in [Padding::Same, Padding::Valid, Padding::Explicit([1, 0, 2, 1])] {
        let (window, sliding) = ([1, 2, 2], sliding(padding));
        all.extend([
            Imaging::Conv3d(sliding),
            Imaging::ConvTranspose3d(sliding),
            Imaging::Pool3d { max: true, window, sliding },
            Imaging::Pool3d { max: false, window: [2, 1, 2], sliding },
            Imaging::PoolWithPlaces { window, sliding, batch_too: false },
            Imaging::DepthwiseTranspose(sliding),
            Imaging::SpreadMeans { window, sliding },
            Imaging::Dilation(sliding),
            Imaging::Patches { window, sliding },
        ]);
    }
    all.extend([0, 1, 2].map(Imaging::SpaceToDepth));
    all.extend([0, 1, 2].map(Imaging::DepthToSpace));
    all.push(Imaging::Lrn { around: [2, 1], bias: 1.0, alpha: 1.0, beta: 0.5 });
    all.push(Imaging::Lrn { around: [i64::MAX; 2], bias: 1.0, alpha: 1.0, beta: 0.5 });
    for flag in [false, true] {
        all.push(Imaging::Bicubic { align_corners: flag, half_pixel: !flag });
        all.push(Imaging::Area { align_corners: flag });
        all.push(Imaging::CropAndResize { bilinear: flag, outside: 0.0 });
        all.push(Imaging::SuppressClasses { pad_per_class: flag, clip: flag });
        let how = Suppression { overlaps: flag, pad: !flag, scores: true, count: true };
        all.push(Imaging::Suppress(how));
        for beyond in [Beyond::Constant, Beyond::Nearest, Beyond::Reflect, Beyond::Wrap] {
            all.push(Imaging::Project { bilinear: flag, beyond });
        }
        let kernels =
            [Kernel::Box, Kernel::Triangle, Kernel::Lanczos(3), Kernel::Gaussian, Kernel::KeysCubic];
        all.extend(kernels.map(|kernel| Imaging::ScaleAndTranslate { kernel, antialias: flag }));
    }
    all.extend([Imaging::AdjustContrast, Imaging::AdjustHue, Imaging::AdjustSaturation]);
    all.extend([Imaging::RgbToHsv, Imaging::HsvToRgb]);
    all.extend(placed());
    all
}

fn placed() -> Vec<Imaging> {
    let mut all = Vec::new();
    for (axes, same) in [(1, None), (2, Some(Padding::SameLower)), (3, Some(Padding::Same))] {
        let mut window = Window::new(&vec![2; axes]);
        (window.strides, window.pads, window.same) = (vec![2; axes], vec![[1, 0]; axes], same);
        for fold in [Fold::Max, Fold::Mean { around: true }, Fold::Norm(2.0)] {
            let how = Folding { fold, window: window.clone(), round_up: true, column_major: true };
            all.push(Imaging::Fold(Box::new(how)));
        }
        all.push(Imaging::FromColumns(Box::new(window.clone())));
        all.push(Imaging::Deformable { window: Box::new(window), groups: 1, offset_groups: 1 });
    }
    all.push(Imaging::FromColumns(Box::new(Window::new(&[]))));
    for method in [Method::Nearest(Nearest::Floor), Method::Linear, Method::Cubic(-0.5)] {
        for coordinates in [Coordinates::HalfPixel, Coordinates::AlignCorners, Coordinates::Region] {
            let (by_sizes, aspect) = (coordinates != Coordinates::HalfPixel, Aspect::Stretch);
            let how = Resample {
                axes: Vec::new(),
                by_sizes,
                aspect,
                method,
                coordinates,
                antialias: by_sizes,
                exclude_outside: !by_sizes,
                beyond: 0.0,
            };
            all.push(Imaging::Resample(Box::new(how)));
        }
        for around in [Around::Zeros, Around::Border, Around::Reflection] {
            all.push(Imaging::SampleGrid(Grid { method, around, align_corners: around == Around::Border }));
        }
    }
    for flag in [false, true] {
        all.push(Imaging::AffineGrid { align_corners: flag });
        all.push(Imaging::SuppressAll { centred: flag });
        let how = RoiAlign { max: flag, half_pixel: !flag, size: [2, 1], samples: 0, scale: 0.5 };
        all.push(Imaging::RoiAlign(how));
    }
    all.push(Imaging::RoiMax { size: [2, 2], scale: 1.0 });
    all.extend([Colours::Bgr, Colours::Grey].map(Imaging::DecodeBytes));
    all
}

fn signals() -> Vec<Rare> {
    let mut all = vec![Signal::MelWeights];
    for flag in [false, true] {
        all.push(Signal::Dft { inverse: flag, one_sided: false });
        all.push(Signal::Dft { inverse: flag, one_sided: true });
        all.push(Signal::Stft { one_sided: flag });
        all.push(Signal::Window { terms: [0.5, -0.5, 0.0], periodic: flag });
    }
    all.into_iter().map(Rare::Signal).collect()
}

const EQUATIONS: [&str; 10] = [
    "ab,bc->ac",
    "aab->b",
    "...a,ab->...b",
    "a...->...",
    "ab,cd->",
    "->",
    "a",
    "ab->ba",
    "abc,abd->acd",
    "aa->aa",
];

fn rare() -> Vec<Rare> {
    let mut all: Vec<Rare> = imaging().into_iter().map(Rare::Image).collect();
    all.extend(signals());
    all.extend([Function::Acos, Function::Digamma, Function::Erfinv, Function::Invert].map(Rare::Function));
    all.extend([Function::IsNan, Function::Lgamma, Function::Ndtri].map(Rare::Function));
    all.extend([Pairing::Atan2, Pairing::BitAnd, Pairing::FloorMod, Pairing::TruncateMod].map(Rare::Pairing));
    all.extend([Pairing::LeftShift(32), Pairing::RightShift(8), Pairing::Xlogy].map(Rare::Pairing));
    let bessel = |scaled| [Function::BesselI { order: 1, scaled }, Function::BesselK { order: 0, scaled }];
    all.extend([bessel(false), bessel(true)].concat().into_iter().map(Rare::Function));
    all.extend([Function::BesselY(1), Function::Dawson, Function::ExponentialIntegral].map(Rare::Function));
    all.extend([Function::FresnelCos, Function::Spence, Function::Ones(8)].map(Rare::Function));
    all.extend(
        [Pairing::Igamma, Pairing::Polygamma, Pairing::Zeta, Pairing::CommonDivisor].map(Rare::Pairing),
    );
    all.push(Rare::ApproximateEqual(0.1));
    for (exclusive, reverse) in [(false, true), (true, false)] {
        let kinds = [Running::Sum, Running::Product, Running::LogSumExp, Running::Max, Running::Min];
        all.extend(kinds.map(|kind| Rare::Running { kind, exclusive, reverse }));
    }
    all.extend(EQUATIONS.map(|e| Rare::Einsum(e.to_owned())));
    all.extend([Matrix::Cholesky, Matrix::Determinant, Matrix::LogDeterminant].map(Rare::Matrix));
    all.extend([Matrix::SquareRoot, Matrix::Exponential, Matrix::TridiagonalProduct].map(Rare::Matrix));
    all.extend([Rare::Lu, Rare::PivotOrder, Rare::IncompleteBeta, Rare::BroadcastGradient]);
    for adjoint in [false, true] {
        all.extend([
            Rare::Qr { full: adjoint },
            Rare::Svd { vectors: adjoint },
            Rare::Eigen { vectors: adjoint },
        ]);
        all.push(Rare::Matrix(Matrix::Inverse { adjoint }));
        all.push(Rare::Matrix(Matrix::Solve { adjoint }));
        all.push(Rare::Matrix(Matrix::LeastSquares { weighted: adjoint }));
        all.push(Rare::Matrix(Matrix::TridiagonalSolve { pivoting: adjoint }));
        all.push(Rare::Matrix(Matrix::BandedSolve { lower: !adjoint, adjoint }));
        all.push(Rare::Matrix(Matrix::TriangularSolve { lower: !adjoint, adjoint }));
        let align = Align { upper_left: adjoint, lower_left: !adjoint };
        all.extend([Rare::MatrixDiag(align), Rare::MatrixDiagPart(align), Rare::MatrixSetDiag(align)]);
        all.extend([Rare::NthElement { reverse: adjoint }, Rare::SearchSorted { upper: adjoint }]);
        all.push(Rare::Dequantize { signed: adjoint, scaled: true });
        let range_given = adjoint;
        let how = Coarse {
            bits: 8,
            narrow: true,
            signed: true,
            range_given,
            half_up: true,
            axis: i64::from(adjoint) - 1,
        };
        all.push(Rare::QuantizeDequantize(how));
    }
    all.extend([Rare::BandPart, Rare::Diag, Rare::DiagPart, Rare::Cross, Rare::InTopK, Rare::GatherNd]);
    all.extend([Rare::ScatterNd, Rare::SelectRows, Rare::Roll, Rare::UnravelIndex, Rare::InvertPermutation]);
    all.extend([Rare::ListDiff, Rare::LinSpace, Rare::BroadcastArgs, Rare::DynamicStitch]);
    all.extend([Update::Replace, Update::Add, Update::Max].map(Rare::TensorScatter));
    all.push(Rare::FakeQuant { bits: 8, narrow: false });
    all.push(Rare::FakeQuant { bits: 99, narrow: false });
    all.push(Rare::StridedSliceUpdate(Masks { begin: 1, end: 2, ellipsis: 0, new_axis: 0, shrink: 1 }));
    all.push(Rare::ReverseSequence { sequence: 1, batch: 0 });
    all.push(Rare::ReverseSequence { sequence: 0, batch: -1 });
    all.push(Rare::DynamicPartition(3));
    all.push(Rare::Bitcast { from: DType::F32, to: DType::U8 });
    all.push(Rare::Bitcast { from: DType::I32, to: DType::F64 });
    all.push(Rare::EnsureShape(vec![-1, 2]));
    all
}

fn common() -> Vec<Op> {
    let mut all = vec![Op::Select, Op::TopK, Op::Reshape, Op::BroadcastTo, Op::Transpose, Op::Concat];
    all.extend([Op::Split(2), Op::SplitSizes(2), Op::Pack(1), Op::Unpack(0, 2), Op::ExpandDims]);
    all.extend([Op::Squeeze(vec![1]), Op::Slice, Op::Reverse, Op::Tile, Op::Pad, Op::Fill, Op::Shape]);
    all.extend([Op::Range, Op::OneHot(-1), Op::OneHot(1), Op::SpaceToBatch, Op::BatchToSpace]);
    for mask in [0, 1, 2, 3] {
        let masks = Masks { begin: mask, end: 1, ellipsis: mask & 2, new_axis: mask & 1, shrink: mask ^ 3 };
        all.push(Op::StridedSlice(masks));
        all.push(Op::Gather { batch_dims: mask - 1 });
    }
    for flag in [false, true] {
        all.push(Op::MatMul { transpose_a: flag, transpose_b: !flag });
        all.push(Op::MirrorPad { symmetric: flag });
        all.push(Op::Softmax { log: flag });
        all.push(Op::ArgExtreme { max: flag });
        all.push(Op::Resize(Resize { bilinear: flag, align_corners: !flag, half_pixel: flag }));
        all.extend(
            [Reduce::Sum, Reduce::Mean, Reduce::Max, Reduce::All].map(|kind| Op::Reduce { kind, keep: flag }),
        );
    }
    all.extend([DType::I32, DType::U8, DType::F16, DType::Bool, DType::F64].map(Op::Cast));
    all.extend([Binary::Add, Binary::Div, Binary::FloorDiv, Binary::FloorMod, Binary::Pow].map(Op::Binary));
    all
}

#[test]
fn no_operation_panics_on_any_inputs() {
    let mut operations: Vec<Op> = rare().into_iter().map(|r| Op::Rare(Box::new(r))).collect();
    operations.extend(common());
    operations.extend(features::operations());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut broken, mut answered) = (std::collections::BTreeMap::new(), 0usize);
    let rounds = std::env::var("ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(300);
    for op in &operations {
        for _ in 0..rounds {
            let inputs = dice.inputs(6);
            let inputs: Vec<&Value> = inputs.iter().collect();
            match std::panic::catch_unwind(|| run(op, &inputs).is_ok()) {
                Ok(ok) => answered += usize::from(ok),
                Err(_) => {
                    let shapes: Vec<String> =
                        inputs.iter().map(|i| format!("{:?}{:?}", i.kind(), i.dims())).collect();
                    broken.entry(format!("{op:?}")).or_insert(shapes);
                }
            }
        }
    }
    assert!(answered > operations.len() * 10, "hardly any inputs fit: {answered}");
    assert!(broken.is_empty(), "{broken:#?}");
}
