//! Spectra, and what signals are weighed with.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{Literal, Op, Rare, Signal, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn signals(&mut self) -> Outcome {
        match self.op() {
            "DFT" => self.dft(),
            "STFT" => self.stft(),
            "HannWindow" => self.signal_window([0.5, -0.5, 0.0]),
            "HammingWindow" => self.signal_window([25.0 / 46.0, -21.0 / 46.0, 0.0]),
            "BlackmanWindow" => self.signal_window([0.42, -0.5, 0.08]),
            "MelWeightMatrix" => {
                let inputs = self.all()?;
                let made = self.rare(Rare::Signal(Signal::MelWeights), &inputs)?;
                self.typed(made, 2)
            }
            _ => Ok(None),
        }
    }

    /// Wide floats of so many axes, in the type that is asked for.
    fn typed(&mut self, x: ValueId, rank: usize) -> Outcome {
        let elem = self.int("output_datatype").map_or(Some(Elem::F32), Elem::of);
        let elem = elem.ok_or_else(|| Stop::Refused("a type that is not supported".to_owned()))?;
        self.build().tell(x, vec![None; rank]);
        let made = self.cast_to(x, Elem::F64, elem)?;
        Self::give(made, elem)
    }

    fn signal_window(&mut self, terms: [f64; 3]) -> Outcome {
        let size = self.value(0)?;
        let periodic = self.int("periodic").is_none_or(|n| n != 0);
        let made = self.rare(Rare::Signal(Signal::Window { terms, periodic }), &[size])?;
        self.typed(made, 1)
    }

    /// An integer that may be left out.
    fn or_int(&mut self, n: usize, usual: i64) -> Result<ValueId, Stop> {
        match self.optional(n) {
            Some((value, _)) => Ok(value),
            None => Ok(self.build().int(usual)?),
        }
    }

    fn dft(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let length = self.or_int(1, -1)?;
        let axis = if self.version < 20 {
            let axis = self.int("axis").unwrap_or(1);
            self.build().int(axis)?
        } else {
            self.or_int(2, -2)?
        };
        let op = Signal::Dft { inverse: self.flag("inverse"), one_sided: self.flag("onesided") };
        let made = self.rare(Rare::Signal(op), &[x, length, axis])?;
        if let Some(rank) = self.build().rank(x) {
            self.build().tell(made, vec![None; rank]);
        }
        Self::give(made, elem)
    }

    fn stft(&mut self) -> Outcome {
        let ((mut x, elem), step) = (self.tensor(0)?, self.value(1)?);
        // Signals of reals may lack the axis of their parts.
        if self.build().rank(x) == Some(2) {
            let axis = self.build().int(2)?;
            x = self.add(Op::ExpandDims, &[x, axis])?;
        }
        let window = match self.optional(2) {
            Some((window, _)) => window,
            None => self.build().literal(Literal::F32(Vec::new(), vec![0]))?,
        };
        let length = self.or_int(3, -1)?;
        let op = Signal::Stft { one_sided: self.int("onesided").is_none_or(|n| n != 0) };
        let made = self.rare(Rare::Signal(op), &[x, step, window, length])?;
        self.build().tell(made, vec![None; 4]);
        Self::give(made, elem)
    }
}
