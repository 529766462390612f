//! Operations on signals. Complex numbers are pairs along a last axis, reals are single there.

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// x, length (-1: all), axis
    Dft { inverse: bool, one_sided: bool },
    /// x, step, window (empty: none), length (-1: the window's)
    Stft { one_sided: bool },
    /// size → the sum of these multiples of the cosines of 0, 1 and 2 turns, of `float64`
    Window { terms: [f64; 3], periodic: bool },
    /// number of bands, length, rate, lowest and highest frequency → `float64`
    MelWeights,
}
