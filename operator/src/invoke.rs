//! One request to an endpoint, for the chart's test: a way to try an endpoint where nothing but our image can be pulled.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::{Duration, Instant};

/// Bytes of an answer that are printed at most.
const ANSWER_BYTES: usize = 8 << 20;
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `invoke`.
#[derive(Debug, Clone, clap::Args)]
pub struct Invocation {
    /// Address of the invocations, `http://host[:port]/endpoints/NAME/invocations`.
    pub url: String,
    /// The target model.
    #[arg(long)]
    pub model: String,
    /// The request's JSON body.
    #[arg(long)]
    pub body: String,
    /// Seconds that the answer may take, the endpoint's start and the model's load included.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout_seconds: u64,
}

/// Why there was no prediction.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The request cannot be made.
    #[error("{url:?} is no address of invocations, or the model's name no header: {message}")]
    Request {
        /// As it was given.
        url: String,
        /// Why.
        message: String,
    },
    /// The endpoint refused it.
    #[error("the endpoint answered {status}: {body}")]
    Refused {
        /// Its answer.
        status: StatusCode,
        /// What it said.
        body: String,
    },
    /// There was no answer in time.
    #[error("no prediction in {seconds} s; at last: {last}")]
    Late {
        /// The limit.
        seconds: u64,
        /// What came of the last attempt.
        last: String,
    },
    /// The runtime cannot start.
    #[error("could not start the runtime")]
    Runtime(#[source] std::io::Error),
}

/// Sends the request until there is an answer that stands, and returns it.
pub fn invoke(invocation: &Invocation) -> Result<String, InvokeError> {
    tokio::runtime::Runtime::new().map_err(InvokeError::Runtime)?.block_on(until_answered(invocation))
}

async fn until_answered(invocation: &Invocation) -> Result<String, InvokeError> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let end = Instant::now() + Duration::from_secs(invocation.timeout_seconds);
    let mut last = "it did not answer".to_owned();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(InvokeError::Late { seconds: invocation.timeout_seconds, last });
        }
        match tokio::time::timeout(left, once(&client, invocation)).await {
            Err(_) => continue,
            Ok(Err(Attempt::Hopeless(error))) => return Err(error),
            Ok(Err(Attempt::Again(why))) => last = why,
            Ok(Ok((StatusCode::OK, body))) => return Ok(body),
            // Not ready, overloaded or starting: what passes.
            Ok(Ok((status, body))) if status.as_u16() == 429 || status.is_server_error() => {
                last = format!("{status}: {body}");
            }
            Ok(Ok((status, body))) => return Err(InvokeError::Refused { status, body }),
        }
        tokio::time::sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

enum Attempt {
    Again(String),
    Hopeless(InvokeError),
}

async fn once(
    client: &Client<HttpConnector, Full<Bytes>>,
    invocation: &Invocation,
) -> Result<(StatusCode, String), Attempt> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(&invocation.url)
        .header("content-type", "application/json")
        .header("x-amzn-sagemaker-target-model", &invocation.model)
        .body(Full::new(Bytes::from(invocation.body.clone())))
        .map_err(|e| {
            Attempt::Hopeless(InvokeError::Request { url: invocation.url.clone(), message: e.to_string() })
        })?;
    let answer = client.request(request).await.map_err(|e| Attempt::Again(crate::error::chain(&e)))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
    let body = body.map_err(|e| Attempt::Again(e.to_string()))?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Invocation, InvokeError, until_answered};
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use std::sync::atomic::{AtomicU32, Ordering};

    async fn invocation(routes: Router) -> Invocation {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/endpoints/e/invocations", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Invocation { url, model: "a.tar.gz".to_owned(), body: "{}".to_owned(), timeout_seconds: 30 }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let routes = Router::new().route(
            "/endpoints/e/invocations",
            post(async |headers: HeaderMap, body: String| {
                assert_eq!(headers["x-amzn-sagemaker-target-model"], "a.tar.gz");
                match CALLS.fetch_add(1, Ordering::SeqCst) {
                    0 => (StatusCode::TOO_MANY_REQUESTS, "loading".to_owned()),
                    1 => (StatusCode::SERVICE_UNAVAILABLE, "starting".to_owned()),
                    _ => (StatusCode::OK, body),
                }
            }),
        );
        assert_eq!(until_answered(&invocation(routes).await).await.unwrap(), "{}");
    }

    #[tokio::test]
    async fn a_refusal_is_told_at_once() {
        let error = until_answered(&invocation(Router::new()).await).await.unwrap_err();
        assert!(matches!(error, InvokeError::Refused { status: StatusCode::NOT_FOUND, .. }));
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_told_at_once() {
        let bad = Invocation { url: "no address".to_owned(), ..invocation(Router::new()).await };
        assert!(matches!(until_answered(&bad).await, Err(InvokeError::Request { .. })));
    }
}
