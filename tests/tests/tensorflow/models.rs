//! The models that requests are sent to.

use berth_tests::archives::{self, pack, pack_directory};
use berth_tests::{examples, repository};
use std::path::Path;

/// A name with all that addresses have to encode.
pub const UNICODE: &str = "söme dir/модель 1%.tar.gz";
/// Where the fixture has a file of warm-up requests.
const WARM_UP: &str = "assets.extra/tf_serving_warmup_requests";

/// A file of the fixture.
pub fn fixture(path: &str) -> Vec<u8> {
    examples::file(&format!("tests/fixtures/tensorflow/{path}"))
}

/// What gives two of the versions labels.
const LABELS: &[u8] = br#"{"version_labels": {"stable": 1, "canary": 10}}"#;

/// Writes a directory of models: `full` has version 2 alone, `versions` all three, `labelled` with labels too, `canary` a broken version 9 beside version 1, `plain`
/// no version directory, `cold` broken warm-up requests, `eager` too many of them, `broken` nothing.
pub fn write(dir: &Path) {
    let all = archives::files(&pack_directory(&repository("tests/fixtures/tensorflow/model")));
    let of = |version: &'static str| all.iter().filter(move |(name, _)| name.starts_with(version)).cloned();
    let full: Vec<_> = of("2/").collect();
    let mut canary: Vec<_> = of("1/").collect();
    canary.push(("9/saved_model.pb".to_owned(), b"no model".to_vec()));
    let labelled = [&all[..], &[("berth.json".to_owned(), LABELS.to_vec())]].concat();
    let plain: Vec<_> = of("1/").map(|(name, data)| (name["1/".len()..].to_owned(), data)).collect();
    let with_warm_up = |requests: &dyn Fn(Vec<u8>) -> Vec<u8>| -> Vec<_> {
        of("10/")
            .map(|(name, data)| if name.ends_with(WARM_UP) { (name, requests(data)) } else { (name, data) })
            .collect()
    };
    let cold = with_warm_up(&|_| b"no records".to_vec());
    let eager = with_warm_up(&|three| three.repeat(334));
    std::fs::create_dir_all(dir.join(UNICODE).parent().unwrap()).unwrap();
    for (name, archive) in [
        ("full.tar.gz", pack(&full)),
        ("versions.tar.gz", pack(&all)),
        ("labelled.tar.gz", pack(&labelled)),
        ("canary.tar.gz", pack(&canary)),
        ("plain.tar.gz", pack(&plain)),
        ("cold.tar.gz", pack(&cold)),
        ("eager.tar.gz", pack(&eager)),
        (UNICODE, pack(&full)),
        ("broken.tar.gz", b"no archive".to_vec()),
        ("iris.tar.gz", examples::iris().archive),
    ] {
        std::fs::write(dir.join(name), archive).unwrap();
    }
    let forest = repository("server/engine/tests/sklearn/linear/model");
    std::fs::write(dir.join("linear.tar.gz"), pack_directory(&forest)).unwrap();
}
