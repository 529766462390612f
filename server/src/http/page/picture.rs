//! Pictures in PNG and JPEG files, into the tensor that a model takes.

use super::resize::resize;
use crate::error::InvokeError;
use berth_engine::{DType, Data, Signature, Tensor, TensorSpec};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Pixels of a file, checked before they are read.
const MOST_PIXELS: usize = 24_000_000;
/// Bytes that reading a PNG may take beside the pixels.
const MOST_BYTES: usize = 64 << 20;
/// Values of the tensor.
const MOST_VALUES: usize = 16 << 20;
/// Where a model takes any size, a picture's sides are at most this.
const LONGEST_SIDE: usize = 1024;

/// Eight-bit pixels.
#[derive(Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 grey, 2 grey and opacity, 3 colours, 4 colours and opacity.
    pub channels: usize,
    /// Row by row, pixel by pixel.
    pub samples: Vec<u8>,
}

/// What the values of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// 0 to 1.
    #[default]
    Unit,
    /// -1 to 1.
    Signed,
    /// 0 to 255.
    Byte,
}

/// How a model takes a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// As pixels.
    Pixels(Pixels),
    /// As a file's bytes, which the model reads by itself.
    File {
        /// In a list of one.
        listed: bool,
    },
}

/// A tensor of pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// None: any.
    height: Option<usize>,
    /// None: any.
    width: Option<usize>,
    channels: usize,
    layout: Layout,
    /// A list of pictures, of which this is the only one.
    batched: bool,
    whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    ChannelsLast,
    ChannelsFirst,
    NoChannels,
}

impl Scale {
    /// By the form's word for it.
    pub fn read(text: &str) -> Self {
        match text {
            "255" => Self::Byte,
            "signed" => Self::Signed,
            _ => Self::Unit,
        }
    }

    fn apply(self, sample: f32) -> f32 {
        match self {
            Self::Unit => sample / 255.0,
            Self::Signed => sample / 127.5 - 1.0,
            Self::Byte => sample,
        }
    }
}

impl Target {
    /// How a signature takes a picture; None: it takes none.
    pub fn of(signature: &Signature) -> Option<Self> {
        let [input] = signature.inputs.as_slice() else { return None };
        match (input.dtype, input.shape.as_deref()) {
            (DType::String, None | Some([None | Some(1)])) => Some(Self::File { listed: true }),
            (DType::String, Some([])) => Some(Self::File { listed: false }),
            (DType::String | DType::Bool, _) | (_, None) => None,
            (_, Some(shape)) => Pixels::of(input, shape).map(Self::Pixels),
        }
    }

    /// What becomes of a picture, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::File { .. } => "The file goes to the model as it is.".to_owned(),
            Self::Pixels(p) => {
                let side = |side: Option<usize>| side.map_or("any".to_owned(), |n| n.to_string());
                let colours = if p.channels == 1 { "grey" } else { "colours" };
                format!("It is resized to {} × {} pixels in {colours}.", side(p.width), side(p.height))
            }
        }
    }

    /// Whether the values have to be scaled.
    pub fn is_scaled(&self) -> bool {
        matches!(self, Self::Pixels(p) if !p.whole)
    }

    /// A file as the model takes it.
    pub fn tensor(&self, file: &[u8], input: &TensorSpec, scale: Scale) -> Result<Tensor, InvokeError> {
        match self {
            Self::File { listed } => {
                let shape = if *listed { vec![1] } else { Vec::new() };
                Ok(Tensor::new(shape, Data::String(vec![file.to_vec()]))?)
            }
            Self::Pixels(pixels) => pixels.tensor(&decode(file)?, input.dtype, scale),
        }
    }
}

impl Pixels {
    fn of(input: &TensorSpec, shape: &[Option<usize>]) -> Option<Self> {
        let (batched, shape) = match shape {
            [None | Some(1), rest @ ..] if rest.len() == 3 || rest.len() == 2 && !is_colour(rest[1]) => {
                (true, rest)
            }
            rest => (false, rest),
        };
        let (height, width, channels, layout) = match *shape {
            // Without a batch, sides that may be anything are steps of a series rather than a picture's.
            [height, width, Some(c @ (1 | 3 | 4))] if batched || height.is_some() && width.is_some() => {
                (height, width, c, Layout::ChannelsLast)
            }
            [Some(c @ (1 | 3 | 4)), height, width] if batched || height.is_some() && width.is_some() => {
                (height, width, c, Layout::ChannelsFirst)
            }
            [Some(side @ 8..), width] if batched && width == Some(side) => {
                (width, width, 1, Layout::NoChannels)
            }
            _ => return None,
        };
        let whole = !matches!(input.dtype, DType::BF16 | DType::F16 | DType::F32 | DType::F64);
        Some(Self { height, width, channels, layout, batched, whole })
    }

    fn tensor(&self, picture: &Bitmap, dtype: DType, scale: Scale) -> Result<Tensor, InvokeError> {
        let height = self.height.unwrap_or(picture.height.min(LONGEST_SIDE));
        let width = self.width.unwrap_or(picture.width.min(LONGEST_SIDE));
        let values = height.checked_mul(width).and_then(|n| n.checked_mul(4));
        if height == 0 || width == 0 || values.is_none_or(|n| n > MOST_VALUES) {
            return Err(InvokeError::bad(format!(
                "the model takes pictures of {width} x {height}: too large for this form"
            )));
        }
        let scale = if self.whole { Scale::Byte } else { scale };
        let pixels = resize(picture, width, height);
        let coloured = pixels.chunks_exact(picture.channels).flat_map(|p| recoloured(p, self.channels));
        let mut values: Vec<f32> = coloured.map(|sample| scale.apply(sample)).collect();
        let mut shape = match self.layout {
            Layout::ChannelsLast => vec![height, width, self.channels],
            Layout::ChannelsFirst => vec![self.channels, height, width],
            Layout::NoChannels => vec![height, width],
        };
        if self.layout == Layout::ChannelsFirst {
            let plane = |c| values.iter().skip(c).step_by(self.channels).copied();
            values = (0..self.channels).flat_map(plane).collect();
        }
        if self.batched {
            shape.insert(0, 1);
        }
        let data = match dtype {
            DType::F64 => Data::F64(values.into_iter().map(f64::from).collect()),
            _ if self.whole => Data::I64(values.into_iter().map(|v| v.round() as i64).collect()),
            _ => Data::F32(values),
        };
        Ok(Tensor::new(shape, data)?)
    }
}

fn is_colour(extent: Option<usize>) -> bool {
    matches!(extent, Some(1 | 3 | 4))
}

/// A pixel in as many channels as are wanted: 1, 3 or 4.
fn recoloured(pixel: &[f32], wanted: usize) -> impl Iterator<Item = f32> + use<> {
    let (rgb, alpha) = match *pixel {
        [grey] => ([grey; 3], 255.0),
        [grey, alpha] => ([grey; 3], alpha),
        [r, g, b] => ([r, g, b], 255.0),
        [r, g, b, alpha] => ([r, g, b], alpha),
        _ => ([0.0; 3], 255.0),
    };
    let [r, g, b] = rgb;
    // The shares of ITU-R 601.
    let grey = 0.299 * r + 0.587 * g + 0.114 * b;
    let values = if wanted == 1 { [grey, 0.0, 0.0, 0.0] } else { [r, g, b, alpha] };
    values.into_iter().take(wanted)
}

/// The pixels of a file.
pub fn decode(file: &[u8]) -> Result<Bitmap, InvokeError> {
    let picture = match file {
        [0x89, b'P', b'N', b'G', ..] => png(file)?,
        [0xff, 0xd8, 0xff, ..] => jpeg(file)?,
        [] => return Err(InvokeError::bad("choose a picture first: a PNG or JPEG file")),
        _ => return Err(InvokeError::bad("the file is neither PNG nor JPEG")),
    };
    let wanted = checked(picture.width, picture.height)? * picture.channels;
    if picture.samples.len() == wanted {
        Ok(picture)
    } else {
        Err(InvokeError::bad("the picture is cut short"))
    }
}

fn checked(width: usize, height: usize) -> Result<usize, InvokeError> {
    width.checked_mul(height).filter(|n| (1..=MOST_PIXELS).contains(n)).ok_or_else(|| {
        InvokeError::bad(format!("the picture has {width} x {height} pixels; it may have 1 to {MOST_PIXELS}"))
    })
}

fn png(file: &[u8]) -> Result<Bitmap, InvokeError> {
    let wrong = |e: png::DecodingError| InvokeError::bad(format!("the PNG file is not readable: {e}"));
    let limits = png::Limits { bytes: MOST_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(wrong)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let channels = reader.output_color_type().0.samples();
    // The decoder fills what it is given; the size is bounded by the pixels' number.
    let mut samples = vec![0; checked(width, height)? * channels];
    if reader.output_buffer_size() != Some(samples.len()) {
        return Err(InvokeError::bad("the PNG file has pixels of an odd size"));
    }
    let frame = reader.next_frame(&mut samples).map_err(wrong)?;
    samples.truncate(frame.buffer_size());
    Ok(Bitmap { width, height, channels, samples })
}

fn jpeg(file: &[u8]) -> Result<Bitmap, InvokeError> {
    let wrong = |e: zune_jpeg::errors::DecodeErrors| {
        InvokeError::bad(format!("the JPEG file is not readable: {e:?}"))
    };
    let mut decoder = JpegDecoder::new(ZCursor::new(file));
    decoder.decode_headers().map_err(wrong)?;
    let info = decoder.info().ok_or_else(|| InvokeError::bad("the JPEG file has no header"))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    checked(width, height)?;
    let (colours, channels) = if info.components == 1 { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(DecoderOptions::default().jpeg_set_out_colorspace(colours));
    Ok(Bitmap { width, height, channels, samples: decoder.decode().map_err(wrong)? })
}

#[cfg(test)]
mod tests;
