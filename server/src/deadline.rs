//! When a request's answer is worth nothing any more, as its client says it: `grpc-timeout` as gRPC has it, or `X-Request-Timeout-Ms`, a
//! number of milliseconds, for everyone else. Both count from the moment that the request's headers are there.
//!
//! A layer around every protocol reads the headers; the deadline goes with the request's task to where it is invoked.

use crate::error::InvokeError;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use std::time::{Duration, Instant};

const GRPC: &str = "grpc-timeout";
const MILLISECONDS: &str = "x-request-timeout-ms";
/// Digits of a number in either header, as gRPC limits them.
const MOST_DIGITS: usize = 8;

tokio::task_local! {
    static DEADLINE: Result<Option<Instant>, InvokeError>;
}

/// Wraps every request: what is done for it knows its deadline.
pub async fn layer(request: Request, next: Next) -> Response {
    match of_headers(request.headers(), Instant::now()) {
        Ok(None) => next.run(request).await,
        deadline => DEADLINE.scope(deadline, next.run(request)).await,
    }
}

/// The deadline of the request that this task answers; None: it has none. An error if its headers are wrong.
pub fn current() -> Result<Option<Instant>, InvokeError> {
    DEADLINE.try_with(Clone::clone).unwrap_or(Ok(None))
}

/// The deadline of the request that this task answers, for work on it that other tasks do: what is made of a stream while its answer is
/// sent is done by the connection's.
#[derive(Clone)]
pub struct Carried(Result<Option<Instant>, InvokeError>);

impl Carried {
    /// Of this task's request.
    pub fn here() -> Self {
        Self(current())
    }

    /// Does work that knows the deadline.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        DEADLINE.scope(self.0.clone(), work)
    }

    /// Waits until it has passed; for ever if there is none.
    pub async fn passed(&self) {
        match self.0 {
            Ok(Some(at)) => tokio::time::sleep_until(at.into()).await,
            _ => std::future::pending().await,
        }
    }
}

/// The deadline that a request's headers say; the earlier one if they say two.
pub fn of_headers(headers: &HeaderMap, now: Instant) -> Result<Option<Instant>, InvokeError> {
    let grpc =
        of_header(headers, GRPC, grpc_timeout, "up to 8 digits and one of H, M, S, m, u, n, like 250m")?;
    let own = of_header(headers, MILLISECONDS, milliseconds, "a number of milliseconds of up to 8 digits")?;
    // What lies beyond the clock's end is no deadline.
    Ok(grpc.into_iter().chain(own).min().and_then(|left| now.checked_add(left)))
}

fn of_header(
    headers: &HeaderMap,
    name: &str,
    read: fn(&str) -> Option<Duration>,
    form: &str,
) -> Result<Option<Duration>, InvokeError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let timeout = value.to_str().ok().and_then(read);
    timeout.map(Some).ok_or_else(|| InvokeError::bad(format!("the header {name} must be {form}")))
}

fn milliseconds(text: &str) -> Option<Duration> {
    number(text).map(Duration::from_millis)
}

fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let n = number(digits)?;
    match unit {
        "H" => Some(Duration::from_secs(n.checked_mul(3600)?)),
        "M" => Some(Duration::from_secs(n.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::of_headers;
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use std::time::{Duration, Instant};

    /// Milliseconds that the headers leave; none if there is no deadline.
    fn left(headers: &[(&'static str, &'static str)]) -> Result<Option<u128>, String> {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers: HeaderMap = headers.iter().map(pair).collect();
        let now = Instant::now();
        let deadline = of_headers(&headers, now).map_err(|e| e.to_string())?;
        Ok(deadline.map(|at| at.duration_since(now).as_millis()))
    }

    #[test]
    fn deadlines_are_read_in_both_ways() {
        assert_eq!(left(&[]), Ok(None));
        for (text, ms) in
            [("2H", 7_200_000), ("3M", 180_000), ("4S", 4000), ("50m", 50), ("7000u", 7), ("99999999n", 99)]
        {
            assert_eq!(left(&[("grpc-timeout", text)]), Ok(Some(ms)), "{text}");
        }
        assert_eq!(left(&[("x-request-timeout-ms", "250")]), Ok(Some(250)));
        assert_eq!(left(&[("x-request-timeout-ms", "0")]), Ok(Some(0)));
        assert_eq!(left(&[("x-request-timeout-ms", "250"), ("grpc-timeout", "9m")]), Ok(Some(9)));
        let longest = Duration::from_secs(99_999_999 * 3600).as_millis();
        assert_eq!(left(&[("grpc-timeout", "99999999H")]), Ok(Some(longest)));
    }

    #[test]
    fn what_is_no_deadline_is_told() {
        for text in ["", "m", "5", "-5m", "5.5S", "123456789m", "5 m", "5x", "5m5m", "٥m"] {
            let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(HeaderName::from_static("grpc-timeout"), value)]);
            assert!(of_headers(&headers, Instant::now()).is_err(), "{text:?}");
        }
        for text in ["", "5s", "-1", "1e3", "123456789"] {
            assert!(left(&[("x-request-timeout-ms", text)]).is_err(), "{text:?}");
        }
    }
}
