//! Pictures in files.

use super::super::access::{make, sizes};
use super::super::moves::narrow;
use super::super::{Outcome, Value, elements, fail};
use super::{bitmaps, gif};
use crate::graph::{Colours, Files};
use crate::{DType, EngineError};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Bytes that reading a picture may take beside the picture.
const MOST_BYTES: usize = 64 << 20;
const PNG: &[u8] = b"\x89PNG";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// Pixels of 16 bits, or of 8 in their low halves.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub wide: bool,
    pub samples: Vec<u16>,
}

/// The pixels of a file, [height, width, channels], or those of all frames.
pub fn decode(x: &Value, channels: usize, dtype: DType, files: Files) -> Outcome {
    let file = one_file(x)?;
    match (files, file) {
        (Files::Any { .. } | Files::Still | Files::Frames, [b'G', b'I', b'F', ..]) => {
            if !matches!(channels, 0 | 3) {
                return Err(fail("GIF files have three channels"));
            }
            let (picture, count) = gif::gif(file)?;
            let (whole, height) = (samples_of(&picture, 3, dtype)?, picture.height / count.max(1));
            match files {
                Files::Any { moving: false } => narrow(&whole, 0, 0, height),
                Files::Still if count == 1 => Ok(whole),
                Files::Still => Err(fail(format!("a GIF file of {count} frames where one is wanted"))),
                _ => whole.reshape(&[count, height, picture.width, 3]),
            }
        }
        (Files::Any { .. } | Files::Bmp, [b'B', b'M', ..]) => {
            let picture = bitmaps::bmp_bytes(file)?;
            if !matches!(channels, 0) && channels != picture.channels {
                return Err(fail(format!("a BMP file of {} channels, not {channels}", picture.channels)));
            }
            samples_of(&picture, channels, dtype)
        }
        (Files::Bmp, _) => Err(fail("a picture that is not BMP")),
        _ => {
            let picture = if file.starts_with(PNG) {
                png(file)?
            } else if file.starts_with(JPEG) {
                jpeg(file, channels)?
            } else {
                return Err(fail("a picture that is in no format that is read here"));
            };
            let still = samples_of(&picture, channels, dtype)?;
            match files {
                Files::Frames => still.reshape(&[&[1], still.dims()].concat()),
                _ => Ok(still),
            }
        }
    }
}

fn one_file(x: &Value) -> Result<&[u8], EngineError> {
    let [file] = x.texts()? else { return Err(fail("one picture is read at a time")) };
    Ok(file)
}

/// A part of a JPEG file, which has to be within the picture.
pub fn decode_part(x: &Value, part: &Value, channels: usize) -> Outcome {
    let whole = decode(x, channels, DType::U8, Files::Still)?;
    let &[top, left, height, width] = &sizes(part)?[..] else {
        return Err(fail("a part of a picture is four numbers"));
    };
    let inside = |from: usize, count: usize, axis: usize| {
        count > 0 && from.checked_add(count).is_some_and(|end| end <= whole.dims()[axis])
    };
    if !inside(top, height, 0) || !inside(left, width, 1) {
        return Err(fail(format!("a part of a picture of {:?} that is not within it", whole.dims())));
    }
    narrow(&narrow(&whole, 0, top, height)?, 1, left, width)
}

/// [height, width, channels], without the pixels.
pub fn shape(x: &Value) -> Outcome {
    let mut decoder = JpegDecoder::new(ZCursor::new(one_file(x)?));
    let wrong = |e| fail(format!("a JPEG file that is not readable: {e:?}"));
    decoder.decode_headers().map_err(wrong)?;
    let info = decoder.info().ok_or_else(|| fail("a JPEG file without a header"))?;
    make(vec![i64::from(info.height), i64::from(info.width), i64::from(info.components)], &[3])
}

/// The pixels of a file whose bytes are the elements of a value, [height, width, channels].
pub fn decode_bytes(x: &Value, colours: Colours) -> Outcome {
    let bytes: Option<Vec<u8>> = x.slice::<i64>()?.iter().map(|b| u8::try_from(*b).ok()).collect();
    let file = &bytes.ok_or_else(|| fail("a file is made of bytes"))?[..];
    let picture = match file {
        [0x89, b'P', b'N', b'G', ..] => png(file)?,
        [0xff, 0xd8, 0xff, ..] => jpeg(file, 3)?,
        [b'B', b'M', ..] => bitmaps::bmp(file)?,
        [b'P', b'1'..=b'6', ..] => bitmaps::pnm(file)?,
        [b'R', b'I', b'F', b'F', ..] => return Err(other_format("WebP")),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => return Err(other_format("TIFF")),
        [0, 0, 0, 12, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => {
            return Err(other_format("JPEG 2000"));
        }
        _ => return Err(other_format("unknown")),
    };
    let samples = samples_of(&picture, 3, DType::U8)?;
    let mut pixels = samples.slice::<i64>()?.to_vec();
    let shape = [picture.height, picture.width, 3];
    match colours {
        Colours::Rgb => return Ok(samples),
        Colours::Bgr => pixels.as_chunks_mut::<3>().0.iter_mut().for_each(|p| p.reverse()),
        Colours::Grey => {
            // The shares of ITU-R 601, in parts of 65536.
            let grey = |p: &[i64; 3]| (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16;
            let greys: Vec<i64> = pixels.as_chunks::<3>().0.iter().map(grey).collect();
            return make(greys, &[shape[0], shape[1], 1]);
        }
    }
    make(pixels, &shape)
}

fn other_format(name: &str) -> EngineError {
    fail(format!("a picture in a format ({name}) other than PNG, JPEG, BMP and PNM"))
}

fn samples_of(picture: &Picture, channels: usize, dtype: DType) -> Outcome {
    let wanted = if channels == 0 { picture.channels } else { channels };
    let samples = recoloured(picture, wanted)?;
    let shape = [picture.height, picture.width, wanted];
    let wide = picture.wide;
    let byte = |s: u16| if wide { s >> 8 } else { s };
    match dtype {
        DType::U8 => make(samples.iter().map(|s| i64::from(byte(*s))).collect::<Vec<i64>>(), &shape),
        DType::U16 => {
            let long = |s: &u16| i64::from(if wide { *s } else { s * 257 });
            make(samples.iter().map(long).collect::<Vec<i64>>(), &shape)
        }
        _ => {
            let most = if wide { f32::from(u16::MAX) } else { f32::from(u8::MAX) };
            make(samples.iter().map(|s| f32::from(*s) / most).collect::<Vec<f32>>(), &shape)
        }
    }
}

/// Grey becomes colour, transparency comes or goes.
fn recoloured(picture: &Picture, wanted: usize) -> Result<Vec<u16>, EngineError> {
    let have = picture.channels;
    if have == wanted {
        return Ok(picture.samples.clone());
    }
    if have > 2 && wanted < 3 {
        return Err(fail("a picture in colours where shades of grey are wanted"));
    }
    elements(&[picture.height, picture.width, wanted])?;
    let opaque = if picture.wide { u16::MAX } else { u16::from(u8::MAX) };
    let pixel = |p: &[u16]| {
        let (colour, alpha) = match *p {
            [grey] => ([grey; 3], opaque),
            [grey, alpha] => ([grey; 3], alpha),
            [r, g, b] => ([r, g, b], opaque),
            [r, g, b, alpha] => ([r, g, b], alpha),
            _ => ([0; 3], 0),
        };
        let [r, g, b] = colour;
        [r, g, b, alpha].into_iter().take(wanted)
    };
    Ok(picture.samples.chunks_exact(have).flat_map(pixel).collect())
}

fn png(file: &[u8]) -> Result<Picture, EngineError> {
    let wrong = |e: png::DecodingError| fail(format!("a PNG file that is not readable: {e}"));
    let limits = png::Limits { bytes: MOST_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(wrong)?;
    let (width, height) = reader.info().size();
    let (colour, depth) = reader.output_color_type();
    let (width, height, channels) = (width as usize, height as usize, colour.samples());
    let wide = depth == png::BitDepth::Sixteen;
    elements(&[height, width, channels, if wide { 2 } else { 1 }])?;
    let size = reader.output_buffer_size().ok_or_else(|| fail("a picture that is too large"))?;
    elements(&[size])?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(wrong)?;
    bytes.truncate(frame.buffer_size());
    let samples: Vec<u16> = if wide {
        bytes.as_chunks::<2>().0.iter().map(|b| u16::from_be_bytes(*b)).collect()
    } else {
        bytes.into_iter().map(u16::from).collect()
    };
    whole(Picture { width, height, channels, wide, samples })
}

fn jpeg(file: &[u8], channels: usize) -> Result<Picture, EngineError> {
    let wrong = |e: zune_jpeg::errors::DecodeErrors| fail(format!("a JPEG file that is not readable: {e:?}"));
    let mut decoder = JpegDecoder::new(ZCursor::new(file));
    decoder.decode_headers().map_err(wrong)?;
    let info = decoder.info().ok_or_else(|| fail("a JPEG file without a header"))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let grey = channels == 1 || channels == 0 && info.components == 1;
    let channels = if grey { 1 } else { 3 };
    elements(&[height, width, channels])?;
    let colours = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(DecoderOptions::default().jpeg_set_out_colorspace(colours));
    let bytes = decoder.decode().map_err(wrong)?;
    whole(Picture {
        width,
        height,
        channels,
        wide: false,
        samples: bytes.into_iter().map(u16::from).collect(),
    })
}

fn whole(picture: Picture) -> Result<Picture, EngineError> {
    let wanted = elements(&[picture.height, picture.width, picture.channels])?;
    if picture.samples.len() == wanted { Ok(picture) } else { Err(fail("a picture that is cut short")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of two pixels by one, as PNG.
    fn file(colour: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Value {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        Value::text(vec![bytes], &[]).unwrap()
    }

    #[test]
    fn pixels_come_in_the_channels_that_are_wanted() {
        let grey = file(png::ColorType::Grayscale, png::BitDepth::Eight, &[1, 200]);
        let ints = |x: &Value, channels, dtype| {
            let made = decode(x, channels, dtype, Files::Still).unwrap();
            (made.dims().to_vec(), made.slice::<i64>().unwrap().to_vec())
        };
        assert_eq!(ints(&grey, 0, DType::U8), (vec![1, 2, 1], vec![1, 200]));
        assert_eq!(ints(&grey, 3, DType::U8), (vec![1, 2, 3], vec![1, 1, 1, 200, 200, 200]));
        assert_eq!(ints(&grey, 4, DType::U8).1, [1, 1, 1, 255, 200, 200, 200, 255]);
        assert_eq!(ints(&grey, 1, DType::U16).1, [257, 51400]);
        assert_eq!(
            decode(&grey, 1, DType::F32, Files::Still).unwrap().slice::<f32>().unwrap(),
            [1.0 / 255.0, 200.0 / 255.0]
        );
        let deep = file(png::ColorType::GrayscaleAlpha, png::BitDepth::Sixteen, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(ints(&deep, 0, DType::U16), (vec![1, 2, 2], vec![258, 772, 1286, 1800]));
        assert_eq!(ints(&deep, 3, DType::U8).1, [1, 1, 1, 5, 5, 5]);
        let colours = file(png::ColorType::Rgb, png::BitDepth::Eight, &[1, 2, 3, 4, 5, 6]);
        assert!(decode(&colours, 1, DType::U8, Files::Still).is_err());
    }

    #[test]
    fn files_that_are_no_pictures_are_errors() {
        let good = file(png::ColorType::Grayscale, png::BitDepth::Eight, &[1, 2]);
        let bytes = good.texts().unwrap()[0].clone();
        for length in 0..bytes.len() - 16 {
            let cut = Value::text(vec![bytes[..length].to_vec()], &[]).unwrap();
            assert!(decode(&cut, 0, DType::U8, Files::Still).is_err(), "{length}");
        }
        // A width of two thousand million.
        let mut huge = bytes.clone();
        huge[16] = 0x7f;
        assert!(decode(&Value::text(vec![huge], &[]).unwrap(), 0, DType::U8, Files::Still).is_err());
        let jpeg = Value::text(vec![b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec()], &[]).unwrap();
        assert!(decode(&jpeg, 3, DType::U8, Files::Still).is_err());
    }
}
