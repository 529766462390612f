//! What operations on images are told.

use super::Activation;

/// Around an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// As many outputs as inputs, by stride; more at the end than at the start.
    Same,
    /// As many outputs as inputs, by stride; more at the start than at the end.
    SameLower,
    /// None.
    Valid,
    /// Top, bottom, left, right.
    Explicit([usize; 4]),
}

/// A convolution over channels-last images.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Conv {
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    pub padding: Padding,
    pub activation: Activation,
}

impl Conv {
    /// Whether each pixel of the result is made of the same pixel of the image, with a filter of such a shape.
    pub fn is_pointwise(&self, filter: impl AsRef<[usize]>) -> bool {
        let around = matches!(self.padding, Padding::Explicit(around) if around != [0; 4]);
        matches!(filter.as_ref(), [1, 1, _, _]) && self.strides == [1, 1] && !around
    }
}

/// A pooling over channels-last images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pool {
    pub max: bool,
    pub window: [usize; 2],
    pub strides: [usize; 2],
    pub padding: Padding,
}

impl Pool {
    /// The largest of windows of 2x2 side by side; what is left over at the end is left out.
    pub const HALVES: Self = Self { max: true, window: [2, 2], strides: [2, 2], padding: Padding::Valid };
}

/// How an image is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resize {
    pub bilinear: bool,
    pub align_corners: bool,
    pub half_pixel: bool,
}
