//! Makes Rust of `proto/`, with a compiler that is a crate: nothing has to be installed.

use prost::Message as _;
use std::path::PathBuf;

const FILES: [&str; 2] = ["inference.proto", "tensorflow_serving.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // What reflection tells clients.
    std::fs::write(out.join("protocols.bin"), files.encode_to_vec())?;
    // Raw contents stay where the request's body lies.
    let build = tonic_prost_build::configure().build_client(false).bytes(".inference");
    build.bytes(".tensorflow.TensorProto").btree_map(".tensorflow").compile_fds(files)?;
    Ok(())
}
