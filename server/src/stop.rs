//! How a server is told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Waits for the word to stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Gives the word to stop.
pub struct StopSender(watch::Sender<bool>);

/// A pair.
pub fn stop() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopSender(sender), Stop(receiver))
}

impl StopSender {
    /// It is time to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until it is time to stop.
    pub async fn wait(&mut self) {
        // The sender gone means the same.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Waits for SIGTERM or an interrupt from the terminal.
pub async fn signalled() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
