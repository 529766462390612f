//! Makes Rust of `proto/`, with a compiler that is a crate: nothing has to be installed.

use prost::Message as _;
use std::path::PathBuf;

const FILES: [&str; 3] = ["health.proto", "inference.proto", "tensorflow_serving.proto"];

/// Messages that go as JSON too, by the same names, and what they consist of.
const IN_JSON: [&str; 13] = [
    ".inference.ServerMetadataResponse",
    ".inference.ModelMetadataResponse",
    ".inference.RepositoryIndexResponse",
    ".inference.ModelStatisticsResponse",
    ".inference.ModelStatistics",
    ".inference.InferStatistics",
    ".inference.InferBatchStatistics",
    ".inference.StatisticDuration",
    ".inference.MemoryUsage",
    ".inference.ModelConfig",
    ".inference.ModelInput",
    ".inference.ModelOutput",
    ".inference.ModelInstanceGroup",
];
/// Numbers whose names stand in JSON, and what writes them.
const NAMED: [(&str, &str); 3] = [
    (".inference.ModelInput.data_type", "data_type_name"),
    (".inference.ModelOutput.data_type", "data_type_name"),
    (".inference.ModelInstanceGroup.kind", "instance_kind_name"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // What reflection tells clients.
    std::fs::write(out.join("protocols.bin"), files.encode_to_vec())?;
    // Raw contents stay where the request's body lies.
    let mut builder = tonic_prost_build::configure().build_client(false).bytes(".inference");
    builder = builder.bytes(".tensorflow.TensorProto").btree_map(".tensorflow");
    for message in IN_JSON {
        builder = builder.type_attribute(message, "#[derive(serde::Serialize)]");
    }
    for (field, writer) in NAMED {
        let with = format!("#[serde(serialize_with = \"crate::open_inference::{writer}\")]");
        builder = builder.field_attribute(field, with);
    }
    builder.compile_fds(files)?;
    Ok(())
}
