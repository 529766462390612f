//! Boxes that detectors find, as rows of numbers.

/// How a box is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corners {
    /// Left, top, right, bottom.
    Opposite,
    /// Centre, width, height.
    Centred,
}

/// Rows, each with a box and a score, of which those that overlap better ones go: `[…, rows, numbers]` → the same, best first, filled up
/// with -1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowSuppression {
    /// What overlaps more goes.
    pub overlap: f32,
    /// What scores more counts.
    pub least: f32,
    /// So many count, the best; none: all.
    pub most: Option<usize>,
    /// Where the first of a box's four numbers is.
    pub corners: usize,
    /// Where the score is.
    pub score: usize,
    /// Where the class is: others do not compete.
    pub class: Option<usize>,
    /// The class that does not count, and where it is told.
    pub background: Option<(usize, f32)>,
    pub given: Corners,
    pub made: Corners,
}

/// Chances `[images, classes, anchors]` of which the first class is nothing, offsets `[images, 4 anchors]`, anchors `[1, anchors, 4]` →
/// `[images, anchors, 6]`: class, score, left, top, right, bottom. What was suppressed is of class -1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnchorDetection {
    /// What scores less does not count.
    pub least: f32,
    /// What overlaps so much goes; none: all stays, in the order of the anchors.
    pub overlap: Option<f32>,
    /// So many count, the best; none: all.
    pub most: Option<usize>,
    /// Classes compete with each other.
    pub together: bool,
    /// Boxes are cut to the image.
    pub clip: bool,
    /// What offsets are multiplied by.
    pub variances: [f32; 4],
}
