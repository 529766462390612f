//! Reconciling a ModelArtifact: it has no objects of its own. What the pods said of it becomes its status.

pub mod observe;
pub mod status;

use crate::backoff::{RESYNC, jittered};
use crate::context::Context;
use crate::error::Error;
use berth_crds::ModelArtifact;
use kube::runtime::controller::Action;
use std::sync::Arc;

/// Looks at the last survey and writes what follows. Nobody is asked: the endpoint's reconcile does that.
pub async fn reconcile(artifact: Arc<ModelArtifact>, context: Arc<Context>) -> Result<Action, Error> {
    let observed = observe::observe(&artifact, &context)?;
    let wait = status::report(&observed, &context).await?;
    Ok(Action::requeue(jittered(wait.unwrap_or(RESYNC), fastrand::f64() / 2.0)))
}
