//! What follows from the shapes of a request's inputs, found out by the first run with them and kept: the results of shape
//! arithmetic, where buffers lie, whether the work is worth more than one thread.

use super::Pace;
use super::step::{Source, Step};
use crate::EngineError;
use crate::graph::Op;
use crate::kernels::{self, Work};
use crate::value::workspace::{self, Layout, Workspace};
use crate::value::{Dims, Value};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shapes of one plan that are remembered.
const MOST_SHAPES: usize = 32;
/// A result of shape arithmetic that is larger is made anew by each run.
const LARGEST_KNOWN: usize = 64 << 10;
/// Smaller workspaces are not worth keeping: the allocator is as fast.
const SMALLEST_WORKSPACE: usize = 64 << 10;
/// Bytes of workspaces that wait for the next run, of all plans together.
const MOST_IDLE: usize = 512 << 20;
/// Multiplications from which a run may use more than one thread.
const PARALLEL_RUN: usize = 2 << 20;

/// What is known for one set of shapes.
#[derive(Debug, Default)]
pub struct Schedule {
    number: u64,
    known: Vec<bool>,
    values: Vec<(usize, Value)>,
    layout: Arc<Layout>,
    parallel: bool,
}

/// What a step made whose results follow from the shapes, by slot.
pub struct Kept {
    pub step: usize,
    pub made: Vec<(usize, Option<Value>)>,
}

impl Schedule {
    /// From the steps that need not run again, and what they made.
    pub fn new(steps: usize, kept: Vec<Kept>) -> Self {
        let mut schedule = Self { known: vec![false; steps], ..Self::default() };
        for Kept { step, made } in kept {
            let values: Option<Vec<(usize, Value)>> = made
                .into_iter()
                .map(|(slot, value)| value.filter(|v| v.bytes() <= LARGEST_KNOWN).map(|v| (slot, own(&v))))
                .collect();
            if let Some(values) = values {
                schedule.known[step] = true;
                schedule.values.extend(values);
            }
        }
        schedule
    }

    /// Puts what is known into its slots; the steps that are left out.
    pub fn fill(&self, slots: &mut [Option<Value>]) -> &[bool] {
        for (slot, value) in &self.values {
            slots[*slot] = Some(value.clone());
        }
        &self.known
    }
}

/// A copy that lies in no workspace.
fn own(value: &Value) -> Value {
    use crate::value::{Contents, Memory};
    fn copy<T: crate::value::Element>(memory: &Memory<T>, dims: &[usize]) -> Option<Value> {
        Value::of(memory.to_vec(), dims).ok()
    }
    let copied = match value.contents() {
        Contents::F32(m) => copy(m, value.dims()),
        Contents::F64(m) => copy(m, value.dims()),
        Contents::I64(m) => copy(m, value.dims()),
        Contents::Bool(m) => copy(m, value.dims()),
        Contents::Text(_) | Contents::List(_) => None,
    };
    copied.unwrap_or_else(|| value.clone())
}

type Key = Vec<Dims>;

/// The schedules of a plan.
#[derive(Debug)]
pub struct Schedules {
    /// For each step, whether its results follow from the inputs' shapes alone.
    fixed: Vec<bool>,
    by_shape: Mutex<HashMap<Key, Arc<Schedule>>>,
}

impl Schedules {
    pub fn new(steps: &[Step], inputs: &[usize]) -> Self {
        Self { fixed: regular(steps, inputs), by_shape: Mutex::new(HashMap::new()) }
    }

    /// Whether a step's results follow from the inputs' shapes.
    pub fn follows_from_shapes(&self, step: usize) -> bool {
        self.fixed[step]
    }

    /// Runs by the schedule of the inputs' shapes, which the first run with them makes, after a check of them.
    pub fn run(
        &self,
        inputs: Vec<Value>,
        check: impl Fn(&[Value]) -> Result<(), EngineError>,
        go: impl Fn(Vec<Value>, Pace<'_>) -> Result<Vec<Value>, EngineError>,
    ) -> Result<Vec<Value>, EngineError> {
        let key: Key = inputs.iter().map(|v| v.dims().into()).collect();
        let found = lock(&self.by_shape).get(&key).cloned();
        if let Some(schedule) = found {
            let work = || go(inputs, Pace::Known(&schedule));
            let run = || match Idle::take(&schedule) {
                Some(workspace) => {
                    let result = workspace::within(&workspace, work);
                    // What the answer holds goes back when it is dropped.
                    Idle::put(&schedule, workspace);
                    result
                }
                None => work(),
            };
            return if schedule.parallel { kernels::with_help(run) } else { kernels::on_one_thread(run) };
        }
        check(&inputs)?;
        if lock(&self.by_shape).len() >= MOST_SHAPES {
            return kernels::with_help(|| go(inputs, Pace::Alone));
        }
        let mut schedule = Schedule::default();
        let ((result, layout), work) = Work::counted(|| {
            kernels::with_help(|| workspace::traced(|| go(inputs, Pace::First(&mut schedule))))
        });
        let result = result?;
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        schedule.number = NUMBER.fetch_add(1, Ordering::Relaxed);
        schedule.layout = Arc::new(layout);
        schedule.parallel = work >= PARALLEL_RUN;
        lock(&self.by_shape).insert(key, Arc::new(schedule));
        Ok(result)
    }
}

/// Workspaces that wait for the next run of their schedule, longest waiting first.
#[derive(Debug)]
struct Idle {
    waiting: VecDeque<(u64, usize, Arc<Workspace>)>,
    bytes: usize,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle { waiting: VecDeque::new(), bytes: 0 });

impl Idle {
    /// A workspace for a run; None: its buffers are too small to be worth one.
    fn take(schedule: &Schedule) -> Option<Arc<Workspace>> {
        if schedule.layout.bytes() < SMALLEST_WORKSPACE {
            return None;
        }
        let mut idle = lock(&IDLE);
        let at = idle.waiting.iter().rposition(|(number, ..)| *number == schedule.number);
        if let Some((_, bytes, workspace)) = at.and_then(|at| idle.waiting.remove(at)) {
            idle.bytes -= bytes;
            return Some(workspace);
        }
        Some(Workspace::new(schedule.layout.clone()))
    }

    fn put(schedule: &Schedule, workspace: Arc<Workspace>) {
        let bytes = schedule.layout.bytes();
        let mut idle = lock(&IDLE);
        idle.bytes += bytes;
        idle.waiting.push_back((schedule.number, bytes, workspace));
        while idle.bytes > MOST_IDLE {
            let Some((_, bytes, _)) = idle.waiting.pop_front() else { break };
            idle.bytes -= bytes;
        }
    }
}

/// Gives the memory of runs that are over back: after models were unloaded, or when nothing runs.
pub fn release_idle() {
    let mut idle = lock(&IDLE);
    idle.waiting = VecDeque::new();
    idle.bytes = 0;
}

/// For each step, whether its results follow from the shapes of the inputs: it asks for a shape, or reads only what follows from them.
fn regular(steps: &[Step], inputs: &[usize]) -> Vec<bool> {
    let mut shapes: std::collections::HashSet<usize> = inputs.iter().copied().collect();
    let mut values: std::collections::HashSet<usize> = std::collections::HashSet::new();
    let mut fixed = Vec::with_capacity(steps.len());
    for step in steps {
        let shape_known = |s: &Source| match s {
            Source::Constant(_) | Source::Elsewhere(_) => true,
            Source::Slot(slot) => shapes.contains(slot),
        };
        let value_known = |s: &Source| match s {
            Source::Constant(_) | Source::Elsewhere(_) => true,
            Source::Slot(slot) => values.contains(slot),
        };
        let all_shapes = step.inputs.iter().all(shape_known);
        let asks = matches!(step.op(), Some(Op::Shape | Op::Size | Op::Rank));
        let same = all_shapes && step.is_regular() && step.op().is_none_or(|op| shape_operands(op).is_some());
        let is_fixed = all_shapes && (asks || (same && step.inputs.iter().all(value_known)));
        let shape = same
            && step.op().is_none_or(|op| {
                let operands = shape_operands(op).unwrap_or(&[]);
                let last = step.inputs.len().wrapping_sub(1);
                let place = |n: &usize| if *n == LAST { last } else { *n };
                operands.iter().all(|n| step.inputs.get(place(n)).is_none_or(value_known))
            });
        if shape {
            shapes.extend(&step.outputs);
        }
        if is_fixed && shape {
            values.extend(&step.outputs);
        }
        fixed.push(is_fixed && shape);
    }
    fixed
}

/// Stands for the last input.
const LAST: usize = usize::MAX;

/// The inputs whose values decide the shape of the result. None: other things decide it, as far as is known here.
fn shape_operands(op: &Op) -> Option<&'static [usize]> {
    Some(match op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Cast(_)
        | Op::MatMul { .. }
        | Op::Dense(_)
        | Op::Conv(_)
        | Op::Depthwise(_)
        | Op::Pool(_)
        | Op::Softmax { .. }
        | Op::Pack(_)
        | Op::Unpack(..)
        | Op::Squeeze(_)
        | Op::Shape
        | Op::Size
        | Op::Rank
        | Op::Product(_)
        | Op::Activate(_)
        | Op::Chain(_)
        | Op::LayerNorm(_)
        | Op::Attention(_) => &[],
        Op::Reshape
        | Op::BroadcastTo
        | Op::Transpose
        | Op::Split(_)
        | Op::ExpandDims
        | Op::Reverse
        | Op::Tile
        | Op::Pad
        | Op::MirrorPad { .. }
        | Op::Resize(_)
        | Op::Reduce { .. }
        | Op::ArgExtreme { .. }
        | Op::TopK
        | Op::OneHot(_) => &[1],
        Op::SplitSizes(_) | Op::Slice | Op::SpaceToBatch | Op::BatchToSpace => &[1, 2],
        Op::StridedSlice(_) => &[1, 2, 3],
        Op::Gather { .. } => &[2],
        Op::Fill | Op::ConvTranspose(_) => &[0],
        Op::Range => &[0, 1, 2],
        Op::Concat => &[LAST],
        _ => return None,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
