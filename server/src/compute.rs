//! The threads that predict. They are no threads of the async runtime and none that load models: a slow prediction never
//! stops the server from accepting, a slow load never stops a prediction.

use crate::error::InvokeError;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// A pool of threads behind a bounded queue.
#[derive(Clone)]
pub struct Compute {
    queue: Sender<Work>,
    capacity: usize,
}

impl Compute {
    /// Starts `threads` threads; at most `capacity` requests wait for them.
    pub fn start(threads: usize, capacity: usize) -> std::io::Result<Self> {
        let (queue, work) = bounded(capacity);
        for n in 0..threads {
            let work = work.clone();
            std::thread::Builder::new().name(format!("compute-{n}")).spawn(move || serve(&work))?;
        }
        Ok(Self { queue, capacity })
    }

    /// Runs `work` on one of the threads. A panic in it is this request's error and nobody else's.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, InvokeError> + Send + 'static,
    ) -> Result<T, InvokeError> {
        let (sender, receiver) = oneshot::channel();
        let task: Work = Box::new(move || {
            // The client went away while this waited: its answer is not worth computing.
            if !sender.is_closed() {
                let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(InvokeError::Panicked));
                let _ = sender.send(result);
            }
        });
        match self.queue.try_send(task) {
            Ok(()) => receiver.await.unwrap_or(Err(InvokeError::Panicked)),
            Err(TrySendError::Full(_)) => Err(InvokeError::Overloaded(self.capacity)),
            Err(TrySendError::Disconnected(_)) => Err(InvokeError::ShuttingDown),
        }
    }

    /// Requests that wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

fn serve(work: &Receiver<Work>) {
    while let Ok(task) = work.recv() {
        task();
    }
}
