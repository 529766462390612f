//! One model's calls that wait: those that nobody has read, and those that were read and may run together.

use super::call::CallId;
use super::cost::Costs;
use std::collections::VecDeque;
use std::time::Duration;

/// Calls of one model that were read and do not run yet. More are not read before some of them ran.
const MOST_READ: usize = 128;

/// One model's calls. `F` is what calls must have in common to run together.
#[derive(Debug)]
pub struct Lane<F> {
    /// Compute time that it had, as far as others had as much.
    pub virtual_time: Duration,
    /// What the calls that wait are expected to cost together.
    pub backlog: Duration,
    /// Bytes of the calls that wait.
    pub bytes: u64,
    /// What its pieces cost.
    pub costs: Costs,
    /// Pieces that are done now, and calls whose answers are to be written.
    pub working: usize,
    fresh: VecDeque<CallId>,
    groups: Vec<Group<F>>,
    next_group: u64,
}

/// Calls that run together, or one that runs alone.
#[derive(Debug)]
struct Group<F> {
    number: u64,
    form: Option<F>,
    /// Rows of one run.
    most: usize,
    calls: VecDeque<(CallId, usize)>,
    rows: usize,
    /// Rows of each run that is under way.
    running: Vec<usize>,
}

/// What is to be done for a lane next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read its oldest fresh call.
    Decode,
    /// Run this one of its groups.
    Run(usize),
}

/// A run that was taken from a lane.
#[derive(Debug)]
pub struct Run {
    /// Names the group, for the run's end.
    pub group: u64,
    /// The calls, oldest first.
    pub calls: Vec<CallId>,
    /// Rows of all of them.
    pub rows: usize,
}

impl<F: PartialEq> Lane<F> {
    /// Without calls; it has had nothing yet, and gets no more for that.
    pub fn new(virtual_time: Duration) -> Self {
        Self {
            virtual_time,
            backlog: Duration::ZERO,
            bytes: 0,
            costs: Costs::default(),
            working: 0,
            fresh: VecDeque::new(),
            groups: Vec::new(),
            next_group: 0,
        }
    }

    /// Calls that wait.
    pub fn waiting(&self) -> usize {
        self.fresh.len() + self.read()
    }

    fn read(&self) -> usize {
        self.groups.iter().map(|g| g.calls.len()).sum()
    }

    /// Whether it has nothing to do and nothing is done for it.
    pub fn is_idle(&self) -> bool {
        self.working == 0 && self.waiting() == 0
    }

    /// A call came.
    pub fn push(&mut self, call: CallId) {
        self.fresh.push_back(call);
    }

    /// A call was read: it waits for those like it, if there may be such.
    pub fn push_read(&mut self, call: CallId, form: Option<F>, rows: usize, most: usize) {
        let same = |g: &&mut Group<F>| form.is_some() && g.form == form;
        if let Some(group) = self.groups.iter_mut().find(same) {
            group.calls.push_back((call, rows));
            group.rows = group.rows.saturating_add(rows);
            return;
        }
        self.next_group += 1;
        let calls = VecDeque::from([(call, rows)]);
        let group = Group { number: self.next_group, form, most, calls, rows, running: Vec::new() };
        self.groups.push(group);
    }

    /// What to do next. Calls that can run together are read first, so that one run takes all of them; a run that is under way is
    /// waited for, unless as much waits as it has itself.
    pub fn next(&self) -> Option<Next> {
        let oldest = |may: fn(&Group<F>) -> bool| {
            let groups = self.groups.iter().enumerate().filter(|(_, g)| may(g));
            groups
                .filter_map(|(at, g)| Some((g.calls.front()?.0, Next::Run(at))))
                .min_by_key(|(call, _)| *call)
        };
        if let Some((_, run)) = oldest(Group::is_full) {
            return Some(run);
        }
        if !self.fresh.is_empty() && self.read() < MOST_READ {
            return Some(Next::Decode);
        }
        oldest(Group::may_run).map(|(_, run)| run)
    }

    /// Whether what is done next, and what comes after it, is known to be light.
    pub fn is_light_next(&self) -> bool {
        let rows = self.groups.iter().map(|g| g.rows).sum::<usize>().max(1);
        self.costs.is_light(rows)
    }

    /// The call that has waited longest for what is done next.
    pub fn oldest(&self, next: Next) -> Option<CallId> {
        match next {
            Next::Decode => self.fresh.front().copied(),
            Next::Run(at) => self.groups.get(at)?.calls.front().map(|(call, _)| *call),
        }
    }

    /// Takes the oldest fresh call.
    pub fn take_fresh(&mut self) -> Option<CallId> {
        self.fresh.pop_front()
    }

    /// Takes what runs together.
    pub fn take_run(&mut self, at: usize) -> Option<Run> {
        let group = self.groups.get_mut(at)?;
        let count = group.count();
        let taken: Vec<(CallId, usize)> = group.calls.drain(..count).collect();
        let rows = taken.iter().fold(0usize, |sum, (_, rows)| sum.saturating_add(*rows));
        group.rows = group.rows.saturating_sub(rows);
        group.running.push(rows);
        Some(Run { group: group.number, calls: taken.into_iter().map(|(call, _)| call).collect(), rows })
    }

    /// A run ended.
    pub fn ran(&mut self, group: u64, rows: usize) {
        let Some(at) = self.groups.iter().position(|g| g.number == group) else { return };
        let running = &mut self.groups[at].running;
        if let Some(run) = running.iter().position(|r| *r == rows) {
            running.swap_remove(run);
        }
        self.drop_empty(at);
    }

    /// Takes a call out that waits. False: it is not here.
    pub fn remove(&mut self, call: CallId) -> bool {
        if let Some(at) = self.fresh.iter().position(|c| *c == call) {
            self.fresh.remove(at);
            return true;
        }
        for at in 0..self.groups.len() {
            let group = &mut self.groups[at];
            let Some(place) = group.calls.iter().position(|(c, _)| *c == call) else { continue };
            if let Some((_, rows)) = group.calls.remove(place) {
                group.rows = group.rows.saturating_sub(rows);
            }
            self.drop_empty(at);
            return true;
        }
        false
    }

    fn drop_empty(&mut self, at: usize) {
        if self.groups[at].calls.is_empty() && self.groups[at].running.is_empty() {
            self.groups.swap_remove(at);
        }
    }
}

impl<F> Group<F> {
    fn is_full(&self) -> bool {
        !self.calls.is_empty() && self.rows >= self.most
    }

    fn may_run(&self) -> bool {
        !self.calls.is_empty() && self.running.iter().min().is_none_or(|least| self.rows >= *least)
    }

    /// Calls of the next run: as many as fit, but so that few sizes of runs are met. Whatever the engine finds out for the shapes of
    /// a run it keeps for a few dozen shapes.
    fn count(&self) -> usize {
        let (mut rows, mut fit, mut round) = (0usize, 0, 0);
        for (n, (_, more)) in self.calls.iter().enumerate() {
            rows = rows.saturating_add(*more);
            if n > 0 && rows > self.most {
                break;
            }
            fit = n + 1;
            if is_round(rows) {
                round = fit;
            }
        }
        if round > 0 { round } else { fit }
    }
}

/// Numbers with three significant bits: 1 to 8, 10, 12, 14, 16, 20, 24, …
fn is_round(rows: usize) -> bool {
    let bits = usize::BITS - rows.leading_zeros();
    rows.trailing_zeros() + 3 >= bits
}

#[cfg(test)]
mod tests {
    use super::is_round;

    #[test]
    fn few_sizes_are_round() {
        let round: Vec<usize> = (1..=64).filter(|n| is_round(*n)).collect();
        assert_eq!(round, [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64]);
    }
}
