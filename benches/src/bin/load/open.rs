//! Requests are due at fixed times, whatever becomes of those before.

use crate::report::Answer;
use crate::transport::{Outcome, Transport};
use crate::{Anyhow, Window};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What requests that are under way share.
struct Shared<T: Transport> {
    transport: Arc<T>,
    idle: Mutex<Vec<T::Connection>>,
    /// Connections that may still be used; who finds none waits, and its clock runs.
    places: Semaphore,
}

/// The answers to what was due within the window.
pub async fn run<T: Transport>(
    transport: Arc<T>,
    connections: usize,
    rate: f64,
    window: Window,
) -> Anyhow<Vec<Answer>> {
    let places = Semaphore::new(connections);
    let shared = Arc::new(Shared { transport, idle: Mutex::new(Vec::new()), places });
    let (begun, mut tasks, mut answers) = (Instant::now(), JoinSet::new(), Vec::new());
    for number in 0usize.. {
        let due = begun + Duration::from_secs_f64(number as f64 / rate);
        if due >= window.end {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let shared = shared.clone();
        tasks.spawn(async move { (due, shared.one(number, due).await) });
        while let Some(ended) = tasks.try_join_next() {
            answers.push(ended?);
        }
    }
    answers.extend(tasks.join_all().await);
    let counted = answers.into_iter().filter(|(due, _)| window.has(*due));
    Ok(counted.map(|(_, answer)| answer).collect())
}

impl<T: Transport> Shared<T> {
    async fn one(&self, number: usize, due: Instant) -> Answer {
        let _place = self.places.acquire().await;
        let sent = Instant::now();
        let outcome = self.call(number).await.unwrap_or(Outcome::Failed);
        Answer { outcome, waited: due.elapsed(), took: sent.elapsed() }
    }

    async fn call(&self, number: usize) -> Anyhow<Outcome> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.transport.open().await?,
        };
        let outcome = self.transport.call(&mut connection, number).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(outcome)
    }
}
