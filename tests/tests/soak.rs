//! Many models, little memory, much traffic: no error, the budget never exceeded, the memory given back at the end.
//!
//! 500 models under a budget for 50, 20,000 requests from 16 clients that ask for model k with a likelihood of 1/k.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::examples;
use berth_tests::server::{Server, Setup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MODELS: usize = 500;
const RESIDENT: u64 = 50;
const REQUESTS: usize = 20_000;
const CLIENTS: usize = 16;

fn name(n: usize) -> String {
    format!("m{n:03}.tar.gz")
}

/// The number of a model: k with a likelihood of 1/k.
fn zipf(random: &mut fastrand::Rng, weights: &[f64]) -> usize {
    let at = random.f64() * weights[weights.len() - 1];
    weights.partition_point(|w| *w < at).min(weights.len() - 1)
}

async fn client(server: Arc<Server>, seed: u64, weights: Arc<Vec<f64>>) {
    let (mut random, iris) = (fastrand::Rng::with_seed(seed), examples::iris());
    for _ in 0..REQUESTS / CLIENTS {
        let model = name(zipf(&mut random, &weights));
        let answer = server.invoke(&model, iris.request.clone()).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.show());
        examples::assert_answer(&examples::predictions(&answer.body), &iris.answer);
    }
}

/// Samples the budget until told to stop; gives the number of samples.
async fn watch(server: Arc<Server>, stop: Arc<AtomicBool>) -> usize {
    let mut samples = 0;
    while !stop.load(Ordering::Relaxed) {
        let models = server.models().await;
        let bytes = |name: &str| models["memory"][name].as_u64().unwrap();
        let used = bytes("resident") + bytes("reserved") + bytes("unloading");
        assert!(used <= bytes("budget"), "{used} bytes are over the budget: {}", models["memory"]);
        samples += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    samples
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_models_share_the_memory_of_fifty() {
    let (models, iris) = (tempfile::tempdir().unwrap(), examples::iris());
    for n in 0..MODELS {
        std::fs::write(models.path().join(name(n)), &iris.archive).unwrap();
    }
    // What one of them takes is the server's own word.
    let probe = Setup::directory(models.path()).start().await;
    iris.check(&probe.invoke(&name(0), iris.request.clone()).await);
    let each = probe.model(&name(0)).await["bytes"].as_u64().unwrap();
    drop(probe);

    let server = Setup::directory(models.path()).flag("--memory-budget", each * RESIDENT).start().await;
    let server = Arc::new(server);
    let weights: Vec<f64> = (1..=MODELS)
        .scan(0.0, |sum, k| {
            *sum += 1.0 / k as f64;
            Some(*sum)
        })
        .collect();
    let weights = Arc::new(weights);
    // Threads, connections and code are part of any server that has worked: the comparison begins after a first round of the
    // same traffic and an unload.
    let warm = (0..CLIENTS as u64).map(|c| tokio::spawn(client(server.clone(), 1000 + c, weights.clone())));
    for task in warm.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(server.post("/unload?all=true").await.status, 200);
    let before = server.resident_set();

    let stop = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(server.clone(), stop.clone()));
    let clients = (0..CLIENTS as u64).map(|c| tokio::spawn(client(server.clone(), c, weights.clone())));
    for task in clients.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    assert!(watcher.await.unwrap() > 10, "the budget was sampled");
    assert!(server.metric("berth_model_evictions_total").await > 100.0, "there was pressure");
    assert_eq!(server.post("/unload?all=true").await.status, 200);
    let after = server.resident_set();
    println!("{each} bytes each; memory of the process {before} before, {after} after");
    assert!(
        after as f64 <= before as f64 * 1.15,
        "{before} bytes before, {after} after unloading everything"
    );
}
