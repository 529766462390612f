//! An answer's JSON; values that are wanted as binary data go behind it.

use super::outputs::Output;
use super::{Request, datatype, raw};
use crate::codec::json_write;
use berth_engine::{DType, Data};

/// Bytes of an output's JSON without its values, about.
const HEAD: usize = 128;

/// An answer's body, and how much of it is JSON.
pub fn write(request: &Request, outputs: &[Output], binary: bool) -> (Vec<u8>, usize) {
    let is_binary = |output: &Output| output.binary.unwrap_or(binary);
    let sizes: Vec<Option<usize>> =
        outputs.iter().map(|o| is_binary(o).then(|| raw::size(o.dtype, &o.data))).collect();
    let room = outputs.iter().zip(&sizes).map(|(o, size)| size.unwrap_or(o.data.len().saturating_mul(12)));
    let mut out = Vec::with_capacity(room.fold(HEAD * (outputs.len() + 1), usize::saturating_add));
    out.push(b'{');
    if !request.id.is_empty() {
        member(&mut out, "id", &request.id);
        out.push(b',');
    }
    member(&mut out, "model_name", &request.model);
    out.push(b',');
    member(&mut out, "model_version", itoa::Buffer::new().format(request.version));
    out.extend_from_slice(b",\"outputs\":[");
    for (n, (output, size)) in outputs.iter().zip(&sizes).enumerate() {
        if n > 0 {
            out.push(b',');
        }
        head(&mut out, output);
        match size {
            Some(size) => {
                out.extend_from_slice(b",\"parameters\":{\"binary_data_size\":");
                integer(&mut out, *size);
                out.push(b'}');
            }
            None => values(&mut out, output),
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    let length = out.len();
    for (output, _) in outputs.iter().zip(&sizes).filter(|(_, size)| size.is_some()) {
        raw::write(output.dtype, &output.data, &mut out);
    }
    (out, length)
}

fn head(out: &mut Vec<u8>, output: &Output) {
    out.push(b'{');
    member(out, "name", &output.name);
    out.push(b',');
    member(out, "datatype", datatype::name(output.dtype));
    out.extend_from_slice(b",\"shape\":[");
    for (n, extent) in output.shape.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        integer(out, *extent);
    }
    out.push(b']');
}

/// The values in one list.
fn values(out: &mut Vec<u8>, output: &Output) {
    out.extend_from_slice(b",\"data\":[");
    for at in 0..output.data.len() {
        if at > 0 {
            out.push(b',');
        }
        match (&output.data, output.dtype) {
            (Data::I64(v), DType::U64) => {
                out.extend_from_slice(itoa::Buffer::new().format(v[at].cast_unsigned()).as_bytes());
            }
            (data, _) => json_write::flat(out, data, at),
        }
    }
    out.push(b']');
}

fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    json_write::string(out, name);
    out.push(b':');
    json_write::string(out, text);
}

fn integer(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}
