//! The index of a checkpoint.

use super::TensorShape;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct BundleHeader {
    #[prost(int32, tag = "1")]
    pub num_shards: i32,
    #[prost(int32, tag = "2")]
    pub endianness: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct BundleEntry {
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
    #[prost(int32, tag = "3")]
    pub shard_id: i32,
    #[prost(int64, tag = "4")]
    pub offset: i64,
    #[prost(int64, tag = "5")]
    pub size: i64,
    #[prost(fixed32, tag = "6")]
    pub crc32c: u32,
    #[prost(message, repeated, tag = "7")]
    pub slices: Vec<Slice>,
}

/// A part of a tensor, axis by axis.
#[derive(Clone, PartialEq, Message)]
pub struct Slice {
    #[prost(message, repeated, tag = "1")]
    pub extent: Vec<SliceExtent>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SliceExtent {
    #[prost(int64, tag = "1")]
    pub start: i64,
    /// Without it the whole axis.
    #[prost(int64, optional, tag = "2")]
    pub length: Option<i64>,
}
