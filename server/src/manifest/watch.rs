//! Notices that manifests change, as a mounted ConfigMap does under a running pod.
//!
//! By looking, not by being told: a ConfigMap changes by a link that moves, and network file systems tell nothing.

use super::{Manifest, ManifestError, Manifests, read};
use crate::catalogue::{Catalogue, Side};
use crate::looks::{Looks, Stamp};
use crate::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(500);

/// What a look sees; another one: something was written.
type Seen = Result<Vec<(std::path::PathBuf, Stamp)>, ManifestError>;

/// Takes changed manifests over for as long as the server runs; a bad new version keeps what was. `now`: what is in use.
pub async fn watch(manifests: Manifests, mut now: Manifest, catalogue: Catalogue, metrics: Arc<Metrics>) {
    let manifests = Arc::new(manifests);
    // Anything may have happened since the start read them: the first look is compared with nothing.
    let mut looks = Looks::default();
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(seen) = blocking(&manifests, look).await else { continue };
        if !looks.is_new(seen) {
            continue;
        }
        match blocking(&manifests, Manifests::read).await {
            Some(Ok(new)) if new == now => {}
            Some(Ok(new)) => {
                take(&now, &new, &catalogue);
                metrics.manifest_read("taken");
                now.artifacts = new.artifacts;
            }
            Some(Err(error)) => {
                tracing::error!(%error, "the changed manifest is refused, the one before stays in use");
                metrics.manifest_read("refused");
            }
            None => looks.again(),
        }
    }
}

fn take(now: &Manifest, new: &Manifest, catalogue: &Catalogue) {
    tracing::info!(artifacts = new.artifacts.len(), "manifest changed");
    if new.endpoint != now.endpoint {
        tracing::warn!(
            "the endpoint's own settings changed: they are taken over at the next start, artifacts at once"
        );
    }
    catalogue.list(Side::Manifest, new.artifacts.clone());
}

fn look(manifests: &Manifests) -> Seen {
    let files = read::files(&manifests.paths)?;
    let stamp = |file: std::path::PathBuf| {
        let stamp = Stamp::of(&file).map_err(|e| ManifestError::unreadable(&file, &e))?;
        Ok((file, stamp))
    };
    files.into_iter().map(stamp).collect()
}

async fn blocking<T: Send + 'static>(
    manifests: &Arc<Manifests>,
    work: impl FnOnce(&Manifests) -> T + Send + 'static,
) -> Option<T> {
    let manifests = manifests.clone();
    tokio::task::spawn_blocking(move || work(&manifests)).await.ok()
}
