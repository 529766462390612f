//! How bytes travel: streams of events, compressed bodies, TLS.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_sdk_sagemakerruntime::primitives::Blob;
use aws_sdk_sagemakerruntime::types::ResponseStream;
use berth_tests::archives::gzip;
use berth_tests::examples::{self, assert_answer, npy, npy_rows, predictions};
use berth_tests::repository;
use berth_tests::server::{Server, Setup};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

async fn server() -> Server {
    Setup::directory(&repository("examples/models")).start().await
}

fn rows(count: usize) -> Vec<Vec<f64>> {
    (0..count).map(|n| vec![5.0 + n as f64 / 1000.0, 3.4, 1.5, 0.25]).collect()
}

/// The parts of an answer by AWS's client, and what it is said to be.
async fn streamed(server: &Server, accept: &str, body: Vec<u8>) -> (String, Vec<Vec<u8>>) {
    let request = server.sagemaker().invoke_endpoint_with_response_stream().endpoint_name("berth");
    let request = request.content_type("application/x-npy").accept(accept).body(Blob::new(body));
    let target = |r: &mut aws_sdk_sagemakerruntime::config::http::HttpRequest| {
        r.headers_mut().insert("x-amzn-sagemaker-target-model", "iris.tar.gz");
    };
    let mut answer = request.customize().mutate_request(target).send().await.expect("an answer");
    let (kind, mut parts) = (answer.content_type().unwrap_or("").to_owned(), Vec::new());
    while let Some(event) = answer.body.recv().await.expect("an event") {
        match event {
            ResponseStream::PayloadPart(part) => parts.push(part.bytes.unwrap().into_inner()),
            other => panic!("{other:?}"),
        }
    }
    (kind, parts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_an_event_for_each_row_or_for_each_piece() {
    let server = server().await;
    let plain =
        server.invoke_as("iris.tar.gz", &[("content-type", "application/x-npy")], npy(&rows(5000))).await;
    let wanted = predictions(&plain.body);
    let (kind, lines) = streamed(&server, "application/jsonlines", npy(&rows(5000))).await;
    assert_eq!((kind.as_str(), lines.len()), ("application/jsonlines", 5000));
    let row = |line: &Vec<u8>| serde_json::from_slice::<Vec<f64>>(line).unwrap();
    assert_answer(&lines.iter().map(row).collect::<Vec<_>>(), &wanted);
    let (kind, pieces) = streamed(&server, "application/json", npy(&rows(5000))).await;
    assert_eq!(kind, "application/json");
    assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= 64 << 10), "{}", pieces.len());
    assert_eq!(pieces.concat(), plain.body);
    let (kind, pieces) = streamed(&server, "application/x-npy", npy(&rows(20))).await;
    assert_eq!(kind, "application/x-npy");
    assert_answer(&npy_rows(&pieces.concat()), &wanted[..20]);

    let refused = server
        .sagemaker()
        .invoke_endpoint_with_response_stream()
        .endpoint_name("berth")
        .body(Blob::new("[]"));
    let error = refused.send().await.unwrap_err().into_service_error();
    assert!(format!("{error:?}").contains("names no model"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_compressed_both_ways() {
    let (server, iris) = (server().await, examples::iris());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zlib, &iris.request).unwrap();
    for (coding, body) in [
        ("gzip", gzip(&iris.request)),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(&iris.request[..], 3).unwrap()),
        ("identity", iris.request.clone()),
    ] {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        iris.check(&server.invoke_as(iris.name, &headers, body.clone()).await);
        let path = "/models/iris/invoke";
        iris.check(&server.send(Method::POST, path, &headers, body).await.unwrap());
    }
    let content = ("content-type", "application/x-npy");
    let plain = server.invoke_as(iris.name, &[content], npy(&rows(2000))).await;
    assert_eq!(plain.header("content-encoding"), "");
    for (accept, coding) in [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, zstd", "zstd"),
        ("gzip;q=0", ""),
        ("br", ""),
    ] {
        let headers = [content, ("accept-encoding", accept)];
        let answer = server.invoke_as(iris.name, &headers, npy(&rows(2000))).await;
        assert_eq!(answer.header("content-encoding"), coding);
        let mut body = Vec::new();
        match coding {
            "gzip" => flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut body).unwrap(),
            "deflate" => flate2::read::ZlibDecoder::new(&answer.body[..]).read_to_end(&mut body).unwrap(),
            "zstd" => zstd::Decoder::new(&answer.body[..]).unwrap().read_to_end(&mut body).unwrap(),
            _ => answer.body.as_ref().read_to_end(&mut body).unwrap(),
        };
        assert_eq!(body, plain.body, "{accept}");
        let short = server.invoke_as(iris.name, &headers, npy(&rows(1))).await;
        assert_eq!(short.header("content-encoding"), "", "not worth it");
    }
}

/// A certificate for localhost and its key, written over those before; the certificate.
fn certify(dir: &Path) -> CertificateDer<'static> {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap();
    std::fs::write(dir.join("tls.key"), key.serialize_pem()).unwrap();
    std::fs::write(dir.join("tls.crt"), cert.pem()).unwrap();
    cert.der().clone()
}

/// A connection that trusts this certificate alone.
async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(server.address()).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

fn request(path: &str, content_type: &str, body: &[u8]) -> Request<Full<bytes::Bytes>> {
    let request = Request::post(format!("https://localhost{path}")).header("content-type", content_type);
    let request = request.header("x-amzn-sagemaker-target-model", "iris.tar.gz").header("host", "localhost");
    request.body(Full::new(body.to_vec().into())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_carries_every_protocol_and_takes_new_certificates() {
    let (dir, iris) = (tempfile::tempdir().unwrap(), examples::iris());
    let first = certify(dir.path());
    let setup = Setup::directory(&repository("examples/models"));
    let setup = setup.flag("--tls-cert", dir.path().join("tls.crt").display());
    let server = setup.flag("--tls-key", dir.path().join("tls.key").display()).start().await;

    let stream = connect(&server, &first, b"http/1.1").await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let invocation = || request("/endpoints/berth/invocations", "application/json", &iris.request);
    let answer = sender.send_request(invocation()).await.unwrap().collect().await.unwrap().to_bytes();
    assert_answer(&predictions(&answer), &iris.answer);

    let stream = connect(&server, &first, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let shake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = shake.await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(invocation()).await.unwrap().collect().await.unwrap().to_bytes();
    assert_answer(&predictions(&answer), &iris.answer);
    let live = request("/inference.GRPCInferenceService/ServerLive", "application/grpc", &[0; 5]);
    let answer = sender.send_request(live).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes().as_ref(), [0, 0, 0, 0, 2, 8, 1]);

    // A pair that does not fit leaves the one before; a new one is taken, and connections stay.
    std::fs::write(dir.path().join("tls.crt"), "no certificate").unwrap();
    berth_tests::eventually("the bad pair is refused", async || server.log_tail().contains("refused")).await;
    assert!(connect(&server, &first, b"h2").await.is_ok());
    let second = certify(dir.path());
    berth_tests::eventually("the new pair is taken", async || connect(&server, &second, b"h2").await.is_ok())
        .await;
    assert!(connect(&server, &first, b"h2").await.is_err());
    assert_eq!(sender.send_request(invocation()).await.unwrap().status(), 200);

    let plain = berth_tests::http::raw(
        server.address(),
        b"GET /ping HTTP/1.1\r\n\r\n",
        std::time::Duration::from_secs(20),
    )
    .await;
    assert!(!plain.contains("200"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_half_a_pair_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    certify(dir.path());
    let (cert, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
    let setup = || Setup::directory(&repository("examples/models"));
    let alone = setup().flag("--tls-cert", cert.display()).try_start().await;
    assert_eq!(alone.err().unwrap().code, Some(2));
    let swapped =
        setup().flag("--tls-cert", key.display()).flag("--tls-key", cert.display()).try_start().await;
    let exit = swapped.err().unwrap();
    assert!(exit.code == Some(1) && exit.log.contains("tls.key"), "{exit:?}");
}

/// Runs curl; none: there is none.
fn curl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code} %{http_version}"])
        .args(arguments)
        .output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => panic!("curl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(e) if std::env::var_os("CI").is_none() => {
            println!("SKIPPED: needs curl: {e}");
            None
        }
        Err(e) => panic!("needs curl: {e}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_every_version() {
    let dir = tempfile::tempdir().unwrap();
    certify(dir.path());
    let cert = dir.path().join("tls.crt");
    let plain = server().await;
    let setup = Setup::directory(&repository("examples/models")).flag("--tls-cert", cert.display());
    let tls = setup.flag("--tls-key", dir.path().join("tls.key").display()).start().await;
    let http = format!("http://{}/ping", plain.address());
    let https = format!("https://localhost:{}/ping", tls.address().port());
    // The upgrade that `--http2` offers is not taken, as RFC 9113 allows: the answer comes over HTTP/1.1.
    for (version, wanted) in [
        ("--http1.0", "200 1.0"),
        ("--http1.1", "200 1.1"),
        ("--http2", "200 1.1"),
        ("--http2-prior-knowledge", "200 2"),
    ] {
        let Some(said) = curl(&[version, &http]) else { return };
        assert!(said == wanted || version == "--http1.0" && said.starts_with("200"), "{version}: {said}");
    }
    for (version, wanted) in [("--http1.1", "200 1.1"), ("--http2", "200 2")] {
        let said = curl(&[version, "--cacert", cert.to_str().unwrap(), &https]);
        assert_eq!(said.as_deref(), Some(wanted), "{version}");
    }
}
