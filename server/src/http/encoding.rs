//! Compressed bodies, both ways, for every HTTP protocol. (gRPC compresses messages, not bodies, and does so itself.)

mod decoder;
mod encoder;

pub use decoder::Decoder;

use crate::error::InvokeError;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use encoder::{EncodedBody, Encoder};

/// A shorter answer is not worth it.
const SHORTEST: u64 = 1 << 10;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// By gzip.
    Gzip,
    /// By zlib, or, as some do, without its header.
    Deflate,
    /// By zstd.
    Zstd,
}

impl Coding {
    /// How a request's body is compressed.
    pub fn of_request(headers: &HeaderMap) -> Result<Self, InvokeError> {
        let mut codings = items(headers, &CONTENT_ENCODING).filter(|name| *name != "identity");
        let coding = match codings.next().as_deref() {
            None => Self::Identity,
            Some("gzip" | "x-gzip") => Self::Gzip,
            Some("deflate") => Self::Deflate,
            Some("zstd") => Self::Zstd,
            Some(other) => return Err(unsupported(other)),
        };
        match codings.next() {
            None => Ok(coding),
            Some(second) => Err(unsupported(&format!("{second} over another"))),
        }
    }

    /// How the answer to a request is best compressed. Zstd only for those that name it: who takes anything may be older.
    fn of_answer(headers: &HeaderMap) -> Self {
        let (mut gzip, mut deflate, mut zstd, mut any) = (None, None, None, None);
        for item in items(headers, &ACCEPT_ENCODING) {
            let (name, parameters) = item.split_once(';').unwrap_or((&item, ""));
            let quality =
                parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
            let wanted = Some(quality.is_some_and(|q| q > 0.0));
            match name.trim() {
                "gzip" | "x-gzip" => gzip = wanted,
                "deflate" => deflate = wanted,
                "zstd" => zstd = wanted,
                "*" => any = wanted,
                _ => {}
            }
        }
        let wants = |said: Option<bool>| said.or(any) == Some(true);
        match (zstd, wants(gzip), wants(deflate)) {
            (Some(true), ..) => Self::Zstd,
            (_, true, _) => Self::Gzip,
            (_, false, true) => Self::Deflate,
            (_, false, false) => Self::Identity,
        }
    }

    fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        })
    }
}

fn unsupported(coding: &str) -> InvokeError {
    InvokeError::bad(format!(
        "the content encoding {coding:?} is not supported; send gzip, deflate, zstd or none"
    ))
}

/// The items of all headers of a name, in lower case.
fn items(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|v| String::from_utf8_lossy(v.as_bytes()).to_ascii_lowercase()).collect();
    let items =
        values.into_iter().flat_map(|v| v.split(',').map(|i| i.trim().to_owned()).collect::<Vec<_>>());
    items.filter(|item| !item.is_empty())
}

/// Compresses the answers that are long enough and whose client wants it so.
pub async fn answers(request: Request, next: Next) -> Response {
    let coding = Coding::of_answer(request.headers());
    let head = request.method() == Method::HEAD;
    let answer = next.run(request).await;
    if head || !is_worth_it(&answer) {
        return answer;
    }
    let Some(encoder) = Encoder::new(coding) else { return answer };
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, coding.name());
    parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(parts, Body::new(EncodedBody::new(body, encoder)))
}

/// Streams are left alone: each part of them is wanted at once.
fn is_worth_it(answer: &Response) -> bool {
    let headers = answer.headers();
    let is_picture = headers.get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"image/"));
    let long = answer.body().size_hint().exact().is_some_and(|bytes| bytes >= SHORTEST);
    long && !is_picture && !headers.contains_key(CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::Coding;
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn what_a_client_accepts() {
        for (header, coding) in [
            ("gzip", Coding::Gzip),
            ("deflate, gzip;q=0.5", Coding::Gzip),
            ("gzip;q=0, deflate", Coding::Deflate),
            ("GZIP ; q=1.0", Coding::Gzip),
            ("*", Coding::Gzip),
            ("*;q=0, deflate", Coding::Deflate),
            ("gzip, deflate, br, zstd", Coding::Zstd),
            ("gzip, zstd;q=0", Coding::Gzip),
            ("identity, br", Coding::Identity),
            ("gzip;q=x", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::of_answer(&with(ACCEPT_ENCODING, header)), coding, "{header}");
        }
        assert_eq!(Coding::of_answer(&HeaderMap::new()), Coding::Identity);
    }

    #[test]
    fn what_a_client_sends() {
        let sends = |header| Coding::of_request(&with(CONTENT_ENCODING, header)).ok();
        assert_eq!(sends("gzip"), Some(Coding::Gzip));
        assert_eq!(sends("X-GZip, identity"), Some(Coding::Gzip));
        assert_eq!(sends("deflate"), Some(Coding::Deflate));
        assert_eq!(sends("zstd"), Some(Coding::Zstd));
        assert_eq!(sends("identity"), Some(Coding::Identity));
        assert_eq!(sends("br"), None);
        assert_eq!(sends("gzip, gzip"), None);
    }
}
