//! Pictures in BMP and PNM files: pixels as they are.

use super::super::{elements, fail};
use super::decode::Picture;
use crate::EngineError;

/// Fields of a BMP file, little-endian.
struct Fields<'f>(&'f [u8]);

impl Fields<'_> {
    fn word(&self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
    }

    fn short(&self, at: usize) -> Option<u16> {
        self.0.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
    }
}

/// What a BMP file says of its pixels.
struct Bitmap<'f> {
    width: usize,
    height: usize,
    /// The first line is the highest one.
    downward: bool,
    /// Bytes of a pixel.
    each: usize,
    pixels: &'f [u8],
}

impl<'f> Bitmap<'f> {
    fn new(file: &'f [u8]) -> Result<Self, EngineError> {
        let fields = Fields(file);
        let word = |at: usize| fields.word(at).ok_or_else(short);
        let start = word(10)? as usize;
        let (width, height) = (word(18)?.cast_signed(), word(22)?.cast_signed());
        let (bits, packed) = (fields.short(28).ok_or_else(short)?, word(30)?);
        let each = match bits {
            8 | 24 | 32 if matches!(packed, 0 | 3) => usize::from(bits / 8),
            _ => return Err(fail(format!("a BMP file of {bits} bits a pixel, packing {packed}"))),
        };
        if packed == 3 && word(54)? != 0x00ff_0000 {
            return Err(fail("a BMP file whose colours lie in bits of their own"));
        }
        let width = usize::try_from(width).map_err(|_| fail("a BMP file of no width"))?;
        let rows = height.unsigned_abs() as usize;
        elements(&[rows, width, 4])?;
        let pixels = file.get(start..).unwrap_or_default();
        let bitmap = Self { width, height: rows, downward: height < 0, each, pixels };
        if rows.checked_mul(bitmap.step()).is_none_or(|n| n > pixels.len().next_multiple_of(4)) {
            return Err(short());
        }
        Ok(bitmap)
    }

    /// Lines begin at multiples of four bytes.
    fn step(&self) -> usize {
        (self.width * self.each).next_multiple_of(4)
    }

    /// From the highest to the lowest.
    fn lines(&self) -> impl Iterator<Item = Result<&'f [u8], EngineError>> {
        (0..self.height).map(|row| {
            let row = if self.downward { row } else { self.height - 1 - row };
            let from = row * self.step();
            self.pixels.get(from..from + self.width * self.each).ok_or_else(short)
        })
    }
}

fn short() -> EngineError {
    fail("a BMP file that is cut short")
}

/// 8 bits a pixel by a table of colours, or 24 or 32 bits; not compressed.
pub fn bmp(file: &[u8]) -> Result<Picture, EngineError> {
    let bitmap = Bitmap::new(file)?;
    let header = Fields(file).word(14).ok_or_else(short)? as usize;
    let table = file.get(header.saturating_add(14)..).unwrap_or_default();
    let mut samples = Vec::with_capacity(bitmap.height * bitmap.width * 3);
    for line in bitmap.lines() {
        for pixel in line?.chunks_exact(bitmap.each) {
            let colour = match pixel {
                [number] => table.get(usize::from(*number) * 4..).and_then(|t| t.first_chunk()),
                _ => pixel.first_chunk(),
            };
            let [blue, green, red] = *colour.ok_or_else(short)?;
            samples.extend([red, green, blue].map(u16::from));
        }
    }
    Ok(Picture { width: bitmap.width, height: bitmap.height, channels: 3, wide: false, samples })
}

/// As many channels as bytes: single ones are shades of grey, whatever table there is.
pub fn bmp_bytes(file: &[u8]) -> Result<Picture, EngineError> {
    let bitmap = Bitmap::new(file)?;
    let mut samples = Vec::with_capacity(bitmap.height * bitmap.width * bitmap.each);
    for line in bitmap.lines() {
        for pixel in line?.chunks_exact(bitmap.each) {
            match *pixel {
                [blue, green, red] => samples.extend([red, green, blue].map(u16::from)),
                [blue, green, red, alpha] => samples.extend([red, green, blue, alpha].map(u16::from)),
                _ => samples.extend(pixel.iter().map(|b| u16::from(*b))),
            }
        }
    }
    let (width, height) = (bitmap.width, bitmap.height);
    Ok(Picture { width, height, channels: bitmap.each, wide: false, samples })
}

/// Shades of grey or colours, as bytes or as text, of at most 8 bits.
pub fn pnm(file: &[u8]) -> Result<Picture, EngineError> {
    let short = || fail("a PNM file that is cut short");
    let (channels, plain) = match file.get(1) {
        Some(b'2') => (1, true),
        Some(b'3') => (3, true),
        Some(b'5') => (1, false),
        Some(b'6') => (3, false),
        _ => return Err(fail("a PNM file of bits, not of shades or colours")),
    };
    let mut rest = file.get(2..).unwrap_or_default();
    let [width, height, most] = [(); 3].map(|()| number(&mut rest));
    let (width, height) = (width.ok_or_else(short)?, height.ok_or_else(short)?);
    let most = most.filter(|m| (1..256).contains(m));
    let most = most.ok_or_else(|| fail("a PNM file of more than 8 bits a sample"))?;
    let count = elements(&[height, width, channels])?;
    let scaled = |s: usize| ((s * 255 + most / 2) / most).min(255) as u16;
    let samples: Vec<u16> = if plain {
        // Each takes a byte and a space.
        if count > rest.len() {
            return Err(short());
        }
        (0..count).map_while(|_| number(&mut rest)).map(|s| scaled(s.min(most))).collect()
    } else {
        // One space follows the header.
        rest.get(1..).unwrap_or_default().iter().take(count).map(|s| scaled(usize::from(*s))).collect()
    };
    if samples.len() == count {
        Ok(Picture { width, height, channels, wide: false, samples })
    } else {
        Err(short())
    }
}

/// The next number, behind spaces and comments.
fn number(rest: &mut &[u8]) -> Option<usize> {
    loop {
        let (first, after) = rest.split_first()?;
        match first {
            b'#' => *rest = after.iter().position(|b| *b == b'\n').map_or(&[][..], |at| &after[at..]),
            b'0'..=b'9' => break,
            _ if first.is_ascii_whitespace() => *rest = after,
            _ => return None,
        }
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_read_and_cut_files_are_errors() {
        let text = pnm(b"P3 # colours\n1 2\n15\n0 15 1\n2 3 4\n").unwrap();
        assert_eq!((text.width, text.height, text.samples), (1, 2, vec![0, 255, 17, 34, 51, 68]));
        let bytes = b"P5 2 1 255\n\x01\xfe";
        assert_eq!(pnm(bytes).unwrap().samples, [1, 254]);
        assert!((0..bytes.len()).all(|n| pnm(&bytes[..n]).is_err()));
        assert!(pnm(b"P6 99999999999 99999 255\n").is_err());
        let mut file = b"BM".to_vec();
        for word in [0u32, 0, 54, 40, 1, 2, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
            file.extend(word.to_le_bytes());
        }
        file.extend([3, 2, 1, 0, 6, 5, 4, 0]);
        assert_eq!(bmp(&file).unwrap().samples, [4, 5, 6, 1, 2, 3]);
        assert!((0..file.len() - 1).all(|n| bmp(&file[..n]).is_err()));
        file[21] = 0x7f;
        assert!(bmp(&file).is_err());
    }
}
