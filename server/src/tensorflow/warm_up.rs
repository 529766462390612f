//! Warm-up: the requests in `assets.extra/tf_serving_warmup_requests` are run before a model answers its first one.
//!
//! A file that is broken, and a request that the model refuses, are told in the log, and the model serves. TensorFlow Serving lets the
//! load fail; here it would take a model from its clients that answers them well, for requests that nobody waits for.

use super::examples::{Examples, Method};
use super::predict::Predict;
use crate::codec::tf_record::Records;
use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::serving::prediction_log::LogType;
use crate::grpc::proto::tensorflow::serving::{MultiInferenceRequest, PredictionLog};
use crate::invoke::Exchange;
use berth_engine::{Chosen, Model};
use prost::Message as _;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the requests are, below the SavedModel.
const FILE: &str = "assets.extra/tf_serving_warmup_requests";
/// Requests of one file, as in TensorFlow Serving.
const MOST_RECORDS: usize = 1000;
/// Bytes of one file.
const MOST_BYTES: u64 = 256 << 20;
/// No request is begun after this.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs a model's requests, if there are any.
pub fn run(model: &Model, chosen: &Chosen) {
    let Some(dir) = &chosen.saved_model else { return };
    let path = dir.join(FILE);
    if !path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        return;
    }
    let started = Instant::now();
    match requests(model, &path, started) {
        Ok(requests) => {
            tracing::info!(requests, seconds = started.elapsed().as_secs_f64(), "warmed up");
        }
        Err(why) => tracing::warn!(file = FILE, why, "not warmed up as the archive asks for"),
    }
}

fn requests(model: &Model, path: &Path, started: Instant) -> Result<usize, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!("it has {size} bytes, more than {MOST_BYTES}"));
    }
    let mut count = 0;
    for record in Records::new(BufReader::new(file), size) {
        if count == MOST_RECORDS {
            return Err(format!("it has more than {MOST_RECORDS} requests"));
        }
        if started.elapsed() > LONGEST {
            return Err(format!("{count} requests took more than {} s", LONGEST.as_secs()));
        }
        let record = record.map_err(|e| format!("request {count}: {e}"))?;
        let log = PredictionLog::decode(record.as_slice()).map_err(|e| format!("request {count}: {e}"))?;
        answer(model, log).map_err(|e| format!("request {count}: {e}"))?;
        count += 1;
    }
    Ok(count)
}

/// Runs one request; its answer is nobody's.
fn answer(model: &Model, log: PredictionLog) -> Result<(), InvokeError> {
    match log.log_type {
        None => Err(InvokeError::bad("the record holds no request that can be run")),
        Some(LogType::PredictLog(log)) => {
            call(model, Predict::new(log.request.unwrap_or_default(), MOST_BYTES))
        }
        Some(LogType::ClassifyLog(log)) => {
            let request = log.request.unwrap_or_default();
            let signature = request.model_spec.unwrap_or_default().signature_name;
            call(model, Examples::given(Method::Classify, signature, request.input))
        }
        Some(LogType::RegressLog(log)) => {
            let request = log.request.unwrap_or_default();
            let signature = request.model_spec.unwrap_or_default().signature_name;
            call(model, Examples::given(Method::Regress, signature, request.input))
        }
        Some(LogType::MultiInferenceLog(log)) => {
            let MultiInferenceRequest { tasks, input } = log.request.unwrap_or_default();
            tasks.into_iter().try_for_each(|task| {
                let method = Method::named(&task.method_name)?;
                let signature = task.model_spec.unwrap_or_default().signature_name;
                call(model, Examples::given(method, signature, input.clone()))
            })
        }
    }
}

fn call(model: &Model, mut exchange: impl Exchange) -> Result<(), InvokeError> {
    let call = exchange.decode(model)?;
    let outputs = model.run(&call.signature, call.inputs)?;
    exchange.encode(model, outputs).map(drop)
}
