//! How values are read at places between their elements.

/// Which element is the nearest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearest {
    /// The earlier one of two that are as near.
    HalfDown,
    /// The later one.
    HalfUp,
    /// The one before.
    Floor,
    /// The one after.
    Ceil,
}

/// What an element between others is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// The nearest.
    Nearest(Nearest),
    /// The two around it, along each axis.
    Linear,
    /// The four around it, along each axis; by the coefficient of Keys' polynomial.
    Cubic(f32),
}

/// Where an element of the result lies in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinates {
    /// Both are pixels with an extent, whose borders meet.
    HalfPixel,
    /// Their centres meet, even if the result's extent was rounded.
    HalfPixelSymmetric,
    /// Borders meet; a single one is the first.
    HalfPixelTorch,
    /// As far from the border as in the result, where half of an element is the centre of none.
    Middle,
    /// The first and the last meet.
    AlignCorners,
    /// The first meet.
    Asymmetric,
    /// The first and the last meet those of a region.
    Region,
}

/// How much is made of sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// They are taken as they are.
    Stretch,
    /// The proportions stay; no extent is larger.
    NotLarger,
    /// The proportions stay; no extent is smaller.
    NotSmaller,
}

/// A resize along any axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Resample {
    /// What regions and targets are of; none: of all.
    pub axes: Vec<i64>,
    /// Targets are sizes; they are factors otherwise.
    pub by_sizes: bool,
    pub aspect: Aspect,
    pub method: Method,
    pub coordinates: Coordinates,
    /// Widens the neighbourhood where the result is smaller.
    pub antialias: bool,
    /// What lies outside weighs nothing.
    pub exclude_outside: bool,
    /// What lies outside of a region's image.
    pub beyond: f32,
}

/// What lies around what is read at given places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    Zeros,
    Border,
    Reflection,
}

/// Values read at given places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    pub method: Method,
    pub around: Around,
    pub align_corners: bool,
}

/// The mean, or the largest, of what is read in the parts of regions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiAlign {
    pub max: bool,
    pub half_pixel: bool,
    /// Height and width.
    pub size: [usize; 2],
    /// Places along each axis of a part; 0: as many as it has pixels.
    pub samples: usize,
    pub scale: f32,
}
