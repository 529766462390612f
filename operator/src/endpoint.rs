//! Reconciling a MultiModelEndpoint: observe → plan → build → apply → status.

pub mod apply;
pub mod build;
pub mod observe;
pub mod plan;
pub mod pods;
pub mod status;

use crate::backoff::{RECHECK, RESYNC, jittered};
use crate::context::Context;
use crate::error::Error;
use crate::survey::Survey;
use apply::Applied;
use berth_crds::MultiModelEndpoint;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use plan::Planned;
use std::sync::Arc;
use std::time::Duration;

/// Between two questions to the pods while something moves.
const MOVING: Duration = Duration::from_secs(3);

/// The five steps. What cannot work is written to the status before it is returned: a condition tells of every error.
pub async fn reconcile(endpoint: Arc<MultiModelEndpoint>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(&endpoint, &context).await?;
    let planned = plan::plan(&observed, context.config.server_image.as_deref())?;
    let (applied, failure) = match &planned {
        Planned::Possible(plan) => {
            let prepared = build::build(plan)?;
            apply::apply(plan, &prepared, &observed, &context).await
        }
        // What runs goes on running: only what can be done is done.
        Planned::Impossible(_) => (Applied::unchanged(&observed), None),
    };
    let survey = context.surveys.of_endpoint(&endpoint, &observed.pods, &context).await;
    let wait = status::report(&observed, &planned, &applied, failure.as_ref(), &survey, &context).await?;
    match failure {
        Some(error) => Err(error),
        None => Ok(Action::requeue(next(&planned, &observed, &survey, &context).min(wait.unwrap_or(RESYNC)))),
    }
}

/// When to look again although nothing told of a change.
fn next(planned: &Planned, observed: &observe::Observed, survey: &Survey, context: &Context) -> Duration {
    let period = match planned {
        Planned::Impossible(_) => RECHECK,
        Planned::Possible(_) if observed.pods.is_empty() => RESYNC,
        Planned::Possible(_) if observed.pods.iter().any(pods::looks_for_node) => pods::SCHEDULING_GRACE,
        Planned::Possible(_) if survey.is_moving() => MOVING.min(context.config.survey_interval()),
        Planned::Possible(_) => context.config.survey_interval(),
    };
    jittered(period, fastrand::f64())
}

/// What identifies an object in the maps of this process.
pub fn key(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or_default())
}

/// The key of an endpoint.
pub fn key_of(endpoint: &MultiModelEndpoint) -> String {
    key(endpoint.namespace().as_deref(), &endpoint.name_any())
}
