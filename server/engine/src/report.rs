//! What is said about an artifact and its plans.

use crate::Signature;
use serde::Serialize;

/// An operation of the artifact that the engine cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsupportedOp {
    /// The operation, as its format names it.
    pub op: String,
    /// The first node that uses it.
    pub node: String,
    /// The function that the node is in; none: the main graph.
    pub function: Option<String>,
    /// Why, when it is not the whole operation (an attribute, a data type).
    pub detail: Option<String>,
}

/// What an artifact holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name of the format (`tensorflow-savedmodel`).
    pub format: &'static str,
    /// Every signature.
    pub signatures: Vec<Signature>,
    /// Bytes that the loaded model occupies, on the host and on the device together.
    pub resident_bytes: u64,
    /// What of it is on a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<OnDevice>,
    /// Number of nodes of the graph that the signatures reach.
    pub nodes: usize,
    /// All that the engine cannot run; empty: the model loads.
    pub unsupported: Vec<UnsupportedOp>,
}

/// What a model has on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnDevice {
    /// The device.
    pub name: String,
    /// Bytes of weights and constants there.
    pub bytes: u64,
}

/// Where an operation of a plan for a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On the device.
    Device,
    /// On the device, and some of what it reads comes back to the host for it: indices that the device computed.
    DeviceAsking,
    /// On the host on purpose: shapes, indices, texts, which are there.
    Host,
    /// On the host, because the device cannot do it: what it reads is copied to the host, and what it makes to the device.
    Fallback,
}

/// What an operation of a plan reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// The value of this number.
    Value(usize),
    /// A constant of this shape.
    Constant(Vec<usize>),
}

/// One operation of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Numbers of the values that it makes.
    pub outputs: Vec<usize>,
    /// The shape of the first one, as far as it is known before a request; null stands for what a request decides.
    pub shape: Option<Vec<Option<usize>>>,
    /// What it does, and how.
    pub operation: String,
    /// What it reads, packed weights left out.
    pub inputs: Vec<Read>,
    /// Bytes of its weights and constants.
    pub constant_bytes: usize,
    /// The node of the artifact that it comes from.
    pub node: String,
    /// Where it runs, if the plan is for a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// The plan of a signature: what is run for a request, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Names of the signatures that it serves.
    pub signatures: Vec<String>,
    /// Numbers of the values that requests bring, in the order of the signature's inputs.
    pub inputs: Vec<usize>,
    /// Where the answers come from, in the order of the signature's outputs.
    pub outputs: Vec<Read>,
    /// The operations.
    pub operations: Vec<Operation>,
    /// The device that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Listing {
    /// The operations that run in a place.
    pub fn in_place(&self, place: Place) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |operation| operation.place == Some(place))
    }
}

/// What one operation costs a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// What it does, and how.
    pub operation: String,
    /// The node of the artifact that it comes from.
    pub node: String,
    /// Runs that were measured.
    pub runs: usize,
    /// Time of one, on average.
    pub seconds: f64,
    /// Floating-point operations of one; 0: not counted.
    pub flops: u64,
    /// Bytes that one reads and writes, weights included.
    pub bytes: u64,
}

/// What an archive's owner prefers where a request does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Preferences {
    /// Of requests' bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Of answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
}
