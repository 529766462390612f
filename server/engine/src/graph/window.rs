//! Windows over images and volumes, as formats with channels first describe them.

use super::Padding;

/// A window over one to three axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Extents.
    pub kernel: Vec<usize>,
    /// Steps.
    pub strides: Vec<usize>,
    /// Distances between the places of a window.
    pub dilations: Vec<usize>,
    /// Before and after each axis.
    pub pads: Vec<[usize; 2]>,
    /// What the size of the image decides, in the place of `pads`: as many windows as places, by stride.
    pub same: Option<Padding>,
    /// Over `float64`.
    pub double: bool,
}

impl Window {
    /// One that moves by single steps over all that there is.
    pub fn new(kernel: &[usize]) -> Self {
        let axes = kernel.len();
        Self {
            kernel: kernel.to_vec(),
            strides: vec![1; axes],
            dilations: vec![1; axes],
            pads: vec![[0, 0]; axes],
            same: None,
            double: false,
        }
    }

    /// Whether its numbers are of as many axes, and none is too large for a window or zero.
    pub fn is_sound(&self) -> bool {
        let axes = self.kernel.len();
        let sizes = [&self.kernel, &self.strides, &self.dilations];
        (1..=3).contains(&axes)
            && sizes.iter().all(|s| s.len() == axes && s.iter().all(|n| (1..=1 << 16).contains(n)))
            && self.pads.len() == axes
            && self.pads.iter().flatten().all(|n| *n <= 1 << 16)
    }

    /// Whether nothing lies around the image.
    pub fn is_bare(&self) -> bool {
        self.same.is_none() && self.pads.iter().flatten().all(|n| *n == 0)
    }

    /// Places from the first to the last of a window.
    pub fn span(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilations[axis] + 1
    }

    /// Rounds the number of windows up, not down. False: the last one could begin behind the image, which depends on its size.
    pub fn round_up(&mut self) -> bool {
        (0..self.kernel.len()).all(|axis| {
            let (stride, span) = (self.strides[axis], self.span(axis));
            let fits = stride + self.pads[axis][1] <= span;
            self.pads[axis][1] += stride - 1;
            fits || stride == 1
        })
    }
}

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fold {
    /// The largest, and where it is.
    Max,
    /// With what lies around the image, which is zero, or without.
    Mean { around: bool },
    /// The root of the sum of powers.
    Norm(f64),
}

/// Windows over images whose channels come second.
#[derive(Debug, Clone, PartialEq)]
pub struct Folding {
    /// What becomes of each.
    pub fold: Fold,
    /// Where they are.
    pub window: Window,
    /// The last one may reach beyond what lies around the image.
    pub round_up: bool,
    /// Places count along the first axis first.
    pub column_major: bool,
}
