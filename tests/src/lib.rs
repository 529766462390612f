//! Harness of the tests: an S3 server with faults, the server under test as a process, models and archives of every kind.
//!
//! Nothing here sleeps blindly, listens on a fixed port or outlives its test.

pub mod archives;
pub mod browser;
pub mod busy;
pub mod cluster;
pub mod examples;
pub mod grpc;
pub mod http;
pub mod onnx;
pub mod operator;
pub mod packages;
pub mod python;
pub mod raw;
pub mod s3;
pub mod server;
pub mod vgg16;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Asks again and again until the answer is yes; false: it was not within `limit`.
pub async fn until<F: Future<Output = bool>>(limit: Duration, mut done: impl FnMut() -> F) -> bool {
    let started = Instant::now();
    while started.elapsed() < limit {
        if done().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    done().await
}

/// [`until`], with a minute's patience and a panic at its end.
pub async fn eventually<F: Future<Output = bool>>(what: &str, done: impl FnMut() -> F) {
    assert!(until(Duration::from_secs(60), done).await, "not within a minute: {what}");
}

/// A program of this build.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let program = profile.join(name);
    assert!(program.is_file(), "{} is missing: run the tests by cargo", program.display());
    program
}

/// A path in the repository.
pub fn repository(path: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.parent().expect("this package lies in the repository").join(path)
}

/// Bytes on disk of a directory and all in it, in blocks as the file system counts them.
pub fn disk_usage(path: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(meta) = path.symlink_metadata() else { return 0 };
    let below = path.read_dir().into_iter().flatten().flatten().map(|e| disk_usage(&e.path()));
    meta.blocks() * 512 + below.sum::<u64>()
}
