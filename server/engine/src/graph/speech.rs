//! What recognisers of speech and writing are made of: recurrent layers that TensorFlow 1 fuses, what makes labels of their answers,
//! and what is made of sound.

/// LSTM whose weights lie in one matrix `[in + units, 4 units]`: steps, x `[steps, batch, in]`, c, h, weights, peepholes of the gates i, f
/// and o, bias → i, c, f, o, candidates, activated c, h of each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LstmBlock {
    /// Gates lie in the order i, candidate, f, o; else i, f, candidate, o.
    pub candidate_second: bool,
    /// What is added to f.
    pub forget: f32,
    /// Cells are cut to this; not above zero: they are not.
    pub clip: f32,
    /// Gates see the cell.
    pub peepholes: bool,
}

/// Labels of what a recogniser says of each step, of which one says that there is nothing: x `[steps, batch, labels]`, lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ctc {
    /// The likeliest label of each step → indices, values, shape, sums of scores
    Greedy {
        /// Labels that are repeated count once.
        merge: bool,
        /// The label of nothing, counted from the end if negative.
        blank: i64,
    },
    /// The likeliest sequences → indices…, values…, shapes…, their logarithmic probabilities
    Beam {
        /// So many sequences are followed.
        width: usize,
        /// So many are answered.
        paths: usize,
        /// Labels that are repeated count once.
        merge: bool,
    },
}

/// What is made of sound. Inputs are named in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sound {
    /// a WAV file → samples `[frames, channels]`, rate; none: as the file has them
    DecodeWav { channels: Option<usize>, frames: Option<usize> },
    /// samples `[frames, channels]`, rate → a WAV file
    EncodeWav,
    /// samples `[frames, channels]` → strengths `[channels, windows, frequencies]`
    Spectrogram { window: usize, stride: usize, squared: bool },
    /// spectrogram, rate → coefficients
    Mfcc { upper: f32, lower: f32, bands: usize, coefficients: usize },
}
