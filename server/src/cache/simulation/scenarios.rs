//! Single scenarios, step by step.

use super::{Due, Event, World, origin, place, policy};
use crate::cache::core::Core;
use crate::cache::entry::State;
use crate::cache::event::Source;
use crate::catalogue::{About, Listing};
use crate::error::ModelError;
use crate::names::ModelName;
use std::time::Duration;

use super::PLACES;

fn quiet(budget: u64, keep: bool) -> World {
    let mut world = World::new(1);
    let mut policy = policy(&mut world.random);
    (policy.memory_budget, policy.keep, policy.max_waiters) = (budget, keep, 1000);
    (policy.max_downloads, policy.max_loads) = (4, 2);
    world.core = Core::new(policy);
    world.names = (0..3).map(|n| ModelName::new(&format!("m{n}.tar")).unwrap()).collect();
    world.sizes = vec![60; 3];
    world.versions = vec![1; 3];
    world
}

impl World {
    /// Everything due happens, and nothing goes wrong.
    fn finish(&mut self) {
        while !self.due.is_empty() {
            self.finish_one();
        }
    }

    fn finish_one(&mut self) {
        if let Some(due) = self.due.pop() {
            match due {
                Due::Download(m, job, origin) => {
                    let (bytes, payload) = (self.sizes[m], self.at(m, &origin));
                    let about = About::default();
                    self.apply(m, Event::Downloaded { job, bytes, payload, about, fresh: true });
                }
                Due::Load(m, job, version) => self.apply(m, Event::Loaded(job, (m, version))),
                Due::Unload(m, copy) => self.apply(m, Event::Unloaded(copy)),
                Due::Check(m, version, revision) => {
                    let same = version % PLACES == self.versions[m];
                    let source = if same { Source::Unchanged } else { Source::Changed };
                    self.apply(m, Event::Checked(source, revision));
                }
                Due::Look(m, revision) => {
                    self.apply(m, Event::Looked(revision, Ok(Some(About::default()))));
                }
                Due::Release(m, copy) => {
                    self.leased.remove(&copy);
                    self.apply(m, Event::Released(copy));
                }
            }
        }
    }

    fn version_in_memory(&self, model: usize) -> Option<u64> {
        match &self.core.models.get(&self.names[model])?.state {
            State::Resident { copy, .. } => copy.handle.map(|h| h.1),
            _ => None,
        }
    }
}

#[test]
fn the_least_recently_used_goes_and_the_pinned_stays() {
    let mut world = quiet(120, true);
    for model in [0, 1, 0, 2] {
        world.request(model);
        world.finish();
    }
    assert_eq!([0, 1, 2].map(|m| world.version_in_memory(m)), [Some(1), None, Some(1)]);
    world.apply(0, Event::Pin(true));
    world.request(1);
    world.finish();
    assert_eq!([0, 1, 2].map(|m| world.version_in_memory(m)), [Some(1), Some(1), None]);
}

#[test]
fn two_hundred_first_requests_are_one_job() {
    let mut world = quiet(100, true);
    for _ in 0..200 {
        world.request(0);
    }
    assert_eq!(world.due.len(), 1);
    world.finish();
    assert_eq!((world.granted, world.core.counters().loads), (200, 1));
}

#[test]
fn the_old_version_answers_until_the_new_one_is_there() {
    let mut world = quiet(120, true);
    world.request(0);
    world.finish();
    world.versions[0] = 2;
    world.now += Duration::from_secs(61);
    world.request(0);
    assert_eq!(world.granted, 2, "answered by the old version at once");
    world.finish();
    assert_eq!(world.version_in_memory(0), Some(2));
}

#[test]
fn an_update_without_room_for_both_still_comes() {
    let mut world = quiet(100, true);
    world.request(0);
    world.finish();
    world.versions[0] = 2;
    world.now += Duration::from_secs(61);
    world.request(0);
    world.finish();
    assert_eq!(world.version_in_memory(0), Some(2));
}

#[test]
fn without_the_cache_nothing_stays() {
    let mut world = quiet(100, false);
    world.request(0);
    world.finish();
    assert_eq!((world.granted, world.version_in_memory(0), world.core.ledger().used()), (1, None, 0));
}

#[test]
fn a_model_over_the_budget_fails_at_once_and_stays_failed_for_a_while() {
    let mut world = quiet(50, true);
    world.request(0);
    world.finish();
    assert_eq!(world.refused, 1);
    world.request(0);
    assert_eq!((world.refused, world.due.len()), (2, 0), "no second attempt within the back-off");
    world.now += Duration::from_secs(2);
    world.request(0);
    assert_eq!(world.due.len(), 1, "another attempt after it");
}

#[test]
fn a_missing_model_is_forgotten() {
    let mut world = quiet(50, true);
    world.request(0);
    let Some(Due::Download(_, job, _)) = world.due.pop() else { panic!("no download") };
    world.apply(0, Event::JobFailed(job, ModelError::NotFound));
    assert!(world.core.models.is_empty());
}

impl World {
    /// The place of what answers.
    fn answers_from(&self, model: usize) -> Option<u64> {
        self.version_in_memory(model).map(|version| version / PLACES)
    }

    fn lists(&mut self, model: usize, number: u64, hold: bool, pin: bool) {
        self.apply(model, Event::List(Some(Listing { origin: origin(number), hold, pin })));
    }
}

#[test]
fn what_is_to_be_held_comes_without_a_request_and_a_failure_is_tried_again() {
    let mut world = quiet(120, true);
    world.lists(0, 1, true, false);
    let Some(Due::Download(_, job, from)) = world.due.pop() else { panic!("no download") };
    assert_eq!((place(&from), world.core.held().coming), (1, 1));
    world.apply(0, Event::JobFailed(job, ModelError::NotFound));
    assert_eq!((world.core.held().coming, world.core.tally()), (0, (0, 1)));
    world.now += Duration::from_secs(2);
    let actions = world.core.tick(world.now);
    world.perform(actions);
    world.finish();
    assert_eq!((world.answers_from(0), world.core.tally()), (Some(1), (1, 0)));
}

#[test]
fn a_new_origin_takes_over_in_one_step_and_the_old_answers_until_then() {
    let mut world = quiet(200, true);
    world.request(0);
    world.finish();
    world.lists(0, 1, false, false);
    assert_eq!(world.answers_from(0), Some(0));
    world.request(0);
    assert_eq!(world.granted, 2, "answered by the old version at once");
    world.finish();
    assert_eq!(world.answers_from(0), Some(1));
}

#[test]
fn a_wrong_origin_leaves_the_old_version_and_is_tried_again() {
    let mut world = quiet(200, true);
    world.request(0);
    world.finish();
    world.lists(0, 1, false, false);
    let Some(Due::Download(_, job, _)) = world.due.pop() else { panic!("no download") };
    world.apply(0, Event::JobFailed(job, ModelError::NotFound));
    assert_eq!(world.answers_from(0), Some(0));
    world.now += Duration::from_secs(2);
    let actions = world.core.tick(world.now);
    world.perform(actions);
    world.finish();
    assert_eq!(world.answers_from(0), Some(1));
}

#[test]
fn no_longer_listed_and_not_under_the_prefix_is_gone_once_its_requests_end() {
    let mut world = quiet(200, true);
    world.lists(0, 1, false, false);
    world.request(0);
    while let Some(at) = world.due.iter().position(|d| !matches!(d, Due::Release(..))) {
        let due = world.due.swap_remove(at);
        let releases = std::mem::take(&mut world.due);
        world.due = vec![due];
        world.finish_one();
        world.due.extend(releases);
    }
    assert_eq!((world.granted, world.leased.len()), (1, 1), "a request uses it");
    world.apply(0, Event::List(None));
    let at = world.due.iter().position(|d| matches!(d, Due::Download(..))).unwrap();
    let Due::Download(_, job, from) = world.due.swap_remove(at) else { panic!("a download") };
    assert_eq!(place(&from), 0, "looked for under the prefix");
    world.apply(0, Event::JobFailed(job, ModelError::NotFound));
    assert_eq!(world.leased.len(), 1, "and still in use");
    world.finish();
    assert_eq!((world.version_in_memory(0), world.core.ledger().used()), (None, 0));
}

#[test]
fn a_download_from_the_old_origin_is_given_up() {
    let mut world = quiet(200, true);
    world.request(0);
    world.lists(0, 1, false, false);
    assert_eq!(world.due.len(), 1, "one job");
    world.finish();
    assert_eq!((world.granted, world.answers_from(0)), (1, Some(1)));
}

#[test]
fn a_listed_pin_holds_as_long_as_it_is_listed() {
    let mut world = quiet(100, true);
    world.lists(0, 0, true, true);
    world.finish();
    world.request(1);
    world.now += Duration::from_secs(3);
    let actions = world.core.tick(world.now);
    world.perform(actions);
    world.finish();
    assert_eq!(world.version_in_memory(0), Some(1));
    world.apply(0, Event::List(None));
    world.finish();
    assert_eq!([0, 1].map(|m| world.version_in_memory(m)), [None, Some(1)]);
}

#[test]
fn a_look_says_what_the_store_has_and_loads_nothing() {
    let mut world = quiet(100, true);
    world.apply(0, Event::Look);
    assert!(world.due.is_empty(), "not of a model that nobody lists");
    world.lists(0, 1, false, false);
    world.apply(0, Event::Look);
    world.apply(0, Event::Look);
    assert_eq!(world.due.len(), 1, "once");
    let Some(Due::Look(_, revision)) = world.due.pop() else { panic!("no look") };
    world.apply(0, Event::Looked(revision, Ok(None)));
    assert_eq!(world.core.tally(), (0, 1));
    assert_eq!(world.core.counters().loads, 0);
}

#[test]
fn a_version_of_an_archive_comes_from_where_the_archive_comes_from() {
    let mut world = quiet(200, true);
    world.names[1] = world.names[0].of_version(7);
    let listed = |number| Event::List(Some(Listing { origin: origin(number), hold: false, pin: false }));
    world.apply(0, listed(1));
    world.request(1);
    assert!(matches!(&world.due[..], [Due::Download(1, _, from)] if place(from) == 1));
    world.finish();
    assert_eq!(world.core.family(&world.names[0]).len(), 2);
    world.request(1);
    assert!(matches!(&world.due[..], [Due::Release(1, _)]), "the store has just confirmed it");
    world.finish();
    world.apply(0, listed(2));
    world.core.doubt_versions();
    world.request(1);
    assert!(world.due.iter().any(|due| matches!(due, Due::Check(1, ..))), "it may be another's now");
}

#[test]
fn a_version_that_is_not_there_is_told_and_forgotten() {
    let mut world = quiet(200, true);
    world.names[1] = world.names[0].of_version(7);
    world.request(1);
    let Some(Due::Download(_, job, _)) = world.due.pop() else { panic!("no download") };
    world.apply(1, Event::JobFailed(job, ModelError::NoVersion(7)));
    assert_eq!(world.refused, 1);
    assert!(!world.core.models.contains_key(&world.names[1]), "any number may be asked for");
}
