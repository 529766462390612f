//! `tf.train.Example`s: written in a request's JSON, and serialized as models parse them.

use super::json_read::Cursor;
use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::feature::Kind;
use crate::grpc::proto::tensorflow::{BytesList, Example, Feature, Features, FloatList, Int64List};
use base64::Engine as _;
use prost::Message as _;

/// A request's examples, and the features that all of them have.
#[derive(Debug, Default, PartialEq)]
pub struct Examples {
    /// The signature; empty: the usual one.
    pub signature: String,
    /// Features of all.
    pub context: Option<Example>,
    /// The examples.
    pub examples: Vec<Example>,
}

impl Examples {
    /// Reads `{"signature_name": …, "context": {…}, "examples": [{…}, …]}`.
    pub fn read(body: &[u8]) -> Result<Self, InvokeError> {
        let mut cursor = Cursor::new(body);
        match cursor.peek() {
            None => return Err(InvokeError::bad("JSON Parse error: The document is empty")),
            Some(b'{') => {}
            Some(_) => return Err(InvokeError::bad("the request is not a JSON object with \"examples\"")),
        }
        let (mut found, mut listed) = (Self::default(), false);
        cursor.object(|cursor, key| {
            match key {
                "signature_name" => found.signature = text(cursor.string()?)?,
                "context" => found.context = Some(example(cursor)?),
                "examples" => {
                    if cursor.peek() != Some(b'[') {
                        return Err(InvokeError::bad("Expecting 'examples' value to be an list/array"));
                    }
                    listed = true;
                    cursor.array(|cursor| {
                        found.examples.push(example(cursor)?);
                        Ok(())
                    })?;
                }
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        cursor.end()?;
        match (listed, found.examples.is_empty()) {
            (false, _) => Err(InvokeError::bad("key 'examples' is expected and was not found")),
            (true, true) => Err(InvokeError::bad("'examples' value is an empty array")),
            (true, false) => Ok(found),
        }
    }

    /// Each example as models parse it, with the features of all where it has none of that name.
    pub fn serialized(self) -> Vec<Vec<u8>> {
        let shared = self.context.and_then(|c| c.features).map(|f| f.feature).unwrap_or_default();
        let with_context = |mut example: Example| {
            if !shared.is_empty() {
                let own = std::mem::take(&mut example.features.get_or_insert_default().feature);
                let mut all = shared.clone();
                all.extend(own);
                example.features = Some(Features { feature: all });
            }
            example.encode_to_vec()
        };
        self.examples.into_iter().map(with_context).collect()
    }
}

fn text(bytes: Vec<u8>) -> Result<String, InvokeError> {
    String::from_utf8(bytes).map_err(|_| InvokeError::bad("signature_name is not UTF-8"))
}

fn example(cursor: &mut Cursor<'_>) -> Result<Example, InvokeError> {
    if cursor.peek() != Some(b'{') {
        return Err(InvokeError::bad("Example must be JSON object: {\"feature\": value, …}"));
    }
    let mut features = Features::default();
    cursor.object(|cursor, name| {
        let mut feature = Feature::default();
        if cursor.peek() == Some(b'[') {
            cursor.array(|cursor| add(&mut feature, name, value(cursor, name)?))?;
        } else {
            add(&mut feature, name, value(cursor, name)?)?;
        }
        features.feature.insert(name.to_owned(), feature);
        Ok(())
    })?;
    Ok(Example { features: Some(features) })
}

/// One value of a feature.
enum Value {
    Bytes(Vec<u8>),
    Float(f32),
    Integer(i64),
}

fn value(cursor: &mut Cursor<'_>, name: &str) -> Result<Value, InvokeError> {
    match cursor.peek() {
        Some(b'"') => Ok(Value::Bytes(cursor.string()?)),
        Some(b'{') => b64(cursor, name),
        _ => number(cursor.token()?, name),
    }
}

/// `{"b64": …}`, and nothing else in it.
fn b64(cursor: &mut Cursor<'_>, name: &str) -> Result<Value, InvokeError> {
    let (mut bytes, mut keys) = (None, 0);
    cursor.object(|cursor, key| {
        keys += 1;
        if key != "b64" || cursor.peek() != Some(b'"') {
            return Err(unexpected(name, "Object"));
        }
        let decoded = base64::engine::general_purpose::STANDARD.decode(cursor.string()?);
        bytes = Some(decoded.map_err(|_| InvokeError::bad("Unable to base64 decode"))?);
        Ok(())
    })?;
    bytes.filter(|_| keys == 1).map(Value::Bytes).ok_or_else(|| unexpected(name, "Object"))
}

/// Numbers with a point or an exponent, and those that are none, are floats.
fn number(token: &[u8], name: &str) -> Result<Value, InvokeError> {
    let written = || String::from_utf8_lossy(&token[..token.len().min(40)]).into_owned();
    match token {
        b"true" => return Ok(Value::Integer(1)),
        b"false" => return Ok(Value::Integer(0)),
        b"null" => return Err(unexpected(name, "Null")),
        _ => {}
    }
    if token.iter().all(|b| b.is_ascii_digit() || *b == b'-') {
        let integer = std::str::from_utf8(token).ok().and_then(|t| t.parse().ok());
        return integer.map(Value::Integer).ok_or_else(|| {
            InvokeError::bad(format!(
                "Feature: {name} has the element {}. Only int64 is supported.",
                written()
            ))
        });
    }
    let float: Option<f64> = fast_float2::parse(token).ok();
    let float = float.ok_or_else(|| InvokeError::bad(format!("{:?} is not a JSON value", written())))?;
    if float.is_finite() && float.abs() > f64::from(f32::MAX) {
        return Err(InvokeError::bad(format!(
            "Cannot convert JSON value: {} to float without loss of precision.",
            written()
        )));
    }
    Ok(Value::Float(float as f32))
}

fn unexpected(name: &str, kind: &str) -> InvokeError {
    InvokeError::bad(format!("Feature: {name} has element with unexpected JSON type: {kind}"))
}

/// Adds a value to a feature, whose values are all of one kind.
fn add(feature: &mut Feature, name: &str, value: Value) -> Result<(), InvokeError> {
    match (&mut feature.kind, value) {
        (Some(Kind::BytesList(list)), Value::Bytes(bytes)) => list.value.push(bytes),
        (Some(Kind::FloatList(list)), Value::Float(x)) => list.value.push(x),
        (Some(Kind::Int64List(list)), Value::Integer(n)) => list.value.push(n),
        (kind @ None, Value::Bytes(bytes)) => *kind = Some(Kind::BytesList(BytesList { value: vec![bytes] })),
        (kind @ None, Value::Float(x)) => *kind = Some(Kind::FloatList(FloatList { value: vec![x] })),
        (kind @ None, Value::Integer(n)) => *kind = Some(Kind::Int64List(Int64List { value: vec![n] })),
        (Some(kind), _) => {
            let wanted = match kind {
                Kind::BytesList(_) => "bytes",
                Kind::FloatList(_) => "float",
                Kind::Int64List(_) => "int64",
            };
            return Err(InvokeError::bad(format!(
                "Unexpected element type in feature: {name} expecting type: {wanted}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Example, Examples, Kind};
    use prost::Message as _;

    fn read(body: &str) -> Result<Examples, String> {
        Examples::read(body.as_bytes()).map_err(|e| e.to_string())
    }

    fn kind(example: &Example, name: &str) -> Kind {
        example.features.as_ref().unwrap().feature[name].kind.clone().unwrap()
    }

    #[test]
    fn values_tell_the_kind_of_their_feature() {
        let body = r#" {"examples": [{"f": [1.5, -2e1, NaN], "i": 7, "b": true, "s": "é", "r": [{"b64": "/w=="}], "e": []}],
                        "other": {}, "signature_name": "x"} "#;
        let found = read(body).unwrap();
        assert_eq!((found.signature.as_str(), found.context.is_none()), ("x", true));
        let example = &found.examples[0];
        assert!(
            matches!(kind(example, "f"), Kind::FloatList(l) if l.value[..2] == [1.5, -20.0] && l.value[2].is_nan())
        );
        assert!(matches!(kind(example, "i"), Kind::Int64List(l) if l.value == [7]));
        assert!(matches!(kind(example, "b"), Kind::Int64List(l) if l.value == [1]));
        assert!(matches!(kind(example, "s"), Kind::BytesList(l) if l.value == ["é".as_bytes()]));
        assert!(matches!(kind(example, "r"), Kind::BytesList(l) if l.value == [[0xff]]));
        assert!(example.features.as_ref().unwrap().feature["e"].kind.is_none());
    }

    #[test]
    fn what_all_have_is_in_each_unless_it_has_its_own() {
        let found =
            read(r#"{"context": {"a": 1, "b": 2}, "examples": [{"b": 3}, {}]}"#).unwrap().serialized();
        let [first, second] = &found[..] else { panic!("{found:?}") };
        let (first, second) = (Example::decode(&first[..]).unwrap(), Example::decode(&second[..]).unwrap());
        assert!(matches!(kind(&first, "a"), Kind::Int64List(l) if l.value == [1]));
        assert!(matches!(kind(&first, "b"), Kind::Int64List(l) if l.value == [3]));
        assert!(matches!(kind(&second, "b"), Kind::Int64List(l) if l.value == [2]));
    }

    #[test]
    fn what_is_no_example_is_told() {
        for (bad, why) in [
            ("", "document is empty"),
            ("[]", "not a JSON object"),
            ("{}", "was not found"),
            (r#"{"examples": {}}"#, "list/array"),
            (r#"{"examples": []}"#, "empty array"),
            (r#"{"examples": [1]}"#, "must be JSON object"),
            (r#"{"examples": [{"a": null}]}"#, "unexpected JSON type: Null"),
            (r#"{"examples": [{"a": [[1]]}]}"#, "expected a value"),
            (r#"{"examples": [{"a": {"x": 1}}]}"#, "unexpected JSON type: Object"),
            (r#"{"examples": [{"a": {"b64": "*"}}]}"#, "base64"),
            (r#"{"examples": [{"a": [1, 2.5]}]}"#, "expecting type: int64"),
            (r#"{"examples": [{"a": ["x", 2]}]}"#, "expecting type: bytes"),
            (r#"{"examples": [{"a": 18446744073709551615}]}"#, "Only int64"),
            (r#"{"examples": [{"a": 1e39}]}"#, "loss of precision"),
            (r#"{"examples": [{"a": bogus}]}"#, "not a JSON value"),
            (r#"{"examples": [{"a": 1}]} x"#, "expected the end"),
            (r#"{"examples": [{"a": 1}"#, "expected"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
