//! From a trace of buffers to which of them share memory.

use super::Line;

/// From when to when buffers lived.
#[derive(Debug, Default)]
pub struct Trace {
    now: usize,
    buffers: Vec<Buffer>,
    /// The number of each step's first buffer.
    steps: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Buffer {
    lines: usize,
    from: usize,
    to: usize,
}

impl Trace {
    /// Says that a step begins.
    pub fn step(&mut self, number: usize) {
        self.steps.resize(number + 1, self.buffers.len());
    }

    pub fn begin(&mut self, lines: usize) -> usize {
        self.now += 1;
        self.buffers.push(Buffer { lines, from: self.now, to: usize::MAX });
        self.buffers.len() - 1
    }

    pub fn end(&mut self, number: usize) {
        self.now += 1;
        if let Some(buffer) = self.buffers.get_mut(number) {
            buffer.to = self.now;
        }
    }
}

/// Which object each buffer of a run lies in.
#[derive(Debug, Default)]
pub struct Layout {
    /// Lines of each object.
    pub objects: Vec<usize>,
    /// The object of the n-th buffer.
    pub places: Vec<usize>,
    /// The number of each step's first buffer.
    pub steps: Vec<usize>,
}

impl Layout {
    /// Largest buffers first, each into the smallest object that is free while it lives and large enough, else into a new one.
    pub fn of(trace: &Trace) -> Self {
        let mut order: Vec<usize> = (0..trace.buffers.len()).collect();
        order.sort_by_key(|n| std::cmp::Reverse(trace.buffers[*n].lines));
        let (places, steps) = (vec![0; order.len()], trace.steps.clone());
        let mut layout = Self { objects: Vec::new(), places, steps };
        let mut tenants: Vec<Vec<Buffer>> = Vec::new();
        for number in order {
            let buffer = trace.buffers[number];
            let free =
                |object: &usize| tenants[*object].iter().all(|t| t.to < buffer.from || buffer.to < t.from);
            let object = (0..tenants.len()).filter(free).min_by_key(|o| layout.objects[*o]);
            let object = object.unwrap_or_else(|| {
                layout.objects.push(buffer.lines);
                tenants.push(Vec::new());
                tenants.len() - 1
            });
            tenants[object].push(buffer);
            layout.places[number] = object;
        }
        layout
    }

    /// Bytes of a workspace.
    pub fn bytes(&self) -> usize {
        self.objects.iter().sum::<usize>() * size_of::<Line>()
    }
}
