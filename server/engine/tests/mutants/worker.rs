//! A process that loads and runs what it is given, and the one that watches it.

use super::attempt::attempt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What a mutant may take beyond the base.
const MEMORY: u64 = 512 << 20;
const PATIENCE: Duration = Duration::from_secs(1);
/// Starting and the first model: not what is measured.
const START: Duration = Duration::from_secs(30);

fn status(process: &str, what: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find(|l| l.starts_with(what))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// A worker and the pipes to it.
pub struct Worker {
    child: Child,
    orders: ChildStdin,
    replies: Receiver<String>,
}

impl Worker {
    /// Starts one, lets it do a sound model, and bounds its memory.
    pub fn start(sound: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "work", "--nocapture", "--test-threads=1"])
            .env("BERTH_MUTANT_WORKER", "1")
            .env("RAYON_NUM_THREADS", "2")
            .env("MALLOC_ARENA_MAX", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, replies) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The test harness writes lines of its own.
                if let Some((_, reply)) = line.split_once("reply ") {
                    let _ = send.send(reply.to_owned());
                }
            }
        });
        let mut worker = Self { child, orders, replies };
        worker.ask(sound, START).unwrap();
        let process = worker.child.id().to_string();
        let base = status(&process, "VmSize").unwrap();
        let bound = format!("--as={}", base + MEMORY);
        // Without this tool the peak is looked at all the same.
        let _ = Command::new("prlimit").args(["--pid", &process, &bound]).status();
        worker
    }

    fn ask(&mut self, dir: &Path, patience: Duration) -> Result<String, String> {
        writeln!(self.orders, "{}", dir.display()).map_err(|_| "the worker is dead".to_owned())?;
        match self.replies.recv_timeout(patience) {
            Ok(reply) if reply.starts_with("PANIC") => Err(reply),
            Ok(reply) => Ok(reply),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err("more than a second".to_owned()),
            Err(_) => Err("the worker died (memory, the stack, or abort)".to_owned()),
        }
    }

    /// Loads and runs a directory; what the engine said of it.
    pub fn run(&mut self, dir: &Path) -> Result<String, String> {
        let process = self.child.id().to_string();
        let before = status(&process, "VmHWM").unwrap_or(0);
        let reply = self.ask(dir, PATIENCE)?;
        let grown = status(&process, "VmHWM").unwrap_or(0).saturating_sub(before);
        if grown > MEMORY { Err(format!("{} MiB", grown >> 20)) } else { Ok(reply) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The worker's side: a directory by line, a reply by line.
pub fn serve() {
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let hears = said.clone();
    std::panic::set_hook(Box::new(move |info| *hears.lock().unwrap() = info.to_string().replace('\n', " ")));
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let outcome = std::panic::catch_unwind(|| attempt(Path::new(&line)));
        let reply = match outcome {
            Ok(reply) => reply.replace('\n', " "),
            Err(_) => format!("PANIC {}", said.lock().unwrap()),
        };
        println!("reply {reply}");
        std::io::stdout().flush().unwrap();
    }
}
