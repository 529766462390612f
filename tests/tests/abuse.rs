//! Clients that break the rules of HTTP/1, HTTP/2 and gRPC, on purpose or not: each is refused within its bound, and the server answers
//! others all the while, in bounded memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::too_many_lines, reason = "tables")]

#[path = "abuse/bodies.rs"]
mod bodies;
#[path = "abuse/grpc.rs"]
mod grpc;
#[path = "abuse/http1.rs"]
mod http1;
#[path = "abuse/http2.rs"]
mod http2;

use berth_tests::examples;
use berth_tests::raw::{Exchange, Step, exchange};
use berth_tests::server::{Server, Setup};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// Most that a row may take.
const BOUND: Duration = Duration::from_secs(10);
/// Those that are slow: the time for headers (20 s) and the interval of looking at connections (5 s), and something for the machine.
const SLOW_BOUND: Duration = Duration::from_secs(35);
/// Memory that all of it may add for good.
const GROWTH: u64 = 96 << 20;
/// Memory of an idle connection.
const CONNECTION: u64 = 24 << 10;
/// A request.
const PING: &[u8] = b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n";
/// Idle connections, where the system allows so many.
const CONNECTIONS: usize = 10_000;

/// How a row is to end.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The first answer has one of these statuses; none: any from 400 on, or over HTTP/2 an answer or a reset.
    Refused(&'static [u16]),
    /// The connection ends, with or without an answer.
    Closed,
    /// Over HTTP/2: a reset, a farewell or the end of the connection.
    Reset,
    /// Over HTTP/2: an answer.
    Answered,
    /// Anything, within the bound.
    Endured,
}

#[derive(Clone)]
struct Row {
    name: String,
    steps: Vec<Step>,
    wanted: Wanted,
}

impl Row {
    fn new(name: &str, steps: Vec<Step>, wanted: Wanted) -> Self {
        Self { name: name.to_owned(), steps, wanted }
    }

    /// What is wrong with how it went.
    fn judge(&self, went: &Exchange) -> Option<String> {
        let (statuses, frames) = (went.statuses(), went.frames());
        let multiplexed = matches!(self.wanted, Wanted::Reset | Wanted::Answered);
        let ended = went.closed || frames.iter().any(|(kind, ..)| matches!(kind, 3 | 7));
        let right = match self.wanted {
            Wanted::Refused([]) => ended || frames.iter().any(|(kind, ..)| *kind == 1),
            Wanted::Refused(of) => statuses.first().is_some_and(|first| of.contains(first)),
            Wanted::Closed => went.closed,
            Wanted::Reset => ended,
            Wanted::Answered => frames.iter().any(|(kind, ..)| *kind == 1),
            Wanted::Endured => true,
        };
        let seen = if multiplexed { format!("{frames:?}") } else { format!("{statuses:?}") };
        (!right)
            .then(|| format!("{}: wanted {:?}, got {seen}, closed: {}", self.name, self.wanted, went.closed))
    }

    /// Whether what came is all that is waited for.
    fn is_told(&self, went: &Exchange) -> bool {
        !matches!(self.wanted, Wanted::Closed | Wanted::Endured) && self.judge(went).is_none()
    }
}

/// A server, and its models, which are to outlive it.
async fn server() -> (Server, tempfile::TempDir) {
    let iris = examples::iris();
    let models = tempfile::tempdir().unwrap();
    std::fs::write(models.path().join(iris.name), &iris.archive).unwrap();
    let server = Setup::directory(models.path()).start().await;
    iris.check(&server.invoke(iris.name, iris.request.clone()).await);
    (server, models)
}

/// Whether others are answered.
async fn assert_answers(server: &Server, after: &str) {
    let answer = server.send(hyper::Method::GET, "/ping", &[], "").await;
    assert!(answer.is_ok_and(|a| a.status == 200), "no answer after {after}:\n{}", server.log_tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_abuse_is_refused_and_the_server_lives() {
    let (server, _models) = server().await;
    let before = server.resident_set();
    let mut rows = [http1::lines(), http1::headers(), http1::lengths()].concat();
    rows.extend([bodies::json(), bodies::compressed(), bodies::container()].concat());
    rows.extend([http2::places(), http2::headers(), http2::floods()].concat());
    let slow = http1::slow();
    let count = rows.len() + slow.len();
    let address = server.address();
    let slow = tokio::spawn(all_at_once(address, slow));
    let mut wrong = Vec::new();
    for row in rows {
        let went = exchange(address, row.steps.clone(), BOUND, |went| row.is_told(went)).await;
        wrong.extend(row.judge(&went));
        assert_answers(&server, &row.name).await;
    }
    let (calls, lying) = grpc::wrong(&server).await;
    wrong.extend(lying);
    wrong.extend(slow.await.unwrap());
    let iris = examples::iris();
    iris.check(&server.invoke(iris.name, iris.request.clone()).await);
    let grown = server.resident_set().saturating_sub(before);
    println!("{} abuses, {} MiB more memory after them", count + calls, grown >> 20);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), count + calls, wrong.join("\n"));
    assert!(count + calls >= 150, "{count} + {calls}");
    assert!(grown < GROWTH, "{grown} bytes more memory");
}

async fn all_at_once(address: SocketAddr, rows: Vec<Row>) -> Vec<String> {
    let each = rows.into_iter().map(|row| {
        tokio::spawn(async move {
            let went = exchange(address, row.steps.clone(), SLOW_BOUND, |_| false).await;
            let late = (!went.closed).then(|| format!("{}: still open after {:?}", row.name, went.took));
            row.judge(&went).or(late)
        })
    });
    let mut wrong = Vec::new();
    for row in each.collect::<Vec<_>>() {
        wrong.extend(row.await.unwrap());
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_that_still_writes_gets_its_answer() {
    let (server, _models) = server().await;
    for path in ["/endpoints/e/invocations", "/nothing", "/endpoints/-/invocations", "/models/none/invoke"] {
        for _ in 0..5 {
            let answer = server.send(hyper::Method::POST, path, &[], vec![b' '; 40 << 20]).await.unwrap();
            assert!(matches!(answer.status.as_u16(), 400 | 404 | 413), "{path}: {}", answer.show());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_cost_little_and_those_over_the_limit_are_told() {
    let most = open_files(&std::process::id().to_string());
    let count = CONNECTIONS.min(most.saturating_sub(500));
    if count < CONNECTIONS {
        println!("{count} connections instead of {CONNECTIONS}: the system allows {most} open files");
    }
    let iris = examples::iris();
    let models = tempfile::tempdir().unwrap();
    std::fs::write(models.path().join(iris.name), &iris.archive).unwrap();
    let server = Setup::directory(models.path()).flag("--max-connections", count + 8).start().await;
    iris.check(&server.invoke(iris.name, iris.request.clone()).await);
    let before = server.resident_set();
    let mut open = Vec::with_capacity(count);
    for n in 0..count {
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        // Every other has asked something.
        if n % 2 == 0 {
            tokio::io::AsyncWriteExt::write_all(&mut stream, PING).await.unwrap();
        }
        open.push(stream);
    }
    let each = server.resident_set().saturating_sub(before) / count as u64;
    println!("{count} idle connections: {each} bytes of memory each");
    iris.check(&server.invoke(iris.name, iris.request.clone()).await);
    assert!(each < CONNECTION, "{each} bytes a connection");
    let ping = async || {
        let told = |went: &Exchange| !went.statuses().is_empty();
        exchange(server.address(), vec![Step::Send(PING.to_vec(), 1)], BOUND, told).await.statuses()
    };
    for _ in 0..16 {
        open.push(tokio::net::TcpStream::connect(server.address()).await.unwrap());
    }
    assert_eq!(ping().await, [503], "one too many");
    drop(open);
    berth_tests::eventually("there is room again", async || ping().await == [200]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_sent_away() {
    let models = tempfile::tempdir().unwrap();
    let server = Setup::directory(models.path()).flag("--idle-timeout", "1s").start().await;
    for (name, bytes) in [("silent", b"".as_slice()), ("answered", PING), ("HTTP/2", &http2::opened())] {
        // One over HTTP/2 is asked to go first, and this one does not listen.
        let went =
            exchange(server.address(), vec![Step::Send(bytes.to_vec(), 1)], SLOW_BOUND, |_| false).await;
        assert!(went.closed, "{name}: still open after {:?}", went.took);
    }
}

/// Raises the limit of open files of a process as far as it goes; what it is then.
fn open_files(process: &str) -> usize {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap_or_default();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap_or("");
    let mut numbers = line.split_whitespace().map(|n| n.parse::<usize>().unwrap_or(1 << 20));
    let (soft, hard) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // The server inherits it.
    let raised =
        Command::new("prlimit").args(["--pid", process, &format!("--nofile={hard}:{hard}")]).status();
    if raised.is_ok_and(|status| status.success()) { hard } else { soft }
}
