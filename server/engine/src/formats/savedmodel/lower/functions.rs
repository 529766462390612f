//! Functions of one number that are seldom met.

use super::Lowering;
use crate::graph::Function as F;

impl Lowering<'_> {
    pub(super) fn function(&self) -> Option<F> {
        let bessel_i = |order, scaled| F::BesselI { order, scaled };
        let bessel_k = |order, scaled| F::BesselK { order, scaled };
        Some(match self.node.op.as_str() {
            "Acos" => F::Acos,
            "Acosh" => F::Acosh,
            "Asin" => F::Asin,
            "Asinh" => F::Asinh,
            "Atanh" => F::Atanh,
            "BesselI0" => bessel_i(0, false),
            "BesselI0e" => bessel_i(0, true),
            "BesselI1" => bessel_i(1, false),
            "BesselI1e" => bessel_i(1, true),
            "BesselJ0" => F::BesselJ(0),
            "BesselJ1" => F::BesselJ(1),
            "BesselK0" => bessel_k(0, false),
            "BesselK0e" => bessel_k(0, true),
            "BesselK1" => bessel_k(1, false),
            "BesselK1e" => bessel_k(1, true),
            "BesselY0" => F::BesselY(0),
            "BesselY1" => F::BesselY(1),
            "Dawsn" => F::Dawson,
            "Digamma" => F::Digamma,
            "Erfinv" => F::Erfinv,
            "Expint" => F::ExponentialIntegral,
            "FresnelCos" => F::FresnelCos,
            "FresnelSin" => F::FresnelSin,
            "Invert" => F::Invert,
            "IsFinite" => F::IsFinite,
            "IsInf" => F::IsInf,
            "IsNan" => F::IsNan,
            "Lgamma" => F::Lgamma,
            "Ndtri" => F::Ndtri,
            "PopulationCount" => F::Ones(self.bits()),
            "Spence" => F::Spence,
            _ => return None,
        })
    }
}
