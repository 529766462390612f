//! The life of a model: downloaded once, loaded once, evicted, reloaded from disk, updated, deleted, pinned, unloaded.

use berth_tests::examples::{self, Example};
use berth_tests::http::Answer;
use berth_tests::s3::{Fault, S3};
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, eventually, vgg16};
use serde_json::Value;
use std::sync::Arc;

const IRIS: &str = "models/iris.tar.gz";

/// A row under the name that the first version of the model gives its input.
const FIRST: &str = "{\"instances\":[{\"measurements\":[5.0,3.4,1.5,0.25]}]}";
/// The same for the second version.
const SECOND: &str = "{\"instances\":[{\"measurementz\":[5.0,3.4,1.5,0.25]}]}";

async fn with_iris() -> (S3, Example) {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put(IRIS, iris.archive.clone()).await;
    (s3, iris)
}

fn setup(s3: &S3) -> Setup {
    Setup::s3(s3, "s3://models/")
}

async fn ask(server: &Server, model: &Example) -> Answer {
    server.invoke(model.name, model.request.clone()).await
}

async fn bytes_of(server: &Server, model: &str) -> u64 {
    server.model(model).await["bytes"].as_u64().expect("bytes of a known model")
}

/// Two models of which the memory holds only one, as the promise says: the small one and VGG16.
async fn alternate(s3: &S3, setup: Setup, rounds: usize) -> Server {
    let cifar = examples::cifar();
    s3.put("models/cifar.tar.gz", cifar.archive.clone()).await;
    s3.put("models/vgg16.tar.gz", vgg16::archive()).await;
    let (request, wanted) = vgg16::requests().swap_remove(0);
    // On a busy machine the rounds take longer than versions are fresh for.
    let server = setup.flag("--revalidate-after", "1h").start().await;
    for _ in 0..rounds {
        cifar.check(&ask(&server, &cifar).await);
        let answer = server.invoke("vgg16.tar.gz", request.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        assert!(examples::distance(&examples::predictions(&answer.body), &wanted) < 1e-4);
        assert_eq!(server.state("vgg16.tar.gz").await, "Resident");
        assert_ne!(server.state("cifar.tar.gz").await, "Resident", "the budget holds only one");
    }
    server
}

/// A budget that holds VGG16 and not one byte of another model.
async fn room_for_vgg16() -> u64 {
    let models = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(models.path().join("vgg16.tar.gz"), vgg16::archive()).expect("a file");
    let server = Setup::directory(models.path()).start().await;
    let answer = server.invoke("vgg16.tar.gz", vgg16::requests().swap_remove(0).0).await;
    assert_eq!(answer.status, 200, "{}", answer.show());
    bytes_of(&server, "vgg16.tar.gz").await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_models_take_turns_and_come_back_from_disk_without_s3() {
    let s3 = S3::start().await;
    let budget = room_for_vgg16().await;
    let server = alternate(&s3, setup(&s3).flag("--memory-budget", budget), 1).await;
    let (cifar, vgg16) = (s3.gets("models/cifar.tar.gz"), s3.gets("models/vgg16.tar.gz"));
    assert_eq!(cifar, 1);
    s3.forget();
    drop(server);
    // Anew with a disk for both, then round after round: only the first of each goes to S3.
    let server = alternate(&s3, setup(&s3).flag("--memory-budget", budget), 3).await;
    assert_eq!(s3.gets("models/cifar.tar.gz"), cifar);
    assert_eq!(s3.gets("models/vgg16.tar.gz"), vgg16);
    assert_eq!(s3.heads("models/vgg16.tar.gz"), 1, "a fresh version is not asked about again");
    assert!(server.metric("berth_model_evictions_total").await >= 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_models_on_a_disk_for_one_are_downloaded_again() {
    let s3 = S3::start().await;
    let budget = room_for_vgg16().await;
    let files: u64 = vgg16::model().iter().map(|(_, data)| data.len() as u64).sum();
    // What VGG16 takes with its blocks, and less than the other needs beside it.
    let disk = files + 100 * 1024;
    let setup = setup(&s3).flag("--memory-budget", budget).flag("--disk-budget", disk);
    let server = alternate(&s3, setup, 2).await;
    assert_eq!(s3.gets("models/cifar.tar.gz"), 2);
    assert_eq!(s3.heads("models/cifar.tar.gz"), 2);
    let usage = server.models().await["disk"].clone();
    assert!(usage["used"].as_u64() <= usage["budget"].as_u64(), "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_first_requests_cause_one_download_and_one_load() {
    let (s3, iris) = with_iris().await;
    s3.fault(IRIS, Fault::Hold { after: 100 });
    let server = Arc::new(setup(&s3).start().await);
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (server, iris) = (server.clone(), iris.clone());
        requests.spawn(async move { ask(&server, &iris).await });
    }
    eventually("all requests wait", async || server.model(iris.name).await["waiting"] == 200).await;
    // A release before the body is held back would release nothing.
    s3.held(IRIS).await;
    s3.release(IRIS);
    while let Some(answer) = requests.join_next().await {
        iris.check(&answer.expect("a request"));
    }
    assert_eq!((s3.gets(IRIS), s3.heads(IRIS)), (1, 1));
    assert_eq!(server.metric("berth_model_loads_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_does_not_cancel_the_load() {
    let (s3, iris) = with_iris().await;
    s3.fault(IRIS, Fault::Hold { after: 100 });
    let server = Arc::new(setup(&s3).start().await);
    let impatient = tokio::spawn({
        let (server, iris) = (server.clone(), iris.clone());
        async move { ask(&server, &iris).await }
    });
    s3.held(IRIS).await;
    impatient.abort();
    eventually("the server sees it go", async || server.model(iris.name).await["waiting"] == 0).await;
    s3.release(IRIS);
    eventually("the load ends", async || server.state(iris.name).await == "Resident").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwritten_object_answers_in_its_old_version_until_the_new_one_is_loaded() {
    let (s3, iris) = with_iris().await;
    let server = setup(&s3).flag("--revalidate-after", "100ms").start().await;
    assert_eq!(server.invoke(iris.name, FIRST).await.status, 200);
    assert_eq!(server.invoke(iris.name, SECOND).await.status, 400);
    s3.put(IRIS, archives::with_input_named(&iris.archive, "measurementz")).await;
    s3.fault(IRIS, Fault::Hold { after: 100 });
    // The new version is on its way as soon as a request comes after the interval.
    eventually("the new version is noticed", async || {
        assert_eq!(server.invoke(iris.name, FIRST).await.status, 200, "the old version goes on");
        s3.gets(IRIS) >= 2
    })
    .await;
    s3.held(IRIS).await;
    assert_eq!(server.invoke(iris.name, FIRST).await.status, 200, "the old version goes on");
    s3.release(IRIS);
    eventually("the new version answers", async || {
        let answer = server.invoke(iris.name, SECOND).await;
        assert!(answer.status == 200 || answer.error_type() == "ValidationError", "{}", answer.show());
        answer.status == 200
    })
    .await;
    assert_eq!(server.invoke(iris.name, FIRST).await.status, 400);
    eventually("the old version's memory is back", async || {
        server.models().await["memory"]["unloading"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_object_is_no_model_any_more() {
    let (s3, iris) = with_iris().await;
    let server = setup(&s3).flag("--revalidate-after", "100ms").start().await;
    iris.check(&ask(&server, &iris).await);
    s3.delete(IRIS).await;
    eventually("the model is gone", async || ask(&server, &iris).await.reason() == "ModelNotFound").await;
    let answer = ask(&server, &iris).await;
    assert_eq!((answer.status.as_u16(), answer.error_type()), (400, "ValidationError"));
    eventually("its bytes are gone", async || server.models().await["disk"]["used"] == 0).await;
    assert_eq!(server.models().await["memory"]["resident"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_added_while_the_server_runs_is_served_at_its_first_request() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put("models/other.tar.gz", iris.archive.clone()).await;
    let server = setup(&s3).start().await;
    assert_eq!(ask(&server, &iris).await.reason(), "ModelNotFound");
    s3.put(IRIS, iris.archive.clone()).await;
    iris.check(&ask(&server, &iris).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_model_stays_and_others_go_least_recently_used_first() {
    let (s3, iris) = with_iris().await;
    for name in ["a", "b", "c", "d"] {
        s3.put(&format!("models/{name}.tar.gz"), iris.archive.clone()).await;
    }
    let server = setup(&s3).start().await;
    iris.check(&ask(&server, &iris).await);
    let one = bytes_of(&server, iris.name).await;
    drop(server);
    let server = setup(&s3).flag("--memory-budget", one * 3).flag("--pin", iris.name).start().await;
    for name in ["iris", "a", "b", "a", "c", "d"] {
        assert_eq!(server.invoke(&format!("{name}.tar.gz"), iris.request.clone()).await.status, 200);
    }
    let resident = |all: &Value| -> Vec<String> {
        let models = all["models"].as_array().expect("a list").iter();
        models
            .filter(|m| m["state"] == "Resident")
            .map(|m| m["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(resident(&server.models().await), ["c.tar.gz", "d.tar.gz", "iris.tar.gz"]);
    // `a` was used after `b`: with `c` it was `b` that went.
    server.post("/unpin?model=iris.tar.gz").await;
    assert_eq!(server.invoke("a.tar.gz", iris.request.clone()).await.status, 200);
    assert_eq!(resident(&server.models().await), ["a.tar.gz", "c.tar.gz", "d.tar.gz"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unloaded_model_is_out_of_memory_and_comes_back_from_disk() {
    let (s3, iris) = with_iris().await;
    let server = setup(&s3).start().await;
    iris.check(&ask(&server, &iris).await);
    let done = server.post("/unload?model=iris.tar.gz").await;
    assert_eq!(
        (done.status.as_u16(), &done.json()["unloaded"]),
        (200, &Value::Bool(true)),
        "{}",
        done.show()
    );
    assert_eq!(server.models().await["memory"]["resident"], 0);
    assert_eq!(server.state(iris.name).await, "Standby");
    iris.check(&ask(&server, &iris).await);
    assert_eq!(s3.gets(IRIS), 1);
    assert_eq!(server.post("/unload?model=never.tar.gz").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cache_a_model_is_dropped_after_its_answer() {
    let (s3, iris) = with_iris().await;
    let server = setup(&s3).flag("--cache-mode", "disabled").start().await;
    for round in 1..=2 {
        iris.check(&ask(&server, &iris).await);
        eventually("memory and disk are empty", async || {
            let usage = server.models().await;
            usage["memory"]["resident"] == 0
                && usage["memory"]["unloading"] == 0
                && usage["disk"]["used"] == 0
        })
        .await;
        assert_eq!(s3.gets(IRIS), round);
    }
}

/// The packed weights of the only entry of a disk cache, once they are there.
async fn packed(cache: &std::path::Path) -> std::path::PathBuf {
    let find = || {
        let entries = cache.join("entries").read_dir().expect("a disk cache");
        let mut files = entries.map(|e| e.expect("an entry").path().join("packed"));
        files.find(|f| f.is_file())
    };
    eventually("packed weights are written behind the load", async || find().is_some()).await;
    find().expect("just seen")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_maps_packed_weights_and_makes_them_anew_if_they_are_broken() {
    let s3 = S3::start().await;
    s3.put("models/vgg16.tar.gz", vgg16::archive()).await;
    let (request, wanted) = vgg16::requests().swap_remove(0);
    let cache = tempfile::tempdir().expect("a temporary directory");
    let start = || setup(&s3).cache_dir(cache.path()).start();
    let check = async |server: &Server| {
        let answer = server.invoke("vgg16.tar.gz", request.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        assert!(examples::distance(&examples::predictions(&answer.body), &wanted) < 1e-4);
    };

    let server = start().await;
    check(&server).await;
    let gets = s3.gets("models/vgg16.tar.gz");
    let file = packed(cache.path()).await;
    assert!(!server.has_mapped("/packed"), "the first load packs");
    assert_eq!(server.post("/unload?model=vgg16.tar.gz").await.status, 200);
    check(&server).await;
    assert!(server.has_mapped("/packed"), "a reload maps");
    let used = server.models().await["disk"]["used"].as_u64().expect("bytes");
    assert!(used > file.metadata().expect("a file").len(), "{used} bytes are charged");
    // Once the record is there the entry is that of the next process too.
    eventually("the entry is kept", async || file.with_file_name("entry.json").is_file()).await;
    server.kill().await;

    let whole = std::fs::read(&file).expect("packed weights");
    let mut state = 5usize;
    for at in [20, whole.len() / 2, whole.len() - 1] {
        state += 1;
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (state % 8);
        std::fs::remove_file(&file).expect("a file");
        std::fs::write(&file, damaged).expect("a file");
        let server = start().await;
        check(&server).await;
        assert!(!server.has_mapped("/packed"), "byte {at} is another one");
        eventually("it is replaced", async || std::fs::read(&file).expect("a file") == whole).await;
        server.kill().await;
    }
    // What was made anew serves the next process.
    let server = start().await;
    check(&server).await;
    assert!(server.has_mapped("/packed"));
    assert_eq!(s3.gets("models/vgg16.tar.gz"), gets, "all of it from disk");
}
