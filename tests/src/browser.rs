//! A real browser without a screen: Debian's Chromium, told what to do by its DevTools protocol over a pipe. It ends when the pipe does,
//! so it never outlives its test.

mod pipe;

use crate::cluster::Missing;
use crate::packages;
use base64::Engine as _;
use pipe::Pipe;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub struct Browser {
    pipe: Pipe,
    session: String,
    /// What was told beside the answers.
    events: VecDeque<Value>,
    _profile: tempfile::TempDir,
}

/// What a browser is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Pixels of the page.
    pub size: (u32, u32),
    /// Whether scripts run.
    pub scripts: bool,
    /// Whether its user prefers light on dark.
    pub dark: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { size: (1280, 900), scripts: true, dark: false }
    }
}

/// Where Chromium is; in CI it is installed.
fn program() -> Result<PathBuf, Missing> {
    let there = || {
        ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().map(PathBuf::from).find(|p| p.exists())
    };
    packages::require("the page is tested by programs", || match there() {
        Some(_) => Vec::new(),
        None => vec!["chromium"],
    })?;
    there().ok_or_else(|| Missing("the package chromium brings no /usr/bin/chromium".to_owned()))
}

impl Browser {
    /// Starts it with an empty page.
    pub fn start(look: Look) -> Result<Self, Missing> {
        let profile = tempfile::tempdir().map_err(|e| Missing(e.to_string()))?;
        let mut pipe = Pipe::start(&program()?, profile.path())?;
        let target =
            pipe.call("", "Target.createTarget", &json!({ "url": "about:blank" }), &mut VecDeque::new());
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = pipe.call("", "Target.attachToTarget", &attach, &mut VecDeque::new());
        let session = attached["sessionId"].as_str().expect("a session").to_owned();
        let mut browser = Self { pipe, session, events: VecDeque::new(), _profile: profile };
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        let (width, height) = look.size;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", &metrics);
        browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !look.scripts }));
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", &media);
        Ok(browser)
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.pipe.call(&self.session, method, parameters, &mut self.events)
    }

    /// Goes to an address and waits until all of it is there.
    pub fn open(&mut self, url: &str) {
        self.loads(|browser| {
            browser.call("Page.navigate", &json!({ "url": url }));
        });
    }

    /// Waits for the page that follows from something.
    pub fn loads(&mut self, cause: impl FnOnce(&mut Self)) {
        let loaded =
            |events: &VecDeque<Value>| events.iter().filter(|e| e["method"] == "Page.loadEventFired").count();
        let before = loaded(&self.events);
        cause(self);
        self.wait("a page", |browser| loaded(&browser.events) > before);
    }

    /// What an expression is in the page. Works with scripts off too: only the page's own do not run then.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let what = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let done = self.call("Runtime.evaluate", &what);
        assert!(done["exceptionDetails"].is_null(), "{expression}: {}", done["exceptionDetails"]);
        done["result"]["value"].clone()
    }

    /// The text of the first element of a CSS selector, as it is seen; empty if there is none.
    pub fn text(&mut self, selector: &str) -> String {
        let found = self.evaluate(&format!("document.querySelector({})?.innerText ?? ''", json!(selector)));
        found.as_str().unwrap_or("").to_owned()
    }

    /// How many elements a selector finds.
    pub fn count(&mut self, selector: &str) -> u64 {
        self.evaluate(&format!("document.querySelectorAll({}).length", json!(selector))).as_u64().unwrap_or(0)
    }

    /// Waits until something holds.
    pub fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            assert!(started.elapsed() < PATIENCE, "the browser does not come to {what}");
            std::thread::sleep(Duration::from_millis(20));
            // Takes in what was told meanwhile.
            self.evaluate("0");
        }
    }

    fn node(&mut self, selector: &str) -> Value {
        let root = self.call("DOM.getDocument", &json!({ "depth": 0 }))["root"]["nodeId"].clone();
        let found =
            self.call("DOM.querySelector", &json!({ "nodeId": root, "selector": selector }))["nodeId"]
                .clone();
        assert!(found.as_u64().is_some_and(|id| id > 0), "no {selector} in the page");
        found
    }

    /// Clicks the first element of a selector, with the mouse.
    pub fn click(&mut self, selector: &str) {
        let node = self.node(selector);
        self.call("DOM.scrollIntoViewIfNeeded", &json!({ "nodeId": node }));
        let quads = self.call("DOM.getContentQuads", &json!({ "nodeId": node }))["quads"][0].clone();
        let at = |n: usize| quads[n].as_f64().expect("a place");
        let (x, y) = (f64::midpoint(at(0), at(4)), f64::midpoint(at(1), at(5)));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Writes a text in place of what a field holds, as if by keys.
    pub fn write(&mut self, selector: &str, text: &str) {
        let node = self.node(selector);
        self.call("DOM.focus", &json!({ "nodeId": node }));
        self.evaluate("document.activeElement.select()");
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Chooses a file.
    pub fn choose(&mut self, selector: &str, file: &Path) {
        let node = self.node(selector);
        self.call("DOM.setFileInputFiles", &json!({ "nodeId": node, "files": [file] }));
    }

    /// Addresses that were asked for, all of them.
    pub fn requests(&self) -> Vec<String> {
        let sent = self.events.iter().filter(|e| e["method"] == "Network.requestWillBeSent");
        sent.filter_map(|e| e["params"]["request"]["url"].as_str()).map(str::to_owned).collect()
    }

    /// What the browser or a script found wrong, dialogs included.
    pub fn complaints(&self) -> Vec<String> {
        let wrong = [
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Log.entryAdded",
            "Page.javascriptDialogOpening",
        ];
        let complaints = self.events.iter().filter(|e| wrong.iter().any(|w| e["method"] == *w));
        complaints.map(Value::to_string).collect()
    }

    /// The page as a PNG file; `whole`: all its height, else what is in view.
    pub fn picture(&mut self, whole: bool) -> Vec<u8> {
        let shot =
            self.call("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": whole }));
        let data = shot["data"].as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
    }
}
