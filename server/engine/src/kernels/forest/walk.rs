//! Walks through trees, side by side.

use crate::graph::{Forest, ForestNode as Node, Real, Tree};

/// Walks that go side by side.
pub const ABREAST: usize = 8;
/// Steps between two looks at whether all walks have ended.
const STRIDE: u32 = 4;

/// Adds the answers of some trees to all rows. MISSING: values may be NaN.
pub fn all<T: Real, const MISSING: bool>(forest: &Forest<T>, trees: &[Tree], x: &[T], out: &mut [T]) {
    let outputs = forest.base().len();
    let rows = out.len() / outputs;
    let whole = rows / ABREAST * ABREAST;
    for tree in trees {
        for row in (0..whole).step_by(ABREAST) {
            let rows: [usize; ABREAST] = std::array::from_fn(|lane| row + lane);
            let leaves = if tree.special {
                rows.map(|row| carefully(forest, tree, row_of(forest, x, row)))
            } else {
                walk::<T, MISSING>(forest, [tree.root; ABREAST], tree.depth, x, rows)
            };
            for (lane, leaf) in leaves.into_iter().enumerate() {
                add(forest, tree, leaf, &mut out[(row + lane) * outputs..][..outputs]);
            }
        }
    }
    for row in whole..rows {
        one_row::<T, MISSING>(forest, trees, x, row, &mut out[row * outputs..][..outputs]);
    }
}

fn row_of<'x, T: Real>(forest: &Forest<T>, x: &'x [T], row: usize) -> &'x [T] {
    &x[row * forest.features()..][..forest.features()]
}

/// Adds the answers of some trees to one row.
fn one_row<T: Real, const MISSING: bool>(
    forest: &Forest<T>,
    trees: &[Tree],
    x: &[T],
    row: usize,
    out: &mut [T],
) {
    let (groups, rest) = trees.as_chunks::<ABREAST>();
    for trees in groups {
        let leaves = if trees.iter().any(|tree| tree.special) {
            trees.map(|tree| carefully(forest, &tree, row_of(forest, x, row)))
        } else {
            let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
            walk::<T, MISSING>(forest, trees.map(|tree| tree.root), depth, x, [row; ABREAST])
        };
        for (tree, leaf) in trees.iter().zip(leaves) {
            add(forest, tree, leaf, out);
        }
    }
    for tree in rest {
        add(forest, tree, carefully(forest, tree, row_of(forest, x, row)), out);
    }
}

fn add<T: Real>(forest: &Forest<T>, tree: &Tree, leaf: u32, out: &mut [T]) {
    let value = forest.nodes()[leaf as usize].value;
    if !forest.is_wide() {
        let to = &mut out[tree.output as usize];
        *to = *to + value;
    } else if let Some(answers) = value.to_usize().and_then(|n| forest.answers(n)) {
        out.iter_mut().zip(answers).for_each(|(to, answer)| *to = *to + *answer);
    }
}

/// The leaves that walks from `roots` end in, each over its row.
#[inline]
fn walk<T: Real, const MISSING: bool>(
    forest: &Forest<T>,
    roots: [u32; ABREAST],
    depth: u32,
    x: &[T],
    rows: [usize; ABREAST],
) -> [u32; ABREAST] {
    let (nodes, features) = (forest.nodes(), forest.features());
    let from = rows.map(|row| row * features);
    assert!(from.iter().all(|from| from + features <= x.len()) && features > 0);
    let mut at = roots;
    let mut left = depth;
    while left > 0 {
        let before = at;
        let steps = left.min(STRIDE);
        for _ in 0..steps {
            for lane in 0..ABREAST {
                at[lane] = step::<T, MISSING>(nodes, at[lane], x, from[lane]);
            }
        }
        left -= steps;
        if at == before {
            break;
        }
    }
    at
}

/// One step. `at` is a node of the forest, and `from` begins a row of all features.
#[inline(always)]
fn step<T: Real, const MISSING: bool>(nodes: &[Node<T>], at: u32, x: &[T], from: usize) -> u32 {
    // SAFETY: `at` is a root or was a child: a forest's roots and children are nodes of it (`Forest::add` is the only way to make
    // them). `walk` has checked that a row of all features begins at `from`, and no node asks for another feature (`Forest::node`).
    #[allow(unsafe_code)]
    let (node, value) = unsafe {
        let node = nodes.get_unchecked(at as usize);
        (node, *x.get_unchecked(from + node.feature()))
    };
    let right = if MISSING {
        let bits = node.asks;
        let value = if value.is_nan() && bits & Node::<T>::NAN_ZERO != 0 { T::zero() } else { value };
        if bits & Node::<T>::NAN_LEFT != 0 {
            value >= node.threshold
        } else {
            is_not_below(value, node.threshold)
        }
    } else {
        value >= node.threshold
    };
    node.child + u32::from(right)
}

/// Whether a value is above a threshold, at it, or NaN.
#[inline(always)]
fn is_not_below<T: Real>(value: T, threshold: T) -> bool {
    value.partial_cmp(&threshold) != Some(std::cmp::Ordering::Less)
}

/// The leaf of one row, whatever nodes ask for.
fn carefully<T: Real>(forest: &Forest<T>, tree: &Tree, row: &[T]) -> u32 {
    let mut at = tree.root;
    for _ in 0..tree.depth {
        let node = &forest.nodes()[at as usize];
        if node.child == at {
            break;
        }
        at = node.child + u32::from(goes_right(forest, node, row[node.feature()]));
    }
    at
}

fn goes_right<T: Real>(forest: &Forest<T>, node: &Node<T>, mut value: T) -> bool {
    let has = |bit: u32| node.asks & bit != 0;
    if value.is_nan() && has(Node::<T>::NAN_ZERO) {
        value = T::zero();
    }
    // What is so close to zero is zero to those who write such trees.
    let is_zero = || value.abs() <= T::from(1e-35).unwrap_or_else(T::zero);
    if value.is_nan() || (has(Node::<T>::ZERO_NAN) && is_zero()) {
        return !has(Node::<T>::NAN_LEFT);
    }
    if has(Node::<T>::AMONG) {
        return forest.has(node.threshold, value);
    }
    if has(Node::<T>::EQUAL) {
        return !forest.equals(node.threshold, value);
    }
    value >= node.threshold
}
