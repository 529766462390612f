//! Which models there are: those that the cache knows and those that the store lists. The store's list is kept for a while, asked for
//! by one task at a time, and bounded.

use crate::names::ModelName;
use crate::store::Stores;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Names that are asked for.
const MOST: usize = 100_000;
/// How long a list is taken for true.
const FRESH: Duration = Duration::from_secs(15);
/// How long a view waits for one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the store may take.
const LIST_TIME: Duration = Duration::from_secs(120);
/// Models of one page.
pub const PAGE: usize = 100;

/// The store's list.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Sorted.
    pub names: Arc<[ModelName]>,
    /// What is to be said of it.
    pub note: Option<String>,
    asked: Option<Instant>,
}

/// The store's list, asked for when it is wanted.
pub struct Names {
    stores: Stores,
    latest: Arc<watch::Sender<Stored>>,
    asking: Arc<AtomicBool>,
}

/// Models of one page.
#[derive(Debug, PartialEq, Eq)]
pub struct Slice {
    /// Their names, sorted.
    pub names: Vec<ModelName>,
    /// Models on all pages.
    pub total: usize,
    /// This page, from 1.
    pub page: usize,
    /// The last one.
    pub pages: usize,
}

impl Names {
    /// Nothing is asked yet.
    pub fn new(stores: Stores) -> Self {
        let none = Stored { names: Arc::default(), note: None, asked: None };
        Self { stores, latest: Arc::new(watch::Sender::new(none)), asking: Arc::default() }
    }

    /// The list; where the store takes long, the one before, or none.
    pub async fn get(&self) -> Stored {
        let mut list = self.latest.subscribe();
        let now = list.borrow_and_update().clone();
        if now.asked.is_some_and(|at| at.elapsed() < FRESH) {
            return now;
        }
        self.ask();
        match tokio::time::timeout(PATIENCE, list.changed()).await {
            Ok(_) => list.borrow().clone(),
            Err(_elapsed) => {
                let note =
                    "The store is still listing its models: reload this page in a while to see all of them.";
                Stored { note: Some(note.to_owned()), ..now }
            }
        }
    }

    fn ask(&self) {
        if self.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (stores, latest, asking) = (self.stores.clone(), self.latest.clone(), self.asking.clone());
        tokio::spawn(async move {
            let answer = tokio::time::timeout(LIST_TIME, stores.list(MOST + 1)).await;
            latest.send_modify(|list| {
                list.asked = Some(Instant::now());
                list.note = match answer {
                    Ok(Ok(names)) => {
                        list.names = names.iter().take(MOST).filter_map(|n| ModelName::new(n).ok()).collect();
                        (names.len() > MOST).then(|| {
                            format!("The store has more than {MOST} models: only the first of them are listed. All are served.")
                        })
                    }
                    Ok(Err(error)) => Some(format!("The store cannot list its models now: {error}.")),
                    Err(_elapsed) => Some("The store did not list its models in time.".to_owned()),
                };
            });
            asking.store(false, Ordering::Release);
        });
    }
}

/// One page of the models whose names contain `filter`, whatever the case of its letters.
pub fn slice(known: Vec<ModelName>, stored: &[ModelName], filter: &str, page: usize) -> Slice {
    let filter = filter.to_lowercase();
    let mut names = known;
    names.sort_unstable();
    // What follows is sorted already: the sort below finds two runs.
    names.extend_from_slice(stored);
    names.retain(|name| filter.is_empty() || name.as_str().to_lowercase().contains(&filter));
    names.sort();
    names.dedup();
    let total = names.len();
    let pages = total.div_ceil(PAGE).max(1);
    let page = page.clamp(1, pages);
    names.truncate(page * PAGE);
    names.drain(..names.len().min((page - 1) * PAGE));
    Slice { names, total, page, pages }
}

#[cfg(test)]
mod tests {
    use super::{ModelName, PAGE, slice};

    fn names(texts: impl IntoIterator<Item = String>) -> Vec<ModelName> {
        texts.into_iter().map(|t| ModelName::new(&t).unwrap()).collect()
    }

    #[test]
    fn pages_hold_every_model_once() {
        let stored = names((0..250).map(|n| format!("m-{n:03}.tar.gz")));
        let known = names(["m-249.tar.gz", "other.tar.gz", "A.tar"].map(str::to_owned));
        let mut all = Vec::new();
        for page in 1..=3 {
            let slice = slice(known.clone(), &stored, "", page);
            assert_eq!((slice.total, slice.page, slice.pages), (252, page, 3));
            assert!(slice.names.len() <= PAGE);
            all.extend(slice.names);
        }
        assert_eq!(all.len(), 252);
        assert!(all.is_sorted());
        assert_eq!(slice(known.clone(), &stored, "", 99).page, 3);
        assert_eq!(slice(known.clone(), &stored, "", 0).page, 1);
        let found = slice(known.clone(), &stored, "M-01", 1);
        assert_eq!((found.total, found.names[0].as_str()), (10, "m-010.tar.gz"));
        let none = slice(known, &stored, "nothing", 2);
        assert_eq!((none.total, none.page, none.pages, none.names.len()), (0, 1, 1, 0));
    }
}
