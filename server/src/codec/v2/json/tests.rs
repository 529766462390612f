use super::read;
use crate::codec::v2::{Request, Values};
use berth_engine::Data;
use bytes::Bytes;

fn request(text: &str, binary: &[u8]) -> Result<Request, String> {
    let mut request = Request { model: "m".to_owned(), ..Request::default() };
    let said = read(text.as_bytes(), Bytes::copy_from_slice(binary), &mut request);
    said.map(|_| request).map_err(|e| e.to_string())
}

#[test]
fn members_may_come_in_any_order() {
    let text = r#"{"outputs": [{"parameters": {"classification": 2, "other": [1]}, "name": "y"}], "other": {"a": 1},
        "inputs": [{"data": [[1, 2], [NaN, 4]], "shape": [2, 2], "name": "x", "datatype": "FP32"},
                   {"name": "z", "datatype": "INT8", "shape": [3], "parameters": {"binary_data_size": 3}}],
        "id": "ä", "parameters": {"signature_name": "s", "priority": 1}}"#;
    let request = request(text, &[1, 2, 255]).unwrap();
    assert_eq!((request.id.as_str(), request.signature.as_deref()), ("ä", Some("s")));
    assert_eq!((request.wanted[0].name.as_str(), request.wanted[0].classes), ("y", 2));
    assert!(matches!(&request.inputs[0].values, Values::Typed(Data::F32(v)) if v[1] == 2.0 && v[2].is_nan()));
    assert!(matches!(&request.inputs[1].values, Values::Raw(b) if b[..] == [1, 2, 255]));
    assert_eq!(request.inputs[1].shape, [3]);
}

/// An input with what is there of it.
fn input(members: &str) -> String {
    format!(r#"{{"inputs": [{{{members}}}]}}"#)
}

#[test]
fn what_is_wrong_is_named() {
    let head = r#""name": "x", "datatype": "FP32", "shape": [1]"#;
    let sized = |size: &str| input(&format!(r#"{head}, "parameters": {{"binary_data_size": {size}}}"#));
    let both = sized("4") + " ";
    let cases = [
        (String::new(), "the request body is empty"),
        ("[]".to_owned(), "the JSON is not valid"),
        ("{}".to_owned(), "Unable to parse 'inputs'"),
        (r#"{"inputs": {}}"#.to_owned(), "Unable to parse 'inputs': it must be an array"),
        (r#"{"inputs": [], "id": 5}"#.to_owned(), "Unable to parse 'id'"),
        (input(r#""datatype": "FP32", "shape": [1], "data": [1]"#), "Unable to parse 'name'"),
        (input(r#""name": "x", "shape": [1], "data": [1]"#), "Unable to parse 'datatype'"),
        (input(r#""name": "x", "datatype": "FP32", "data": [1]"#), "Unable to parse 'shape'"),
        (input(r#""name": "x", "datatype": "FP31", "shape": [1], "data": [1]"#), "invalid datatype 'FP31'"),
        (
            input(r#""name": "x", "datatype": "FP32", "shape": [1.5], "data": [1]"#),
            "extents must be integers",
        ),
        (input(&format!(r#""shape": [{}1]"#, "1,".repeat(64))), "more than 64 dimensions"),
        (input(&format!(r#"{head}, "data": 1"#)), "it must be an array"),
        (input(&format!(r#"{head}, "data": [[1], 2]"#)), "another length or depth"),
        (input(&format!(r#"{head}, "data": ["a"]"#)), "is not a float32 value"),
        (input(head), "But no field is set for input 'x'"),
        (
            input(&format!(r#"{head}, "data": [1], "parameters": {{"binary_data_size": 4}}"#)),
            "set 'data' 'binary_data_size'",
        ),
        (input(&format!(r#"{head}, "parameters": {{"shared_memory_region": "r"}}"#)), "shared memory"),
        (sized("-4"), "Unable to parse 'binary_data_size'"),
        (sized("18446744073709551616"), "Unable to parse 'binary_data_size'"),
        (sized("18446744073709551615"), "additional bytes for model 'm'"),
        (sized("7"), "unexpected size for input 'x', expecting 3 additional bytes for model 'm'"),
        (sized("3"), "unexpected additional input data for model 'm': 1 bytes"),
        (both + "x", "the JSON is not valid"),
        (input(&format!("\"data\": {}", "[".repeat(100_000))), "nested too deeply"),
    ];
    for (text, wanted) in cases {
        let told = request(&text, &[0; 4]).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(told.contains(wanted), "{text:.200}\nis refused with: {told}\nnot with: {wanted}");
    }
}

#[test]
fn binary_parts_do_not_overlap() {
    let one = |name: &str, size: usize| {
        format!(
            r#"{{"name": "{name}", "datatype": "UINT8", "shape": [{size}], "parameters": {{"binary_data_size": {size}}}}}"#
        )
    };
    let text = format!(r#"{{"inputs": [{}, {}, {}]}}"#, one("a", 2), one("b", 0), one("c", 1));
    let request = request(&text, &[1, 2, 3]).unwrap();
    let parts: Vec<&[u8]> = request
        .inputs
        .iter()
        .map(|i| match &i.values {
            Values::Raw(bytes) => &bytes[..],
            Values::Typed(_) => panic!("not raw"),
        })
        .collect();
    assert_eq!(parts, [&[1, 2][..], &[], &[3]]);
    let more = format!(r#"{{"inputs": [{}, {}]}}"#, one("a", 2), one("b", usize::MAX));
    assert!(request_fails(&more));
}

fn request_fails(text: &str) -> bool {
    request(text, &[1, 2, 3]).is_err()
}
