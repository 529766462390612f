//! What the core wants done becomes due; what is due happens, for better or worse.

use super::{Due, Handle, PLACES, Payload, World};
use crate::cache::event::{Action, Event, Source};
use crate::catalogue::About;
use crate::error::{ModelError, StoreError};

impl World {
    pub(super) fn perform(&mut self, actions: Vec<Action<Handle, Payload>>) {
        for action in actions {
            match action {
                Action::Grant(waiter, copy, (model, _)) => {
                    assert_eq!(self.waiting.remove(&waiter), Some(model), "granted what was not asked for");
                    assert!(!self.gone.contains(&copy), "granted a copy that is gone");
                    self.leased.entry(copy).or_insert((model, 0)).1 += 1;
                    self.due.push(Due::Release(model, copy));
                    self.granted += 1;
                }
                Action::Refuse(waiter, _) => {
                    assert!(self.waiting.remove(&waiter).is_some(), "refused twice");
                    self.refused += 1;
                }
                Action::Download { model, job, origin, .. } => {
                    self.due.push(Due::Download(self.model(&model), job, origin));
                }
                Action::Abandon(job) => {
                    self.due.retain(|d| !matches!(d, Due::Download(_, j, _) if *j == job));
                }
                Action::Load { model, job, payload } => {
                    self.due.push(Due::Load(self.model(&model), job, payload));
                }
                Action::Unload { model, copy, .. } => {
                    assert!(!self.leased.contains_key(&copy), "unloads a copy that a request uses");
                    assert!(self.gone.insert(copy), "unloads twice");
                    self.due.push(Due::Unload(self.model(&model), copy));
                }
                Action::Check { model, handle, revision, .. } => {
                    self.due.push(Due::Check(self.model(&model), handle.1, revision));
                }
                Action::Look { model, revision, .. } => {
                    self.due.push(Due::Look(self.model(&model), revision));
                }
                Action::Discard(_) => {}
            }
        }
    }

    /// One of the things that are due happens.
    pub(super) fn happen(&mut self) {
        if self.due.is_empty() {
            return;
        }
        let at = self.random.usize(0..self.due.len());
        let fate = self.random.u8(0..20);
        match self.due.swap_remove(at) {
            Due::Download(model, job, origin) => match fate {
                0 => self.apply(model, Event::JobFailed(job, ModelError::NotFound)),
                1 => self.apply(model, Event::JobFailed(job, StoreError::Denied.into())),
                2 => self.apply(model, Event::JobExpired(job, ModelError::load_limit())),
                _ => {
                    let (bytes, payload) = (self.sizes[model], self.at(model, &origin));
                    let about = About::default();
                    self.apply(model, Event::Downloaded { job, bytes, payload, about, fresh: true });
                }
            },
            Due::Load(model, job, version) => match fate {
                0 => self.apply(model, Event::JobFailed(job, ModelError::Panicked)),
                1 => {
                    self.apply(model, Event::JobExpired(job, ModelError::load_limit()));
                    self.due.push(Due::Load(model, job, version));
                }
                _ => self.apply(model, Event::Loaded(job, (model, version))),
            },
            Due::Unload(model, copy) => self.apply(model, Event::Unloaded(copy)),
            Due::Check(model, version, revision) => {
                let source = match fate {
                    0 => Source::Gone,
                    1 => Source::Unknown,
                    _ if version % PLACES == self.versions[model] => Source::Unchanged,
                    _ => Source::Changed,
                };
                self.apply(model, Event::Checked(source, revision));
            }
            Due::Look(model, revision) => {
                let answer = match fate {
                    0 => Ok(None),
                    1 => Err(StoreError::Denied.into()),
                    _ => Ok(Some(About::default())),
                };
                self.apply(model, Event::Looked(revision, answer));
            }
            Due::Release(model, copy) => {
                let lease = self.leased.get_mut(&copy).unwrap();
                lease.1 -= 1;
                if lease.1 == 0 {
                    self.leased.remove(&copy);
                }
                self.apply(model, Event::Released(copy));
            }
        }
    }
}
