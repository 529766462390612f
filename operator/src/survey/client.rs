//! Asks one pod's admin port. Every wait and every body is bounded.

use super::PodReport;
use berth_crds::report::{
    ModelReport, REPORT_MODELS_MAX, REPORT_ROUTE, ReportRequest, SUMMARY_ROUTE, Summary,
};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::Duration;

/// Time to connect.
const CONNECT_TIME: Duration = Duration::from_secs(1);
/// Time of one answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Bytes of one answer: 1000 reports with names of 1024 characters and a sentence each.
const ANSWER_BYTES: usize = 8 << 20;

/// Why a pod could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It cannot be reached, or its answer broke off.
    #[error("could not ask {url}: {message}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        message: String,
    },
    /// It took too long.
    #[error("no answer of {url} in {} s", ANSWER_TIME.as_secs())]
    Late {
        /// What was asked.
        url: String,
    },
    /// It refused.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked.
        url: String,
        /// Its answer.
        status: StatusCode,
    },
    /// The answer is not what this version reads.
    #[error("{url} answered something else")]
    Unreadable {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Asks pods over kept connections.
pub struct PodClient {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Default for PodClient {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIME));
        Self { client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector) }
    }
}

impl PodClient {
    /// A pod's numbers, and what it says of these models.
    pub async fn ask(&self, address: &str, models: &[String]) -> Result<PodReport, AskError> {
        let summary: Summary = self.json(Method::GET, address, SUMMARY_ROUTE, Bytes::new()).await?;
        let mut all = HashMap::with_capacity(models.len());
        for chunk in models.chunks(REPORT_MODELS_MAX) {
            let url = || format!("{address}{REPORT_ROUTE}");
            let body = serde_json::to_vec(&ReportRequest { models: chunk.to_vec() })
                .map_err(|source| AskError::Unreadable { url: url(), source })?;
            let reports: Vec<ModelReport> =
                self.json(Method::POST, address, REPORT_ROUTE, body.into()).await?;
            // A pod speaks of what it was asked for, and no more is kept.
            all.extend(reports.into_iter().take(chunk.len()).map(|report| (report.model.clone(), report)));
        }
        Ok(PodReport { summary, models: all })
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        address: &str,
        route: &str,
        body: Bytes,
    ) -> Result<T, AskError> {
        let url = format!("http://{address}{route}");
        let (status, answer) = match tokio::time::timeout(ANSWER_TIME, self.bytes(method, &url, body)).await {
            Ok(answered) => {
                answered.map_err(|message| AskError::Unreachable { url: url.clone(), message })?
            }
            Err(_) => return Err(AskError::Late { url }),
        };
        if status != StatusCode::OK {
            return Err(AskError::Status { url, status });
        }
        serde_json::from_slice(&answer).map_err(|source| AskError::Unreadable { url, source })
    }

    async fn bytes(&self, method: Method, url: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
        let request = request.body(Full::new(body)).map_err(|e| e.to_string())?;
        let answer = self.client.request(request).await.map_err(|e| crate::error::chain(&e))?;
        let status = answer.status();
        let body =
            Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.map_err(|e| e.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::{AskError, PodClient, REPORT_MODELS_MAX};
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use serde_json::{Value, json};

    async fn serve(routes: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    fn summary() -> Value {
        json!({"known": 1, "resident": 1, "failed": 0, "memory": {"budget": 1, "resident": 1},
               "disk": {"budget": 1, "used": 1}})
    }

    #[tokio::test]
    async fn many_models_are_asked_for_in_chunks() {
        let routes = Router::new().route("/summary", get(async || Json(summary()))).route(
            "/models/report",
            post(async |Json(asked): Json<Value>| {
                let models = asked["models"].as_array().unwrap();
                assert!(models.len() <= REPORT_MODELS_MAX);
                Json(models.iter().map(|m| json!({"model": m, "state": "Standby"})).collect::<Vec<_>>())
            }),
        );
        let names: Vec<String> = (0..2500).map(|i| format!("m{i}")).collect();
        let report = PodClient::default().ask(&serve(routes).await, &names).await.unwrap();
        assert_eq!(report.models.len(), 2500);
    }

    #[tokio::test]
    async fn a_pod_that_refuses_or_is_another_program_is_an_error() {
        let refuses = serve(Router::new()).await;
        assert!(matches!(PodClient::default().ask(&refuses, &[]).await, Err(AskError::Status { .. })));
        let other = serve(Router::new().route("/summary", get(async || "hello"))).await;
        assert!(matches!(PodClient::default().ask(&other, &[]).await, Err(AskError::Unreadable { .. })));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut() {
        let endless = Router::new().route(
            "/summary",
            get(async || {
                let blocks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1 << 20]));
                axum::body::Body::from_stream(blocks)
            }),
        );
        let address = serve(endless).await;
        assert!(matches!(PodClient::default().ask(&address, &[]).await, Err(AskError::Unreachable { .. })));
    }
}
