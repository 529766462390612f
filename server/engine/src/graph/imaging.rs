//! Operations on images and volumes that are seldom met. Channels come last.

use super::{Folding, Grid, Padding, Resample, RoiAlign, Window};

/// A window that slides over up to three axes; an image is a volume of depth 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sliding {
    pub strides: [usize; 3],
    pub dilations: [usize; 3],
    /// Explicit paddings are of height and width.
    pub padding: Padding,
    /// Before and after depth, if explicit.
    pub depth_padding: [usize; 2],
}

/// What weighs the neighbours of a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kernel {
    Box,
    Triangle,
    Lanczos(u8),
    Gaussian,
    KeysCubic,
    MitchellCubic,
}

/// What lies beyond an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Beyond {
    Constant,
    Nearest,
    Reflect,
    Wrap,
}

/// Which answers a suppression gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suppression {
    /// Boxes are given by how much they overlap.
    pub overlaps: bool,
    /// Answers are filled up to the most that may be.
    pub pad: bool,
    /// scores too
    pub scores: bool,
    /// their number too
    pub count: bool,
}

/// Which files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// PNG, JPEG, BMP, and GIF, whose frames are `[frames, height, width, channels]`; the first frame alone unless `moving`.
    Any { moving: bool },
    /// PNG, JPEG, and GIF of one frame.
    Still,
    /// All frames of GIF; files of one frame that are none too.
    Frames,
    /// BMP.
    Bmp,
}

/// How a JPEG file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jpeg {
    /// Colours are of four pixels together.
    pub downsample: bool,
    /// Dots are told by the inch, else by the centimetre.
    pub per_inch: bool,
    /// Dots across and down.
    pub density: [u16; 2],
}

/// The order of a picture's channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    Rgb,
    Bgr,
    Grey,
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub enum Imaging {
    /// x, filter [d, h, w, in, out]
    Conv3d(Sliding),
    /// x, filter [h, w, in, multiplier]
    Depthwise(Sliding),
    /// a file → [height, width, channels]; 0 channels: as many as the file has
    Decode {
        channels: usize,
        dtype: crate::DType,
        files: Files,
    },
    /// a JPEG file, [first line, first column, height, width] → that part of it
    DecodePart {
        channels: usize,
    },
    /// a JPEG file → [height, width, channels]
    PictureShape,
    /// x [height, width, channels] → a PNG file; of 16 bits: `wide`
    EncodePng {
        wide: bool,
    },
    /// x [height, width, channels], quality → a JPEG file
    EncodeJpeg(Jpeg),
    /// bytes [height, width, channels] → the means of squares with so many a side; those at the edges may be smaller
    Shrink(usize),
    /// x, boxes, colours? → x with the edges of the boxes in colours
    DrawBoxes,
    /// output shape, filter [d, h, w, out, in], x
    ConvTranspose3d(Sliding),
    /// shape of an image, filter [h, w, in, multiplier], what is given back of a convolution of each channel → what its input is given
    DepthwiseTranspose(Sliding),
    /// shape of an image, what is given back of the means in its windows → what the image is given
    SpreadMeans {
        window: [usize; 3],
        sliding: Sliding,
    },
    Pool3d {
        max: bool,
        window: [usize; 3],
        sliding: Sliding,
    },
    /// x → maxima, places
    PoolWithPlaces {
        window: [usize; 3],
        sliding: Sliding,
        batch_too: bool,
    },
    /// x, filter [h, w, channels]
    Dilation(Sliding),
    Patches {
        window: [usize; 3],
        sliding: Sliding,
    },
    SpaceToDepth(usize),
    DepthToSpace(usize),
    /// Over so many channels before and after each.
    Lrn {
        around: [i64; 2],
        bias: f32,
        alpha: f32,
        beta: f32,
    },
    /// x, size
    Bicubic {
        align_corners: bool,
        half_pixel: bool,
    },
    /// x, size
    Area {
        align_corners: bool,
    },
    /// x, size, scale, translation
    ScaleAndTranslate {
        kernel: Kernel,
        antialias: bool,
    },
    /// x, boxes, images, size
    CropAndResize {
        bilinear: bool,
        outside: f32,
    },
    /// x, factor
    AdjustContrast,
    /// x, turn
    AdjustHue,
    /// x, factor
    AdjustSaturation,
    RgbToHsv,
    HsvToRgb,
    /// x, transforms, size, fill
    Project {
        bilinear: bool,
        beyond: Beyond,
    },
    /// boxes, scores, most, overlap, least score, softness
    Suppress(Suppression),
    /// boxes, scores, most of a class, most, overlap, least score
    SuppressClasses {
        pad_per_class: bool,
        clip: bool,
    },
    /// boxes, scores, most of a class, overlap, least score → numbers of images, classes and boxes
    SuppressAll {
        centred: bool,
    },
    /// x
    SuppressRows(super::RowSuppression),
    /// chances, offsets, anchors
    DetectAnchors(super::AnchorDetection),
    /// x with channels first → results, and the places of maxima
    Fold(Box<Folding>),
    /// columns, shape of the image, of the window; a window of no extents moves by single steps
    FromColumns(Box<Window>),
    /// x, regions, factors or sizes
    Resample(Box<Resample>),
    /// x with channels first, places from -1 to 1, the last axis first
    SampleGrid(Grid),
    /// transforms, shape of what is read
    AffineGrid {
        align_corners: bool,
    },
    /// x with channels first, regions, their images
    RoiAlign(RoiAlign),
    /// x with channels first, regions with their images
    RoiMax {
        size: [usize; 2],
        scale: f32,
    },
    /// x with channels first, weights [out, in, h, w], offsets, mask?
    Deformable {
        window: Box<Window>,
        groups: usize,
        offset_groups: usize,
    },
    /// bytes of a file → [height, width, channels]
    DecodeBytes(Colours),
}
