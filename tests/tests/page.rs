//! The page in a real browser: with scripts and without, in light and dark, with hostile names.
//!
//! `BERTH_PICTURES=1` has it write `docs/pictures` anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "page/looks.rs"]
mod looks;

use berth_tests::archives::pack_directory;
use berth_tests::browser::{Browser, Look};
use berth_tests::cluster::unless_missing;
use berth_tests::examples::{self, assert_answer, predictions, rows};
use berth_tests::repository;
use berth_tests::server::{Server, Setup};
use hyper::Method;
use serde_json::Value;
use std::path::Path;

/// A directory with the examples, and a few models of other formats under names as people give them.
fn models() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, archive: Vec<u8>| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, archive).unwrap();
    };
    for example in [examples::iris(), examples::cifar()] {
        put(example.name, example.archive);
    }
    for (name, fixture) in [
        ("tenant-a/churn.tar.gz", "boosters/xgb-logistic"),
        ("tenant-a/prices.tar.gz", "sklearn/forest-regression"),
        ("tenant-b/digits.tar.gz", "mxnet/net-mlp"),
        ("tenant-b/neighbours.tar.gz", "builtins/knn-classifier"),
    ] {
        put(name, pack_directory(&repository("server/engine/tests").join(fixture).join("model")));
    }
    put("unfinished.tar.gz", b"no archive".to_vec());
    dir
}

async fn started() -> (Server, tempfile::TempDir) {
    let models = models();
    let server =
        Setup::directory(models.path()).flag("--memory-budget", "64MiB").flag("--disk-budget", "256MiB");
    (server.start().await, models)
}

/// Looks at the page in a browser, on a thread of its own: a browser's calls wait.
async fn look(look: Look, url: String, what: impl FnOnce(&mut Browser, &str) + Send + 'static) {
    let seen = tokio::task::spawn_blocking(move || {
        let Some(mut browser) = unless_missing(Browser::start(look)) else { return };
        what(&mut browser, &url);
        assert_eq!(browser.complaints(), Vec::<String>::new());
        let elsewhere: Vec<_> = browser
            .requests()
            .into_iter()
            .filter(|r| !r.starts_with(&url) && !r.starts_with("data:"))
            .collect();
        assert_eq!(elsewhere, Vec::<String>::new(), "requests to elsewhere");
    });
    seen.await.unwrap();
}

/// The JSON that the page shows.
fn answer(browser: &mut Browser) -> Value {
    let text = browser.text("#answer pre code");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?} in {:?}", browser.text("#answer")))
}

fn best(row: &[f64]) -> usize {
    (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap()
}

/// From the list to an answer for JSON, and one for a picture. `sends` presses a button and waits for what it brings.
fn walk(browser: &mut Browser, url: &str, sends: impl Fn(&mut Browser, &str)) {
    let (cifar, picture) = (examples::cifar(), repository("examples/requests/cifar/airplane.png"));
    browser.open(url);
    assert!(browser.text("h1").contains("Models"));
    let list = browser.text("table.models");
    for name in ["cifar.tar.gz", "iris.tar.gz", "tenant-a/churn.tar.gz", "unfinished.tar.gz"] {
        assert!(list.contains(name), "{name} is not in {list}");
    }
    browser.loads(|b| b.click("a[href='/?model=cifar.tar.gz']"));
    assert_eq!(browser.text("h1"), "cifar.tar.gz");
    if browser.count("textarea") == 0 {
        assert!(browser.text("main").contains("Not loaded yet"));
        browser.loads(|b| b.click("button[value=load]"));
    }
    assert!(browser.text("#facts").contains("in memory"), "{}", browser.text("#facts"));
    assert!(browser.text("table.tensors").contains("N × 32 × 32 × 3"));

    // The example in the form has the right shape.
    sends(browser, "button[value=json]");
    assert_eq!(rows(&answer(browser)["predictions"])[0].len(), 10);
    assert!(browser.text(".times").to_lowercase().contains("computing"));
    browser.write("#json", std::str::from_utf8(&cifar.request).unwrap());
    sends(browser, "button[value=json]");
    assert_answer(&predictions(answer(browser).to_string().as_bytes()), &cifar.answer);

    browser.choose("#picture", &picture);
    sends(browser, "button[value=picture]");
    let said = rows(&answer(browser)["outputs"]);
    let wanted = &examples::pictures()[0].1;
    assert_eq!(best(&said[0]), best(wanted));
    assert!((said[0][best(wanted)] - wanted[best(wanted)]).abs() < 0.01, "{said:?} {wanted:?}");
    let first = browser.text("#answer .values li .name");
    assert_eq!(first, format!("#{}", best(wanted)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_scripts_an_answer_comes_without_a_new_page() {
    let (server, _models) = started().await;
    look(Look::default(), server.url(), |browser, url| {
        walk(browser, url, |browser, button| {
            browser.evaluate("document.querySelector('#answer').dataset.old = 'yes'");
            browser.click(button);
            browser.wait("an answer", |b| {
                b.count("#answer[data-old]") == 0 && b.count("form[data-try] button:disabled") == 0
            });
            // What was written is still there: it is the same page.
            assert_eq!(browser.count("form[data-plain]"), 0);
        });
        assert_eq!(browser.count("canvas:not([hidden])"), 1, "the picture is not shown");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_all_of_it_works() {
    let (server, _models) = started().await;
    let still = Look { scripts: false, ..Look::default() };
    look(still, server.url(), |browser, url| {
        walk(browser, url, |browser, button| browser.loads(|b| b.click(button)));
        assert_eq!(browser.count("canvas"), 0);
        browser.open(&format!("{url}/docs"));
        assert!(browser.text("main").contains("/endpoints/{endpoint}/invocations"));
        browser.open(&format!("{url}/?q=TENANT-A"));
        assert_eq!(browser.count("table.models tbody tr"), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_shown_as_they_are() {
    let models = tempfile::tempdir().unwrap();
    let names = [
        "<img src=x onerror=alert(1)>.tar.gz",
        "\"><svg onload=alert(2)>.tar.gz",
        "javascript:alert(3).tar.gz",
        "</textarea><script>alert(4)<",
        "${{7*7}} '; alert(5); ' % & é ✓.tar.gz",
    ];
    for name in names {
        let path = models.path().join(format!("x{name}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    let put = |name: &str| std::fs::write(models.path().join(name), examples::iris().archive).unwrap();
    names.iter().filter(|name| name.ends_with(".tar.gz")).for_each(|name| put(name));
    let server = Setup::directory(models.path()).start().await;
    look(Look::default(), server.url(), move |browser, url| {
        browser.open(url);
        let list = browser.text("table.models");
        for name in names.iter().filter(|name| name.ends_with(".tar.gz")) {
            assert!(list.contains(name), "{name} is not in {list}");
        }
        let links = browser.evaluate("[...document.querySelectorAll('table.models a')].map(a => a.href)");
        for link in links.as_array().unwrap().iter().map(|l| l.as_str().unwrap()) {
            browser.open(link);
            browser.loads(|b| b.click("button[value=load]"));
            browser.click("button[value=json]");
            browser.wait("an answer", |b| b.count("#answer .times") == 1);
            assert!(names.contains(&browser.text("h1").as_str()), "{}", browser.text("h1"));
            assert_eq!(browser.count("img, main script"), 0);
        }
        browser.open(&format!("{url}/?q=%22%3E%3Cscript%3Ealert(6)%3C/script%3E"));
        assert!(browser.text(".empty").contains("\"><script>alert(6)</script>"));
    })
    .await;
}

/// The page as a text.
async fn get(server: &Server, path: &str) -> String {
    let answer = server.send(Method::GET, path, &[], "").await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.show());
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// The status of a posted form.
async fn post(server: &Server, path: &str, headers: &[(&str, &str)], form: &str) -> u16 {
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    server.send(Method::POST, path, &all, form.to_owned()).await.unwrap().status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_changes_nothing_and_posts_come_from_the_page() {
    let (server, _models) = started().await;
    let path = "/?model=iris.tar.gz";
    assert!(get(&server, path).await.contains("Not loaded yet"));
    assert!(get(&server, "/?model=nothing/here.tar.gz").await.contains("Not loaded yet"));
    assert_eq!(server.models().await["models"], Value::Array(Vec::new()), "a look loaded something");

    let other = [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")];
    assert_eq!(post(&server, path, &other, "do=load").await, 403);
    assert_eq!(post(&server, path, &other[1..], "do=load").await, 403);
    assert_eq!(server.state("iris.tar.gz").await, "");
    assert_eq!(post(&server, path, &[("sec-fetch-site", "same-origin")], "do=load").await, 303);
    assert_eq!(server.state("iris.tar.gz").await, "Resident");
    // What was learned stays when the model goes.
    server.post("/unload?model=iris.tar.gz").await;
    let page = get(&server, path).await;
    assert!(page.contains("measurements") && page.contains("standby"), "{page}");
    assert_eq!(server.state("iris.tar.gz").await, "Standby");

    for (path, form, status) in [
        (path, "do=json&json=%7B", 400),
        (path, "do=picture", 400),
        (path, "do=dance", 400),
        (path, "do=%ff", 400),
        ("/?model=../x", "do=load", 400),
        ("/", "do=load", 400),
        ("/?model=nothing.tar.gz", "do=load", 404),
        ("/?model=unfinished.tar.gz", "do=load", 424),
    ] {
        assert_eq!(post(&server, path, &[], form).await, status, "{path} {form}");
    }
    assert!(get(&server, "/?model=unfinished.tar.gz").await.contains("It failed to load"));
    assert!(server.is_alive().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_guard_every_page_and_the_page_can_be_off() {
    let (server, _models) = started().await;
    for path in ["/", "/docs", "/openapi.json", "/?model=iris.tar.gz", "/?model=%00"] {
        let answer = server.send(Method::GET, path, &[], "").await.unwrap();
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        let head = server.send(Method::HEAD, path, &[], "").await.unwrap();
        assert_eq!((head.status, head.body.len()), (answer.status, 0), "{path}");
    }
    let document = server.send(Method::GET, "/openapi.json", &[], "").await.unwrap().json();
    assert_eq!(document["openapi"], "3.1.0");

    let off = Setup::directory(&repository("examples/models")).flag("--page", "off").start().await;
    for path in ["/", "/docs", "/openapi.json"] {
        assert_eq!(off.send(Method::GET, path, &[], "").await.unwrap().status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_models_are_a_hundred_a_page() {
    let models = tempfile::tempdir().unwrap();
    fill(models.path());
    let server = Setup::directory(models.path()).start().await;
    let started = std::time::Instant::now();
    // The first look may come before the store has listed all of it.
    berth_tests::eventually("the whole list", || async { get(&server, "/").await.contains("of 100000<") })
        .await;
    println!("listed after {:?}", started.elapsed());
    let started = std::time::Instant::now();
    let page = get(&server, "/?page=1000").await;
    println!("the last page after {:?}, {} bytes", started.elapsed(), page.len());
    assert!(page.contains("99901–100000 of 100000") && page.matches("<tr>").count() == 101, "{page}");
    let page = get(&server, "/?q=M-0999").await;
    assert!(page.contains("1–10 of 10<"), "{page}");
    assert_eq!(server.models().await["models"], Value::Array(Vec::new()));
}

/// As many empty archives in a hundred directories.
fn fill(dir: &Path) {
    for tens in 0..100 {
        let below = dir.join(format!("d{tens:02}"));
        std::fs::create_dir(&below).unwrap();
        for n in 0..1000 {
            std::fs::File::create(below.join(format!("m-{:05}.tar", tens * 1000 + n))).unwrap();
        }
    }
}
