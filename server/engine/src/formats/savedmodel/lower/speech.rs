//! Recurrent layers that TensorFlow 1 fuses, labels of sequences, sound.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowered, Lowering, Outcome, Val};
use crate::DType;
use crate::graph::{Binary as B, Ctc, LstmBlock, Op, Rare, Sound, Unary as U};

impl Lowering<'_> {
    pub(super) fn speech(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "BlockLSTM" | "BlockLSTMV2" | "LSTMBlockCell" => self.lstm_block(),
            "GRUBlockCell" => self.gru_block(),
            "CTCGreedyDecoder" => {
                let blank = self.node.int("blank_index").unwrap_or(-1);
                let merge = self.node.flag("merge_repeated");
                self.several(2, Rare::Ctc(Ctc::Greedy { merge, blank }), 4)
            }
            "CTCBeamSearchDecoder" => {
                let (width, paths) = (self.count("beam_width"), self.count("top_paths"));
                let merge = self.yes("merge_repeated");
                let outputs = paths.saturating_mul(3).saturating_add(1);
                self.several(2, Rare::Ctc(Ctc::Beam { width, paths, merge }), outputs)
            }
            "DecodeWav" => {
                let size = |name| self.node.int(name).and_then(|n| usize::try_from(n).ok());
                let op =
                    Sound::DecodeWav { channels: size("desired_channels"), frames: size("desired_samples") };
                self.several(1, Rare::Sound(op), 2)
            }
            "EncodeWav" => self.rarely(2, Rare::Sound(Sound::EncodeWav)),
            "AudioSpectrogram" => {
                let (window, stride) = (self.count("window_size"), self.count("stride"));
                let squared = self.node.flag("magnitude_squared");
                self.rarely(1, Rare::Sound(Sound::Spectrogram { window, stride, squared }))
            }
            "Mfcc" => {
                let number = |name, or| self.node.float(name).unwrap_or(or);
                let count =
                    |name, or| self.node.int(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(or);
                let op = Sound::Mfcc {
                    upper: number("upper_frequency_limit", 4000.0),
                    lower: number("lower_frequency_limit", 20.0),
                    bands: count("filterbank_channel_count", 40),
                    coefficients: count("dct_coefficient_count", 13),
                };
                self.rarely(2, Rare::Sound(op))
            }
            _ => Ok(None),
        }
    }

    fn lstm_block(&mut self) -> Outcome {
        if self.node.dtype("T") == Some(DType::F64) {
            return Self::refuse("of numbers that are not short floats");
        }
        let (alone, second) = (self.node.op == "LSTMBlockCell", self.node.op.ends_with("V2"));
        let forget = if second { 0.0 } else { self.node.float("forget_bias").unwrap_or(1.0) };
        let how = LstmBlock {
            candidate_second: !second,
            forget,
            clip: self.node.float("cell_clip").unwrap_or(if second { 0.0 } else { 3.0 }),
            peepholes: self.node.flag("use_peephole"),
        };
        if !alone {
            return self.several(9, Rare::LstmBlock(how), 7);
        }
        let all = self.want(8)?[..8].to_vec();
        let (steps, axis) = (self.ints(vec![1])?, self.ints(vec![0])?);
        let x = self.add(Op::ExpandDims, vec![all[0], axis])?;
        let inputs = [&[steps, x], &all[1..]].concat();
        let mut made = self.graph.add_many(rare(Rare::LstmBlock(how)), inputs, 7, &self.node.name)?;
        for value in &mut made {
            *value = self.add(Op::Squeeze(vec![0]), vec![*value])?;
        }
        Ok(Some(Lowered::Values(made.into_iter().map(Val::Value).collect())))
    }

    /// x, h, weights of the gates and of the candidate, their biases → r, u, candidate, h.
    fn gru_block(&mut self) -> Outcome {
        if self.node.dtype("T") == Some(DType::F64) {
            return Self::refuse("of numbers that are not short floats");
        }
        let [x, h, gates, candidate, gates_bias, bias] = self.want(6)?[..6] else { return Ok(None) };
        let axis = self.ints(vec![1])?;
        let product = |lowering: &mut Self, h, weights, bias| {
            let both = lowering.add(Op::Concat, vec![x, h, axis])?;
            let matmul = Op::MatMul { transpose_a: false, transpose_b: false };
            let product = lowering.add(matmul, vec![both, weights])?;
            lowering.add(Op::Binary(B::Add), vec![product, bias])
        };
        let sums = product(self, h, gates, gates_bias)?;
        let both = self.add(Op::Unary(U::Sigmoid), vec![sums])?;
        let both = self.graph.add_many(Op::Split(2), vec![both, axis], 2, &self.node.name)?;
        let [reset, update] = both[..] else { return Ok(None) };
        let kept = self.add(Op::Binary(B::Mul), vec![reset, h])?;
        let sums = product(self, kept, candidate, bias)?;
        let c = self.add(Op::Unary(U::Tanh), vec![sums])?;
        // u h + (1 - u) c
        let apart = self.add(Op::Binary(B::Sub), vec![h, c])?;
        let part = self.add(Op::Binary(B::Mul), vec![update, apart])?;
        let next = self.add(Op::Binary(B::Add), vec![c, part])?;
        Ok(Some(Lowered::Values([reset, update, c, next].map(Val::Value).to_vec())))
    }
}
