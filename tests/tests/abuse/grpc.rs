//! gRPC: messages whose frames lie.

use berth_tests::server::Server;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::{Duration, Instant};

const LIVE: &str = "/inference.GRPCInferenceService/ServerLive";
/// No answer takes longer.
const BOUND: Duration = Duration::from_secs(10);

struct Call {
    name: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Vec<u8>,
}

fn call(name: &'static str, body: impl Into<Vec<u8>>) -> Call {
    Call { name, path: LIVE, headers: &[], body: body.into() }
}

fn calls() -> Vec<Call> {
    let message =
        |flag: u8, length: u32, bytes: &[u8]| [&[flag], length.to_be_bytes().as_slice(), bytes].concat();
    vec![
        call("no message", []),
        call("half a prefix", [0, 0, 0]),
        call("half a message", message(0, 10, b"abc")),
        call("a message of 4 GiB", message(0, u32::MAX, b"abc")),
        call("a message over the limit", message(0, 1 << 30, &[0; 1000])),
        call("compressed, and nobody said how", message(1, 3, b"abc")),
        call("an unknown flag", message(7, 0, b"")),
        call("noise", message(0, 4, &[0xff; 4])),
        call("a field of 2 GiB", message(0, 6, &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x07])),
        call("a varint without end", message(0, 12, &[0xff; 12])),
        call("groups in groups", message(0, 100_000, &[0x0b; 100_000])),
        call("more than one message", [message(0, 0, b""), message(0, 5, b"x")].concat()),
        Call {
            path: "/inference.GRPCInferenceService/Nothing",
            ..call("an unknown method", message(0, 0, b""))
        },
        Call { path: "/no.Service/Live", ..call("an unknown service", message(0, 0, b"")) },
        Call {
            headers: &[("grpc-encoding", "snappy")],
            ..call("an unknown compression", message(1, 3, b"abc"))
        },
        Call { headers: &[("grpc-encoding", "gzip")], ..call("gzip that is none", message(1, 3, b"abc")) },
        Call { headers: &[("grpc-timeout", "abc")], ..call("a timeout of letters", message(0, 9, b"")) },
        Call {
            headers: &[("grpc-timeout", "99999999999H")],
            ..call("a timeout for ever", message(0, 9, b""))
        },
    ]
}

/// Sends each, and gives what was not refused as it should be.
pub async fn wrong(server: &Server) -> (usize, Vec<String>) {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let (mut wrong, calls) = (Vec::new(), calls());
    let count = calls.len();
    for Call { name, path, headers, body } in calls {
        let mut request = Request::builder().method(Method::POST).uri(format!("{}{path}", server.url()));
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].iter().chain(headers)
        {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let started = Instant::now();
        let said = tokio::time::timeout(BOUND, async {
            // A reset is a refusal.
            let answer = client.request(request).await.ok()?;
            let (parts, body) = answer.into_parts();
            let trailers = body.collect().await.ok()?.trailers().cloned().unwrap_or_default();
            let status = parts.headers.get("grpc-status").or(trailers.get("grpc-status"))?;
            status.to_str().ok().map(str::to_owned)
        });
        match said.await {
            Err(_elapsed) => wrong.push(format!("gRPC {name}: no answer within {BOUND:?}")),
            Ok(Some(status)) if status == "0" => {
                wrong.push(format!("gRPC {name}: answered as if it were right"));
            }
            Ok(_) => {}
        }
        assert!(server.is_alive().await, "dead after gRPC {name}:\n{}", server.log_tail());
        println!("gRPC {name}: {:?}", started.elapsed());
    }
    (count, wrong)
}
