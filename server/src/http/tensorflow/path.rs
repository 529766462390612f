//! What a path asks for.

use crate::error::InvokeError;
use crate::named::Wanted;
use crate::tensorflow::Target;
use crate::tensorflow::examples::Method as Infer;
use axum::http::Method;
use percent_encoding::percent_decode_str;

const MODELS: &str = "/v1/models";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// A prediction.
    Predict(Target),
    /// Classes, or values.
    Infer(Infer, Target),
    /// Where versions are.
    Status(Target),
    /// Signatures.
    Metadata(Target),
}

/// Reads a path as it came, with everything in it still encoded.
pub fn parse(method: &Method, path: &str) -> Result<Ask, InvokeError> {
    let malformed = || InvokeError::bad(format!("Malformed request: {method} {path}"));
    let (begin, rest) = path.split_at_checked(MODELS.len()).ok_or_else(malformed)?;
    if !begin.eq_ignore_ascii_case(MODELS) || !(rest.is_empty() || rest.starts_with('/')) {
        return Err(malformed());
    }
    let (rest, verb) = match (method, rest.split_once(':')) {
        (&Method::POST, Some((rest, verb))) => (rest, Some(verb)),
        (&Method::GET, None) => (rest, None),
        _ => return Err(malformed()),
    };
    let mut segments: Vec<&str> = rest.split('/').skip(1).collect();
    if verb.is_none() && segments.is_empty() {
        return Err(InvokeError::bad("Missing model name in request."));
    }
    let has_metadata =
        segments.len() > 1 && segments.last().is_some_and(|s| s.eq_ignore_ascii_case("metadata"));
    // The label of a version may be called so too.
    let is_metadata = verb.is_none() && has_metadata && segments.len() != 3;
    if is_metadata {
        segments.pop();
    }
    let target = target(&segments)?.ok_or_else(malformed)?;
    match verb {
        None if is_metadata => Ok(Ask::Metadata(target)),
        None => Ok(Ask::Status(target)),
        Some(verb) if verb.eq_ignore_ascii_case("predict") => Ok(Ask::Predict(target)),
        Some(verb) if verb.eq_ignore_ascii_case("classify") => Ok(Ask::Infer(Infer::Classify, target)),
        Some(verb) if verb.eq_ignore_ascii_case("regress") => Ok(Ask::Infer(Infer::Regress, target)),
        Some(_) => Err(malformed()),
    }
}

/// None: the path is not one of a model.
fn target(segments: &[&str]) -> Result<Option<Target>, InvokeError> {
    let (name, version) = match segments {
        [name] => (name, Wanted::Latest),
        [name, kind, number] if kind.eq_ignore_ascii_case("versions") => {
            if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(None);
            }
            let number = number
                .parse()
                .map_err(|_| InvokeError::bad(format!("Failed to convert version: {number} to numeric.")))?;
            (name, Wanted::Number(number))
        }
        [name, kind, label] if kind.eq_ignore_ascii_case("labels") && !label.is_empty() => {
            (name, Wanted::Label(decoded(label)?))
        }
        _ => return Ok(None),
    };
    if name.is_empty() {
        return Ok(None);
    }
    Ok(Some(Target { name: decoded(name)?, version }))
}

fn decoded(text: &str) -> Result<String, InvokeError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| {
        InvokeError::bad(format!("Failed to decode model name: {text} is not UTF-8 with percent signs"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Ask, Infer, parse};
    use crate::named::Wanted;
    use crate::tensorflow::Target;
    use axum::http::Method;

    fn target(name: &str, version: Wanted) -> Target {
        Target { name: name.to_owned(), version }
    }

    fn ask(method: &Method, path: &str) -> Result<Ask, String> {
        parse(method, path).map_err(|e| e.to_string())
    }

    #[test]
    fn paths_ask_for_something_of_a_model() {
        let latest = |name| target(name, Wanted::Latest);
        for (path, wanted) in [
            ("/v1/models/m:predict", Ask::Predict(latest("m"))),
            ("/V1/MODELS/M:Predict", Ask::Predict(latest("M"))),
            (
                "/v1/models/a%2Fb%20%C3%BC.tar.gz:classify",
                Ask::Infer(Infer::Classify, latest("a/b ü.tar.gz")),
            ),
            ("/v1/models/m/versions/007:regress", Ask::Infer(Infer::Regress, target("m", Wanted::Number(7)))),
            ("/v1/models/m/labels/a%3Ab:predict", Ask::Predict(target("m", Wanted::Label("a:b".into())))),
        ] {
            assert_eq!(ask(&Method::POST, path), Ok(wanted), "{path}");
        }
        for (path, wanted) in [
            ("/v1/models/m", Ask::Status(latest("m"))),
            ("/v1/models/m/versions/3", Ask::Status(target("m", Wanted::Number(3)))),
            ("/v1/models/m/labels/metadata", Ask::Status(target("m", Wanted::Label("metadata".into())))),
            ("/v1/models/m/metadata", Ask::Metadata(latest("m"))),
            ("/v1/models/metadata", Ask::Status(latest("metadata"))),
            ("/v1/Models/m/Versions/3/MetaData", Ask::Metadata(target("m", Wanted::Number(3)))),
            ("/v1/models/m/labels/l/metadata", Ask::Metadata(target("m", Wanted::Label("l".into())))),
        ] {
            assert_eq!(ask(&Method::GET, path), Ok(wanted), "{path}");
        }
    }

    #[test]
    fn other_paths_are_malformed() {
        for (method, path) in [
            (Method::GET, "/v1/models/m:predict"),
            (Method::POST, "/v1/models/m"),
            (Method::POST, "/v1/models/m:explain"),
            (Method::POST, "/v1/models/m:predict:predict"),
            (Method::POST, "/v1/models/:predict"),
            (Method::POST, "/v1/models:predict"),
            (Method::POST, "/v1/models/a/b:predict"),
            (Method::POST, "/v1/models/m/versions/x:predict"),
            (Method::POST, "/v1/models/m/versions/-1:predict"),
            (Method::POST, "/v1/models/m/versions/:predict"),
            (Method::POST, "/v1/models/m/metadata:predict"),
            (Method::GET, "/v1/models/"),
            (Method::GET, "/v1/models/m/"),
            (Method::GET, "/v1/models/m/versions"),
            (Method::GET, "/v1/models/m/versions/1/metadata/x"),
            (Method::GET, "/v1/modelsx/m"),
            (Method::GET, "/v1/é"),
            (Method::DELETE, "/v1/models/m"),
        ] {
            assert_eq!(ask(&method, path), Err(format!("Malformed request: {method} {path}")));
        }
        assert_eq!(ask(&Method::GET, "/v1/models"), Err("Missing model name in request.".to_owned()));
        let long = ask(&Method::GET, "/v1/models/m/versions/99999999999999999999").unwrap_err();
        assert_eq!(long, "Failed to convert version: 99999999999999999999 to numeric.");
        assert!(ask(&Method::GET, "/v1/models/%ff").unwrap_err().starts_with("Failed to decode model name"));
    }
}
