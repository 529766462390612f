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
