//! What the pods of an endpoint say of their models, asked at a bounded rate.
//!
//! One survey asks each ready pod of an endpoint for its numbers and, in chunks, for all models that ModelArtifacts name.
//! It is taken in the endpoint's reconcile, at most once in an interval, and kept here; a ModelArtifact's reconcile reads
//! it and asks nobody. Artifacts of which a survey says something new are put in a queue that triggers them.

mod client;

use crate::context::Context;
use crate::endpoint::pods;
use crate::endpoint::{key, key_of};
use berth_crds::endpoint::ModelCounts;
use berth_crds::report::{ModelReport, ModelState, Summary};
use berth_crds::{ModelArtifact, MultiModelEndpoint};
use client::PodClient;
use futures::StreamExt;
use futures::channel::mpsc;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pods of one endpoint that are asked at a time.
const PODS_AT_ONCE: usize = 16;
/// Time to the next survey while models or pods are on their way.
const MOVING: Duration = Duration::from_secs(3);
/// Artifacts that may wait to be triggered. One that finds no room is looked at in its own period.
const QUEUE: usize = 16_384;

/// What one pod said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodReport {
    /// Its numbers.
    pub summary: Summary,
    /// The models that it was asked for, by name.
    pub models: HashMap<String, ModelReport>,
}

/// What the ready pods of an endpoint said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The ready pods by name; none: it did not answer.
    pub pods: BTreeMap<String, Option<PodReport>>,
    /// The models that were asked for, sorted.
    pub asked: Vec<String>,
}

impl Survey {
    /// Numbers over all pods; none if no pod answered.
    pub fn counts(&self) -> Option<ModelCounts> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let answers = self.pods.values().flatten().map(|pod| pod.summary);
        answers.fold(None, |sum, summary| {
            let sum: ModelCounts = sum.unwrap_or_default();
            Some(ModelCounts {
                known: sum.known.max(number(summary.known)),
                resident: sum.resident.saturating_add(number(summary.resident)),
                failed: sum.failed.saturating_add(number(summary.failed)),
            })
        })
    }

    /// What each pod that answered says of a model, by the pod's name.
    pub fn of_model<'a>(&'a self, model: &'a str) -> impl Iterator<Item = (&'a str, &'a ModelReport)> {
        let answers = self.pods.iter().filter_map(|(name, pod)| Some((name.as_str(), pod.as_ref()?)));
        answers.filter_map(move |(name, pod)| Some((name, pod.models.get(model)?)))
    }

    /// Whether to ask again soon: a pod did not answer, or a model is on its way.
    pub fn is_moving(&self) -> bool {
        self.pods.values().any(|pod| {
            pod.as_ref().is_none_or(|pod| {
                pod.models.values().any(|report| match report.state {
                    ModelState::Unknown
                    | ModelState::Queued
                    | ModelState::Downloading
                    | ModelState::Reserving
                    | ModelState::Loading => true,
                    ModelState::Standby
                    | ModelState::Resident
                    | ModelState::Draining
                    | ModelState::Failed => false,
                })
            })
        })
    }
}

/// The last survey of each endpoint.
pub struct Surveys {
    client: PodClient,
    last: Mutex<HashMap<String, (Instant, Arc<Survey>)>>,
    changed: mpsc::Sender<ObjectRef<ModelArtifact>>,
}

impl Surveys {
    /// None taken yet; the other end yields the artifacts to trigger.
    pub fn new() -> (Self, mpsc::Receiver<ObjectRef<ModelArtifact>>) {
        let (changed, queue) = mpsc::channel(QUEUE);
        (Self { client: PodClient::default(), last: Mutex::default(), changed }, queue)
    }

    /// The last survey of an endpoint.
    pub fn last(&self, endpoint: &str) -> Option<Arc<Survey>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(endpoint).map(|(_, survey)| Arc::clone(survey))
    }

    /// Forgets an endpoint that is gone.
    pub fn forget(&self, endpoint: &str) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).remove(endpoint);
    }

    /// The survey of an endpoint: the last one while it is fresh and of the same pods and models, or a new one.
    pub async fn of_endpoint(
        &self,
        endpoint: &MultiModelEndpoint,
        all: &[Pod],
        context: &Context,
    ) -> Arc<Survey> {
        let key = key_of(endpoint);
        let ready: Vec<(String, Option<String>)> = all
            .iter()
            .filter(|pod| pods::is_ready(pod))
            .map(|pod| (pod.name_any(), pods::admin_address(pod)))
            .collect();
        let artifacts = context.artifacts_of(&endpoint.name_any(), endpoint.namespace().as_deref());
        let mut asked: Vec<String> =
            artifacts.iter().map(|artifact| artifact.target_model().to_owned()).collect();
        asked.sort_unstable();
        asked.dedup();
        if let Some(fresh) = self.fresh(&key, &ready, &asked, context.config.survey_interval()) {
            return fresh;
        }
        let survey = Arc::new(self.take(ready, asked, context).await);
        let before = self.last(&key).unwrap_or_default();
        let entry = (Instant::now(), Arc::clone(&survey));
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(key, entry);
        self.trigger(&artifacts, &before, &survey);
        survey
    }

    fn fresh(
        &self,
        key: &str,
        ready: &[(String, Option<String>)],
        asked: &[String],
        interval: Duration,
    ) -> Option<Arc<Survey>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, survey) = last.get(key)?;
        // The requeue's jitter is up to a half.
        let interval = if survey.is_moving() { MOVING.min(interval) } else { interval } / 2;
        let same = survey.asked == asked && survey.pods.keys().eq(ready.iter().map(|(name, _)| name));
        (same && taken.elapsed() < interval).then(|| Arc::clone(survey))
    }

    async fn take(
        &self,
        ready: Vec<(String, Option<String>)>,
        asked: Vec<String>,
        context: &Context,
    ) -> Survey {
        let answers = futures::stream::iter(ready.into_iter().map(|(name, address)| {
            let asked = &asked;
            async move {
                let Some(address) = address else { return (name, None) };
                match self.client.ask(&address, asked).await {
                    Ok(report) => (name, Some(report)),
                    Err(error) => {
                        context.metrics.survey_failed();
                        tracing::debug!(pod = name, error = %crate::error::chain(&error), "A pod did not answer");
                        (name, None)
                    }
                }
            }
        }));
        let pods = answers.buffer_unordered(PODS_AT_ONCE).collect().await;
        Survey { pods, asked }
    }

    /// Queues the artifacts of which something new is said.
    fn trigger(&self, artifacts: &[Arc<ModelArtifact>], before: &Survey, after: &Survey) {
        let same_pods = before.pods.keys().eq(after.pods.keys());
        let mut queue = self.changed.clone();
        for artifact in artifacts {
            let model = artifact.target_model();
            if same_pods
                && before.of_model(model).eq(after.of_model(model))
                && before.asked.contains(&model.to_owned())
            {
                continue;
            }
            if queue.try_send(ObjectRef::from_obj(artifact)).is_err() {
                tracing::warn!(artifact = %key(artifact.namespace().as_deref(), &artifact.name_any()), "Queue of artifacts is full");
                return;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
