//! The server under test: the real program as a process of its own, on ports of its own.

mod process;

pub use process::{Exit, program, resident_set};

use crate::http::{Answer, Client};
use crate::s3::S3;
use hyper::Method;
use process::Process;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server may take to start or to stop.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How a server is to be started.
pub struct Setup {
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    cache_dir: Option<PathBuf>,
}

/// A running server; it is killed when this is dropped.
pub struct Server {
    process: Process,
    address: SocketAddr,
    admin: SocketAddr,
    cache_dir: PathBuf,
    client: Client,
    _own_cache: Option<tempfile::TempDir>,
}

impl Setup {
    /// Of a directory of models.
    pub fn directory(models: &Path) -> Self {
        Self::of(models.to_str().expect("a path of text"), Vec::new())
    }

    /// Of a prefix, like `s3://models/`, in an S3 server of this process.
    pub fn s3(s3: &S3, uri: &str) -> Self {
        Self::of(uri, s3.environment())
    }

    /// Of a manifest, or a directory of manifests, with the credentials of an S3 server and nothing else of it.
    pub fn manifest(path: &Path, s3: Option<&S3>) -> Self {
        let mut setup = Self::bare();
        setup.environment = s3.map(S3::environment).unwrap_or_default();
        setup.environment.retain(|(name, _)| !matches!(*name, "AWS_ENDPOINT_URL_S3" | "AWS_REGION"));
        setup.flag("--manifest", path.display())
    }

    /// With nothing that says where models are.
    pub fn bare() -> Self {
        let fixed =
            ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"];
        let arguments = fixed.map(str::to_owned).to_vec();
        Self { arguments, environment: Vec::new(), cache_dir: None }
    }

    fn of(models: &str, environment: Vec<(&'static str, String)>) -> Self {
        Self { environment, ..Self::bare() }.flag("--models", models)
    }

    /// Adds a flag.
    pub fn flag(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.arguments.extend([name.to_owned(), value.to_string()]);
        self
    }

    /// Sets a variable of the server's environment.
    pub fn environment(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.environment.push((name, value.to_string()));
        self
    }

    /// Keeps unpacked models here, beyond the life of the server.
    pub fn cache_dir(mut self, dir: &Path) -> Self {
        self.cache_dir = Some(dir.to_owned());
        self
    }

    /// Starts the server and waits until it listens.
    pub async fn start(self) -> Server {
        self.try_start().await.unwrap_or_else(|exit| panic!("the server did not start: {exit:?}"))
    }

    /// Starts the server; gives its exit if it ends instead of listening.
    pub async fn try_start(self) -> Result<Server, Exit> {
        let own = self.cache_dir.is_none().then(|| tempfile::tempdir().expect("a temporary directory"));
        let cache_dir = match (&self.cache_dir, &own) {
            (Some(dir), _) => dir.clone(),
            (None, Some(own)) => own.path().join("cache"),
            (None, None) => unreachable!("one of both is there"),
        };
        let mut arguments = self.arguments;
        arguments.extend(["--cache-dir".to_owned(), cache_dir.display().to_string()]);
        let (process, serving) = Process::start(&arguments, &self.environment).await?;
        let address = |name: &str| -> SocketAddr {
            let text = serving[name].as_str().unwrap_or_else(|| panic!("no {name} in {serving}"));
            text.parse().expect("an address")
        };
        Ok(Server {
            address: address("address"),
            admin: address("admin"),
            process,
            cache_dir,
            client: Client::new(),
            _own_cache: own,
        })
    }
}

impl Server {
    /// Address of the invocations.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What AWS's clients are pointed at.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where administrators ask.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin)
    }

    /// Where unpacked models are.
    pub fn cache_dir(&self) -> &Path {
        &self.cache_dir
    }

    /// AWS's own client of the runtime API, that takes every answer as it comes.
    pub fn sagemaker(&self) -> aws_sdk_sagemakerruntime::Client {
        use aws_sdk_sagemakerruntime::config::{Config, Credentials, Region, retry::RetryConfig};
        let config = Config::builder()
            .behavior_version_latest()
            .region(Region::new("us-east-1"))
            .endpoint_url(self.url())
            .credentials_provider(Credentials::new("test", "secret", None, None, "berth-tests"))
            .retry_config(RetryConfig::disabled())
            .build();
        aws_sdk_sagemakerruntime::Client::from_conf(config)
    }

    /// Sends JSON to a model.
    pub async fn invoke(&self, model: &str, body: impl Into<bytes::Bytes>) -> Answer {
        self.invoke_as(model, &[("content-type", "application/json")], body).await
    }

    /// Sends a request with these headers to a model.
    pub async fn invoke_as(
        &self,
        model: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        let mut all = vec![("x-amzn-sagemaker-target-model", model)];
        all.extend(headers);
        let url = format!("{}/endpoints/berth/invocations", self.url());
        let answer = self.client.send(Method::POST, &url, &all, body).await;
        answer.unwrap_or_else(|e| panic!("no answer for {model:?}: {e}\n{}", self.log_tail()))
    }

    /// Asks the invocations' port for anything.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Result<Answer, String> {
        self.client.send(method, &format!("{}{path}", self.url()), headers, body).await
    }

    /// Asks the admin port.
    pub async fn get(&self, path: &str) -> Answer {
        self.admin(Method::GET, path).await
    }

    /// Tells the admin port.
    pub async fn post(&self, path: &str) -> Answer {
        self.admin(Method::POST, path).await
    }

    /// Sends JSON to the admin port.
    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.admin_send(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    async fn admin(&self, method: Method, path: &str) -> Answer {
        self.admin_send(method, path, &[], String::new()).await
    }

    async fn admin_send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let url = format!("http://{}{path}", self.admin);
        let answer = self.client.send(method, &url, headers, body).await;
        answer.unwrap_or_else(|e| panic!("the admin port does not answer {path}: {e}\n{}", self.log_tail()))
    }

    /// What `/models` says.
    pub async fn models(&self) -> Value {
        self.get("/models").await.json()
    }

    /// What `/models` says of one model; null if it is not known.
    pub async fn model(&self, name: &str) -> Value {
        let all = self.models().await;
        let found = all["models"].as_array().and_then(|m| m.iter().find(|m| m["name"] == name).cloned());
        found.unwrap_or(Value::Null)
    }

    /// The state of a model, as `/models` has it; empty if it is not known.
    pub async fn state(&self, name: &str) -> String {
        self.model(name).await["state"].as_str().unwrap_or("").to_owned()
    }

    /// The value of a metric; 0 if it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.and_then(|v| v.split(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Whether the process lives and answers its probe.
    pub async fn is_alive(&self) -> bool {
        self.process.is_running() && self.get("/livez").await.status == 200
    }

    /// Bytes of memory that the process has now.
    pub fn resident_set(&self) -> u64 {
        resident_set(self.process.id())
    }

    /// Whether the process has a file mapped whose path contains this text.
    pub fn has_mapped(&self, path: &str) -> bool {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.process.id()));
        maps.expect("the process lives").contains(path)
    }

    /// Asks the process to stop.
    pub fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Kills the process as a power cut would, and waits until it is gone.
    pub async fn kill(self) {
        self.process.signal("KILL");
        let _ = self.process.exit().await;
    }

    /// Waits until the process ends.
    pub async fn exit(self) -> Exit {
        self.process.exit().await
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}
