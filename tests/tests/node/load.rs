//! Fifty requests a second to an endpoint, from clients that keep their connections, each answer compared.

use berth_tests::examples::{self, EXACT, Example, distance, predictions};
use berth_tests::http::{Answer, Client};
use hyper::Method;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Requests a second, of all clients together.
const RATE: u32 = 50;

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Told {
    /// Right answers.
    pub answers: usize,
    /// What went wrong with each of the others.
    pub failures: Vec<String>,
    /// Connections that nobody took, so that nothing was sent; they are asked for again, as every SDK does.
    pub refused: usize,
    /// Different models that answered.
    pub models: usize,
    /// The slowest answer.
    pub slowest: Duration,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slowest = self.slowest.as_secs_f64();
        write!(f, "{} answers of {} models, {} failed, ", self.answers, self.models, self.failures.len())?;
        write!(f, "{} connections refused, the slowest answer {slowest:.2} s", self.refused)?;
        self.failures.iter().take(5).try_for_each(|failure| write!(f, "\n  {failure}"))
    }
}

/// The clients.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    url: String,
    models: Vec<String>,
    example: Example,
    next: AtomicUsize,
    over: AtomicBool,
    in_flight: AtomicUsize,
    told: Mutex<(Told, BTreeSet<String>)>,
}

impl Load {
    /// Clients, each with one connection.
    pub const CONNECTIONS: usize = 10;

    /// Begins to ask all models in turn.
    pub fn start(url: &str, models: &[String]) -> Self {
        let shared = Arc::new(Shared {
            url: format!("{url}/endpoints/vision/invocations"),
            models: models.to_vec(),
            example: examples::iris(),
            next: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            told: Mutex::default(),
        });
        let clients = (0..Self::CONNECTIONS).map(|_| tokio::spawn(client(Arc::clone(&shared)))).collect();
        Self { shared, clients }
    }

    /// Requests that are not answered yet.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until that many more answers are there.
    pub async fn answered(&self, more: usize) {
        let so_far = || self.shared.told.lock().expect("the lock").0.answers;
        let wanted = so_far() + more;
        berth_tests::eventually("more answers", || async { so_far() >= wanted }).await;
    }

    /// Lets it go on for so long.
    pub async fn lasts(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends it.
    pub async fn end(self) -> Told {
        self.shared.over.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.expect("a client ends");
        }
        let told = self.shared.told.lock().expect("the lock");
        Told { models: told.1.len(), ..told.0.clone() }
    }
}

async fn client(shared: Arc<Shared>) {
    let client = Client::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * Load::CONNECTIONS as u32 / RATE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !shared.over.load(Ordering::SeqCst) {
        ticks.tick().await;
        let number = shared.next.fetch_add(1, Ordering::SeqCst);
        shared.one(&client, &shared.models[number % shared.models.len()]).await;
    }
}

impl Shared {
    async fn one(&self, client: &Client, model: &str) {
        let begun = Instant::now();
        let headers = [("x-amzn-sagemaker-target-model", model), ("content-type", "application/json")];
        loop {
            self.in_flight.fetch_add(1, Ordering::SeqCst);
            let answer = client.send(Method::POST, &self.url, &headers, self.example.request.clone()).await;
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            let refused = answer.as_ref().is_err_and(|why| why.contains("ConnectionRefused"));
            if refused && begun.elapsed() < Duration::from_secs(10) {
                self.told.lock().expect("the lock").0.refused += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            self.note(model, begun.elapsed(), answer);
            return;
        }
    }

    fn note(&self, model: &str, took: Duration, answer: Result<Answer, String>) {
        let wrong = match answer {
            Err(why) => Some(why),
            Ok(answer) if answer.status != 200 => Some(answer.show()),
            Ok(answer) if distance(&predictions(&answer.body), &self.example.answer) > EXACT => {
                Some("a wrong answer".to_owned())
            }
            Ok(_) => None,
        };
        let (told, models) = &mut *self.told.lock().expect("the lock");
        told.slowest = told.slowest.max(took);
        match wrong {
            Some(wrong) => told.failures.push(format!("{model}: {wrong}")),
            None => {
                told.answers += 1;
                models.insert(model.to_owned());
            }
        }
    }
}
