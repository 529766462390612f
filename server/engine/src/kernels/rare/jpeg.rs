//! Pictures as JPEG files, bit by bit as libjpeg writes them: the slow integer transform, the tables of the standard, one scan.

mod bits;
mod tables;
mod transform;

use super::super::access::int;
use super::super::{Outcome, Value, elements, fail};
use super::copied;
use crate::graph::Jpeg;
use bits::Bits;
use tables::{CODES, QUANTA};

/// Samples of a block in a row, and in all.
const SIDE: usize = 8;
const BLOCK: usize = SIDE * SIDE;

/// One kind of samples, as wide and high as whole blocks.
struct Plane {
    samples: Vec<u8>,
    width: usize,
    /// Blocks of the picture itself.
    blocks: [usize; 2],
    /// Blocks of a unit, down and across.
    unit: [usize; 2],
    /// Which tables: 0 for brightness, 1 for colour.
    table: usize,
}

/// A file of `[height, width, channels]`, whose quality is from 0 to 100.
pub fn encode(how: &Jpeg, x: &Value, quality: &Value) -> Outcome {
    let &[height, width, channels] = x.dims() else {
        return Err(fail(format!(
            "a picture of shape {:?}, which is not [height, width, channels]",
            x.dims()
        )));
    };
    let sides = 1..=usize::from(u16::MAX);
    if !matches!(channels, 1 | 3) || !sides.contains(&height) || !sides.contains(&width) {
        return Err(fail(format!(
            "a picture of {:?} as JPEG, which has sides to 65535 and 1 or 3 channels",
            x.dims()
        )));
    }
    let quality = int(quality)?;
    if !(0..=100).contains(&quality) {
        return Err(fail(format!("a quality of {quality}, which is not from 0 to 100")));
    }
    elements(&[height.next_multiple_of(16), width.next_multiple_of(16), channels])?;
    let pixels: Vec<u8> = copied::<i64>(x)?.iter().map(|s| *s as u8).collect();
    let planes = planes(&pixels, [height, width], channels, how.downsample);
    let quanta = QUANTA.map(|table| scaled(table, quality));
    let mut file = Vec::new();
    head(&mut file, how, [height, width], &planes, &quanta);
    let mut bits = Bits::new(file);
    scan(&mut bits, &planes, &quanta);
    let mut file = bits.end();
    file.extend([0xff, 0xd9]);
    Value::text(vec![file], &[])
}

/// A table's steps for a quality.
fn scaled(table: [u8; BLOCK], quality: i64) -> [i32; BLOCK] {
    let quality = quality.max(1) as i32;
    let share = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    table.map(|step| ((i32::from(step) * share + 50) / 100).clamp(1, 255))
}

fn planes(pixels: &[u8], [height, width]: [usize; 2], channels: usize, downsample: bool) -> Vec<Plane> {
    let unit = if channels == 3 && downsample { 2 } else { 1 };
    let (parts, sizes) = (if channels == 1 { 1 } else { 3 }, [height, width]);
    (0..parts)
        .map(|part| {
            let colour = part > 0;
            let shrink = if colour { unit } else { 1 };
            // Beyond the edges lies what lies at them.
            let at = |row: usize, column: usize| {
                let pixel = (row.min(height - 1) * width + column.min(width - 1)) * channels;
                if channels == 1 { pixels[pixel] } else { converted(&pixels[pixel..pixel + 3], part) }
            };
            let blocks = sizes.map(|size| size.div_ceil(shrink * SIDE));
            let [rows, columns] = blocks.map(|count| count * SIDE);
            let last = height.div_ceil(shrink) - 1;
            let mut samples = Vec::with_capacity(rows * columns);
            for row in 0..rows {
                let row = row.min(last);
                samples.extend((0..columns).map(|column| {
                    if shrink == 1 {
                        return at(row, column);
                    }
                    let pair = |row| u16::from(at(row, 2 * column)) + u16::from(at(row, 2 * column + 1));
                    // Halves are rounded up and down in turn.
                    ((pair(2 * row) + pair(2 * row + 1) + 1 + (column % 2) as u16) >> 2) as u8
                }));
            }
            let unit = if colour { 1 } else { unit };
            Plane { samples, width: columns, blocks, unit: [unit; 2], table: usize::from(colour) }
        })
        .collect()
}

/// Brightness or one of the two colours of a pixel, in parts of 65536.
fn converted(pixel: &[u8], part: usize) -> u8 {
    let (weights, offset) = match part {
        0 => ([19595, 38470, 7471], 0x8000),
        1 => ([-11059, -21709, 32768], (128 << 16) + 0x7fff),
        _ => ([32768, -27439, -5329], (128 << 16) + 0x7fff),
    };
    let sum: i32 = pixel.iter().zip(weights).map(|(s, w)| i32::from(*s) * w).sum();
    ((sum + offset) >> 16) as u8
}

fn head(file: &mut Vec<u8>, how: &Jpeg, size: [usize; 2], planes: &[Plane], quanta: &[[i32; BLOCK]; 2]) {
    let segment = |file: &mut Vec<u8>, mark: u8, body: &[u8]| {
        file.extend([0xff, mark]);
        file.extend((body.len() as u16 + 2).to_be_bytes());
        file.extend(body);
    };
    let tables = if planes.len() == 1 { 1 } else { 2 };
    file.extend([0xff, 0xd8]);
    let [across, down] = how.density.map(u16::to_be_bytes);
    let unit = if how.per_inch { 1 } else { 2 };
    segment(file, 0xe0, &[&b"JFIF\0\x01\x01"[..], &[unit], &across, &down, &[0, 0]].concat());
    for (number, table) in quanta.iter().enumerate().take(tables) {
        let steps = tables::ORDER.iter().map(|n| table[*n] as u8);
        segment(file, 0xdb, &std::iter::once(number as u8).chain(steps).collect::<Vec<u8>>());
    }
    let [height, width] = size.map(|side| (side as u16).to_be_bytes());
    let mut frame = [&[8][..], &height, &width, &[planes.len() as u8]].concat();
    for (number, plane) in planes.iter().enumerate() {
        let unit = plane.unit[0] as u8;
        frame.extend([number as u8 + 1, unit << 4 | unit, plane.table as u8]);
    }
    segment(file, 0xc0, &frame);
    for (number, codes) in CODES.iter().enumerate().take(tables) {
        for (class, codes) in codes.iter().enumerate() {
            let name = (class << 4 | number) as u8;
            segment(file, 0xc4, &[&[name][..], codes.lengths, codes.symbols].concat());
        }
    }
    let mut start = vec![planes.len() as u8];
    for (number, plane) in planes.iter().enumerate() {
        start.extend([number as u8 + 1, (plane.table << 4 | plane.table) as u8]);
    }
    start.extend([0, 63, 0]);
    segment(file, 0xda, &start);
}

fn scan(bits: &mut Bits, planes: &[Plane], quanta: &[[i32; BLOCK]; 2]) {
    let units = |axis: usize| planes.first().map_or(0, |p| p.blocks[axis].div_ceil(p.unit[axis]));
    let codes = CODES.map(|both| both.map(tables::Codes::by_symbol));
    let mut before = vec![0; planes.len()];
    for row in 0..units(0) {
        for column in 0..units(1) {
            for (plane, before) in planes.iter().zip(&mut before) {
                for n in 0..plane.unit[0] * plane.unit[1] {
                    let at =
                        [row * plane.unit[0] + n / plane.unit[1], column * plane.unit[1] + n % plane.unit[1]];
                    // Beyond the edges lie blocks like the one before, of one shade.
                    let mut block = [0; BLOCK];
                    if at[0] < plane.blocks[0] && at[1] < plane.blocks[1] {
                        block = transform::block(&plane.samples, plane.width, at, &quanta[plane.table]);
                    } else {
                        block[0] = *before;
                    }
                    bits.block(&block, block[0] - *before, &codes[plane.table]);
                    *before = block[0];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::encode;
    use crate::DType;
    use crate::graph::{Files, Jpeg};
    use crate::kernels::Value;

    fn number(n: i64) -> Value {
        Value::of(vec![n], &[]).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        for (height, width, channels) in [(1, 1, 1), (8, 8, 3), (17, 9, 3), (16, 33, 1), (31, 40, 3)] {
            for downsample in [false, true] {
                let shade = |n: usize| ((n / channels / width) * 3 + (n / channels % width) * 2) as i64;
                let picture: Vec<i64> = (0..height * width * channels).map(shade).collect();
                let picture = Value::of(picture, &[height, width, channels]).unwrap();
                let how = Jpeg { downsample, per_inch: true, density: [300, 300] };
                let file = encode(&how, &picture, &number(95)).unwrap();
                let back = decode(&file, channels, DType::U8, Files::Still).unwrap();
                assert_eq!(back.dims(), picture.dims());
                let (a, b) = (back.slice::<i64>().unwrap(), picture.slice::<i64>().unwrap());
                let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).max().unwrap();
                assert!(apart <= 6, "{height} {width} {channels}: {apart}");
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        let how = Jpeg { downsample: true, per_inch: true, density: [300, 300] };
        for shape in [&[2, 3][..], &[2, 3, 2], &[0, 3, 1], &[1, 65_536, 1]] {
            let picture = Value::of(vec![0i64; shape.iter().product()], shape).unwrap();
            assert!(encode(&how, &picture, &number(95)).is_err());
        }
        let picture = Value::of(vec![0i64; 4], &[2, 2, 1]).unwrap();
        assert!(encode(&how, &picture, &number(101)).is_err());
    }
}
