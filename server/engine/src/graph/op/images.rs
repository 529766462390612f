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

/// A pooling over channels-last images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pool {
    pub max: bool,
    pub window: [usize; 2],
    pub strides: [usize; 2],
    pub padding: Padding,
}

/// How an image is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resize {
    pub bilinear: bool,
    pub align_corners: bool,
    pub half_pixel: bool,
}
