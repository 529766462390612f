//! A process and its log.

use crate::built;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

/// Lines of the log that a message shows.
const TAIL: usize = 30;

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Exit {
    /// Its exit code; none: a signal ended it.
    pub code: Option<i32>,
    /// The end of its log.
    pub log: String,
}

/// A child process; killed when this is dropped.
pub(super) struct Process {
    child: Mutex<Child>,
    id: u32,
    log: Arc<Mutex<Vec<String>>>,
    /// Reads the log to its end.
    reader: Option<std::thread::JoinHandle<()>>,
}

/// The program, which cargo builds before the tests of this package.
pub fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("berth-server-under-test"))
}

impl Process {
    /// Starts the program and waits for the event that says where it listens.
    pub async fn start(
        arguments: &[String],
        environment: &[(&'static str, String)],
    ) -> Result<(Self, Value), Exit> {
        let mut command = Command::new(program());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|n| n.starts_with("AWS_") || n.starts_with("BERTH_")) {
                command.env_remove(name);
            }
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().expect("the server's program starts");
        let stderr = child.stderr.take().expect("its log is a pipe");
        let (sender, serving) = tokio::sync::oneshot::channel();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let reader = std::thread::spawn(move || {
            let mut sender = Some(sender);
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let event = serde_json::from_str::<Value>(&line).unwrap_or(Value::Null);
                if event["message"] == "serving"
                    && let Some(sender) = sender.take()
                {
                    let _ = sender.send(event);
                }
                lines.lock().expect("the log's lock").push(line);
            }
        });
        let id = child.id();
        let process = Self { child: Mutex::new(child), id, log, reader: Some(reader) };
        match tokio::time::timeout(super::PATIENCE, serving).await {
            Ok(Ok(event)) => Ok((process, event)),
            _ => Err(process.exit().await),
        }
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn is_running(&self) -> bool {
        matches!(self.child.lock().expect("the child's lock").try_wait(), Ok(None))
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id.to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()), "signal {name} could not be sent to {}", self.id);
    }

    /// Waits until it ends.
    pub async fn exit(mut self) -> Exit {
        let mut code = None;
        let ended = crate::until(super::PATIENCE, || {
            let status =
                self.child.lock().expect("the child's lock").try_wait().expect("a child can be waited for");
            code = status.and_then(|s| s.code());
            std::future::ready(status.is_some())
        });
        assert!(ended.await, "the process does not end\n{}", self.log_tail());
        // The last lines may still be in the pipe.
        self.reader.take().map(std::thread::JoinHandle::join);
        Exit { code, log: self.log_tail() }
    }

    pub fn log_tail(&self) -> String {
        let log = self.log.lock().expect("the log's lock");
        log[log.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().expect("the child's lock");
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Bytes of memory that a process has now.
pub fn resident_set(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a living process");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("its resident set");
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib << 10
}
