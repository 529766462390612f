//! What a packed product is, in words and in numbers.

use super::{PackedProduct, Ready};
use crate::graph::{Activation, Conv, Padding, Products, Prologue};
use std::fmt::{Display, Formatter, Result, Write as _};

impl PackedProduct {
    /// Multiplications for each element of the result.
    pub fn multiplications(&self) -> usize {
        let results = if self.pool { 4 } else { 1 };
        results
            * match &self.ready {
                Ready::Dense(weights) => weights.right().inner(),
                Ready::Conv(_, [height, width, ins, _], _) => height * width * ins,
                Ready::Later(_, filter, _) => filter.dims().iter().take(3).product(),
                Ready::Depthwise(_, filter) => filter.dims().iter().take(2).product(),
                Ready::Elsewhere(kind, dims) => {
                    let read = match kind {
                        Products::Dense => 1,
                        Products::Conv(_) => 3,
                        Products::Depthwise(_) => 2,
                    };
                    dims.iter().take(read).product()
                }
            }
    }

    /// Whether it is over the last axis alone.
    pub fn is_dense(&self) -> bool {
        matches!(self.ready, Ready::Dense(_) | Ready::Elsewhere(Products::Dense, _))
    }

    /// The extent of the result's last axis.
    pub fn outs(&self) -> usize {
        match &self.ready {
            Ready::Dense(weights) => weights.right().columns(),
            Ready::Conv(_, [_, _, _, outs], _) => *outs,
            Ready::Later(_, filter, _) => filter.dims().last().copied().unwrap_or(0),
            Ready::Depthwise(_, filter) => filter.dims().iter().skip(2).product(),
            Ready::Elsewhere(Products::Depthwise(_), dims) => dims.iter().skip(2).product(),
            Ready::Elsewhere(_, dims) => dims.last().copied().unwrap_or(0),
        }
    }
}

impl Display for PackedProduct {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.ready {
            Ready::Dense(weights) => {
                write!(f, "Dense {}x{}", weights.right().inner(), weights.right().columns())?;
            }
            Ready::Conv(conv, [height, width, ins, outs], weights) => {
                write!(f, "Conv {height}x{width}x{ins}x{outs}")?;
                if weights.groups() > 1 {
                    write!(f, " in {} groups", weights.groups())?;
                }
                f.write_str(&moves(conv))?;
            }
            Ready::Later(conv, filter, _) => write!(f, "Conv {}{}", extents(filter.dims()), moves(conv))?,
            Ready::Depthwise(conv, filter) => {
                write!(f, "Depthwise {}{}", extents(filter.dims()), moves(conv))?;
            }
            Ready::Elsewhere(Products::Dense, dims) => write!(f, "Dense {}", extents(dims))?,
            Ready::Elsewhere(Products::Conv(conv), dims) => {
                write!(f, "Conv {}{}", extents(dims), moves(conv))?;
            }
            Ready::Elsewhere(Products::Depthwise(conv), dims) => {
                write!(f, "Depthwise {}{}", extents(dims), moves(conv))?;
            }
        }
        if let Some(prologue) = &self.prologue {
            write!(f, " of {}", before(prologue))?;
        }
        if self.bias.is_some() {
            f.write_str(" + bias")?;
        }
        if self.residual {
            f.write_str(" + residual")?;
        }
        match self.activation {
            Activation::None => {}
            activation => write!(f, ", {activation:?}")?,
        }
        f.write_str(if self.pool { ", MaxPool 2x2" } else { "" })
    }
}

/// A prologue as a formula.
fn before(prologue: &Prologue) -> String {
    let mut text = if prologue.parts > 1 { format!("{} parts", prologue.parts) } else { "x".to_owned() };
    text.push_str(if prologue.scale { " * scale" } else { "" });
    text.push_str(if prologue.shift { " + shift" } else { "" });
    match prologue.activation {
        Activation::None => text,
        activation => format!("{activation:?}({text})"),
    }
}

fn extents(dims: &[usize]) -> String {
    dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// How the window moves, as far as it is not the plainest way.
fn moves(conv: &Conv) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if conv.strides != [1, 1] {
        let _ = write!(text, " stride {}", extents(&conv.strides));
    }
    if conv.dilations != [1, 1] {
        let _ = write!(text, " dilation {}", extents(&conv.dilations));
    }
    match conv.padding {
        Padding::Same => text.push_str(" same"),
        Padding::SameLower => text.push_str(" same, more before"),
        Padding::Valid => {}
        Padding::Explicit(around) => {
            let _ = write!(text, " padding {}", extents(&around));
        }
    }
    text
}
