//! etcd and kube-apiserver of one test alone, and the operator as a process beside them.

use berth_tests::cluster::tools::{API_SERVER, ETCD};
use berth_tests::cluster::unless_missing;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Of everything that is waited for.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A program that ends with the test.
pub struct Program {
    child: Child,
}

impl Program {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(sent.success(), "could not send {name}");
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A control plane without controllers: nothing happens but what the test and the operator do.
pub struct ControlPlane {
    // Dropped in this order: the API server before its store.
    _apiserver: Program,
    _etcd: Program,
    port: u16,
    directory: tempfile::TempDir,
}

/// etcd and kube-apiserver; none: the test cannot run, and says so.
pub fn programs() -> Option<[PathBuf; 2]> {
    unless_missing(ETCD.path().and_then(|etcd| Ok([etcd, API_SERVER.path()?])))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(command: &mut Command, log: &Path) -> Program {
    let log = File::create(log).unwrap();
    let child = command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).spawn().unwrap();
    Program { child }
}

impl ControlPlane {
    pub async fn start([etcd, apiserver]: &[PathBuf; 2]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let etcd = start(
            Command::new(etcd)
                .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
                .args(["--initial-cluster", &format!("default={peer}"), "--unsafe-no-fsync"])
                .arg("--data-dir")
                .arg(at("etcd")),
            &at("etcd.log"),
        );
        let users = "admin-token,admin,1,system:masters\noperator-token,operator,2,system:masters\n\
                     limited-token,limited,3\n";
        std::fs::write(at("tokens.csv"), users).unwrap();
        let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata", "users": ["operator", "limited"]}, {"level": "None"}]});
        std::fs::write(at("policy.json"), policy.to_string()).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(at("sa.key"), key.serialize_pem()).unwrap();
        std::fs::write(at("sa.pub"), key.public_key_pem()).unwrap();
        let file = |flag: &str, name: &str| format!("--{flag}={}", at(name).display());
        let apiserver = start(
            Command::new(apiserver)
                .args([format!("--etcd-servers={client}"), format!("--secure-port={port}")])
                .args([
                    "--bind-address=127.0.0.1",
                    "--authorization-mode=RBAC",
                    "--service-cluster-ip-range=10.0.0.0/24",
                ])
                .args([
                    "--service-account-issuer=https://kubernetes.default.svc",
                    "--disable-admission-plugins=ServiceAccount",
                ])
                .args([file("cert-dir", "certificates"), file("token-auth-file", "tokens.csv")])
                .args([
                    file("service-account-key-file", "sa.pub"),
                    file("service-account-signing-key-file", "sa.key"),
                ])
                .args([file("audit-policy-file", "policy.json"), file("audit-log-path", "audit.log")]),
            &at("apiserver.log"),
        );
        let plane = Self { _apiserver: apiserver, _etcd: etcd, port, directory };
        let client = plane.client().await;
        eventually("the API server is ready", async || {
            let ready = http::Request::get("/readyz").body(Vec::new()).unwrap();
            client.request_text(ready).await.is_ok_and(|text| text == "ok")
        })
        .await;
        plane
    }

    fn kubeconfig(&self, token: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port), "insecure-skip-tls-verify": true}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]})
    }

    /// As an administrator, whose requests are not in the audit log.
    pub async fn client(&self) -> Client {
        let config: Kubeconfig = serde_json::from_value(self.kubeconfig("admin-token")).unwrap();
        let config =
            kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// The operator, as a user of its own.
    pub fn operator(&self, name: &str) -> Program {
        self.operator_as(name, "operator-token")
    }

    /// The operator, as a user who may do what the chart grants and nothing else.
    pub fn limited_operator(&self, name: &str) -> Program {
        self.operator_as(name, "limited-token")
    }

    fn operator_as(&self, name: &str, token: &str) -> Program {
        let config = self.directory.path().join(format!("{token}.json"));
        std::fs::write(&config, self.kubeconfig(token).to_string()).unwrap();
        start(
            Command::new(env!("CARGO_BIN_EXE_berth-operator-under-test"))
                .args(["run", "--admin-listen", "127.0.0.1:0", "--server-image", "berth:test"])
                .args(["--identity", name, "--survey-seconds", "1", "--status-seconds", "1"])
                .args(["--log", "info,berth_operator=debug"])
                .env("KUBECONFIG", &config),
            &self.log(name),
        )
    }

    pub fn log(&self, operator: &str) -> PathBuf {
        self.directory.path().join(format!("{operator}.log"))
    }

    /// The operator's requests.
    pub fn requests(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.directory.path().join("audit.log")).unwrap();
        log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
    }

    /// The operator's requests that are no reads, as `verb resource/name`; Leases are left out.
    pub fn writes(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.requests()
            .into_iter()
            .filter(|event| !["get", "list", "watch"].contains(&event["verb"].as_str().unwrap()))
            .filter(|event| event["objectRef"]["resource"] != "leases")
            .map(|event| {
                let object = &event["objectRef"];
                let sub = object["subresource"].as_str().map_or_else(String::new, |sub| format!("/{sub}"));
                format!(
                    "{} {}{sub}/{}",
                    text(&event["verb"]),
                    text(&object["resource"]),
                    text(&object["name"])
                )
            })
            .collect()
    }
}

/// Polls until it is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < end, "not in {} s: {what}", DEADLINE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
