//! The geometry of windows that slide over channels-last images.

use super::fail;
use crate::EngineError;
use crate::graph::Padding;

/// Sizes of an image and of what slides over it.
#[derive(Debug, Clone, Copy)]
pub struct Geometry {
    pub batch: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub window: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    /// Rows above and columns before the image.
    pub before: [usize; 2],
    pub out_height: usize,
    pub out_width: usize,
}

impl Geometry {
    /// Works out the sizes of the output for an image of a shape, which has to have four axes.
    pub fn new(
        x: &[usize],
        window: [usize; 2],
        strides: [usize; 2],
        dilations: [usize; 2],
        padding: Padding,
    ) -> Result<Self, EngineError> {
        let Ok(dims) = <[usize; 4]>::try_from(x) else {
            return Err(fail(format!("an image needs 4 dimensions, got shape {x:?}")));
        };
        Self::of(dims, window, strides, dilations, padding)
    }

    /// Works out the sizes of the output for an image of a shape.
    pub fn of(
        [batch, height, width, channels]: [usize; 4],
        window: [usize; 2],
        strides: [usize; 2],
        dilations: [usize; 2],
        padding: Padding,
    ) -> Result<Self, EngineError> {
        let explicit = match padding {
            Padding::Explicit([t, b, l, r]) => Some([(t, b), (l, r)]),
            _ => None,
        };
        let same = matches!(padding, Padding::Same | Padding::SameLower);
        let side = |i: usize, size: usize| {
            let span = (window[i] - 1) * dilations[i] + 1;
            if same {
                let out = size.div_ceil(strides[i]);
                let needed = (out.max(1) - 1) * strides[i] + span;
                let around = needed.saturating_sub(size);
                return Ok((out, if padding == Padding::Same { around / 2 } else { around.div_ceil(2) }));
            }
            let (before, after) = explicit.map_or((0, 0), |e| e[i]);
            match (size + before + after).checked_sub(span) {
                Some(rest) => Ok((rest / strides[i] + 1, before)),
                None => Err(fail(format!("a window of {span} over an image of {size}"))),
            }
        };
        if window.contains(&0) || window.iter().any(|w| *w > 1 << 20) {
            return Err(fail(format!("a window of {window:?}")));
        }
        let ((out_height, top), (out_width, left)) = (side(0, height)?, side(1, width)?);
        let before = [top, left];
        Ok(Self { batch, height, width, channels, window, strides, dilations, before, out_height, out_width })
    }

    /// Rows below (axis 0) or columns behind (axis 1) the image that windows reach.
    pub fn after(&self, axis: usize) -> usize {
        let (size, outs) =
            if axis == 0 { (self.height, self.out_height) } else { (self.width, self.out_width) };
        let span = (self.window[axis] - 1) * self.dilations[axis] + 1;
        ((outs.max(1) - 1) * self.strides[axis] + span).saturating_sub(size + self.before[axis])
    }

    /// Where in the image a row (axis 0) or column (axis 1) of a window lies; None: in the padding.
    #[inline]
    pub fn place(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let size = if axis == 0 { self.height } else { self.width };
        let at = (out * self.strides[axis] + tap * self.dilations[axis]).checked_sub(self.before[axis])?;
        (at < size).then_some(at)
    }
}
