//! Where a request comes from and goes to, as its headers say.

use axum::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use axum::http::request::Parts;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether a post comes from a page of ours, or from no browser at all. Browsers say where a post comes from.
pub fn is_ours(parts: &Parts) -> bool {
    let header = |name: &HeaderName| parts.headers.get(name).map(HeaderValue::as_bytes);
    match (header(&SEC_FETCH_SITE), header(&ORIGIN)) {
        (Some(site), _) => matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => {
            let host = host(parts).unwrap_or("").as_bytes();
            !host.is_empty()
                && [&b"http://"[..], b"https://"].iter().any(|s| origin.strip_prefix(*s) == Some(host))
        }
        (None, None) => true,
    }
}

fn host(parts: &Parts) -> Option<&str> {
    let named = parts.headers.get(HOST).and_then(|v| v.to_str().ok());
    // HTTP/2 names it elsewhere.
    named.or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str))
}

/// Where this server is for whoever asks: shown in commands.
pub fn origin(parts: &Parts) -> String {
    let plain = |host: &&str| {
        host.len() <= 255 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_[]".contains(&b))
    };
    let secure = parts.headers.get(FORWARDED_PROTO).is_some_and(|v| v == "https");
    let host = host(parts).filter(plain).unwrap_or("localhost");
    format!("{}://{host}", if secure { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    use super::{Parts, is_ours, origin};
    use axum::http::Request;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let request =
            headers.iter().fold(Request::builder().uri("/"), |r, (name, value)| r.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn posts_of_other_sites_are_told_from_ours() {
        let host = ("host", "berth.example:8080");
        let ours = [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://berth.example:8080")],
            &[host, ("origin", "https://berth.example:8080")],
        ];
        for headers in ours {
            assert!(is_ours(&parts(headers)), "{headers:?}");
        }
        let others = [
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "http://berth.example:8080")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "http://berth.example")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "null")],
            &[("origin", "http://")],
        ];
        for headers in others {
            assert!(!is_ours(&parts(headers)), "{headers:?}");
        }
    }

    #[test]
    fn commands_show_where_the_server_is_and_nothing_else() {
        assert_eq!(origin(&parts(&[("host", "127.0.0.1:8080")])), "http://127.0.0.1:8080");
        let behind = [("host", "b.example"), ("x-forwarded-proto", "https")];
        assert_eq!(origin(&parts(&behind)), "https://b.example");
        assert_eq!(origin(&parts(&[("host", "x'; rm -rf ~ '")])), "http://localhost");
        assert_eq!(origin(&parts(&[])), "http://localhost");
    }
}
