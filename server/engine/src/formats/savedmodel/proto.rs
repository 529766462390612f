//! The few protobuf messages of TensorFlow that a reader needs, with only the fields that it looks at. Field numbers are those of
//! TensorFlow's published schema.

mod bundle;
mod graph;
mod objects;

pub use bundle::*;
pub use graph::*;
pub use objects::*;

use prost::Message;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
pub struct SavedModel {
    #[prost(message, repeated, tag = "2")]
    pub meta_graphs: Vec<MetaGraphDef>,
}

#[derive(Clone, PartialEq, Message)]
pub struct MetaGraphDef {
    #[prost(message, optional, tag = "1")]
    pub meta_info_def: Option<MetaInfoDef>,
    #[prost(message, optional, tag = "2")]
    pub graph_def: Option<GraphDef>,
    #[prost(message, optional, tag = "3")]
    pub saver_def: Option<SaverDef>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub signature_def: BTreeMap<String, SignatureDef>,
    #[prost(message, repeated, tag = "6")]
    pub asset_file_def: Vec<AssetFileDef>,
    #[prost(message, optional, tag = "7")]
    pub object_graph_def: Option<SavedObjectGraph>,
}

impl MetaGraphDef {
    pub fn tags(&self) -> impl Iterator<Item = &String> {
        self.meta_info_def.iter().flat_map(|m| &m.tags)
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct MetaInfoDef {
    #[prost(string, repeated, tag = "4")]
    pub tags: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SaverDef {
    #[prost(string, tag = "3")]
    pub restore_op_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct AssetFileDef {
    #[prost(message, optional, tag = "1")]
    pub tensor_info: Option<TensorInfo>,
    #[prost(string, tag = "2")]
    pub filename: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct SignatureDef {
    #[prost(btree_map = "string, message", tag = "1")]
    pub inputs: BTreeMap<String, TensorInfo>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub outputs: BTreeMap<String, TensorInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub dtype: i32,
    #[prost(message, optional, tag = "3")]
    pub tensor_shape: Option<TensorShape>,
    #[prost(message, optional, tag = "4")]
    pub coo_sparse: Option<CooSparse>,
    #[prost(message, optional, tag = "5")]
    pub composite_tensor: Option<CompositeTensor>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CooSparse {
    #[prost(string, tag = "1")]
    pub values_tensor_name: String,
    #[prost(string, tag = "2")]
    pub indices_tensor_name: String,
    #[prost(string, tag = "3")]
    pub dense_shape_tensor_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct CompositeTensor {
    #[prost(message, optional, tag = "1")]
    pub type_spec: Option<TypeSpec>,
    #[prost(message, repeated, tag = "2")]
    pub components: Vec<TensorInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TypeSpec {
    #[prost(int32, tag = "1")]
    pub type_spec_class: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<Dim>,
    #[prost(bool, tag = "3")]
    pub unknown_rank: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Dim {
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// The element type that a number of TensorFlow's `DataType` stands for; reference types count as what they refer to.
pub fn dtype(number: i32) -> Option<crate::DType> {
    use crate::DType as D;
    Some(match number % 100 {
        1 => D::F32,
        2 => D::F64,
        3 | 13 => D::I32,
        // Quantised bytes are bytes; what they stand for is said by operations.
        4 | 12 => D::U8,
        5 => D::I16,
        6 | 11 => D::I8,
        7 => D::String,
        9 => D::I64,
        10 => D::Bool,
        14 => D::BF16,
        17 => D::U16,
        19 => D::F16,
        22 => D::U32,
        23 => D::U64,
        _ => return None,
    })
}
