//! A program of a cluster as a child process, with its log in a file. It ends when this value is dropped, and when the process that
//! started it ends, however that ends.

use super::Missing;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

/// How long a program may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running program.
#[derive(Debug)]
pub struct Program {
    child: Mutex<Child>,
    id: u32,
    log: PathBuf,
}

impl Program {
    /// Starts a program.
    pub fn start(path: &Path, arguments: &[String], log: &Path) -> io::Result<Self> {
        let file = File::create(log)?;
        let mut command = Command::new(path);
        command.args(arguments).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        // The terminal's signals are for whoever started this process.
        command.process_group(0);
        end_with_this_process(&mut command);
        let child = spawn(command)?;
        let id = child.id();
        Ok(Self { child: Mutex::new(child), id, log: log.to_owned() })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it has not ended by itself.
    pub fn runs(&self) -> bool {
        let mut child = self.child.lock().expect("the child's lock");
        matches!(child.try_wait(), Ok(None))
    }

    /// Waits until it is ready; an error with its log if it ends instead, or takes too long.
    pub fn wait(&self, name: &str, mut ready: impl FnMut() -> bool) -> Result<(), Missing> {
        let started = Instant::now();
        while !ready() {
            if !self.runs() || started.elapsed() > PATIENCE {
                return Err(Missing(format!("{name} does not get ready:\n{}", self.log())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// All of its log.
    pub fn whole_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        if self.runs() {
            // SAFETY: the process is a child that was not waited for, so that its number is still its own.
            #[allow(unsafe_code)]
            unsafe {
                libc::kill(self.id as libc::pid_t, signal);
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The kernel kills a child when the thread that made it ends.
#[allow(unsafe_code)]
fn end_with_this_process(command: &mut Command) {
    let die = || {
        // SAFETY: a system call that only concerns the new process itself.
        let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: the closure makes one system call and takes no lock and no memory.
    unsafe {
        command.pre_exec(die);
    }
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts children from a thread that lives as long as this process: a test's own thread ends before what tests share.
fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let gone = || io::Error::other("the thread that starts programs is gone");
    let (sender, answer) = mpsc::channel();
    orders.lock().map_err(|_| gone())?.send((command, sender)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
