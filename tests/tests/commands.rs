//! The commands that need no server: `predict` and `inspect`.

use berth_tests::examples::{assert_answer, iris, predictions};
use berth_tests::{repository, server};
use serde_json::Value;
use std::process::{Command, Output};

fn berth(arguments: &[&str]) -> Output {
    let output = Command::new(server::program()).current_dir(repository("")).args(arguments).output();
    output.expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const IRIS: &str = "examples/models/iris.tar.gz";
const REQUEST: &str = "examples/requests/iris/request.json";

#[test]
fn predict_prints_the_answer_and_the_profile_beside_it() {
    let plain = berth(&["predict", IRIS, "--input", REQUEST]);
    assert!(plain.status.success() && plain.stderr.is_empty(), "{}", text(&plain.stderr));
    assert_answer(&predictions(&plain.stdout), &iris().answer);

    let profiled = berth(&["predict", IRIS, "--input", REQUEST, "--profile"]);
    assert!(profiled.status.success(), "{}", text(&profiled.stderr));
    assert_eq!(profiled.stdout, plain.stdout);
    let table = text(&profiled.stderr);
    let rows: Vec<&str> = table.lines().skip(1).filter(|row| row.contains(" # ")).collect();
    assert!(rows.iter().any(|row| row.contains("Dense 4x")), "{table}");
    let times: Vec<f64> =
        rows.iter().map(|row| row.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "the dearest first: {table}");
}

#[test]
fn inspect_shows_the_graph_that_is_run() {
    let output = berth(&["inspect", IRIS, "--graph"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("plan        serv"), "{shown}");
    assert!(shown.contains("= Dense 4x"), "{shown}");

    let output = berth(&["inspect", IRIS, "--graph", "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let operations = all["plans"][0]["operations"].as_array().expect("operations");
    let last = operations.last().expect("an operation");
    assert_eq!(last["shape"], serde_json::json!([null, 3]), "three classes for each row: {last}");
    let held: u64 = operations.iter().map(|op| op["constant_bytes"].as_u64().unwrap()).sum();
    assert!(held > 0 && held <= all["resident_bytes"].as_u64().unwrap(), "{held}: {all}");

    let output = berth(&["inspect", IRIS, "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(all.get("plans").is_none(), "the graph is shown when it is asked for");
}

#[test]
fn what_goes_wrong_is_said_with_the_exit_code() {
    let output = berth(&["predict", "examples/models/nowhere.tar.gz", "--input", REQUEST]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: "), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    assert_eq!(berth(&["inspect"]).status.code(), Some(2));
}

#[test]
fn a_device_is_cpu_or_says_which_build_has_it() {
    let plain = berth(&["predict", IRIS, "--input", REQUEST, "--device", "cpu"]);
    assert!(plain.status.success(), "{}", text(&plain.stderr));
    assert_answer(&predictions(&plain.stdout), &iris().answer);

    for (device, said) in [
        ("cuda:1", "this build has no device cuda:1: take one that was made by cargo build"),
        ("tpu", "\"tpu\" is no device; they are: cpu, cuda, cuda:1 and so on"),
        ("cuda:one", "\"cuda:one\" is no device"),
    ] {
        let predict = ["predict", IRIS, "--input", REQUEST, "--device", device];
        let inspect = ["inspect", IRIS, "--device", device];
        let serve = ["serve", "--models", "examples/models", "--listen", "127.0.0.1:0", "--device", device];
        for arguments in [&predict[..], &inspect, &serve] {
            let output = berth(arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
            assert!(output.stdout.is_empty());
        }
    }
}
