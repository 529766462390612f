//! What reads files and examples, draws numbers, and works on sparse arrays and sequences.

use super::Dice;
use crate::DType;
use crate::graph::*;
use crate::kernels::{Value, run};
use crate::value::Kind;
use std::sync::Arc;

fn of_sets() -> Vec<Rare> {
    let mut all = Vec::new();
    for (kind, first_sparse) in [
        (SetKind::FirstOnly, false),
        (SetKind::SecondOnly, true),
        (SetKind::Both, false),
        (SetKind::Either, true),
    ] {
        all.push(Rare::Rows(Rows::SetOperation(SetOperation { kind, first_sparse })));
    }
    all.extend([Rows::SetSizes, Rows::SparseSplit(2)].map(Rare::Rows));
    all
}

/// One of each kind, without those that read files.
pub fn operations() -> Vec<Op> {
    let mut all: Vec<Rare> = Vec::new();
    let stream = Arc::new(Stream::new(1, 2));
    for source in [Source::Stream(stream.clone()), Source::Given, Source::Seed] {
        for dtype in [DType::F32, DType::F64, DType::BF16, DType::I32, DType::U64] {
            for draw in [Draw::Uniform, Draw::Normal, Draw::Truncated, Draw::Between, Draw::Any] {
                all.push(Rare::Random(Random::Draw { draw, dtype, source: source.clone() }));
            }
        }
        for last in [false, true] {
            for dtype in [DType::F16, DType::F32, DType::F64] {
                let draw = Draw::Bounded { last };
                all.push(Rare::Random(Random::Draw { draw, dtype, source: source.clone() }));
            }
        }
        for draw in [Draw::Shuffle, Draw::Categorical, Draw::Gamma, Draw::Poisson, Draw::Binomial] {
            all.push(Rare::Random(Random::Draw { draw, dtype: DType::I64, source: source.clone() }));
        }
    }
    all.extend([Random::Key, Random::Advance(stream.clone()), Random::Count(stream)].map(Rare::Random));
    let counts = [(0, -1, false), (3, 2, true)].map(|(least, most, binary)| Counts { least, most, binary });
    for how in counts {
        all.extend([Rows::Counts(how), Rows::SparseCounts(how), Rows::RaggedCounts(how)].map(Rare::Rows));
    }
    for (order, how, by_splits) in [
        ("SD", Crossed::Keyed { buckets: 5, key: 3 }, false),
        ("D", Crossed::Salted, false),
        ("S", Crossed::Joined, false),
        ("RD", Crossed::Joined, true),
    ] {
        let count = |kind| order.bytes().filter(|k| *k == kind).count();
        let [ragged, sparse, dense] = [b'R', b'S', b'D'].map(count);
        let cross = Cross { ragged, sparse, dense, order: order.as_bytes().to_vec(), how, by_splits };
        all.push(Rare::Rows(Rows::Cross(cross)));
    }
    let features =
        || Features { sparse: vec![], ragged: vec![DType::I64], dense: vec![(DType::F32, vec![Some(2)])] };
    all.push(Rare::Rows(Rows::ParseSequence(Sequences { context: features(), steps: features() })));
    all.extend(of_sets());
    for flag in [false, true] {
        all.push(Rare::Rows(Rows::SparseReduce { max: flag, keep: !flag }));
        all.push(Rare::Rows(Rows::SparseReduceToSparse { max: flag }));
        all.push(Rare::Rows(Rows::SparseExtreme { max: flag }));
        let jpeg = Jpeg { downsample: flag, per_inch: flag, density: [300, 1] };
        all.push(Rare::Image(Imaging::EncodeJpeg(jpeg)));
        all.push(Rare::Rows(Rows::EditDistance { normalized: flag }));
        let (clip, forget) = (0.5, 1.0);
        all.push(Rare::LstmBlock(LstmBlock { candidate_second: flag, forget, clip, peepholes: flag }));
        all.push(Rare::Ctc(Ctc::Greedy { merge: flag, blank: -1 }));
        all.push(Rare::CtcLoss { blank: -i64::from(flag) });
        all.push(Rare::Ctc(Ctc::Beam { width: 3, paths: 2, merge: flag }));
        all.push(Rare::Sound(Sound::Spectrogram { window: 3, stride: 2, squared: flag }));
    }
    all.push(Rare::Sound(Sound::Mfcc { upper: 1.0, lower: 0.1, bands: 3, coefficients: 2 }));
    all.extend([Rows::SparseAdd, Rows::SparseSoftmax].map(Rare::Rows));
    all.push(Rare::Sound(Sound::EncodeWav));
    all.extend([Imaging::DrawBoxes, Imaging::Shrink(2)].map(Rare::Image));
    let mut all: Vec<Op> = all.into_iter().map(|r| Op::Rare(Box::new(r))).collect();
    all.extend([DType::F32, DType::U8, DType::String].map(|dtype| Op::Text(Text::Serialized(dtype))));
    for batched in [false, true] {
        all.push(Op::List(Listing::WrapSparse { batched }));
    }
    all.extend([Listing::UnwrapSparse(Kind::F32), Listing::Zeros, Listing::Sum].map(Op::List));
    all.extend([Op::Text(Text::Scripts), Op::List(Listing::Wrap { batched: true })]);
    all.push(Op::Text(Text::Template(Template { parts: vec![b"a".to_vec(); 3], ends: Some(1) })));
    all.push(Op::List(Listing::Unwrap { kind: Kind::I64, levels: 2 }));
    all
}

/// Two frames of 2 x 2 pixels, of which the second covers one and has a clear colour.
const GIF: &[u8] = b"GIF89a\x02\0\x02\0\x80\0\0\x01\x02\x03\xff\xfe\xfd\
    \x2c\0\0\0\0\x02\0\x02\0\0\x02\x03\x44\x02\x05\0\
    \x21\xf9\x04\x01\0\0\0\0\x2c\x01\0\x01\0\x01\0\x01\0\0\x02\x02\x4c\x01\0\x3b";

fn wav() -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\0\0\0\x04\0\x10\0".to_vec();
    file.extend(b"odd \x01\0\0\0..data\x08\0\0\0\0\x40\0\xc0\0\x20\0\xe0");
    file
}

fn of_files() -> Vec<(Op, Vec<u8>)> {
    let image = |files, dtype| Op::Rare(Box::new(Rare::Image(Imaging::Decode { channels: 0, dtype, files })));
    let types = vec![DType::I32, DType::String];
    let csv = |columns| Csv { delimiter: b',', quotes: true, missing: vec![], columns, types: types.clone() };
    let sound = Sound::DecodeWav { channels: None, frames: None };
    vec![
        (image(Files::Any { moving: true }, DType::F32), GIF.to_vec()),
        (image(Files::Frames, DType::U8), GIF.to_vec()),
        (Op::Rare(Box::new(Rare::Sound(sound))), wav()),
        (Op::Text(Text::Csv(csv(vec![]))), b"12,\"a \"\"b\"\"\"".to_vec()),
        (Op::Text(Text::Csv(csv(vec![0, 2]))), b"1,,x,".to_vec()),
        (Op::Text(Text::Unpacked(Packing::Zlib)), b"x\x9cKLJ\x06\0\x02M\x01'".to_vec()),
        (
            Op::Text(Text::Tensor(DType::F32)),
            b"\x08\x01\x12\x04\x12\x02\x08\x02\x2a\x04\0\0\x80\x3f".to_vec(),
        ),
    ]
}

fn read(op: &Op, file: &[u8]) -> Result<Vec<Value>, crate::EngineError> {
    let file = Value::text(vec![file.to_vec()], &[])?;
    let (number, text) = (Value::of(vec![7i64], &[1])?, Value::text(vec![b"none".to_vec()], &[1])?);
    run(op, &[&file, &number, &text])
}

#[test]
fn files_that_are_broken_are_errors_or_other_values() {
    let mut dice = Dice(3);
    for (op, file) in of_files() {
        read(&op, &file).unwrap_or_else(|e| panic!("{op:?}: {e}"));
        for length in 0..file.len() {
            let _ = read(&op, &file[..length]);
        }
        for _ in 0..2000 {
            let mut changed = file.clone();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(changed.len() as u64) as usize;
                changed[at] = dice.roll(256) as u8;
            }
            let _ = read(&op, &changed);
        }
    }
}

#[test]
fn frames_of_gif_files_lie_over_each_other() {
    let (op, file) = &of_files()[1];
    let made = read(op, file).unwrap().remove(0);
    assert_eq!(made.dims(), [2, 2, 2, 3]);
    let (dark, light) = ([1, 2, 3], [255, 254, 253]);
    let pixels = made.slice::<i64>().unwrap().as_chunks::<3>().0;
    assert_eq!(pixels[..4], [dark, light, light, dark], "{pixels:?}");
    assert_eq!(pixels[4..], [dark, light, light, light], "{pixels:?}");
}

#[test]
fn sound_is_read_channel_by_channel() {
    let made = read(&of_files()[2].0, &wav()).unwrap();
    assert_eq!(made[0].slice::<f32>().unwrap(), [0.5, -0.5, 0.25, -0.25]);
    assert_eq!((made[0].dims(), made[1].slice::<i64>().unwrap()), (&[2, 2][..], &[8000][..]));
}

#[test]
fn runs_on_several_threads_draw_other_numbers() {
    let stream = Arc::new(Stream::new(5, 6));
    let source = Source::Stream(stream);
    let op = Op::Rare(Box::new(Rare::Random(Random::Draw { draw: Draw::Any, dtype: DType::U64, source })));
    assert!(op.varies());
    let draw = || {
        let count = Value::of(vec![10i64], &[1]).unwrap();
        let each = (0..50).flat_map(|_| run(&op, &[&count]).unwrap()[0].slice::<i64>().unwrap().to_vec());
        each.collect::<Vec<i64>>()
    };
    let mut all: Vec<i64> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..4).map(|_| s.spawn(draw)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2000);
}
