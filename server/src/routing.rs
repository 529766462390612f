//! Which pods are at home for which model, without asking anybody: every pod computes the same from the same peers.
//!
//! Rendezvous hashing: each pod has a weight for each model, the highest are its homes. A pod that comes or goes moves only
//! the models that it is or was a home of. Pods are ranked by name, because a StatefulSet's names stay over a rolling update.

use sha2::{Digest, Sha256};

/// The pods of the endpoint that take requests, this one always among them.
#[derive(Debug, Clone)]
pub struct Peers {
    own: String,
    others: Vec<String>,
    known: bool,
}

impl Peers {
    /// This pod alone.
    pub fn alone(own: impl Into<String>) -> Self {
        Self { own: own.into(), others: Vec::new(), known: true }
    }

    /// This pod, before it has heard of others: it is at home for nothing.
    pub fn unknown(own: impl Into<String>) -> Self {
        Self { known: false, ..Self::alone(own) }
    }

    /// Nobody tells of others: unless they are known already, this pod takes itself to be the only one.
    pub fn go_on(&mut self) {
        self.known = true;
    }

    /// The pods that are ready now, by name.
    pub fn set_ready(&mut self, mut ready: Vec<String>) {
        ready.sort();
        ready.dedup();
        ready.retain(|name| *name != self.own);
        (self.others, self.known) = (ready, true);
    }

    /// Whether this pod is among the first `copies` for a model.
    pub fn is_home(&self, model: &str, copies: usize) -> bool {
        let own = (weight(&self.own, model), &self.own);
        let before =
            self.others.iter().filter(|other| (weight(other, model), *other) > own).take(copies).count();
        self.known && before < copies
    }

    /// Every pod, the model's first home first.
    pub fn ranked(&self, model: &str) -> Vec<&str> {
        let mut all: Vec<&String> = self.others.iter().chain([&self.own]).collect();
        all.sort_by_cached_key(|name| std::cmp::Reverse((weight(name, model), (*name).clone())));
        all.into_iter().map(String::as_str).collect()
    }
}

/// The same on every machine and in every version of the program.
fn weight(pod: &str, model: &str) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update((pod.len() as u64).to_le_bytes());
    hasher.update(pod.as_bytes());
    hasher.update(model.as_bytes());
    let digest = hasher.finalize();
    digest.iter().take(8).fold(0, |weight, byte| weight << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::Peers;

    fn pods(names: &[&str]) -> Vec<Peers> {
        let all: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let peers = |own: &String| {
            let mut peers = Peers::alone(own.clone());
            peers.set_ready(all.clone());
            peers
        };
        all.iter().map(peers).collect()
    }

    fn model(n: usize) -> String {
        format!("m{n}.tar.gz")
    }

    #[test]
    fn as_many_pods_are_at_home_as_there_are_copies() {
        let pods = pods(&["v-0", "v-1", "v-2", "v-3"]);
        for n in 0..200 {
            for copies in 1..6 {
                let homes = pods.iter().filter(|p| p.is_home(&model(n), copies)).count();
                assert_eq!(homes, copies.min(4));
            }
        }
    }

    #[test]
    fn every_pod_ranks_alike_and_each_has_its_share() {
        let pods = pods(&["v-0", "v-1", "v-2"]);
        let mut shares = [0; 3];
        for n in 0..3000 {
            let ranked = pods[0].ranked(&model(n));
            assert!(pods.iter().all(|p| p.ranked(&model(n)) == ranked));
            let first = pods.iter().position(|p| p.is_home(&model(n), 1)).unwrap();
            assert_eq!(ranked[0], format!("v-{first}"));
            shares[first] += 1;
        }
        assert!(shares.iter().all(|s| (850..1150).contains(s)), "{shares:?}");
    }

    #[test]
    fn a_pod_that_goes_moves_only_its_own_models() {
        let (before, after) = (pods(&["v-0", "v-1", "v-2"]), pods(&["v-0", "v-1"]));
        for n in 0..1000 {
            let (was, is) = (before[0].ranked(&model(n))[0], after[0].ranked(&model(n))[0]);
            assert!(was == is || was == "v-2", "{was} to {is}");
        }
    }

    #[test]
    fn a_pod_that_is_not_ready_itself_still_counts_itself() {
        let mut peers = Peers::unknown("v-0");
        assert!(!peers.is_home("m", 1));
        peers.go_on();
        assert!(peers.is_home("m", 1));
        peers.set_ready(vec!["v-1".to_owned()]);
        assert_eq!(peers.ranked("m").len(), 2);
    }
}
