//! A node with the operator installed by its chart, which the tests of this file share, and a namespace for each of them.

use berth_crds::MultiModelEndpoint;
use berth_tests::cluster::image::Image;
use berth_tests::cluster::{Missing, Node, store, tools, unless_missing};
use berth_tests::s3::{ACCESS_KEY, S3, SECRET_KEY};
use berth_tests::{examples, repository, until};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// The image of this build's programs.
const IMAGE: (&str, &str) = ("berth.test/berth", "test");
/// The namespace of the operator.
const OPERATOR: &str = "berth-system";

/// The node has two cores or so: what one test measures, another must not disturb.
pub async fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// A path as text.
pub fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Whether a pod takes requests and is not about to go.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

/// The node and what is installed on it.
pub struct Installed {
    /// The node.
    pub node: Node,
    kubectl: PathBuf,
    helm: PathBuf,
    files: tempfile::TempDir,
}

impl Installed {
    /// The one; none: this machine cannot have one, and it was said why.
    pub async fn get() -> Option<&'static Self> {
        static ONE: OnceCell<Option<Installed>> = OnceCell::const_new();
        ONE.get_or_init(|| async {
            let made = tokio::task::spawn_blocking(Self::new).await.expect("a node is started");
            let berth = unless_missing(made)?;
            berth.install(&repository("charts/berth")).await;
            Some(berth)
        })
        .await
        .as_ref()
    }

    fn new() -> Result<Self, Missing> {
        let (kubectl, helm) = (tools::KUBECTL.path()?, tools::HELM.path()?);
        let node = Node::start()?;
        let programs = [
            ("berth-server", env!("CARGO_BIN_EXE_berth-server-under-test")),
            ("berth-operator", env!("CARGO_BIN_EXE_berth-operator-under-test")),
        ];
        let image = Image::new(&format!("{}:{}", IMAGE.0, IMAGE.1), &["/usr/local/bin/berth-server"]);
        let mut image = image.with_authorities();
        for (name, file) in programs {
            let added = image.with_program(&format!("/usr/local/bin/{name}"), Path::new(file));
            image = added.expect("the libraries of a program are found");
        }
        node.containers().import_image(&image)?;
        let files = tempfile::tempdir().expect("a temporary directory");
        Ok(Self { node, kubectl, helm, files })
    }

    /// Installs or upgrades to a chart, and waits until the operator runs.
    pub async fn install(&self, chart: &Path) {
        let set = format!("image.repository={},image.tag={}", IMAGE.0, IMAGE.1);
        let often = "operator.surveySeconds=1,operator.statusSeconds=1,test.namespace=default";
        let chart = text(chart);
        self.helm(&[
            "upgrade",
            "--install",
            "berth",
            &chart,
            "--namespace",
            OPERATOR,
            "--create-namespace",
            "--set",
            &set,
            "--set",
            often,
            "--wait",
            "--timeout",
            "3m",
        ]);
    }

    /// The chart as the commit before this one has it; this one's where history ends here.
    pub fn previous_chart(&self) -> PathBuf {
        let git = |revision: &str| {
            let mut git = Command::new("git");
            git.arg("-C").arg(repository("")).args(["archive", "--format=tar", revision, "charts/berth"]);
            git.output().ok().filter(|output| output.status.success())
        };
        let Some(output) = git("HEAD~1") else {
            eprintln!("there is no commit before this one here: its own chart is taken for the previous");
            return repository("charts/berth");
        };
        let to = self.files.path().join("previous");
        tar::Archive::new(&output.stdout[..]).unpack(&to).expect("an archive of git");
        to.join("charts/berth")
    }

    /// Runs helm; its failure is the test's.
    pub fn helm(&self, arguments: &[&str]) -> String {
        self.run(&self.helm, arguments)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.node.control_plane().kubeconfig()).args(arguments);
        command.env("HELM_CACHE_HOME", self.files.path()).env("HELM_CONFIG_HOME", self.files.path());
        let done = command.env("HELM_DATA_HOME", self.files.path()).output().expect("it starts");
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{} {arguments:?}: {said}\n{}", program.display(), self.state());
        said
    }

    /// What there is, for the one who reads why a test failed.
    fn state(&self) -> String {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", self.node.control_plane().kubeconfig());
        command.args(["get", "mme,ma,pods,deployments,statefulsets", "-A", "-o", "wide"]);
        let shown = command.output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
        format!("{}\n{}", shown.unwrap_or_default(), self.node.logs())
    }

    async fn scale_operator(&self, replicas: usize) {
        let replicas_text = replicas.to_string();
        let arguments = ["scale", "deployment/berth", "--namespace", OPERATOR, "--replicas", &replicas_text];
        self.run(&self.kubectl, &arguments);
        let pods: Api<Pod> = Api::namespaced(self.node.control_plane().client().await, OPERATOR);
        let operators = ListParams::default().labels("app.kubernetes.io/name=berth-operator");
        let there = until(Duration::from_secs(120), || async {
            let all = pods.list(&operators).await.expect("pods").items;
            all.len() == replicas && all.iter().all(is_ready)
        });
        assert!(there.await, "not {replicas} operators:\n{}", self.state());
    }

    /// Ends the operator's pods.
    pub async fn stop_operator(&self) {
        self.scale_operator(0).await;
    }

    /// Starts them again.
    pub async fn start_operator(&self) {
        self.scale_operator(2).await;
    }

    /// A namespace with a Secret for a store of its own.
    pub async fn world(&'static self, namespace: &str) -> World {
        let client = self.node.control_plane().client().await;
        let s3 = S3::start_at(self.node.host()).await;
        s3.make_bucket("models").await;
        let world = World { berth: self, client, namespace: namespace.to_owned(), s3 };
        if namespace != "default" {
            let restricted = "pod-security.kubernetes.io/enforce=restricted";
            self.run(&self.kubectl, &["create", "namespace", namespace]);
            self.run(&self.kubectl, &["label", "namespace", namespace, restricted]);
        }
        let id = format!("--from-literal=AWS_ACCESS_KEY_ID={ACCESS_KEY}");
        let secret = format!("--from-literal=AWS_SECRET_ACCESS_KEY={SECRET_KEY}");
        world.kubectl(&["create", "secret", "generic", "s3", &id, &secret]);
        store::publish(&world.client, namespace, &world.s3).await.expect("the store's Service");
        world
    }
}

/// A namespace.
pub struct World {
    berth: &'static Installed,
    client: Client,
    namespace: String,
    /// Its store.
    pub s3: S3,
}

impl World {
    /// Runs kubectl in it; a failure of kubectl is the test's.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.berth.run(&self.berth.kubectl, &[&["--namespace", &self.namespace], arguments].concat())
    }

    /// A kind of objects in it.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Changes fields of an object.
    pub async fn patch<K>(&self, name: &str, patch: &Value)
    where
        K: kube::Resource<Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        self.api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("it is taken");
    }

    /// Makes an object as it is given.
    pub async fn apply<K>(&self, name: &str, object: &Value)
    where
        K: kube::Resource<Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let params = PatchParams::apply("berth-tests").force();
        self.api::<K>().patch(name, &params, &Patch::Apply(object)).await.expect("it is taken");
    }

    /// Makes the endpoint `vision`, with these fields beside those that say where its models are.
    pub async fn endpoint(&self, fields: &Value) {
        let mut spec = json!({
            "models": {"uri": format!("s3://models/{}/", self.namespace), "s3": {
                "endpoint": format!("http://{}:{}", store::NAME, store::PORT), "region": "us-east-1",
                "credentialsSecretRef": {"name": "s3"}}},
            "cache": {"memory": "256Mi", "disk": {"size": "1Gi"}},
            "server": {"resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}},
        });
        let all = spec.as_object_mut().expect("fields");
        all.extend(fields.as_object().expect("fields").clone());
        let endpoint = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint",
            "metadata": {"name": "vision"}, "spec": spec});
        self.apply::<MultiModelEndpoint>("vision", &endpoint).await;
    }

    /// Makes the endpoint with so many pods and models, and waits until it is Ready.
    pub async fn serve(&self, replicas: usize, models: usize) -> Vec<String> {
        let archive = examples::iris().archive;
        let names: Vec<String> = (0..models).map(|n| format!("m{n}.tar.gz")).collect();
        for name in &names {
            self.s3.put(&format!("models/{}/{name}", self.namespace), archive.clone()).await;
        }
        self.endpoint(&json!({"replicas": replicas})).await;
        self.kubectl(&["wait", "--for=condition=Ready", "mme/vision", "--timeout=3m"]);
        names
    }

    /// Its serving pods.
    pub async fn pods(&self) -> Vec<Pod> {
        let ours = ListParams::default().labels("berth.dev/endpoint=vision");
        self.api::<Pod>().list(&ours).await.expect("pods").items
    }

    /// Where a Service is reached from this machine.
    pub async fn service(&self, name: &str) -> String {
        let service: Service = self.api().get(name).await.expect("the Service");
        let address = service.spec.and_then(|spec| spec.cluster_ip).expect("an address");
        format!("http://{address}")
    }

    /// Kills the process of a pod's server, which has no time for anything.
    pub async fn kill_server(&self, pod: &str) {
        let pod = self.api::<Pod>().get(pod).await.expect("the pod");
        let statuses = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
        let id = statuses[0].container_id.clone().expect("a container that runs");
        let id = id.rsplit('/').next().expect("an id").to_owned();
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let of_it = numbers.filter(|number| {
            std::fs::read_to_string(format!("/proc/{number}/cgroup")).is_ok_and(|groups| groups.contains(&id))
        });
        let of_it: Vec<i32> = of_it.collect();
        assert!(!of_it.is_empty(), "no process is in container {id}");
        for number in of_it {
            let killed =
                Command::new("kill").args(["-9", &number.to_string()]).status().expect("kill starts");
            assert!(killed.success(), "process {number} could not be killed");
        }
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, limit: Duration, is_so: impl AsyncFn(&Self) -> bool) {
        let there = until(limit, || async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            is_so(self).await
        });
        assert!(there.await, "not within {limit:?}: {what}\n{}", self.berth.state());
    }

    /// Removes what the test made, and waits until its pods are gone.
    pub async fn end(self) {
        self.kubectl(&["delete", "ma,mme", "--all", "--wait=false"]);
        self.until("its pods are gone", Duration::from_secs(150), async |world| {
            world.pods().await.is_empty()
        })
        .await;
    }
}
