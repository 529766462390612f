//! Messages to and from Chromium: JSON texts, each ended by a zero, over its file descriptors 3 and 4.

use super::PATIENCE;
use crate::cluster::Missing;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// The shell puts the descriptors where Chromium looks for them, and becomes it.
const START: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null";

/// Nothing that a browser does on its own is to reach the network, and every name but this machine's is unknown.
const FLAGS: [&str; 10] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

pub(super) struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    last: u64,
}

impl Pipe {
    pub fn start(program: &Path, profile: &Path) -> Result<Self, Missing> {
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh"]).arg(program).args(FLAGS);
        // Chromium's own sandbox does not work as root, which tests in containers are.
        command.arg("--no-sandbox").arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Missing(format!("{}: {e}", program.display())))?;
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut text = Vec::new();
            while output.read_until(0, &mut text).is_ok_and(|n| n > 0) {
                text.pop();
                let message = serde_json::from_slice(&text).unwrap_or(Value::Null);
                if sender.send(message).is_err() {
                    return;
                }
                text.clear();
            }
        });
        Ok(Self { child, input, messages, last: 0 })
    }

    /// Asks for something and waits for the answer; what is told meanwhile goes to `events`. An empty session is the browser itself.
    pub fn call(
        &mut self,
        session: &str,
        method: &str,
        parameters: &Value,
        events: &mut VecDeque<Value>,
    ) -> Value {
        let asked = self.send(session, method, parameters);
        loop {
            let answer = self.messages.recv_timeout(PATIENCE);
            let mut message = answer.unwrap_or_else(|e| panic!("no answer to {method}: {e}"));
            if message["id"] == asked {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            // A dialog stops the page until it is closed.
            if message["method"] == "Page.javascriptDialogOpening" {
                self.send(session, "Page.handleJavaScriptDialog", &json!({ "accept": false }));
            }
            events.push_back(message);
        }
    }

    fn send(&mut self, session: &str, method: &str, parameters: &Value) -> u64 {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if !session.is_empty() {
            message["sessionId"] = json!(session);
        }
        let input = self.input.as_mut().expect("a pipe");
        input.write_all(format!("{message}\0").as_bytes()).expect("the browser lives");
        self.last
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It ends with its pipe; its processes need a moment to leave the profile's directory.
        self.input = None;
        let _ = self.child.wait();
    }
}
