//! Each connection sends the next request as soon as it has its answer.

use crate::report::Answer;
use crate::transport::Transport;
use crate::{Anyhow, Window};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The answers to what was sent within the window.
pub async fn run<T: Transport>(transport: Arc<T>, connections: usize, window: Window) -> Anyhow<Vec<Answer>> {
    let numbers = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(connection(transport.clone(), numbers.clone(), window)))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await??);
    }
    Ok(answers)
}

async fn connection<T: Transport>(
    transport: Arc<T>,
    numbers: Arc<AtomicUsize>,
    window: Window,
) -> Anyhow<Vec<Answer>> {
    let mut connection = transport.open().await?;
    let mut answers = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= window.end {
            return Ok(answers);
        }
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let outcome = transport.call(&mut connection, number).await?;
        if window.has(sent) {
            answers.push(Answer { outcome, waited: sent.elapsed(), took: sent.elapsed() });
        }
    }
}
