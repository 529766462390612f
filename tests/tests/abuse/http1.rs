//! HTTP/1: lines, headers, lengths, chunks, and ways to smuggle.

use super::{Row, Wanted};
use berth_tests::raw::Step;
use std::time::Duration;

fn row(name: &str, bytes: impl Into<Vec<u8>>, wanted: Wanted) -> Row {
    Row::new(&format!("HTTP/1 {name}"), vec![Step::Send(bytes.into(), 1)], wanted)
}

/// The same, and nothing is sent after it.
fn ended(name: &str, bytes: impl Into<Vec<u8>>, wanted: Wanted) -> Row {
    Row::new(&format!("HTTP/1 {name}"), vec![Step::Send(bytes.into(), 1), Step::Finish], wanted)
}

/// A request line and headers for an invocation, without its end.
pub fn head(headers: &str) -> String {
    format!(
        "POST /endpoints/e/invocations HTTP/1.1\r\nhost: x\r\nx-amzn-sagemaker-target-model: iris.tar.gz\r\n\
         content-type: application/json\r\n{headers}"
    )
}

fn with(headers: &str) -> String {
    format!("{}\r\n\r\n", head(headers))
}

pub fn lines() -> Vec<Row> {
    let get = |line: &str| format!("{line}\r\nhost: x\r\n\r\n");
    let refused = || Wanted::Refused(&[400]);
    vec![
        ended("nothing at all", "", Wanted::Closed),
        ended("a line feed", "\n", Wanted::Closed),
        row("noise", (0..=255).cycle().take(4096).collect::<Vec<u8>>(), refused()),
        row("zeros", vec![0; 4096], refused()),
        row("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(40), refused()),
        row("SSH", "SSH-2.0-OpenSSH_9.6\r\n\r\n", refused()),
        row("no path", "GET\r\n\r\n", refused()),
        row("no version", "GET /ping\r\n\r\n", refused()),
        row("version 9", get("GET /ping HTTP/9.9"), refused()),
        row("version 3", get("GET /ping HTTP/3"), refused()),
        row("small letters", get("GET /ping http/1.1"), refused()),
        row("NUL in the method", get("G\0ET /ping HTTP/1.1"), refused()),
        row("an odd method", get("BREW /ping HTTP/1.1"), Wanted::Refused(&[405])),
        row(
            "a long method",
            get(&format!("{} /ping HTTP/1.1", "G".repeat(100_000))),
            Wanted::Refused(&[400, 431]),
        ),
        row(
            "a long path",
            get(&format!("GET /{} HTTP/1.1", "a".repeat(100_000))),
            Wanted::Refused(&[414, 431]),
        ),
        row("a space in the path", get("GET /pi ng HTTP/1.1"), refused()),
        row("NUL in the path", get("GET /pi\0ng HTTP/1.1"), refused()),
        row("a tab in the path", get("GET /pi\tng HTTP/1.1"), refused()),
        row("bad percent in a path", get("GET /models/%zz HTTP/1.1"), Wanted::Refused(&[400, 404])),
        row("half a percent", get("GET /models/a% HTTP/1.1"), Wanted::Refused(&[400, 404])),
        row("percent that is no text", get("GET /models/%ff%fe HTTP/1.1"), Wanted::Refused(&[400])),
        row("NUL in a name", get("GET /models/a%00b HTTP/1.1"), Wanted::Refused(&[400])),
        row("a way up", get("GET /models/..%2f..%2fetc%2fpasswd HTTP/1.1"), Wanted::Refused(&[400])),
        row("a way up in dots", get("GET /../../etc/passwd HTTP/1.1"), Wanted::Refused(&[404])),
        row("CONNECT", get("CONNECT x:443 HTTP/1.1"), Wanted::Refused(&[400, 404, 405])),
        row("another's address", get("GET http://elsewhere/secret HTTP/1.1"), Wanted::Refused(&[404])),
        row("a star", get("OPTIONS * HTTP/1.1"), Wanted::Refused(&[404, 405])),
        row("half a preface", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", refused()),
        row("tabs for spaces", get("GET\t/ping\tHTTP/1.1"), refused()),
        row("a carriage return alone", "GET /ping HTTP/1.1\rhost: x\r\r", refused()),
        row("TRACE", get("TRACE /ping HTTP/1.1"), Wanted::Refused(&[405])),
        row("GET where POST is", get("GET /endpoints/e/invocations HTTP/1.1"), Wanted::Refused(&[405])),
    ]
}

pub fn headers() -> Vec<Row> {
    let get = |headers: &str| format!("GET /ping HTTP/1.1\r\n{headers}\r\n\r\n");
    let refused = || Wanted::Refused(&[400]);
    let many = |n: usize| (0..n).map(|n| format!("a{n}: b")).collect::<Vec<_>>().join("\r\n");
    let invoke = |header: &[u8]| {
        let head = "POST /endpoints/e/invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n";
        [head.as_bytes(), header, b"\r\n\r\n"].concat()
    };
    let mut rows: Vec<_> = [0u8, 1, 8, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f]
        .into_iter()
        .map(|byte| {
            let bytes = [b"GET /ping HTTP/1.1\r\nhost: a".as_slice(), &[byte], b"b\r\n\r\n"].concat();
            row(&format!("byte {byte} in a header"), bytes, refused())
        })
        .collect();
    rows.extend([
        row("NUL in a header's name", get("a\0b: c"), refused()),
        row("a space in a name", get("a b: c"), refused()),
        row("a space before the colon", get("content-length : 0"), refused()),
        row("no name", get(": c"), refused()),
        row("no colon", get("nothing"), refused()),
        row("a name that is no ASCII", get("häder: c"), refused()),
        row("a folded header", get("host: a\r\n b"), refused()),
        row("a folded length", get("content-length:\r\n 0"), refused()),
        row("a fold at once", get(" host: a"), refused()),
        row("a carriage return in a header", get("host: a\rb"), refused()),
        row("101 headers", get(&many(101)), Wanted::Refused(&[431])),
        row("5000 headers", get(&many(5000)), Wanted::Refused(&[431])),
        row("a header of 100 kB", get(&format!("a: {}", "b".repeat(100_000))), Wanted::Refused(&[431])),
        row("a name of 100 kB", get(&format!("{}: b", "a".repeat(100_000))), Wanted::Refused(&[400, 431])),
        row(
            "a header without end",
            format!("GET /ping HTTP/1.1\r\na: {}", "b".repeat(5 << 20)),
            Wanted::Refused(&[431]),
        ),
        row("a target that is no text", invoke(b"x-amzn-sagemaker-target-model: \xff\xfe"), refused()),
        row("an empty target", invoke(b"x-amzn-sagemaker-target-model: "), refused()),
        row("a target up", invoke(b"x-amzn-sagemaker-target-model: ../../etc/passwd"), refused()),
        row("an absolute target", invoke(b"x-amzn-sagemaker-target-model: /etc/passwd"), refused()),
        row(
            "a long target",
            invoke(format!("x-amzn-sagemaker-target-model: {}", "a".repeat(2000)).as_bytes()),
            refused(),
        ),
        row("no target", invoke(b"a: b"), refused()),
        row(
            "a type that is no ASCII",
            invoke(b"x-amzn-sagemaker-target-model: iris.tar.gz\r\ncontent-type: \xe4"),
            refused(),
        ),
        row(
            "an odd type",
            invoke(b"x-amzn-sagemaker-target-model: iris.tar.gz\r\ncontent-type: a/b"),
            refused(),
        ),
        row(
            "an odd wish",
            invoke(b"x-amzn-sagemaker-target-model: iris.tar.gz\r\naccept: image/png"),
            refused(),
        ),
    ]);
    rows
}

pub fn lengths() -> Vec<Row> {
    let refused = || Wanted::Refused(&[400]);
    let chunked = |chunks: &str| format!("{}{chunks}", with("transfer-encoding: chunked"));
    let smuggled = "GET /models HTTP/1.1\r\nhost: x\r\n\r\n";
    vec![
        row("two lengths", with("content-length: 5\r\ncontent-length: 6"), refused()),
        row("a list of lengths", with("content-length: 5, 6"), refused()),
        row("a length with a sign", with("content-length: +5"), refused()),
        row("a negative length", with("content-length: -1"), refused()),
        row("a hexadecimal length", with("content-length: 0x5"), refused()),
        row("two numbers", with("content-length: 5 5"), refused()),
        row("an empty length", with("content-length: "), refused()),
        row("a length over all bounds", with(&format!("content-length: {}", "9".repeat(30))), refused()),
        row("a length over the limit", with("content-length: 99999999999"), Wanted::Refused(&[413])),
        row(
            "a length over the limit that waits for a word",
            with("content-length: 99999999999\r\nexpect: 100-continue"),
            Wanted::Refused(&[413]),
        ),
        row("gzip as transfer encoding", with("transfer-encoding: gzip"), refused()),
        row("an unknown transfer encoding", with("transfer-encoding: xchunked"), refused()),
        row("chunks inside of another", with("transfer-encoding: chunked, gzip"), refused()),
        row(
            "chunks in version 1.0",
            with("transfer-encoding: chunked").replace("HTTP/1.1", "HTTP/1.0") + "0\r\n\r\n",
            refused(),
        ),
        // The length counts for nothing, and what follows the chunks is a request of its own: nobody sees half of one.
        row(
            "a length beside chunks",
            with("content-length: 4\r\ntransfer-encoding: chunked") + "zz\r\n" + smuggled,
            refused(),
        ),
        row(
            "chunks beside a length",
            with("transfer-encoding: chunked\r\ncontent-length: 4") + "zz\r\n" + smuggled,
            refused(),
        ),
        row("a request in the body", with("content-length: 33") + smuggled, refused()),
        row("more than the length", with("content-length: 2") + "{}\0\0\0\0\r\n\r\n", refused()),
        row("a chunk of no number", chunked("zz\r\n"), refused()),
        row("a negative chunk", chunked("-1\r\n"), refused()),
        row("a chunk over all bounds", chunked("11111111111111111\r\n"), refused()),
        ended("a chunk of 16 EiB", chunked("ffffffffffffffff\r\nxx"), Wanted::Refused(&[400, 413])),
        row("a chunk without end", chunked("2\r\n{}xx"), refused()),
        row("NUL in a chunk's size", chunked("2\0\r\n{}\r\n0\r\n\r\n"), refused()),
        row("a long extension", chunked(&format!("2;{}\r\n{{}}\r\n", "a".repeat(100_000))), refused()),
        row("many extensions", chunked(&"1;aaaaaaaaaaaaaaaaaaaaaaaa\r\n \r\n".repeat(2000)), refused()),
        row(
            "long trailers",
            chunked(&format!("2\r\n{{}}\r\n0\r\na: {}\r\n\r\n", "b".repeat(100_000))),
            refused(),
        ),
        row(
            "many trailers",
            chunked(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", "a: b\r\n".repeat(2000))),
            refused(),
        ),
        ended("half a chunk", chunked("ff\r\n{}"), Wanted::Refused(&[400])),
        ended("half a body", with("content-length: 100") + "{}", Wanted::Refused(&[400])),
        ended("half a header", head("content-le"), Wanted::Closed),
        ended("half a line", "POST /endp", Wanted::Closed),
    ]
}

/// Those that take their time.
pub fn slow() -> Vec<Row> {
    let step = Duration::from_millis(500);
    let slow = |name: &str, bytes: String, wanted| {
        Row::new(&format!("HTTP/1 {name}"), vec![Step::Send(bytes.into_bytes(), 1), Step::Drip(step)], wanted)
    };
    let silent = |name: &str, bytes: String, wanted| {
        Row::new(&format!("HTTP/1 {name}"), vec![Step::Send(bytes.into_bytes(), 1)], wanted)
    };
    vec![
        slow("dripping headers", head("a: "), Wanted::Closed),
        silent("headers that stop", head("a: "), Wanted::Closed),
        slow("a dripping line", "POST /".to_owned(), Wanted::Closed),
        slow("a dripping body", with("content-length: 100000"), Wanted::Refused(&[400])),
        silent("a body that stops", with("content-length: 100000") + "{", Wanted::Refused(&[400])),
        silent("a body that never begins", with("content-length: 100000"), Wanted::Refused(&[400])),
        silent("chunks that stop", with("transfer-encoding: chunked") + "5\r\n{", Wanted::Refused(&[400])),
        silent(
            "a refused body that never comes",
            with("content-length: 99999999999"),
            Wanted::Refused(&[413]),
        ),
    ]
}
