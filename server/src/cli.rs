//! The command line; every flag of `serve` is an environment variable `BERTH_…` too.

mod resolve;
mod sagemaker;

use crate::config::{CacheMode, LogFormat, ModelsUri, Switch};
use crate::names::ModelName;
use crate::units;
use berth_engine::Device;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What `cargo run` in a clone serves.
const EXAMPLES: &str = "examples/models";

/// Serves many machine-learning models behind one endpoint.
#[derive(Debug, Parser)]
#[command(name = "berth-server", version, about)]
pub struct Cli {
    /// Without a command: serve examples/models.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve every model under a prefix.
    Serve(Box<Serve>),
    /// Run one request through one artifact and print the answer.
    Predict {
        /// A .tar.gz, .tgz or .tar archive, or an unpacked model directory.
        artifact: PathBuf,
        /// A request as TensorFlow Serving takes it: {"instances": …} or {"inputs": …}; - reads standard input.
        #[arg(long)]
        input: PathBuf,
        /// Also print, on standard error, the time, FLOPs and bytes of each operation, the dearest first.
        #[arg(long)]
        profile: bool,
        /// Where the model runs: cpu; in a build with the feature `cuda` also cuda, cuda:1 and so on.
        #[arg(long, default_value_t)]
        device: Device,
    },
    /// Say what an artifact holds: format, signatures, bytes needed, operations that are not supported.
    Inspect {
        /// A .tar.gz, .tgz or .tar archive, or an unpacked model directory.
        artifact: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Also the optimised graph: what is run for a request, in order. This loads the model.
        #[arg(long)]
        graph: bool,
        /// The device that it is for, of which bytes and operations are shown: cpu; in a build with the feature `cuda` also cuda, cuda:1 and so on.
        #[arg(long, default_value_t)]
        device: Device,
    },
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// A directory, or s3://bucket/prefix/: every archive and unpacked model below it is a target model [default: what the
    /// manifest says].
    #[arg(long, env = "BERTH_MODELS", value_name = "DIR|S3-URI", value_parser = ModelsUri::parse)]
    pub models: Option<ModelsUri>,
    /// Kubernetes YAML (a MultiModelEndpoint, ModelArtifacts) to take the settings from, or a directory of it; may be
    /// repeated. Read again when it changes. Other flags go before what it says.
    #[arg(long = "manifest", env = "BERTH_MANIFEST", value_name = "FILE|DIR", value_delimiter = ',')]
    pub manifests: Vec<PathBuf>,
    /// In a pod: watch the endpoint's ModelArtifacts and the other pods. It only reads.
    #[arg(long, env = "BERTH_KUBERNETES", value_parser = clap::builder::BoolishValueParser::new())]
    pub kubernetes: bool,
    /// With --kubernetes: this pod's name [default: the host's name].
    #[arg(long, env = "POD_NAME")]
    pub pod_name: Option<String>,
    /// With --kubernetes: its namespace [default: that of the service account or KUBECONFIG].
    #[arg(long, env = "POD_NAMESPACE")]
    pub pod_namespace: Option<String>,
    /// Name of the endpoint [default: the manifest's; without both any name in a request is accepted].
    #[arg(long, env = "BERTH_ENDPOINT", value_parser = endpoint_name)]
    pub endpoint: Option<String>,
    /// Address of the invocations [default: 127.0.0.1:8080; inside SageMaker all addresses and the port that it says].
    #[arg(long, env = "BERTH_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Address of /livez, /readyz, /metrics, /models, unload and pin [default: 127.0.0.1:9090; inside SageMaker the first port that
    /// it leaves free].
    #[arg(long, env = "BERTH_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,
    /// Certificate chain in PEM: the invocations' port speaks TLS. Read again when it changes.
    #[arg(long, env = "BERTH_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key in PEM.
    #[arg(long, env = "BERTH_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Connections at a time; more are refused with 503.
    #[arg(long, env = "BERTH_MAX_CONNECTIONS", default_value_t = 16384)]
    pub max_connections: usize,
    /// How long a connection may stay without a request.
    #[arg(long, env = "BERTH_IDLE_TIMEOUT", default_value = "5m", value_parser = units::duration)]
    pub idle_timeout: Duration,
    /// Directory below which models may be registered by POST /models, as SageMaker's platform does [default: none; inside SageMaker
    /// in multi-model mode /opt/ml/models].
    #[arg(long, env = "BERTH_CONTAINER_ROOT", value_name = "DIR")]
    pub container_root: Option<PathBuf>,
    /// Where models run: cpu; in a build with the feature `cuda` also cuda, cuda:1 and so on.
    #[arg(long, env = "BERTH_DEVICE", default_value_t)]
    pub device: Device,
    /// Memory that models may use together, on the host and on the device [default: the manifest's, or 4GiB; inside SageMaker four
    /// fifths of what there is].
    #[arg(long, env = "BERTH_MEMORY_BUDGET", value_parser = units::bytes)]
    pub memory_budget: Option<u64>,
    /// Disk that unpacked models may use together, temporary files included [default: the manifest's, or 50GiB].
    #[arg(long, env = "BERTH_DISK_BUDGET", value_parser = units::bytes)]
    pub disk_budget: Option<u64>,
    /// Where unpacked models are kept [default: a directory of its own for each --models in the user's cache directory].
    #[arg(long, env = "BERTH_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Disabled: a model is loaded, answers and is dropped [default: the manifest's, or enabled].
    #[arg(long, env = "BERTH_CACHE_MODE", value_enum, ignore_case = true)]
    pub cache_mode: Option<CacheMode>,
    /// A model that is never evicted once it is loaded; may be repeated.
    #[arg(long = "pin", env = "BERTH_PIN", value_name = "MODEL", value_delimiter = ',', value_parser = pinned)]
    pub pins: Vec<ModelName>,
    /// How long a version is taken for the newest before the store is asked again.
    #[arg(long, env = "BERTH_REVALIDATE_AFTER", default_value = "60s", value_parser = units::duration)]
    pub revalidate_after: Duration,
    /// Largest request body [default: 25MiB, or SAGEMAKER_MAX_REQUEST_SIZE bytes].
    #[arg(long, env = "BERTH_MAX_BODY", value_parser = units::bytes)]
    pub max_body: Option<u64>,
    /// Let clients list, load and unload models (the Open Inference Protocol's model repository) on the port of the
    /// invocations too, and not on the admin port alone.
    #[arg(long, env = "BERTH_REPOSITORY_API", value_parser = clap::builder::BoolishValueParser::new())]
    pub repository_api: bool,
    /// Requests that are worked on or wait at a time; more are refused with 503.
    #[arg(long, env = "BERTH_MAX_REQUESTS", default_value_t = 4096)]
    pub max_requests: usize,
    /// Threads that predict [default: one for each core].
    #[arg(long, env = "BERTH_COMPUTE_THREADS")]
    pub compute_threads: Option<usize>,
    /// Requests that wait for these threads; more are refused with 503.
    #[arg(long, env = "BERTH_COMPUTE_QUEUE", default_value_t = 1024)]
    pub compute_queue: usize,
    /// Requests of one model that wait for these threads; more are refused with 503 [default: half of --compute-queue].
    #[arg(long, env = "BERTH_MODEL_QUEUE")]
    pub model_queue: Option<usize>,
    /// Bytes of the requests that wait for these threads, half of them for one model; more are refused with 503. Where none waits any
    /// request is taken.
    #[arg(long, env = "BERTH_QUEUE_BYTES", default_value = "256MiB", value_parser = units::bytes)]
    pub queue_bytes: u64,
    /// A request that would wait longer for a thread, by what those before it cost, is refused with 503 at once.
    #[arg(long, env = "BERTH_MAX_QUEUE_WAIT", default_value = "10s", value_parser = units::duration)]
    pub max_queue_wait: Duration,
    /// Whether requests of one model that wait at the same time run together, where the model is faster so: on or off.
    #[arg(long, env = "BERTH_BATCHING", value_name = "on|off", default_value = "on", action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new())]
    pub batching: bool,
    /// Models that are downloaded at a time.
    #[arg(long, env = "BERTH_MAX_DOWNLOADS", default_value_t = 4)]
    pub max_downloads: usize,
    /// Models that are loaded from disk at a time.
    #[arg(long, env = "BERTH_MAX_LOADS", default_value_t = 2)]
    pub max_loads: usize,
    /// How long a request waits for its model before ModelNotReadyException [default: the manifest's, or 60s].
    #[arg(long, env = "BERTH_WAIT_LIMIT", value_parser = units::duration)]
    pub wait_limit: Option<Duration>,
    /// How long readiness waits for the models to preload.
    #[arg(long, env = "BERTH_PRELOAD_LIMIT", default_value = "120s", value_parser = units::duration)]
    pub preload_limit: Duration,
    /// How long requests are taken after SIGTERM, until others have noticed [default: the manifest's, or 0s].
    #[arg(long, env = "BERTH_DRAIN_DELAY", value_parser = units::duration)]
    pub drain_delay: Option<Duration>,
    /// How long a stop waits for requests in progress [default: 5s more than --wait-limit].
    #[arg(long, env = "BERTH_DRAIN_LIMIT", value_parser = units::duration)]
    pub drain_limit: Option<Duration>,
    /// The page for people at /, the API's documents at /docs and /openapi.json.
    #[arg(long, env = "BERTH_PAGE", value_enum, default_value = "on", ignore_case = true)]
    pub page: Switch,
    /// How logs are written.
    #[arg(long, env = "BERTH_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

impl Cli {
    /// The command, or that of a clone without arguments.
    pub fn command(self) -> Result<Command, clap::Error> {
        match self.command {
            Some(command) => Ok(command),
            None if std::path::Path::new(EXAMPLES).is_dir() => {
                let cli = Self::try_parse_from(["berth-server", "serve", "--models", EXAMPLES])?;
                cli.command.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingSubcommand))
            }
            None => {
                let kind = clap::error::ErrorKind::MissingSubcommand;
                Err(Self::command_factory().error(kind, "a command is needed; see --help"))
            }
        }
    }

    fn command_factory() -> clap::Command {
        <Self as clap::CommandFactory>::command()
    }
}

fn endpoint_name(text: &str) -> Result<String, String> {
    if is_endpoint_name(text) {
        Ok(text.to_owned())
    } else {
        Err("an endpoint's name has 1 to 63 letters, digits and hyphens, and no hyphen at its ends"
            .to_owned())
    }
}

/// Whether this may be an endpoint's name, as the runtime API has it.
pub fn is_endpoint_name(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().last())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn pinned(text: &str) -> Result<ModelName, String> {
    ModelName::new(text).map_err(|e| e.to_string())
}
