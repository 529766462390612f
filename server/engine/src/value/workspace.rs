//! The memory of a run, planned.
//!
//! The first run with inputs of certain shapes is traced: how large each buffer was, from when to when it lived. From the trace
//! follows which buffers can lie in the same object one after the other ([`Layout`]). Later runs with these shapes take the
//! n-th buffer of a step from the object that the layout says, out of a [`Workspace`] that one run at a time uses: no allocation, no
//! page to be zeroed by the system. A run that turns out otherwise (loops whose length depends on the data) falls back
//! to memory of its own, buffer by buffer.

mod layout;

pub use layout::{Layout, Trace};

use super::lines::{Line, Lines};
use bytemuck::Pod;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of one buffer. It goes back to where it came from when it is dropped.
#[derive(Debug)]
pub struct Block {
    lines: Lines,
    home: Home,
}

#[derive(Debug)]
enum Home {
    Nowhere,
    Trace(Arc<Mutex<Trace>>, usize),
    Object(Arc<Workspace>, usize),
}

impl Block {
    /// A block of its own, all zero.
    pub fn alone(bytes: usize) -> Self {
        Self { lines: Lines::zeroed(bytes), home: Home::Nowhere }
    }

    /// A block of its own, all zero; None: there is no room for it.
    pub fn try_alone(bytes: usize) -> Option<Self> {
        Some(Self { lines: Lines::try_zeroed(bytes)?, home: Home::Nowhere })
    }

    /// The block as numbers.
    pub fn elements<T: Pod>(&self) -> &[T] {
        self.lines.elements()
    }

    /// The block as numbers, to be written.
    pub fn elements_mut<T: Pod>(&mut self) -> &mut [T] {
        self.lines.elements_mut()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match &self.home {
            Home::Nowhere => {}
            Home::Trace(trace, number) => lock(trace).end(*number),
            Home::Object(workspace, object) => {
                workspace.put(*object, std::mem::replace(&mut self.lines, Lines::NONE));
            }
        }
    }
}

/// The objects of one run; each is here, or in use by a block.
#[derive(Debug)]
pub struct Workspace {
    layout: Arc<Layout>,
    objects: Mutex<Vec<Option<Lines>>>,
}

impl Workspace {
    /// A workspace whose objects are made when they are first used.
    pub fn new(layout: Arc<Layout>) -> Arc<Self> {
        let objects = layout.objects.iter().map(|_| Some(Lines::NONE)).collect();
        Arc::new(Self { layout, objects: Mutex::new(objects) })
    }

    fn take(&self, number: usize, lines: usize) -> Option<(usize, Lines)> {
        let object = *self.layout.places.get(number)?;
        let size = self.layout.objects[object];
        if size < lines {
            return None;
        }
        let mut memory = lock(&self.objects)[object].take()?;
        if memory.len() < size {
            memory = Lines::zeroed(size * size_of::<Line>());
        }
        Some((object, memory))
    }

    fn put(&self, object: usize, memory: Lines) {
        lock(&self.objects)[object] = Some(memory);
    }
}

enum Source {
    Trace(Arc<Mutex<Trace>>),
    Workspace { workspace: Arc<Workspace>, next: usize },
}

thread_local! {
    /// What the run on this thread allocates from.
    static SOURCE: RefCell<Option<Source>> = const { RefCell::new(None) };
}

/// Says that a step of the run on this thread begins. Buffers are counted by step: a later run leaves some steps out.
pub fn step(number: usize) {
    SOURCE.with_borrow_mut(|source| match source {
        Some(Source::Trace(trace)) => lock(trace).step(number),
        Some(Source::Workspace { workspace, next }) => {
            *next = workspace.layout.steps.get(number).copied().unwrap_or(usize::MAX);
        }
        None => {}
    });
}

/// A buffer of at least so many bytes, for the run on this thread.
pub fn block(bytes: usize) -> Block {
    let lines = bytes.div_ceil(size_of::<Line>());
    SOURCE.with_borrow_mut(|source| match source {
        Some(Source::Trace(trace)) => {
            let number = lock(trace).begin(lines);
            Block { lines: Lines::zeroed(bytes), home: Home::Trace(trace.clone(), number) }
        }
        Some(Source::Workspace { workspace, next }) => {
            let number = *next;
            *next = next.saturating_add(1);
            match workspace.take(number, lines) {
                Some((object, lines)) => Block { lines, home: Home::Object(workspace.clone(), object) },
                None => Block::alone(bytes),
            }
        }
        None => Block::alone(bytes),
    })
}

/// Runs `work`, tracing its buffers; what they were laid out to.
pub fn traced<R>(work: impl FnOnce() -> R) -> (R, Layout) {
    let trace = Arc::new(Mutex::new(Trace::default()));
    let result = with_source(Source::Trace(trace.clone()), work);
    let layout = Layout::of(&lock(&trace));
    (result, layout)
}

/// Runs `work` in a workspace, which nobody else uses meanwhile.
pub fn within<R>(workspace: &Arc<Workspace>, work: impl FnOnce() -> R) -> R {
    with_source(Source::Workspace { workspace: workspace.clone(), next: 0 }, work)
}

/// Runs the work on memory of its own.
pub fn outside<R>(work: impl FnOnce() -> R) -> R {
    let _restore = Restore(SOURCE.replace(None));
    work()
}

/// A thread that waits for a part of one run may take up another run: sources nest.
fn with_source<R>(source: Source, work: impl FnOnce() -> R) -> R {
    let _restore = Restore(SOURCE.replace(Some(source)));
    work()
}

/// Puts a source back where it was.
struct Restore(Option<Source>);

impl Drop for Restore {
    fn drop(&mut self) {
        SOURCE.set(self.0.take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Workspace, block, traced, within};
    use std::sync::Arc;

    /// Three buffers of which two live at a time.
    fn chain() -> Vec<usize> {
        let a = block(1000);
        let b = block(2000);
        drop(a);
        let c = block(900);
        vec![b.elements::<u8>().as_ptr() as usize, c.elements::<u8>().as_ptr() as usize]
    }

    #[test]
    fn buffers_that_do_not_meet_share_an_object() {
        let (_, layout) = traced(chain);
        assert_eq!(layout.objects.len(), 2);
        assert_eq!(layout.bytes(), 1024 + 2048);
    }

    #[test]
    fn later_runs_find_their_memory_again() {
        let (_, layout) = traced(chain);
        let workspace = Workspace::new(Arc::new(layout));
        assert_eq!(within(&workspace, chain), within(&workspace, chain));
    }

    #[test]
    fn steps_that_are_left_out_move_nothing() {
        let run = |skip: bool| {
            super::step(0);
            let small = (!skip).then(|| block(10));
            super::step(1);
            let large = block(5000);
            drop(small);
            large.elements::<u8>().as_ptr() as usize
        };
        let (_, layout) = traced(|| run(false));
        let workspace = Workspace::new(Arc::new(layout));
        let first = within(&workspace, || run(true));
        let between = block(5000);
        assert_eq!(within(&workspace, || run(true)), first);
        drop(between);
    }

    #[test]
    fn a_run_that_turns_out_otherwise_gets_memory_of_its_own() {
        let (_, layout) = traced(chain);
        let workspace = Workspace::new(Arc::new(layout));
        within(&workspace, || {
            let (mut large, mut more) = (block(100_000), Vec::new());
            large.elements_mut::<u8>()[99_999] = 1;
            more.extend((0..10).map(|_| block(500)));
            assert!(more.iter().all(|b| b.elements::<u8>().len() >= 500));
        });
    }
}
