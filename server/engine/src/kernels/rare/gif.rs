//! Pictures in GIF files: every frame as the screen looks with it.

use super::super::{elements, fail};
use super::decode::Picture;
use crate::EngineError;
use ::gif::{ColorOutput, DecodeOptions, DecodingError, Frame, MemoryLimit};
use std::num::NonZeroU64;

/// Pixels that one byte of a file can stand for, at most: a code of twelve bits is a text of as many as there are codes.
const PIXELS_OF_A_BYTE: usize = 1 << 12;

/// The frames of a file, one below the other, and how many they are.
pub fn gif(file: &[u8]) -> Result<(Picture, usize), EngineError> {
    let (frames, common) = frames(file)?;
    let extent = |of: fn(&Frame<'static>) -> u16| frames.iter().map(of).max().map(usize::from);
    let (Some(width), Some(height)) = (extent(|f| f.width), extent(|f| f.height)) else {
        return Err(fail("a GIF file without a picture"));
    };
    let size = elements(&[height, width, 3])?;
    let mut samples: Vec<u16> = Vec::with_capacity(elements(&[frames.len(), size])?);
    for (n, frame) in frames.iter().enumerate() {
        // What a frame does not cover stays as it was.
        match n.checked_sub(1) {
            Some(before) => samples.extend_from_within(before * size..),
            None => samples.resize(size, 0),
        }
        draw(frame, common.as_deref(), &mut samples[n * size..], [width, height])?;
    }
    let count = frames.len();
    Ok((Picture { width, height: height * count, channels: 3, wide: false, samples }, count))
}

/// The frames as they are in the file, and the colours of those that have none of their own.
fn frames(file: &[u8]) -> Result<(Vec<Frame<'static>>, Option<Vec<u8>>), EngineError> {
    let most = file.len().saturating_mul(PIXELS_OF_A_BYTE);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::new(most as u64).unwrap_or(NonZeroU64::MIN)));
    let mut decoder = options.read_info(file).map_err(|e| broken(&e))?;
    let common = decoder.global_palette().map(<[u8]>::to_vec);
    let (mut frames, mut total) = (Vec::new(), 0usize);
    while let Some(frame) = decoder.read_next_frame().map_err(|e| broken(&e))? {
        total = total.saturating_add(frame.buffer.len());
        if total > most {
            return Err(fail("a GIF file of more pixels than it has codes for"));
        }
        frames.push(frame.clone());
    }
    Ok((frames, common))
}

fn broken(error: &DecodingError) -> EngineError {
    fail(format!("a GIF file that is broken: {error}"))
}

fn draw(
    frame: &Frame<'_>,
    common: Option<&[u8]>,
    screen: &mut [u16],
    [width, height]: [usize; 2],
) -> Result<(), EngineError> {
    let colours = frame.palette.as_deref().or(common);
    let colours = colours.ok_or_else(|| fail("a GIF file without a table of colours"))?;
    let (left, top, own) = (usize::from(frame.left), usize::from(frame.top), usize::from(frame.width));
    for (n, colour) in frame.buffer.iter().enumerate() {
        let (x, y) = (left + n % own, top + n / own);
        if x >= width || y >= height || frame.transparent == Some(*colour) {
            continue;
        }
        let rgb = colours.get(usize::from(*colour) * 3..).and_then(|c| c.first_chunk::<3>());
        let rgb = rgb.ok_or_else(|| fail("a GIF file with a colour that is not in its table"))?;
        let at = (y * width + x) * 3;
        screen[at..at + 3].copy_from_slice(&rgb.map(u16::from));
    }
    Ok(())
}
