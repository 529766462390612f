//! How a server is told to stop, in two words: drain (others should send requests elsewhere now), then stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Serve,
    Drain,
    Stop,
}

/// Waits for the words.
#[derive(Clone)]
pub struct Stop(watch::Receiver<Word>);

/// Gives the words.
pub struct StopSender(watch::Sender<Word>);

/// A pair.
pub fn stop() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(Word::Serve);
    (StopSender(sender), Stop(receiver))
}

impl StopSender {
    /// Requests are still taken, and readiness and every answer say that no more should come.
    pub fn drain(&self) {
        self.0.send_modify(|word| *word = Word::Drain.max(*word));
    }

    /// It is time to stop.
    pub fn stop(&self) {
        self.0.send_replace(Word::Stop);
    }
}

impl Stop {
    /// Whether requests should go elsewhere.
    pub fn is_draining(&self) -> bool {
        *self.0.borrow() >= Word::Drain
    }

    /// Waits until requests should go elsewhere.
    pub async fn draining(&mut self) {
        // The sender gone means the same.
        let _ = self.0.wait_for(|word| *word >= Word::Drain).await;
    }

    /// Waits until it is time to stop.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|word| *word >= Word::Stop).await;
    }
}

/// Who asks for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A supervisor, by SIGTERM: others may not have noticed yet.
    Terminate,
    /// A person, by an interrupt from the terminal.
    Interrupt,
}

/// The signals that end a server.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.interrupt.recv() => Asked::Interrupt,
        }
    }
}
