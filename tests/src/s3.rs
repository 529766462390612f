//! An S3 server in this process: the protocol by `s3s`, the objects in a temporary directory, every request noted, faults by
//! key.

mod body;
mod fault;
mod log;
mod objects;

pub use fault::Fault;
pub use log::Seen;

use body::{Cut, Outgoing, Transfer, pass_on, whole};
use fault::{BodyFault, Meets};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use log::Log;
use objects::Objects;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// The only user.
pub const ACCESS_KEY: &str = "test";
/// What he signs with.
pub const SECRET_KEY: &str = "secret";
/// How long a test waits for the server under test to ask for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server. Keys are written `bucket/key`.
pub struct S3 {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
    _root: tempfile::TempDir,
}

struct Shared {
    service: S3Service,
    objects: Objects,
    log: Arc<Log>,
    out: AtomicBool,
}

impl S3 {
    /// Starts one with no object on the loopback.
    pub async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// Starts one at an address of this machine.
    pub async fn start_at(host: Ipv4Addr) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let objects = Objects::new(root.path());
        let mut builder = S3ServiceBuilder::new(objects.clone());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let out = AtomicBool::new(false);
        let shared = Arc::new(Shared { service, objects, log: Arc::new(Log::new()), out });
        let listener = TcpListener::bind((host, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { shared, address, accepting, _root: root }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address, as a manifest has it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the AWS SDK reads from its environment to come here.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_S3", format!("http://{}", self.address)),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// AWS's own client of this server.
    pub fn client(&self) -> aws_sdk_s3::Client {
        let credentials =
            aws_sdk_s3::config::Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "berth-tests");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(credentials)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Makes a bucket with nothing in it.
    pub async fn make_bucket(&self, name: &str) {
        self.shared.objects.make_bucket(name).await;
    }

    /// Stores an object, over any that is there.
    pub async fn put(&self, key: &str, body: impl Into<Vec<u8>>) {
        let (bucket, key) = split(key);
        self.shared.objects.put(bucket, key, body.into()).await;
    }

    /// Removes an object.
    pub async fn delete(&self, key: &str) {
        let (bucket, key) = split(key);
        self.shared.objects.delete(bucket, key).await;
    }

    /// Every request so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.log.seen()
    }

    /// Number of GETs of an object.
    pub fn gets(&self, key: &str) -> usize {
        self.ranges(key).len()
    }

    /// Number of HEADs of an object.
    pub fn heads(&self, key: &str) -> usize {
        self.seen().iter().filter(|s| s.method == Method::HEAD && s.key == key).count()
    }

    /// The ranges of the GETs of an object, oldest first.
    pub fn ranges(&self, key: &str) -> Vec<Option<(u64, u64)>> {
        let gets = |s: &&Seen| s.method == Method::GET && !s.list && s.key == key;
        self.seen().iter().filter(gets).map(|s| s.range).collect()
    }

    /// Bytes of an object that went out.
    pub fn bytes_served(&self, key: &str) -> u64 {
        self.shared.log.bytes(key)
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.log.forget();
    }

    /// From now on the key has this fault.
    pub fn fault(&self, key: &str, fault: Fault) {
        self.shared.log.set_fault(key, Some(fault));
    }

    /// From now on the key has no fault, and bodies that were held back go on.
    pub fn release(&self, key: &str) {
        self.shared.log.release(key);
    }

    /// Waits until a body of this key is held back.
    pub async fn held(&self, key: &str) {
        let held = tokio::time::timeout(PATIENCE, self.shared.log.wait_held(key)).await;
        assert!(held.is_ok(), "nobody asked for {key} within {PATIENCE:?}; seen: {:?}", self.seen());
    }

    /// From now on every connection breaks before it is answered, or none does any more.
    pub fn outage(&self, out: bool) {
        self.shared.out.store(out, Ordering::SeqCst);
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn split(key: &str) -> (&str, &str) {
    key.split_once('/').expect("keys are written bucket/key")
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let _ = serve(stream, shared).await;
        });
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) -> Result<(), Cut> {
    // A second handle on the socket, to have it reset; it goes with the service, so with the connection.
    let stream = stream.into_std()?;
    let connection = Arc::new(TcpStream::from_std(stream.try_clone()?)?);
    let stream = TcpStream::from_std(stream)?;
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        answer(shared.clone(), Arc::downgrade(&connection), request)
    });
    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
}

/// An error here breaks the connection.
async fn answer(
    shared: Arc<Shared>,
    connection: std::sync::Weak<TcpStream>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Cut> {
    if shared.out.load(Ordering::SeqCst) {
        return Err("out of service".into());
    }
    let seen = understand(&request);
    shared.log.note(seen.clone());
    if shared.log.denies(&seen.key) {
        return refuse(403, "AccessDenied");
    }
    let mut fault = BodyFault::Whole;
    if seen.method == Method::GET && !seen.list {
        match shared.log.meet(&seen.key) {
            Meets::Nothing => {}
            Meets::Status(status, code) => return refuse(status, code),
            Meets::Overwrite(body) => {
                let (bucket, key) = split(&seen.key);
                shared.objects.put(bucket, key, body.to_vec()).await;
            }
            Meets::Body(body) => fault = body,
        }
    }
    let answer = hyper::service::Service::call(&shared.service, request).await.map_err(Cut::from)?;
    if !answer.status().is_success() {
        fault = BodyFault::Whole;
    }
    let start = seen.range.map_or(0, |(first, _)| first);
    let transfer = Transfer { key: seen.key, start, fault, log: shared.log.clone(), connection };
    Ok(answer.map(|body| pass_on(body, transfer)))
}

fn refuse(status: u16, code: &'static str) -> Result<Response<Outgoing>, Cut> {
    let text = match code {
        "SlowDown" => {
            "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        }
        _ => "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    };
    let answer = Response::builder().status(status).header("content-type", "application/xml");
    Ok(answer.body(whole(text))?)
}

fn understand(request: &Request<Incoming>) -> Seen {
    let path = decode(request.uri().path().trim_start_matches('/'));
    let query = request.uri().query().unwrap_or("");
    let list = request.method() == Method::GET && query.contains("list-type=2");
    let prefix = query.split('&').find_map(|q| q.strip_prefix("prefix=")).map(decode).unwrap_or_default();
    let range = request.headers().get("range").and_then(|v| v.to_str().ok());
    let range = range.and_then(|v| v.strip_prefix("bytes=")?.split_once('-'));
    let range = range.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let key = if list { format!("{}/{prefix}", path.trim_end_matches('/')) } else { path };
    Seen { method: request.method().clone(), key, list, range }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let coded = match (first, tail) {
            (b'%', [a, b, ..]) => {
                std::str::from_utf8(&[*a, *b]).ok().and_then(|h| u8::from_str_radix(h, 16).ok())
            }
            _ => None,
        };
        bytes.push(coded.unwrap_or(*first));
        rest = &tail[if coded.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
