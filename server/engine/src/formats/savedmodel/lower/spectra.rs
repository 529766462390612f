//! Fourier transforms, and what makes complex numbers and reals of each other.

use super::super::attributes::Attributes as _;
use super::complex::is_complex;
use super::{Lowering, Outcome};
use crate::graph::{Rare, Spectrum};

impl Lowering<'_> {
    pub(super) fn spectra(&mut self) -> Outcome {
        let axes =
            |name: &str| match name.trim_start_matches("Batch").trim_start_matches(['I', 'R', 'F', 'T']) {
                "" => 1,
                "2D" => 2,
                _ => 3,
            };
        let name = self.node.op.clone();
        let op = match name.as_str() {
            "RFFT" | "RFFT2D" | "RFFT3D" => {
                return self.rarely(2, Rare::Spectrum(Spectrum::OfReals { axes: axes(&name) }));
            }
            "IRFFT" | "IRFFT2D" | "IRFFT3D" => {
                return self.rarely(2, Rare::Spectrum(Spectrum::ToReals { axes: axes(&name) }));
            }
            "FFT" | "FFT2D" | "FFT3D" | "BatchFFT" | "BatchFFT2D" | "BatchFFT3D" => {
                Spectrum::Whole { axes: axes(&name), inverse: false }
            }
            "IFFT" | "IFFT2D" | "IFFT3D" | "BatchIFFT" | "BatchIFFT2D" | "BatchIFFT3D" => {
                Spectrum::Whole { axes: axes(&name), inverse: true }
            }
            "Complex" => return self.broadcast_parts(),
            "ComplexAbs" => Spectrum::Magnitude,
            "Angle" => Spectrum::Angle,
            "Real" => Spectrum::Real,
            "Imag" => Spectrum::Imaginary,
            "Conj" if is_complex(self.node) || !self.node.attr.contains_key("T") => Spectrum::Conjugate,
            _ if is_complex(self.node) => return self.complex(),
            _ => return Ok(None),
        };
        if self.node.dtype("T").is_some() {
            return Self::refuse("of real numbers");
        }
        let x = self.want(1)?[0];
        self.emit(super::rare::rare(Rare::Spectrum(op)), vec![x])
    }
}
