//! Files of pictures.

use super::super::{Outcome, Value, fail};
use crate::EngineError;

/// A PNG file of [height, width, channels]; `wide`: of 16 bits.
pub fn png(x: &Value, wide: bool) -> Outcome {
    let &[height, width, channels] = x.dims() else {
        return Err(fail(format!(
            "a picture of shape {:?}, which is not [height, width, channels]",
            x.dims()
        )));
    };
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        _ => return Err(fail(format!("a picture of {channels} channels, of which there are 1 to 4"))),
    };
    let size =
        |n: usize| u32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| fail("a picture of no size"));
    let (width, height) = (size(width)?, size(height)?);
    let samples = x.slice::<i64>()?;
    let bytes: Vec<u8> = match wide {
        true => samples.iter().flat_map(|s| (*s as u16).to_be_bytes()).collect(),
        false => samples.iter().map(|s| *s as u8).collect(),
    };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(if wide { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
    let wrong =
        |e: png::EncodingError| -> EngineError { fail(format!("a picture that is not written: {e}")) };
    let mut writer = encoder.write_header().map_err(wrong)?;
    writer.write_image_data(&bytes).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    Value::text(vec![file], &[])
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::png;
    use crate::DType;
    use crate::graph::Files;
    use crate::kernels::Value;

    #[test]
    fn what_is_written_is_read() {
        for channels in 1..=4 {
            for (wide, dtype) in [(false, DType::U8), (true, DType::U16)] {
                let most = if wide { 65_536 } else { 256 };
                let samples = (0..6 * channels as i64).map(|n| n * 7919 % most).collect::<Vec<_>>();
                let picture = Value::of(samples, &[2, 3, channels]).unwrap();
                let back = decode(&png(&picture, wide).unwrap(), channels, dtype, Files::Still).unwrap();
                assert_eq!(back.dims(), picture.dims());
                assert_eq!(back.slice::<i64>().unwrap(), picture.slice::<i64>().unwrap());
            }
        }
        for odd in [&[2, 3][..], &[2, 3, 5], &[0, 3, 1]] {
            let count = odd.iter().product();
            assert!(png(&Value::of(vec![0i64; count], odd).unwrap(), false).is_err());
        }
    }
}
