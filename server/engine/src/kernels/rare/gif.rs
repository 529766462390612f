//! Pictures in GIF files: every frame as the screen looks with it.

use super::super::{elements, fail};
use super::decode::Picture;
use crate::EngineError;

/// Codes have at most so many bits.
const LONGEST_CODE: u32 = 12;

/// What is left to read.
struct Bytes<'f>(&'f [u8]);

impl<'f> Bytes<'f> {
    fn take(&mut self, count: usize) -> Result<&'f [u8], EngineError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or_else(cut)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, EngineError> {
        Ok(self.take(1)?[0])
    }

    fn short(&mut self) -> Result<usize, EngineError> {
        let bytes = self.take(2)?;
        Ok(usize::from(bytes[0]) | usize::from(bytes[1]) << 8)
    }

    /// A table of colours, if flags say that there is one.
    fn table(&mut self, flags: u8) -> Result<Option<&'f [u8]>, EngineError> {
        (flags & 0x80 != 0).then(|| self.take(3 << ((flags & 7) + 1))).transpose()
    }

    /// The bytes of blocks, up to an empty one.
    fn blocks(&mut self) -> Result<Vec<u8>, EngineError> {
        let mut all = Vec::new();
        loop {
            match self.byte()? {
                0 => return Ok(all),
                size => all.extend(self.take(usize::from(size))?),
            }
        }
    }
}

fn cut() -> EngineError {
    fail("a GIF file that is cut short")
}

/// A frame: where it lies, its colours, the colour of each pixel, and the one that shows what is below.
struct Frame<'f> {
    at: [usize; 2],
    size: [usize; 2],
    colours: &'f [u8],
    pixels: Vec<u8>,
    clear: Option<u8>,
}

/// The frames of a file, one below the other, and how many they are.
pub fn gif(file: &[u8]) -> Result<(Picture, usize), EngineError> {
    let mut bytes = Bytes(file.get(6..).ok_or_else(cut)?);
    bytes.take(4)?;
    let flags = bytes.take(3)?[0];
    let common = bytes.table(flags)?;
    let (mut frames, mut total, mut clear) = (Vec::new(), 0usize, None);
    loop {
        match bytes.byte()? {
            0x3b => break,
            0x21 => {
                let label = bytes.byte()?;
                let body = bytes.blocks()?;
                if let (0xf9, [flags, _, _, colour, ..]) = (label, &body[..]) {
                    clear = (flags & 1 == 1).then_some(*colour);
                }
            }
            0x2c => {
                let frame = frame(&mut bytes, common, clear.take())?;
                total = total.saturating_add(frame.pixels.len());
                elements(&[total])?;
                frames.push(frame);
            }
            _ => return Err(fail("a GIF file with a block that is none")),
        }
    }
    let extent = |n: usize| frames.iter().map(|f| f.size[n]).max();
    let (Some(width), Some(height)) = (extent(0), extent(1)) else {
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
        draw(frame, &mut samples[n * size..], [width, height])?;
    }
    let count = frames.len();
    Ok((Picture { width, height: height * count, channels: 3, wide: false, samples }, count))
}

fn draw(frame: &Frame<'_>, screen: &mut [u16], [width, height]: [usize; 2]) -> Result<(), EngineError> {
    let ([left, top], [own, _]) = (frame.at, frame.size);
    for (n, colour) in frame.pixels.iter().enumerate() {
        let (x, y) = (left + n % own, top + n / own);
        if x >= width || y >= height || frame.clear == Some(*colour) {
            continue;
        }
        let rgb = frame.colours.get(usize::from(*colour) * 3..).and_then(|c| c.first_chunk::<3>());
        let rgb = rgb.ok_or_else(|| fail("a GIF file with a colour that is not in its table"))?;
        let at = (y * width + x) * 3;
        screen[at..at + 3].copy_from_slice(&rgb.map(u16::from));
    }
    Ok(())
}

fn frame<'f>(
    bytes: &mut Bytes<'f>,
    common: Option<&'f [u8]>,
    clear: Option<u8>,
) -> Result<Frame<'f>, EngineError> {
    let at = [bytes.short()?, bytes.short()?];
    let size = [bytes.short()?, bytes.short()?];
    let flags = bytes.byte()?;
    let own = bytes.table(flags)?;
    let colours = own.or(common).ok_or_else(|| fail("a GIF file without a table of colours"))?;
    let least = u32::from(bytes.byte()?);
    let count = elements(&size)?;
    let mut pixels = unpacked(&bytes.blocks()?, least, count)?;
    if flags & 0x40 != 0 {
        pixels = in_order(&pixels, size);
    }
    Ok(Frame { at, size, colours, pixels, clear })
}

/// Lines that come in four passes, in their order.
fn in_order(pixels: &[u8], [width, height]: [usize; 2]) -> Vec<u8> {
    let lines = [(0, 8), (4, 8), (2, 4), (1, 2)];
    let order = lines.into_iter().flat_map(|(first, step)| (first..height).step_by(step));
    let mut out = vec![0; pixels.len()];
    for (line, from) in order.zip(pixels.chunks_exact(width.max(1))) {
        out[line * width..(line + 1) * width].copy_from_slice(from);
    }
    out
}

/// By Lempel, Ziv and Welch: each code stands for the text of an earlier one and one byte more.
fn unpacked(packed: &[u8], least: u32, count: usize) -> Result<Vec<u8>, EngineError> {
    if !(1..=8).contains(&least) {
        return Err(fail("a GIF file whose codes are too long"));
    }
    let (reset, end) = (1usize << least, (1usize << least) + 1);
    // Where the text of each code lies in what was made, and its length; the first ones are single bytes.
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut out: Vec<u8> = Vec::new();
    let (mut width, mut before) = (least + 1, None::<(usize, usize)>);
    let (mut held, mut bits, mut from) = (0u32, 0, packed.iter());
    while out.len() < count {
        while bits < width {
            held |= u32::from(*from.next().ok_or_else(cut)?) << bits;
            bits += 8;
        }
        let code = (held & ((1 << width) - 1)) as usize;
        held >>= width;
        bits -= width;
        if code == reset {
            table.clear();
            (width, before) = (least + 1, None);
            continue;
        }
        if code == end {
            break;
        }
        let start = out.len();
        // The text before, and the first byte of this one, which may be the text before itself.
        if let Some((at, length)) = before
            && end + 1 + table.len() < 1 << LONGEST_CODE
        {
            table.push((at, length + 1));
        }
        let (at, length) = if code < reset {
            out.push(code as u8);
            (start, 1)
        } else {
            let (at, length) =
                *table.get(code - end - 1).ok_or_else(|| fail("a GIF file with a wrong code"))?;
            (0..length).for_each(|n| out.push(out[at + n]));
            (start, length)
        };
        before = Some((at, length));
        let next = end + 1 + table.len() + 1;
        if next > 1 << width && width < LONGEST_CODE {
            width += 1;
        }
    }
    out.truncate(count);
    if out.len() == count { Ok(out) } else { Err(cut()) }
}
