//! HTTP/2: frames built by hand, out of place, of wrong lengths, and far too many.

use super::{Row, Wanted};
use berth_tests::raw::Step;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITIZED: u8 = 0x20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header without index: name and value as they are.
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0], string(name).as_slice(), &string(value)].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match u8::try_from(text.len()) {
        Ok(length @ 0..127) => out.push(length),
        _ => {
            let mut rest = text.len() - 127;
            out.push(127);
            while rest >= 128 {
                out.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            out.push(u8::try_from(rest).unwrap());
        }
    }
    out.extend_from_slice(text);
    out
}

/// `:method`, `:scheme http` and `:path`.
fn request(method: &[u8], path: &[u8]) -> Vec<u8> {
    [literal(b":method", method), vec![0x86], literal(b":path", path), literal(b":authority", b"x")].concat()
}

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &request(b"GET", b"/ping"))
}

/// A request for a prediction whose body is still to come.
fn post(stream: u32, more: &[u8]) -> Vec<u8> {
    let target = literal(b"x-amzn-sagemaker-target-model", b"iris.tar.gz");
    let headers = [request(b"POST", b"/endpoints/e/invocations"), target, more.to_vec()].concat();
    frame(HEADERS, END_HEADERS, stream, &headers)
}

/// The preface and settings, as every connection begins.
pub fn opened() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

fn row(name: &str, frames: &[u8], wanted: Wanted) -> Row {
    Row::new(&format!("HTTP/2 {name}"), vec![Step::Send([&opened(), frames].concat(), 1)], wanted)
}

fn flood(name: &str, first: &[u8], frames: &[u8], times: usize) -> Row {
    let steps =
        vec![Step::Send([&opened(), first].concat(), 1), Step::Send(frames.to_vec(), times), Step::Finish];
    Row::new(&format!("HTTP/2 flood of {name}"), steps, Wanted::Endured)
}

pub fn places() -> Vec<Row> {
    let refused = || Wanted::Reset;
    let setting = |id: u16, value: u32| [id.to_be_bytes().as_slice(), &value.to_be_bytes()].concat();
    let raw = |name: &str, bytes: Vec<u8>| {
        Row::new(&format!("HTTP/2 {name}"), vec![Step::Send(bytes, 1)], Wanted::Reset)
    };
    vec![
        Row { wanted: Wanted::Answered, ..raw("no settings first", [PREFACE, &get(1)].concat()) },
        raw("noise after the preface", [PREFACE, &[0xff; 100]].concat()),
        raw("HTTP/1 after the preface", [PREFACE, b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"].concat()),
        row("a frame of 16 MiB", &[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1], refused()),
        row("a frame over the limit", &frame(DATA, 0, 1, &vec![0; 20_000]), refused()),
        row("settings of five bytes", &frame(SETTINGS, 0, 0, &[0; 5]), refused()),
        row("settings of a stream", &frame(SETTINGS, 0, 1, &[0; 6]), refused()),
        row("settings that are taken and said", &frame(SETTINGS, ACK, 0, &[0; 6]), refused()),
        row("pushes of two kinds", &frame(SETTINGS, 0, 0, &setting(2, 2)), refused()),
        row("a window over all bounds", &frame(SETTINGS, 0, 0, &setting(4, u32::MAX)), refused()),
        row("frames of no size", &frame(SETTINGS, 0, 0, &setting(5, 1)), refused()),
        row("a ping of three bytes", &frame(PING, 0, 0, &[0; 3]), refused()),
        row("a ping of a stream", &frame(PING, 0, 1, &[0; 8]), refused()),
        row("a window that grows by nothing", &frame(WINDOW_UPDATE, 0, 0, &[0; 4]), refused()),
        row("a window of three bytes", &frame(WINDOW_UPDATE, 0, 0, &[0; 3]), refused()),
        row(
            "a window that grows too far",
            &frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2),
            refused(),
        ),
        row("a window of no stream", &frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), refused()),
        row(
            "a stream's window that grows too far",
            &[post(1, &[]), frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)].concat(),
            refused(),
        ),
        row("a reset of no stream", &frame(RST_STREAM, 0, 1, &[0; 4]), refused()),
        row("a reset of stream 0", &frame(RST_STREAM, 0, 0, &[0; 4]), refused()),
        row("a reset of three bytes", &[post(1, &[]), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), refused()),
        row("a priority of three bytes", &frame(PRIORITY, 0, 1, &[0; 3]), refused()),
        row("a priority of stream 0", &frame(PRIORITY, 0, 0, &[0; 5]), refused()),
        row("a farewell of three bytes", &frame(GOAWAY, 0, 0, &[0; 3]), refused()),
        row("a promise by a client", &frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), refused()),
        row("data of stream 0", &frame(DATA, 0, 0, b"x"), refused()),
        row("data of no stream", &frame(DATA, 0, 1, b"x"), refused()),
        row("data after the end", &[get(1), frame(DATA, 0, 1, b"x")].concat(), refused()),
        row(
            "data that is all padding and more",
            &[post(1, &[]), frame(DATA, PADDED, 1, &[200, 1])].concat(),
            refused(),
        ),
        row("padded data without padding", &[post(1, &[]), frame(DATA, PADDED, 1, &[])].concat(), refused()),
        row("headers of stream 0", &frame(HEADERS, END_HEADERS, 0, &request(b"GET", b"/ping")), refused()),
        row("headers of an even stream", &get(2), refused()),
        row("headers of an earlier stream", &[get(5), get(3)].concat(), refused()),
        row("headers of padding alone", &frame(HEADERS, END_HEADERS | PADDED, 1, &[255, 0]), refused()),
        row(
            "headers that depend on themselves",
            &frame(
                HEADERS,
                END_HEADERS | PRIORITIZED,
                1,
                &[&[0, 0, 0, 1, 0], request(b"GET", b"/ping").as_slice()].concat(),
            ),
            refused(),
        ),
        row("half a priority", &frame(HEADERS, END_HEADERS | PRIORITIZED, 1, &[0, 0]), refused()),
        row("a continuation of nothing", &frame(CONTINUATION, END_HEADERS, 1, &[]), refused()),
        row(
            "a ping amid headers",
            &[frame(HEADERS, 0, 1, &[0x82]), frame(PING, 0, 0, &[0; 8])].concat(),
            refused(),
        ),
        row(
            "a continuation of another",
            &[frame(HEADERS, 0, 1, &[0x82]), frame(CONTINUATION, END_HEADERS, 3, &[])].concat(),
            refused(),
        ),
        row("a frame of no kind", &[frame(0xee, 0xff, 0, &[7; 100]), get(1)].concat(), Wanted::Answered),
        row("a reserved bit", &[frame(0xee, 0, 1 << 31, &[]), get(1)].concat(), Wanted::Answered),
    ]
}

pub fn headers() -> Vec<Row> {
    let refused = || Wanted::Reset;
    let block = |block: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 1, block);
    let plus = |header: Vec<u8>| block(&[request(b"GET", b"/ping"), header].concat());
    let large: Vec<u8> = (0..1000).flat_map(|n| literal(format!("a{n}").as_bytes(), b"bbbbbbbb")).collect();
    vec![
        row("an index of nothing", &block(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), refused()),
        row("index 0", &block(&[0x80]), refused()),
        row("half a header", &block(&[0, 10, b'a']), refused()),
        row(
            "a length over all bounds",
            &block(&[0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            refused(),
        ),
        row("letters that are no code", &block(&[0, 0x81, 0x00, 0x84, 0xff, 0xff, 0xff, 0xff]), refused()),
        row("a table over the limit", &block(&[0x3f, 0xff, 0xff, 0xff, 0x7f]), refused()),
        row("no headers", &block(&[]), refused()),
        row("no path", &block(&[0x82, 0x86]), Wanted::Refused(&[])),
        row("no method", &block(&[0x86, 0x84]), refused()),
        row("two methods", &block(&[0x82, 0x83, 0x86, 0x84]), refused()),
        row("two paths", &block(&[0x82, 0x86, 0x84, 0x85]), refused()),
        row("an unknown pseudo-header", &plus(literal(b":odd", b"x")), refused()),
        row(
            "a pseudo-header at the end",
            &[&[0x82, 0x86], literal(b"a", b"b").as_slice(), &[0x84]].concat().pipe(block),
            refused(),
        ),
        row("a status", &plus(vec![0x88]), refused()),
        row("capital letters", &plus(literal(b"Host", b"x")), refused()),
        row("a line feed in a header", &plus(literal(b"a", b"b\r\nc: d")), refused()),
        row("NUL in a header", &plus(literal(b"a", b"b\0c")), refused()),
        row("a space in a name", &plus(literal(b"a b", b"c")), refused()),
        row("connection", &plus(literal(b"connection", b"close")), refused()),
        row("transfer-encoding", &plus(literal(b"transfer-encoding", b"chunked")), refused()),
        row("te", &plus(literal(b"te", b"gzip")), refused()),
        row("an empty path", &block(&request(b"GET", b"")), refused()),
        row("a path of words", &block(&request(b"GET", b"no path")), refused()),
        row("a long list", &frames_of(&[request(b"GET", b"/ping"), large].concat()), Wanted::Refused(&[])),
        row(
            "a length that is another",
            &[post(1, &literal(b"content-length", b"9")), frame(DATA, END_STREAM, 1, b"{}")].concat(),
            refused(),
        ),
        row(
            "more than the length",
            &[post(1, &literal(b"content-length", b"1")), frame(DATA, END_STREAM, 1, b"{}")].concat(),
            refused(),
        ),
        row("a length of letters", &post(1, &literal(b"content-length", b"abc")), refused()),
    ]
}

/// Headers that are longer than a frame.
fn frames_of(block: &[u8]) -> Vec<u8> {
    let pieces: Vec<_> = block.chunks(16_000).collect();
    let frames = pieces.iter().enumerate().map(|(n, piece)| {
        let last = if n + 1 == pieces.len() { END_HEADERS } else { 0 };
        if n == 0 { frame(HEADERS, last | END_STREAM, 1, piece) } else { frame(CONTINUATION, last, 1, piece) }
    });
    frames.collect::<Vec<_>>().concat()
}

pub fn floods() -> Vec<Row> {
    let streams =
        |n: u32, each: &dyn Fn(u32) -> Vec<u8>| (0..n).flat_map(|n| each(2 * n + 1)).collect::<Vec<_>>();
    let rapid = |stream: u32| [get(stream), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
    let rapid_post = |stream: u32| [post(stream, &[]), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
    let made_to_reset = |stream: u32| [post(stream, &[]), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat();
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    vec![
        flood("resets", &[], &streams(20_000, &rapid), 1),
        flood("resets of predictions", &[], &streams(20_000, &rapid_post), 1),
        flood("streams that the server must reset", &[], &streams(20_000, &made_to_reset), 1),
        flood("pings", &[], &frame(PING, 0, 0, &[7; 8]).repeat(1000), 200),
        flood("answers to no ping", &[], &frame(PING, ACK, 0, &[7; 8]).repeat(1000), 200),
        flood("settings", &[], &frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]).repeat(1000), 100),
        flood("empty settings", &[], &frame(SETTINGS, 0, 0, &[]).repeat(1000), 100),
        flood(
            "empty continuations",
            &frame(HEADERS, 0, 1, &[0x82]),
            &frame(CONTINUATION, 0, 1, &[]).repeat(1000),
            100,
        ),
        flood(
            "long continuations",
            &frame(HEADERS, 0, 1, &[0x82]),
            &frame(CONTINUATION, 0, 1, &literal(b"a", &[b'b'; 16_000])),
            2000,
        ),
        flood("empty data", &post(1, &[]), &frame(DATA, 0, 1, &[]).repeat(1000), 200),
        flood(
            "padding",
            &post(1, &[]),
            &frame(DATA, PADDED, 1, &[&[255], [0; 255].as_slice()].concat()).repeat(16),
            500,
        ),
        flood("priorities", &[], &frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1]).repeat(1000), 200),
        flood("windows", &[], &frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(1000), 200),
        flood("unknown frames", &[], &frame(0xee, 0, 0, &[0; 100]).repeat(1000), 100),
        flood("open streams", &[], &streams(5000, &|stream| post(stream, &[])), 1),
        flood("answers that are not taken", &no_window, &streams(256, &get), 1),
        flood("data without leave", &post(1, &[]), &frame(DATA, 0, 1, &[b' '; 16_000]), 1000),
    ]
}

/// Hands a value on.
trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(&[u8]) -> T) -> T;
}

impl Pipe for Vec<u8> {
    fn pipe<T>(self, f: impl FnOnce(&[u8]) -> T) -> T {
        f(&self)
    }
}
