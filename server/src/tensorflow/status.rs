//! What is served of a model: its versions and where each of them is. Nothing is loaded for an answer.
//!
//! A version that is not in memory is AVAILABLE all the same, because the first request for it loads it. Which versions an archive holds
//! is known once it was downloaded; until then a model is said to have version 1, and any other number is UNKNOWN.

use super::target::Target;
use crate::cache::ModelState;
use crate::error::{Class, InvokeError, ModelError};
use crate::grpc::proto::tensorflow::serving::model_version_status::State;
use crate::grpc::proto::tensorflow::serving::{ModelVersionStatus, StatusProto};
use crate::grpc::status;
use crate::invoke::App;
use crate::named::Wanted;
use crate::names::ModelName;

/// The versions that are asked for, the highest first.
pub async fn of(app: &App, target: &Target) -> Result<Vec<ModelVersionStatus>, InvokeError> {
    let name = app.named(&target.name).await?;
    let known = app.cache.numbering(&name).await?;
    let is_known = known.is_some();
    let versions = known.unwrap_or_default();
    let status = |number: u64| match number == versions.served() {
        true => version(app, &name, number),
        false => version(app, &name.of_version(number), number),
    };
    match (target.version.among(&versions), &target.version) {
        (Ok(None), _) => Ok(versions.numbers().iter().rev().map(|number| status(*number)).collect()),
        (Ok(Some(number)), _) => Ok(vec![status(number)]),
        (Err(_), Wanted::Number(number)) if !is_known && *number >= 0 => {
            Ok(vec![entry(number.unsigned_abs(), State::Unknown, None)])
        }
        (Err(error), _) => Err(error),
    }
}

/// An error as TensorFlow Serving words it.
pub fn message(target: &Target, error: &InvokeError) -> String {
    match (&target.version, error) {
        (Wanted::Number(number), InvokeError::Model(e)) if e.class() == Class::NotFound => {
            format!("Could not find version {number} of model {}", target.name)
        }
        (_, InvokeError::Model(e)) if e.class() == Class::NotFound => {
            format!("Could not find any versions of model {}", target.name)
        }
        _ => error.to_string(),
    }
}

fn version(app: &App, name: &ModelName, number: u64) -> ModelVersionStatus {
    let (state, error) = match app.cache.standing(name) {
        None => (State::Available, None),
        Some((state, error)) => match state {
            ModelState::Standby | ModelState::Draining | ModelState::Resident => (State::Available, None),
            ModelState::Queued | ModelState::Downloading | ModelState::Reserving | ModelState::Loading => {
                (State::Loading, None)
            }
            ModelState::Failed => (State::End, error),
        },
    };
    entry(number, state, error.as_ref())
}

fn entry(number: u64, state: State, error: Option<&ModelError>) -> ModelVersionStatus {
    let status = StatusProto {
        // gRPC has TensorFlow's numbers.
        error_code: error.map_or(0, |e| status::code(e.class()) as i32),
        error_message: error.map(ToString::to_string).unwrap_or_default(),
    };
    let version = i64::try_from(number).unwrap_or(i64::MAX);
    ModelVersionStatus { version, state: state.into(), status: Some(status) }
}
