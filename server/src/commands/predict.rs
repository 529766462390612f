//! One request through one artifact.

use super::{Failure, profile};
use crate::codec::{self, Accept, ContentType};
use crate::loader::open_artifact;
use berth_engine::{Device, Prepared};
use std::io::{Read, Write};
use std::path::Path;

pub fn run(artifact: &Path, input: &Path, profile: bool, device: Device) -> Result<(), Failure> {
    let body = read(input).map_err(|e| format!("--input {}: {e}", input.display()))?;
    let temporary = crate::temporary::Directory::new()
        .map_err(|e| format!("cannot make a directory to unpack to: {e}"))?;
    let prepared = open_artifact(artifact, temporary.path()).map_err(|e| e.to_string())?;
    let model = prepared.on(device).and_then(Prepared::load).map_err(|e| e.to_string())?;
    let request = codec::decode(ContentType::Unknown, &body, &model).map_err(|e| e.to_string())?;
    let outputs = if profile {
        profile::run(&model, &request.signature, request.inputs)
    } else {
        model.run(&request.signature, request.inputs)
    };
    let outputs = outputs.map_err(|e| e.to_string())?;
    let reply = codec::encode(Accept::Json, request.form, &outputs).map_err(|e| e.to_string())?;
    let mut out = std::io::stdout().lock();
    out.write_all(&reply.body).and_then(|()| out.write_all(b"\n")).map_err(|e| e.to_string())
}

fn read(input: &Path) -> std::io::Result<Vec<u8>> {
    if input == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body)?;
        return Ok(body);
    }
    std::fs::read(input)
}
