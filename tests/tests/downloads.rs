//! Downloads from a store that misbehaves: parts in parallel, resumed where they broke, never a mix of two versions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::examples::{self, Example};
use berth_tests::s3::{Fault, S3};
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, disk_usage, eventually};
use std::time::Duration;

const KEY: &str = "models/iris.tar.gz";
const SIZE: usize = 18 << 20;

/// An archive of several parts in an S3 server, and the server that is to fetch it.
async fn big() -> (S3, Server, Example, usize) {
    let (s3, iris) = (S3::start().await, examples::iris());
    let archive = archives::padded(&iris.archive, 5, SIZE);
    let size = archive.len();
    s3.put(KEY, archive).await;
    let server = Setup::s3(&s3, "s3://models/").start().await;
    (s3, server, iris, size)
}

async fn answers(server: &Server, iris: &Example) {
    iris.check(&server.invoke(iris.name, iris.request.clone()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_comes_in_ranges_and_each_byte_once() {
    let (s3, server, iris, size) = big().await;
    answers(&server, &iris).await;
    let ranges = s3.ranges(KEY);
    assert!(ranges.len() >= 4 && ranges.iter().all(Option::is_some), "{ranges:?}");
    assert_eq!(s3.bytes_served(KEY), size as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_asks_to_slow_down_is_asked_again() {
    let (s3, server, iris, _) = big().await;
    s3.fault(KEY, Fault::SlowDown { times: 3 });
    answers(&server, &iris).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_connections_are_resumed_where_they_broke() {
    for fault in [Fault::Reset { after: 1 << 20, times: 3 }, Fault::Truncate { after: 1 << 20, times: 3 }] {
        let (s3, server, iris, size) = big().await;
        s3.fault(KEY, fault);
        answers(&server, &iris).await;
        assert!(s3.bytes_served(KEY) < 2 * size as u64, "{} bytes for {size}", s3.bytes_served(KEY));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bytes_arrive_all_the_same() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put(KEY, iris.archive.clone()).await;
    s3.fault(KEY, Fault::Trickle { bytes: 500, every: Duration::from_millis(20) });
    let server = Setup::s3(&s3, "s3://models/").start().await;
    answers(&server, &iris).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_overwritten_while_it_is_read_is_read_anew() {
    let (s3, server, iris, _) = big().await;
    let newer = archives::padded(&iris.archive, 6, SIZE);
    s3.fault(KEY, Fault::Overwrite { at_get: 3, body: newer.into() });
    answers(&server, &iris).await;
    assert_eq!(server.metric("berth_model_loads_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_bytes_are_found_out() {
    let (s3, server, iris, size) = big().await;
    s3.fault(KEY, Fault::Corrupt { at: size as u64 / 2 });
    let answer = server.invoke(iris.name, iris.request.clone()).await;
    assert!(answer.status == 424 || answer.status == 530, "{}", answer.show());
}

/// kill -9 in the middle of a download, which is in the middle of unpacking: the next process sweeps what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_nothing_wrong_behind() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put(KEY, archives::padded(&iris.archive, 5, SIZE)).await;
    let cache = tempfile::tempdir().unwrap();
    for after in [0, 100 << 10, 3 << 20] {
        s3.fault(KEY, Fault::Hold { after });
        let server = Setup::s3(&s3, "s3://models/").cache_dir(cache.path()).start().await;
        let invocation = server.invoke(iris.name, iris.request.clone());
        tokio::select! {
            answer = invocation => panic!("answered without the artifact: {}", answer.show()),
            () = s3.held(KEY) => {}
        }
        server.kill().await;
        s3.release(KEY);
    }
    let server = Setup::s3(&s3, "s3://models/").cache_dir(cache.path()).start().await;
    let staging = cache.path().join("staging").read_dir().unwrap().count();
    let entries = cache.path().join("entries").read_dir().unwrap().count();
    assert_eq!((staging, entries), (0, 0), "nothing half-done is left");
    answers(&server, &iris).await;
    let used = server.models().await["disk"]["used"].as_u64().unwrap();
    assert!(
        disk_usage(&cache.path().join("entries")) <= used + (64 << 10),
        "the disk holds no more than is charged"
    );
    // Once its record is written an entry outlives a kill, and the store is only asked whether it is still the newest.
    let recorded = || async {
        let entries = cache.path().join("entries").read_dir().unwrap();
        entries.flatten().any(|e| e.path().join("entry.json").exists())
    };
    eventually("the entry is recorded", recorded).await;
    server.kill().await;
    s3.forget();
    let server = Setup::s3(&s3, "s3://models/").cache_dir(cache.path()).start().await;
    answers(&server, &iris).await;
    assert_eq!(s3.gets(KEY), 0, "the copy on disk is used");
    let second = Setup::s3(&s3, "s3://models/").cache_dir(cache.path()).try_start().await;
    assert!(second.is_err(), "two processes on one cache directory");
}
