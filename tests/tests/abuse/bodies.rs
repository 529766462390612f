//! Bodies: JSON, compression, and the container's calls.

use super::http1::head;
use super::{Row, Wanted};
use berth_tests::archives::gzip;
use berth_tests::raw::Step;
use std::io::Write as _;

fn posted(name: &str, headers: &str, body: &[u8], wanted: Wanted) -> Row {
    let headers = format!("{}content-length: {}\r\n{headers}\r\n", head(""), body.len());
    Row::new(name, vec![Step::Send([headers.as_bytes(), body].concat(), 1)], wanted)
}

pub fn json() -> Vec<Row> {
    let deep = |open: &str, n: usize| open.repeat(n).into_bytes();
    let instances = |value: &[u8]| [b"{\"instances\": [[".as_slice(), value, b",2,3,4]]}"].concat();
    let long = "9".repeat(100_000);
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("deep lists", deep("[", 1_000_000)),
        ("deep objects", deep("{\"a\":", 300_000)),
        ("deep mixed", deep("[{\"a\":", 200_000)),
        (
            "deep instances",
            [b"{\"instances\":".as_slice(), &deep("[", 500_000), &deep("]", 500_000), b"}"].concat(),
        ),
        ("deep in a key that nobody wants", [b"{\"x\":".as_slice(), &deep("[", 500_000)].concat()),
        ("broken UTF-8", instances(b"\"\xff\xfe\"")),
        ("UTF-8 that is too long", instances(b"\"\xc0\xaf\"")),
        ("broken UTF-8 in a key", b"{\"\xff\": 1}".to_vec()),
        ("half a surrogate", instances(b"\"\\ud800\"")),
        ("two first halves", instances(b"\"\\ud800\\ud800\"")),
        ("UTF-16", "{\"instances\": [[1,2,3,4]]}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("NUL in a string", instances(b"\"\0\"")),
        ("NUL at the end", b"{\"instances\": [[1,2,3,4]]}\0".to_vec()),
        ("two signs", instances(b"--1")),
        ("a hexadecimal number", instances(b"0x10")),
        ("a number of points", instances(b"1.2.3")),
        ("a number without digits", instances(b"e5")),
        ("a number and letters", instances(b"1abc")),
        ("a word", instances(b"nul")),
        ("a comment", b"/* */ {\"instances\": [[1,2,3,4]]}".to_vec()),
        ("a comma at the end", b"{\"instances\": [[1,2,3,4,]]}".to_vec()),
        ("a quotation mark", b"\"".to_vec()),
        ("a long string without end", [b"\"".as_slice(), &vec![b'a'; 1 << 20]].concat()),
        ("escapes without end", [b"\"".as_slice(), &b"\\".repeat(100_001)].concat()),
        ("a million empty lists", [b"[".as_slice(), &b"[],".repeat(300_000), b"[]]"].concat()),
        (
            "a million keys",
            format!("{{{}}}", (0..100_000).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(","))
                .into(),
        ),
        ("a long key", format!("{{\"{}\": 1}}", "k".repeat(1 << 20)).into()),
        ("spaces", vec![b' '; 1 << 20]),
        ("a number where rows are", format!("{{\"instances\": {long}}}").into()),
    ];
    let refused =
        |(name, body): &(&str, Vec<u8>)| posted(&format!("JSON {name}"), "", body, Wanted::Refused(&[400]));
    bodies.iter().map(refused).collect()
}

pub fn compressed() -> Vec<Row> {
    let plain = b"{\"instances\": [[1,2,3,4]]}";
    let good = gzip(plain);
    let bomb = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..512 {
            encoder.write_all(&[0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let zlib_bomb = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..512 {
            encoder.write_all(&[0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let zstd_bomb = {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        for _ in 0..512 {
            encoder.write_all(&[0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(&plain[..], 3).unwrap();
    // A frame of one empty block that looks back 2 TiB.
    let wide = b"\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00";
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let post = |name: &str, coding: &str, body: &[u8], status: &'static [u16]| {
        let headers = format!("content-encoding: {coding}\r\n");
        posted(&format!("compressed {name}"), &headers, body, Wanted::Refused(status))
    };
    vec![
        post("bomb", "gzip", &bomb, &[413]),
        post("bomb by zlib", "deflate", &zlib_bomb, &[413]),
        post("bomb by zstd", "zstd", &zstd_bomb, &[413]),
        post("bombs by zstd", "zstd", &zstd_bomb.repeat(50), &[413]),
        post("a window of zstd", "zstd", wide, &[400]),
        post("half of zstd", "zstd", &zstd[..zstd.len() / 2], &[400]),
        post("nothing of zstd", "zstd", b"", &[400]),
        post("bytes after zstd's end", "zstd", &[&zstd[..], b"xxxx"].concat(), &[400]),
        post("gzip as zstd", "zstd", &good, &[400]),
        post("zstd as gzip", "gzip", &zstd, &[400]),
        post("noise as zstd", "zstd", &berth_tests::archives::noise(7, 4000), &[400]),
        post("noise in zstd", "zstd", &[&wide[..5], &berth_tests::archives::noise(8, 4000)].concat(), &[400]),
        post("zstd twice", "zstd, gzip", &gzip(&zstd), &[400]),
        post("bomb of bombs", "gzip", &gzip(&bomb), &[400]),
        post("half", "gzip", &good[..good.len() / 2], &[400]),
        post("a header alone", "gzip", &good[..10], &[400]),
        post("nothing", "gzip", b"", &[400]),
        post("a wrong sum", "gzip", &wrong_sum, &[400]),
        post("bytes after the end", "gzip", &[&good[..], b"xxxxxxxxxxxxxxxxxxxx"].concat(), &[400]),
        post("text as gzip", "gzip", plain, &[400]),
        post("gzip as deflate", "deflate", &good, &[400]),
        post("noise as deflate", "deflate", &berth_tests::archives::noise(7, 4000), &[400]),
        post("one byte as deflate", "deflate", b"\x78", &[400]),
        post("an unknown coding", "br", plain, &[400]),
        post("two codings", "gzip, gzip", &gzip(&good), &[400]),
        post("a coding of many", &"gzip, ".repeat(1000), plain, &[400]),
        posted("gzip that is not said to be", "", &good, Wanted::Refused(&[400])),
    ]
}

pub fn container() -> Vec<Row> {
    let call = |name: &str, line: &str, body: &[u8], status: &'static [u16]| {
        let head = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        let step = Step::Send([head.as_bytes(), body].concat(), 1);
        Row::new(&format!("container {name}"), vec![step], Wanted::Refused(status))
    };
    let register = |name: &str, body: &str| call(name, "POST /models", body.as_bytes(), &[400, 403]);
    vec![
        register("no JSON", "hello"),
        register("deep JSON", &"[".repeat(50_000)),
        register("no name", "{\"url\": \"/opt/ml/models/a/model\"}"),
        register("a number for a name", "{\"model_name\": 7, \"url\": \"x\"}"),
        register("another's directory", "{\"model_name\": \"a\", \"url\": \"/etc\"}"),
        register("a way up", "{\"model_name\": \"a\", \"url\": \"../../etc\"}"),
        register("NUL in a path", "{\"model_name\": \"a\", \"url\": \"a\\u0000b\"}"),
        call("a large registration", "POST /models", &vec![b' '; 100_000], &[403, 413]),
        call("a page of letters", "GET /models?limit=abc", b"", &[400]),
        call("a page of none", "GET /models?limit=0", b"", &[400]),
        call("a page of minus one", "GET /models?limit=-1", b"", &[400]),
        call("a token of another", "GET /models?next_page_token=99999999999999999999", b"", &[400]),
        call("a token far away", "GET /models?next_page_token=999999999", b"", &[400]),
        call("a model that is not there", "GET /models/nothing", b"", &[404]),
        call("an invocation of it", "POST /models/nothing/invoke", b"[[1]]", &[404]),
        call("an invocation of nothing", "POST /invocations", b"[[1]]", &[400]),
        call("a bad query", "GET /models?limit=1&limit=2&%zz", b"", &[400]),
        call("the end of all", "DELETE /models/iris.tar.gz", b"", &[403]),
        call("a stream of no model", "POST /endpoints/e/invocations-response-stream", b"[[1]]", &[400]),
        call(
            "a stream of another endpoint",
            "POST /endpoints/-/invocations-response-stream",
            b"[[1]]",
            &[400],
        ),
        call("a stream by GET", "GET /endpoints/e/invocations-response-stream", b"", &[405]),
    ]
}
