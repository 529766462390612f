//! The same work by the kernels on values and by those on slices, for the benchmark.

use super::depthwise::{Depthwise, depthwise};
use super::{elementwise, softmax};
use crate::EngineError;
use crate::graph::{Activation, Conv, Padding, Unary};
use crate::kernels::access::make;
use crate::kernels::spatial::Geometry;
use crate::kernels::{self, Value};

/// A depthwise convolution with `SAME` padding of an image of `size * size` and `channels`.
#[derive(Debug)]
pub struct Sliding {
    x: Value,
    filter: Value,
    conv: Conv,
    geometry: Geometry,
    plain: (Vec<f32>, Vec<f32>),
    out: Vec<f32>,
}

impl Sliding {
    /// Sets it up.
    pub fn new(size: usize, channels: usize, window: usize, stride: usize) -> Result<Self, EngineError> {
        let x: Vec<f32> = (0..size * size * channels).map(|n| (n % 17) as f32 * 0.1 - 0.8).collect();
        let filter: Vec<f32> = (0..window * window * channels).map(|n| (n % 13) as f32 * 0.1 - 0.6).collect();
        let plain = (x.clone(), filter.clone());
        let (x, filter) =
            (make(x, &[1, size, size, channels])?, make(filter, &[window, window, channels, 1])?);
        let (strides, dilations, padding) = ([stride; 2], [1; 2], Padding::Same);
        let conv = Conv { strides, dilations, padding, activation: Activation::None };
        let geometry = Geometry::new(x.dims(), [window; 2], strides, dilations, padding)?;
        let out = vec![0.0; geometry.out_height * geometry.out_width * channels];
        Ok(Self { x, filter, conv, geometry, plain, out })
    }

    /// By the kernel on values.
    pub fn before(&self) -> Result<Value, EngineError> {
        kernels::depthwise::depthwise(&self.x, &self.filter, None, &self.conv)
    }

    /// By the kernel on slices, on this thread.
    pub fn after(&mut self) -> bool {
        let conv = Depthwise {
            geometry: &self.geometry,
            filter: &self.plain.1,
            multiplier: 1,
            bias: None,
            activation: Activation::None,
        };
        depthwise(&conv, &self.plain.0, &mut self.out, 1)
    }
}

/// Functions of a value.
#[derive(Debug)]
pub struct Functions {
    x: Value,
    plain: Vec<f32>,
    out: Vec<f32>,
    width: usize,
}

impl Functions {
    /// Of `[rows, width]`.
    pub fn new(rows: usize, width: usize) -> Result<Self, EngineError> {
        let plain: Vec<f32> = (0..rows * width).map(|n| (n % 101) as f32 * 0.1 - 5.0).collect();
        Ok(Self { x: make(plain.clone(), &[rows, width])?, out: plain.clone(), plain, width })
    }

    /// A function by name, by the kernel on values.
    pub fn before(&self, name: &str) -> Result<Value, EngineError> {
        match name {
            "softmax" => kernels::reduce::softmax(&self.x, false),
            "exp" => kernels::elementwise::unary(Unary::Exp, &self.x),
            _ => kernels::elementwise::unary(Unary::Tanh, &self.x),
        }
    }

    /// The same by the kernel on slices.
    pub fn after(&mut self, name: &str) {
        match name {
            "softmax" => softmax::softmax(false, &self.plain, self.width, &mut self.out, 1),
            "exp" => elementwise::unary(Unary::Exp, &self.plain, &mut self.out, 1),
            _ => elementwise::unary(Unary::Tanh, &self.plain, &mut self.out, 1),
        }
    }
}
