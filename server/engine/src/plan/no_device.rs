//! What stands for the module `device` in a build without candle: there is no device, and so nothing of what is on one.
#![allow(dead_code, reason = "nothing of it can be made")]

use super::Plan;
use super::control::Budget;
use super::draft::Draft;
use super::profile::Profile;
use super::weights::Weights;
use crate::graph::ValueId;
use crate::report::Place;
use crate::value::{Kind, Value};
use crate::{Device, EngineError};
use std::collections::HashMap;

/// Cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Nothing {}

/// A device that is open.
#[derive(Debug, Clone)]
pub struct Opened(Nothing);

/// What the plans of one model hold on a device.
#[derive(Debug)]
pub struct Uploads(Nothing);

/// Names what is on a device.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Id(Nothing);

/// Where the nodes of a draft run.
#[derive(Debug, Clone)]
pub struct Places(Nothing);

/// A plan's part on a device.
#[derive(Debug)]
pub struct Aboard(Nothing);

impl Opened {
    /// None: the CPU, where plans run by the engine's own kernels.
    pub fn open(device: Device) -> Result<Option<Self>, EngineError> {
        match device {
            Device::Cpu => Ok(None),
            other => Err(EngineError::Device(format!("this build has no device {other}"))),
        }
    }

    pub fn name(&self) -> String {
        match self.0 {}
    }

    pub fn uploads(&self) -> Uploads {
        match self.0 {}
    }

    pub fn places(&self, _: &Draft, _: &[(ValueId, Kind)]) -> Places {
        match self.0 {}
    }
}

impl Uploads {
    pub fn bytes(&self) -> u64 {
        match self.0 {}
    }
}

impl Places {
    pub fn is_aboard(&self, _: usize) -> bool {
        match self.0 {}
    }

    pub fn stays(&self, _: usize, _: usize) -> bool {
        match self.0 {}
    }

    pub fn buffers(&self, _: &Draft, _: &Weights<'_>) -> HashMap<Id, usize> {
        match self.0 {}
    }
}

impl Aboard {
    pub fn new(
        _: &Draft,
        places: &Places,
        _: &Weights<'_>,
        _: &Uploads,
        _: &Opened,
    ) -> Result<Self, EngineError> {
        match places.0 {}
    }

    pub fn place(&self, _: usize) -> (Place, usize) {
        match self.0 {}
    }

    pub fn name(&self) -> String {
        match self.0 {}
    }

    pub fn run(
        &self,
        _: &Plan,
        _: Vec<Value>,
        _: &Budget<'_>,
        _: Option<&Profile>,
    ) -> Result<Vec<Value>, EngineError> {
        match self.0 {}
    }
}
