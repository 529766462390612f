//! Many rows at once through trees that are laid out for it.

use crate::graph::{Absent, Real, Sliced, SlicedTree};
use crate::kernels::simd::{BYTES, Kernel, LANES, Simd, counted};

/// Nodes of a tree at most.
const NODES: usize = 512;
/// Bits of a leaf's number.
const BITS: usize = 8;

/// Bytes of 64 rows.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Bytes([u8; BYTES]);

/// Memory that blocks have one after the other.
#[derive(Debug)]
pub struct Room<T> {
    bytes: Vec<Bytes>,
    sums: Vec<[T; BYTES]>,
}

impl<T> Room<T> {
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), sums: Vec::new() }
    }
}

/// Numbers that leaves hold.
pub trait Answer: Real {
    /// How many of the thresholds each number is not below.
    fn counts<S: Simd>(thresholds: &[Self], x: &[Self; LANES]) -> [u8; LANES];

    /// Adds what the leaves `at` hold, of 64.
    fn add_few<S: Simd>(table: &[Self; BYTES], at: &[u8; BYTES], to: &mut [Self; BYTES]);
}

impl Answer for f32 {
    #[inline(always)]
    fn counts<S: Simd>(thresholds: &[Self], x: &[Self; LANES]) -> [u8; LANES] {
        S::count(thresholds, x)
    }

    #[inline(always)]
    fn add_few<S: Simd>(table: &[Self; BYTES], at: &[u8; BYTES], to: &mut [Self; BYTES]) {
        let (at, to) = (at.as_chunks::<16>().0, to.as_chunks_mut::<16>().0);
        for (at, to) in at.iter().zip(to) {
            S::store(S::add(S::load(to), S::pick(table, at)), to);
        }
    }
}

impl Answer for f64 {
    #[inline(always)]
    fn counts<S: Simd>(thresholds: &[Self], x: &[Self; LANES]) -> [u8; LANES] {
        counted(thresholds, x)
    }

    #[inline(always)]
    fn add_few<S: Simd>(table: &[Self; BYTES], at: &[u8; BYTES], to: &mut [Self; BYTES]) {
        for (at, to) in at.iter().zip(to) {
            *to += table[usize::from(*at) % BYTES];
        }
    }
}

/// Adds the answers of some trees to W times 64 rows or fewer.
pub struct Rows<'a, T, const W: usize> {
    pub trees: &'a Sliced<T>,
    /// Answers of leaves that have more than one.
    pub answers: Option<&'a [T]>,
    pub x: &'a [T],
    pub features: usize,
    /// Values may be NaN.
    pub missing: bool,
    pub out: &'a mut [T],
    pub outputs: usize,
    pub room: &'a mut Room<T>,
}

impl<T: Answer, const W: usize> Kernel for Rows<'_, T, W> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        self.make_bytes::<S>();
        self.room.sums.clear();
        self.room.sums.resize(self.outputs * W, [T::zero(); BYTES]);
        self.exchange(|sum, out| *sum = *out);
        let mut ways = Ways::<W>::new();
        for tree in &self.trees.trees {
            self.compare::<S>(tree, &mut ways);
            ways.go(self.trees, tree);
            let leaves = &self.trees.leaves[tree.leaves.clone()];
            let few = few(leaves);
            for word in 0..W {
                let at = ways.leaves::<S>(tree, word);
                match &few {
                    Some(table) if self.answers.is_none() => {
                        T::add_few::<S>(table, &at, &mut self.room.sums[tree.output as usize * W + word]);
                    }
                    _ => self.add(tree, leaves, &at, word),
                }
            }
        }
        self.exchange(|sum, out| *out = *sum);
    }
}

impl<T: Answer, const W: usize> Rows<'_, T, W> {
    /// Tells what rows have by bytes.
    #[inline(always)]
    fn make_bytes<S: Simd>(&mut self) {
        let rows = self.out.len() / self.outputs;
        let count = if self.missing { self.trees.columns.len() } else { self.trees.asked.len() };
        self.room.bytes.resize(self.trees.columns.len() * W, Bytes([0; BYTES]));
        for begin in (0..rows).step_by(LANES) {
            // Rows beyond the last are the last.
            let last = (rows - 1) * self.features;
            let from: [usize; LANES] = std::array::from_fn(|n| ((begin + n) * self.features).min(last));
            let words = self.room.bytes.chunks_exact_mut(W);
            for (column, words) in self.trees.columns[..count].iter().zip(words) {
                let asked = &self.trees.asked[column.of as usize];
                let mut x = from.map(|from| self.x[from + asked.feature as usize]);
                let missing = x.map(T::is_nan);
                if self.missing && column.absent == Absent::Zero {
                    x = x.map(|x| if x.is_nan() { T::zero() } else { x });
                }
                let mut bytes = T::counts::<S>(&asked.thresholds, &x);
                if self.missing && column.absent == Absent::Right {
                    for (byte, missing) in bytes.iter_mut().zip(missing) {
                        *byte = if missing { u8::MAX } else { *byte };
                    }
                }
                words[begin / BYTES].0[begin % BYTES..][..LANES].copy_from_slice(&bytes);
            }
        }
    }

    /// Answers lie row by row; sums, output by output.
    #[inline(always)]
    fn exchange(&mut self, how: impl Fn(&mut T, &mut T)) {
        for (n, row) in self.out.chunks_exact_mut(self.outputs).enumerate() {
            for (output, value) in row.iter_mut().enumerate() {
                how(&mut self.room.sums[output * W + n / BYTES][n % BYTES], value);
            }
        }
    }

    /// The answers of all splits of a tree for all rows.
    #[inline(always)]
    fn compare<S: Simd>(&self, tree: &SlicedTree, ways: &mut Ways<W>) {
        for (split, answers) in self.trees.splits[tree.splits.clone()].iter().zip(&mut ways.right) {
            let column =
                if self.missing { split.column } else { self.trees.columns[split.column as usize].of };
            let words = &self.room.bytes[column as usize * W..][..W];
            for (answers, bytes) in answers.iter_mut().zip(words) {
                *answers = S::not_below(&bytes.0, split.least);
            }
        }
    }

    /// Adds what 64 rows' leaves hold, whichever they are.
    #[inline(always)]
    fn add(&mut self, tree: &SlicedTree, leaves: &[T], at: &[u8; BYTES], word: usize) {
        let Some(answers) = self.answers else {
            let sums = &mut self.room.sums[tree.output as usize * W + word];
            for (at, sum) in at.iter().zip(sums) {
                *sum = *sum + leaves[usize::from(*at)];
            }
            return;
        };
        for (row, at) in at.iter().enumerate() {
            let first = leaves[usize::from(*at)].to_usize().unwrap_or(0) * self.outputs;
            let answers = &answers[first..first + self.outputs];
            for (sums, answer) in self.room.sums.chunks_exact_mut(W).zip(answers) {
                sums[word][row] = sums[word][row] + *answer;
            }
        }
    }
}

/// What leaves hold, with zeros behind it; none: they are more than a table has.
#[inline(always)]
fn few<T: Answer>(leaves: &[T]) -> Option<[T; BYTES]> {
    let mut table = [T::zero(); BYTES];
    table.get_mut(..leaves.len())?.copy_from_slice(leaves);
    Some(table)
}

/// Which nodes of a tree rows come to.
struct Ways<const W: usize> {
    /// Where splits lead to the right.
    right: [[u64; W]; NODES / 2],
    /// Who comes to each node.
    here: [[u64; W]; NODES],
    /// Bits of the numbers of leaves.
    bits: [[u64; W]; BITS],
}

impl<const W: usize> Ways<W> {
    #[inline(always)]
    fn new() -> Self {
        Self { right: [[0; W]; NODES / 2], here: [[0; W]; NODES], bits: [[0; W]; BITS] }
    }

    /// From the root to the leaves.
    #[inline(always)]
    fn go<T>(&mut self, trees: &Sliced<T>, tree: &SlicedTree) {
        self.here[0] = [u64::MAX; W];
        for (n, split) in trees.splits[tree.splits.clone()].iter().enumerate().take(NODES / 2 - 1) {
            let here = self.here[usize::from(split.node) % NODES];
            let right = &self.right[n];
            let [to_left, to_right] = [(n << 1 | 1) % NODES, (n << 1).wrapping_add(2) % NODES];
            for word in 0..W {
                self.here[to_left][word] = here[word] & !right[word];
                self.here[to_right][word] = here[word] & right[word];
            }
        }
        self.bits = [[0; W]; BITS];
        for bit in &trees.bits[tree.bits.clone()] {
            let here = &self.here[usize::from(bit.node) % NODES];
            let bits = &mut self.bits[usize::from(bit.bit) % BITS];
            for (bits, here) in bits.iter_mut().zip(here) {
                *bits |= here;
            }
        }
    }

    /// Numbers of the leaves of 64 rows.
    #[inline(always)]
    fn leaves<S: Simd>(&self, tree: &SlicedTree, word: usize) -> [u8; BYTES] {
        let mut bits = [0; BITS];
        for (to, bits) in bits.iter_mut().zip(&self.bits) {
            *to = bits[word];
        }
        S::bytes(&bits[..usize::from(tree.width)])
    }
}
