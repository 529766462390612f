//! Requests and what TensorFlow Serving answers them with; where its words are not ours, the part that is looked for.

use serde_json::{Value, json};

/// One request.
pub struct Case {
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub body: String,
    pub status: u16,
    pub want: Want,
}

/// What is to come back.
#[derive(Debug)]
pub enum Want {
    /// TensorFlow's answer of this name.
    Answer(&'static str),
    /// This.
    Json(Value),
    /// `{"error": …}` of these words.
    Error(&'static str),
    /// An error that says this among other things.
    Says(&'static str),
}

const FULL: &str = "/v1/models/full:predict";
const CLASSIFY: &str = "/v1/models/full:classify";
const REGRESS: &str = "/v1/models/full:regress";
const EXAMPLES: &str = r#"[{"x": [0.5, 0.25], "label": "cat"}, {"x": [1.0, 2.0], "bias": 0.5, "count": 3}]"#;
const SHARED: &str = r#""context": {"label": "all", "bias": 2.0}, "examples": [{"x": [0.5, 0.25]}, {"x": [1.0, 2.0], "bias": [0.5]}]"#;

fn case(name: &'static str, path: &'static str, body: impl Into<String>, status: u16, want: Want) -> Case {
    Case { name, method: "POST", path, body: body.into(), status, want }
}

fn get(name: &'static str, path: &'static str, status: u16, want: Want) -> Case {
    Case { name, method: "GET", path, body: String::new(), status, want }
}

/// Every request.
pub fn all() -> Vec<Case> {
    [predictions(), other_addresses(), refused_bodies(), examples(), refused_examples(), questions(), refused_paths()]
        .into_iter()
        .flatten()
        .collect()
}

fn predictions() -> Vec<Case> {
    use Want::{Answer, Json};
    let two = r#""signature_name": "two""#;
    let types = r#""f16": [0.5], "f64": [1e300], "i8": [-128], "i16": [-32768], "i32": [7], "u8": [255], "u16": [65535], "u32": [4294967295], "u64": [9007199254740993], "bf16": [1.5]"#;
    vec![
        case("rows", FULL, r#"{"instances": [1.0, 2.5, -3]}"#, 200, Answer("scale")),
        case("named rows", FULL, r#"{"instances": [{"x": 1}, {"x": 2.5}, {"x": -3e0}]}"#, 200, Answer("scale")),
        case("column", FULL, r#"{"inputs": [1.0, 2.5, -3]}"#, 200, Answer("scale columns")),
        case("named column", FULL, r#"{"inputs": {"x": [1.0, 2.5, -3]}}"#, 200, Answer("scale columns")),
        case("white space", FULL, "\r\n\t {\"instances\" : [ 1.0 ,2.5 , -3 ] }  \n", 200, Answer("scale")),
        case("decimals", FULL, r#"{"instances": [0.1, 1e-7, 12345678.0]}"#, 200, Answer("scale float")),
        case("default by name", FULL, r#"{"instances": [1.0, 2.5, -3], "signature_name": "serving_default"}"#, 200, Answer("scale")),
        case("empty signature name", FULL, r#"{"signature_name": "", "instances": [1.0, 2.5, -3]}"#, 200, Answer("scale")),
        case("unknown members", FULL, r#"{"id": {"a": [1]}, "instances": [1.0, 2.5, -3]}"#, 200, Answer("scale")),
        case("two inputs in rows", FULL, format!(r#"{{{two}, "instances": [{{"a": 3, "b": [1.5, 2]}}, {{"b": [0.25, 7], "a": -4}}]}}"#), 200, Answer("two")),
        case("two inputs in columns", FULL, format!(r#"{{"inputs": {{"b": [[1.5, 2], [0.25, 7]], "a": [3, -4]}}, {two}}}"#), 200, Answer("two columns")),
        case("inputs the model has none of", FULL, format!(r#"{{"inputs": {{"b": [[1.5, 2], [0.25, 7]], "z": {{"y": 1}}, "a": [3, -4]}}, {two}}}"#), 200, Answer("two columns")),
        case("large int64", FULL, format!(r#"{{{two}, "inputs": {{"a": [4611686018427387903], "b": [[0, 0]]}}}}"#), 200, Json(json!({"outputs": {"sum": [[4.611_686e18, 4.611_686e18]], "twice": [9_223_372_036_854_775_806_i64]}}))),
        case("strings", FULL, r#"{"signature_name": "text", "instances": ["a", "é", ""]}"#, 200, Answer("text")),
        case("escaped strings", FULL, r#"{"signature_name": "text", "instances": ["\u0061", {"b64": "w6k="}, ""]}"#, 200, Answer("text")),
        case("strings in a column", FULL, r#"{"signature_name": "text", "inputs": ["a", "é", ""]}"#, 200, Answer("text columns")),
        case("bytes", FULL, r#"{"signature_name": "raw", "instances": [{"b64": "/wA="}, {"b64": "cGxhaW4="}]}"#, 200, Answer("raw")),
        case("named bytes", FULL, r#"{"signature_name": "raw", "instances": [{"s": {"b64": "/wA="}}, {"s": "plain"}]}"#, 200, Answer("raw")),
        case("truths", FULL, r#"{"signature_name": "logic", "instances": [true, false]}"#, 200, Answer("logic")),
        case("a scalar", FULL, r#"{"signature_name": "scalar", "inputs": 1.25}"#, 200, Answer("scalar")),
        case("a named scalar", FULL, r#"{"signature_name": "scalar", "inputs": {"x": 1.25}}"#, 200, Answer("scalar")),
        case("NaN and infinities come", FULL, r#"{"signature_name": "divide", "inputs": {"x": [1, -1, 0, 3], "y": [0, 0, 0, 2]}}"#, 200, Json(json!({"outputs": ["Infinity", "-Infinity", "NaN", 1.5]}))),
        case("NaN and infinities go", FULL, r#"{"signature_name": "divide", "instances": [{"x": NaN, "y": 1}, {"x": Infinity, "y": 1}, {"x": -Infinity, "y": 1}]}"#, 200, Answer("divide limits")),
        case("no rows in a column", FULL, r#"{"inputs": []}"#, 200, Json(json!({"outputs": []}))),
        case("every type", FULL, format!(r#"{{"signature_name": "types", "instances": [{{{}}}]}}"#, types.replace(['[', ']'], "")), 200, Json(json!({"predictions": [{"f16": 0.5, "f64": 1e300, "i8": -128, "i16": -32768, "i32": 7, "u8": 255, "u16": 65535, "u32": 4_294_967_295_u32, "u64": 9_007_199_254_740_993_u64, "bf16": 1.5}]}))),
        case("every type in columns", FULL, format!(r#"{{"signature_name": "types", "inputs": {{{types}}}}}"#), 200, Json(json!({"outputs": {"f16": [0.5], "f64": [1e300], "i8": [-128], "i16": [-32768], "i32": [7], "u8": [255], "u16": [65535], "u32": [4_294_967_295_u32], "u64": [9_007_199_254_740_993_u64], "bf16": [1.5]}}))),
        case("rows of numbers", FULL, r#"{"signature_name": "large", "instances": [[1, 2, 3], [4, 5, 6]]}"#, 200, Json(json!({"predictions": [6.0, 15.0]}))),
        case("the signature last", FULL, r#"{"instances": [[1, 2, 3], [4, 5, 6]], "signature_name": "large"}"#, 200, Json(json!({"predictions": [6.0, 15.0]}))),
    ]
}

fn other_addresses() -> Vec<Case> {
    use Want::{Answer, Error, Json};
    let body = r#"{"instances": [1.0, 2.5, -3]}"#;
    let scaled = |factor: f64| Json(json!({"predictions": [factor, 2.5 * factor, -3.0 * factor]}));
    vec![
        case("an archive's whole name", "/v1/models/full.tar.gz:predict", body, 200, Answer("scale")),
        case("any case", "/V1/Models/full:Predict", body, 200, Answer("scale")),
        case("a name of many scripts", "/v1/models/s%C3%B6me%20dir%2F%D0%BC%D0%BE%D0%B4%D0%B5%D0%BB%D1%8C%201%25:predict", body, 200, Answer("scale")),
        case("and its ending", "/v1/models/s%C3%B6me%20dir%2f%D0%BC%D0%BE%D0%B4%D0%B5%D0%BB%D1%8C%201%25.tar.gz/versions/2:predict", body, 200, Answer("scale")),
        case("the highest version", "/v1/models/versions:predict", body, 200, scaled(5.0)),
        case("the highest version by number", "/v1/models/versions/versions/10:predict", body, 200, scaled(5.0)),
        case("a version between", "/v1/models/versions/versions/2:predict", body, 200, scaled(3.0)),
        case("the lowest version", "/v1/models/versions/Versions/0001:predict", body, 200, scaled(2.0)),
        case("no such version", "/v1/models/versions/versions/3:predict", body, 404, Error("Servable not found for request: Specific(versions, 3)")),
        case("the one version", "/v1/models/full/versions/2:predict", body, 200, Answer("scale")),
        case("no version directory", "/v1/models/plain/versions/1:predict", body, 200, scaled(2.0)),
        case("none but the one version", "/v1/models/full/versions/1:predict", body, 404, Error("Servable not found for request: Specific(full, 1)")),
        case("no such model", "/v1/models/half:predict", body, 404, Error("Servable not found for request: Latest(half)")),
        case("no such model, by number", "/v1/models/half/versions/5:predict", body, 404, Error("Servable not found for request: Specific(half, 5)")),
        case("no such archive", "/v1/models/half.tar.gz:classify", body, 404, Error("Servable not found for request: Latest(half.tar.gz)")),
        case("no labels", "/v1/models/full/labels/stable:predict", body, 400, Error("Unrecognized servable version label: stable")),
        case("a broken model", "/v1/models/broken:predict", body, 400, Want::Says("archive")),
        case("a model that is no TensorFlow", "/v1/models/linear:predict", r#"{"instances": [[1]]}"#, 400, Want::Says("must be")),
    ]
}

fn refused_bodies() -> Vec<Case> {
    use Want::{Error, Says};
    let bad = |name, body: &str, want| case(name, FULL, body, 400, want);
    vec![
        bad("nothing", "", Error("JSON Parse error: The document is empty")),
        bad("white space alone", " \n", Error("JSON Parse error: The document is empty")),
        bad("no JSON", "instances=1", Says("not valid")),
        bad("cut off", r#"{"instances": [1.0, 2"#, Says("not valid")),
        bad("more than JSON", r#"{"instances": [1.0]} x"#, Says("not valid")),
        bad("a trailing comma", r#"{"instances": [1.0,]}"#, Says("not valid")),
        bad("a list", "[1.0, 2.5]", Error("JSON Value: [1.0, 2.5] Is not object")),
        bad("a number", "7", Error("JSON Value: 7 Is not object")),
        bad("no tensors", r#"{"signature_name": "two"}"#, Error("Missing 'inputs' or 'instances' key")),
        bad("both forms", r#"{"instances": [1], "inputs": [1]}"#, Says("expecting only one of 'inputs' or 'instances' keys to exist")),
        bad("no rows", r#"{"instances": []}"#, Says("No values in 'instances' array")),
        bad("rows that are none", r#"{"instances": 1.0}"#, Says("must be an array")),
        bad("a signature's name that is none", r#"{"signature_name": 7, "instances": [1]}"#, Says("not valid")),
        bad("no such signature", r#"{"signature_name": "other", "instances": [1]}"#, Says("Serving signature name: \"other\" not found in signature def")),
        bad("a word", r#"{"instances": [1.0, "x"]}"#, Says("is not a float32 value")),
        bad("null", r#"{"instances": [null]}"#, Says("is not a float32 value")),
        bad("a truth for a number", r#"{"instances": [true]}"#, Says("is not a float32 value")),
        bad("a number for a truth", r#"{"signature_name": "logic", "instances": [1]}"#, Says("is not a bool value")),
        bad("a number for a string", r#"{"signature_name": "text", "instances": [1]}"#, Says("is not a string value")),
        bad("a float for an integer", r#"{"signature_name": "two", "inputs": {"a": [1.5], "b": [[1, 2]]}}"#, Says("is not a int64 value")),
        bad("too large for int8", r#"{"signature_name": "types", "inputs": {"i8": [128]}}"#, Says("is not a int8 value")),
        bad("too large for int64", r#"{"signature_name": "two", "inputs": {"a": [9223372036854775808], "b": [[1, 2]]}}"#, Says("is not a int64 value")),
        bad("rows of different lengths", r#"{"signature_name": "large", "instances": [[1], [1, 2]]}"#, Says("length")),
        bad("depths that differ", r#"{"signature_name": "large", "instances": [[1], 2]}"#, Says("depth")),
        bad("too deep", &format!(r#"{{"instances": {}"#, "[".repeat(100_000)), Says("too deep")),
        bad("another shape", r#"{"instances": [[1.0, 2.0]]}"#, Says("float32[N]")),
        bad("an input too few in a row", r#"{"signature_name": "two", "instances": [{"a": 1}]}"#, Says("every row needs it once")),
        bad("an input too many in a row", r#"{"instances": [{"x": 1, "z": 2}]}"#, Says("has no input \"z\"")),
        bad("an input too few in columns", r#"{"signature_name": "two", "inputs": {"a": [1]}}"#, Says("\"b\" is missing")),
        bad("one list for two inputs", r#"{"signature_name": "two", "instances": [[1, 2]]}"#, Says("2 inputs")),
        bad("objects and lists", r#"{"instances": [{"x": 1}, 2]}"#, Says("")),
        bad("no base64", r#"{"signature_name": "raw", "instances": [{"b64": "*"}]}"#, Says("base64")),
        bad("a scalar answer in rows", r#"{"signature_name": "scalar", "instances": [1.0]}"#, Says("float32[]")),
        bad("shapes that do not fit each other", r#"{"signature_name": "divide", "inputs": {"x": [1, 2], "y": [1, 2, 3]}}"#, Says("")),
    ]
}

fn examples() -> Vec<Case> {
    use Want::Answer;
    let body = |signature: &str, rest: &str| format!(r#"{{"signature_name": "{signature}", {rest}}}"#);
    let list = format!(r#""examples": {EXAMPLES}"#);
    let parsed = list.replace("\"cat\"", r#"[{"b64": "Y2F0"}]"#);
    vec![
        case("classes", CLASSIFY, body("classify", &list), 200, Answer("classify")),
        case("classes of bytes", CLASSIFY, body("classify", &parsed), 200, Answer("classify")),
        case("classes with a context", CLASSIFY, body("classify", SHARED), 200, Answer("classify context")),
        case("scores alone", CLASSIFY, body("scores", &list), 200, Answer("scores")),
        case("values", REGRESS, body("regress", &list), 200, Answer("regress")),
        case("values with a context", REGRESS, body("regress", SHARED), 200, Answer("regress context")),
        case("values by number", "/v1/models/full/versions/2:Regress", body("regress", &list), 200, Answer("regress")),
    ]
}

fn refused_examples() -> Vec<Case> {
    use Want::{Error, Says};
    let of = |signature: &str, examples: &str| {
        format!(r#"{{"signature_name": "{signature}", "examples": {examples}}}"#)
    };
    let bad = |name, path, body: String, want| case(name, path, body, 400, want);
    vec![
        bad("classify nothing", CLASSIFY, String::new(), Error("JSON Parse error: The document is empty")),
        bad("no examples", CLASSIFY, r#"{"signature_name": "classify"}"#.to_owned(), Says("'examples' is expected and was not found")),
        bad("empty examples", REGRESS, of("regress", "[]"), Says("'examples' value is an empty array")),
        bad("examples that are none", REGRESS, of("regress", "{}"), Says("to be an list/array")),
        bad("an example that is none", REGRESS, of("regress", "[[1]]"), Says("Example must be JSON object")),
        bad("a null in an example", CLASSIFY, of("classify", r#"[{"x": null}]"#), Error("Feature: x has element with unexpected JSON type: Null")),
        bad("two kinds in a feature", CLASSIFY, of("classify", r#"[{"x": [1.5, "a"]}]"#), Error("Unexpected element type in feature: x expecting type: float")),
        bad("another kind than the model's", CLASSIFY, of("classify", r#"[{"x": ["a", "b"]}]"#), Says("x")),
        bad("a feature that is missing", CLASSIFY, of("classify", "[{}]"), Says("x")),
        bad("classify by a signature of tensors", CLASSIFY, of("two", EXAMPLES), Says("Expected one input Tensor.")),
        bad("classify by the usual signature", CLASSIFY, format!(r#"{{"examples": {EXAMPLES}}}"#), Says("inputs")),
        bad("classify by a signature of values", CLASSIFY, of("regress", EXAMPLES), Says("at least one of \"classes\" or \"scores\"")),
        bad("regress by a signature of classes", REGRESS, of("classify", EXAMPLES), Says("Expected one output Tensor.")),
        bad("regress to more than a value", REGRESS, of("wide", EXAMPLES), Says("Expected output Tensor shape to be either [batch_size] or [batch_size, 1]")),
        bad("no such signature to classify by", CLASSIFY, of("other", EXAMPLES), Says("No signature was found with the name: other")),
        case("classify no such model", "/v1/models/half:classify", of("classify", EXAMPLES), 404, Error("Servable not found for request: Latest(half)")),
    ]
}

fn questions() -> Vec<Case> {
    use Want::{Error, Json, Says};
    let status = |versions: &[&str]| {
        let one = |version: &&str| json!({"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}});
        Json(json!({"model_version_status": versions.iter().map(one).collect::<Vec<_>>()}))
    };
    let info = |name: &str| {
        json!({"dtype": "DT_FLOAT", "name": name, "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": false}})
    };
    let metadata = |version: &str| {
        let initial = json!({"inputs": {}, "defaults": {}, "method_name": "", "outputs": {"__saved_model_init_op": {
            "dtype": "DT_INVALID", "name": "NoOp", "tensor_shape": {"dim": [], "unknown_rank": true}}}});
        let default = json!({"inputs": {"x": info("serving_default_x:0")}, "outputs": {"y": info("StatefulPartitionedCall:0")},
            "method_name": "tensorflow/serving/predict", "defaults": {}});
        Json(json!({"model_spec": {"name": "versions", "signature_name": "", "version": version},
            "metadata": {"signature_def": {"signature_def": {"serving_default": default, "__saved_model_init_op": initial}}}}))
    };
    vec![
        get("status of every version", "/v1/models/versions", 200, status(&["10", "2", "1"])),
        get("status of one version", "/v1/models/versions/versions/2", 200, status(&["2"])),
        get("status in any case", "/V1/MODELS/full", 200, status(&["2"])),
        get("status of an archive", "/v1/models/full.tar.gz", 200, status(&["2"])),
        get("status of no such version", "/v1/models/versions/versions/3", 404, Error("Could not find version 3 of model versions")),
        get("status of no such model", "/v1/models/half", 404, Error("Could not find any versions of model half")),
        get("status of no such archive", "/v1/models/half.tar.gz", 404, Error("Could not find any versions of model half.tar.gz")),
        get("status of no such model's version", "/v1/models/half/versions/1", 404, Error("Could not find version 1 of model half")),
        get("status by label", "/v1/models/full/labels/stable", 400, Error("Unrecognized servable version label: stable")),
        get("metadata", "/v1/models/versions/metadata", 200, metadata("10")),
        get("metadata by number", "/v1/models/versions/versions/1/MetaData", 200, metadata("1")),
        get("metadata of no such model", "/v1/models/half/metadata", 404, Error("Servable not found for request: Latest(half)")),
        get("metadata of no such version", "/v1/models/versions/versions/3/metadata", 404, Error("Servable not found for request: Specific(versions, 3)")),
        get("metadata of a broken model", "/v1/models/broken/metadata", 400, Says("archive")),
    ]
}

fn refused_paths() -> Vec<Case> {
    use Want::{Error, Says};
    vec![
        get("no model's name", "/v1/models", 400, Error("Missing model name in request.")),
        get("no path of the protocol", "/v1/other", 400, Error("Malformed request: GET /v1/other")),
        get("predict by GET", FULL, 400, Error("Malformed request: GET /v1/models/full:predict")),
        case("status by POST", "/v1/models/full", "", 400, Error("Malformed request: POST /v1/models/full")),
        case("no such method", "/v1/models/full:explain", "{}", 400, Error("Malformed request: POST /v1/models/full:explain")),
        case("a slash in the name", "/v1/models/a/b:predict", "{}", 400, Error("Malformed request: POST /v1/models/a/b:predict")),
        case("a version that is no number", "/v1/models/full/versions/latest:predict", "{}", 400, Error("Malformed request: POST /v1/models/full/versions/latest:predict")),
        case("a version beyond 64 bits", "/v1/models/full/versions/18446744073709551616:predict", "{}", 400, Error("Failed to convert version: 18446744073709551616 to numeric.")),
        case("a name that is no text", "/v1/models/%ff:predict", "{}", 400, Says("Failed to decode model name")),
        case("a name out of the prefix", "/v1/models/..%2Fsecret:predict", r#"{"instances": [1]}"#, 400, Says("not valid")),
        Case { method: "DELETE", ..get("a method of HTTP that is not known", "/v1/models/full", 400, Error("Malformed request: DELETE /v1/models/full")) },
    ]
}
