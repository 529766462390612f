//! How the page looks.

use super::{look, models};
use berth_tests::browser::Look;
use berth_tests::s3::S3;
use berth_tests::server::{Server, Setup};
use berth_tests::{examples, repository};
use hyper::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A server as people have it: an endpoint with a name, models in a bucket, some of them used.
async fn used(s3: &S3) -> Server {
    let models = models();
    for (name, path) in files(models.path(), "") {
        s3.put(&format!("models/vision/{name}"), std::fs::read(path).unwrap()).await;
    }
    let server = Setup::s3(s3, "s3://models/vision/").flag("--endpoint", "vision");
    let server = server.flag("--memory-budget", "2MiB").flag("--disk-budget", "4MiB").start().await;
    let row = b"{\"instances\": [[0.0]]}".to_vec();
    for (name, request) in [
        ("tenant-a/churn.tar.gz", row.clone()),
        ("tenant-a/prices.tar.gz", row.clone()),
        ("unfinished.tar.gz", row),
        ("iris.tar.gz", examples::iris().request),
        ("cifar.tar.gz", examples::cifar().request),
    ] {
        for _ in 0..2 {
            let path = "/endpoints/vision/invocations";
            let headers = [("x-amzn-sagemaker-target-model", name), ("content-type", "application/json")];
            server.send(Method::POST, path, &headers, request.clone()).await.unwrap();
        }
    }
    server
}

/// Every file below a directory, by its name there.
fn files(dir: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let entries = dir.read_dir().unwrap().map(|e| e.unwrap());
    let below = entries.map(|e| (format!("{prefix}{}", e.file_name().to_str().unwrap()), e.path()));
    below
        .flat_map(
            |(name, path)| if path.is_dir() { files(&path, &format!("{name}/")) } else { vec![(name, path)] },
        )
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_legible_in_light_and_dark_and_on_a_phone() {
    let s3 = S3::start().await;
    let server = used(&s3).await;
    for (name, dark, size) in
        [("light", false, (1280, 900)), ("dark", true, (1280, 900)), ("phone", true, (360, 740))]
    {
        let view = Look { dark, size, scripts: true };
        look(view, server.url(), move |browser, url| {
            for (page, path) in [("models", "/"), ("model", "/?model=cifar.tar.gz"), ("api", "/docs")] {
                browser.open(&format!("{url}{path}"));
                let width = browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap();
                assert!(width <= u64::from(size.0), "{page} is {width} wide in {name}");
                assert_eq!(browser.evaluate(CONTRASTS), Value::Array(Vec::new()), "{page} in {name}");
                if page == "model" {
                    let before = browser.evaluate(PLACES);
                    browser.choose("#picture", &repository("examples/requests/cifar/ship.png"));
                    browser.wait("the picture", |b| b.count("canvas:not([hidden])") == 1);
                    // A button that moved away from under the pointer would not be pressed.
                    assert_eq!(browser.evaluate(PLACES), before, "the picture moves buttons in {name}");
                    browser.click("button[value=picture]");
                    browser.wait("an answer", |b| b.count("#answer .times") == 1);
                }
                browser.evaluate("scrollTo(0, 0)");
                keep(page, name, &browser.picture(false));
            }
        })
        .await;
    }
}

/// Where the buttons are.
const PLACES: &str =
    "[...document.querySelectorAll('button')].map((b) => [b.value, b.offsetLeft, b.offsetTop])";

/// Texts that stand out too little from what is behind them (WCAG AA asks for 4.5 to 1).
const CONTRASTS: &str = "(() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parts(colour).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
        for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if ((parts(c)[3] ?? 1) > 0) return c;
        }
        return 'rgb(255, 255, 255)';
    };
    const low = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const e = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !e.checkVisibility() || ['SCRIPT', 'STYLE'].includes(e.tagName)) continue;
        const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) low.push(e.outerHTML.slice(0, 120));
    }
    return low;
})()";

/// Writes a picture of the documents down, where that is asked for.
fn keep(page: &str, name: &str, picture: &[u8]) {
    assert!(picture.len() < 200_000, "{page} in {name} has {} bytes", picture.len());
    let file = match (page, name) {
        (_, "light") => format!("{page}.png"),
        ("model", "dark") => "model-dark.png".to_owned(),
        _ => return,
    };
    if std::env::var_os("BERTH_PICTURES").is_some() {
        let dir = repository("docs/pictures");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(file), picture).unwrap();
    }
}
