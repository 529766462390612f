//! Normalisation of rows, found again in what a model writes out. Models differ in how they group the factors, so the result is
//! multiplied out: whatever comes to `x · r · gamma - mean · r · gamma + beta`, where `r` is one over the root of the variance and an
//! epsilon, is a normalisation; without the mean, by the mean square.

use crate::EngineError;
use crate::graph::{Binary, LayerNorm, Node, Op, Reduce, Unary, ValueId};
use crate::plan::draft::Draft;
use crate::value::Kind;
use std::collections::{HashMap, HashSet};

/// Most factors of a term, and most terms of a sum, that are looked at.
const MOST: usize = 8;
/// Most operations that are looked at for each root of a variance.
const MOST_STEPS: usize = 16;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let makers = draft.makers();
    let found: Vec<(usize, Op, Vec<ValueId>)> = {
        let search = Search { draft, makers: &makers };
        (0..draft.nodes.len()).filter_map(|n| search.after(n)).collect()
    };
    for (number, op, inputs) in found {
        let node = &mut draft.nodes[number];
        node.op = op;
        node.inputs = inputs;
    }
    super::unused::run(draft)
}

struct Search<'d> {
    draft: &'d Draft,
    makers: &'d HashMap<ValueId, usize>,
}

/// What rows are normalised by.
struct Statistics {
    x: ValueId,
    mean: Option<ValueId>,
    axis: i64,
    epsilon: f32,
}

/// A factor of a term: a value, or one over it.
type Factor = (ValueId, bool);

/// A number times factors, which are in order.
#[derive(Debug, Clone, PartialEq)]
struct Term(f32, Vec<Factor>);

impl Search<'_> {
    fn maker(&self, value: ValueId) -> Option<&Node> {
        self.makers.get(&value).map(|n| &self.draft.nodes[*n])
    }

    /// The last node that is a normalisation by the root that a node takes, if it takes one.
    fn after(&self, number: usize) -> Option<(usize, Op, Vec<ValueId>)> {
        let root = &self.draft.nodes[number];
        let inverse = match root.op {
            Op::Unary(Unary::Rsqrt) => false,
            Op::Unary(Unary::Sqrt) => true,
            _ => return None,
        };
        let statistics = self.statistics(*root.inputs.first()?)?;
        let factor = (*root.outputs.first()?, inverse);
        let mut touched: HashSet<ValueId> = HashSet::from([factor.0]);
        touched.extend(statistics.mean);
        let mut found = None;
        for (n, node) in self.draft.nodes.iter().enumerate().skip(number + 1) {
            if touched.len() > MOST_STEPS {
                break;
            }
            let plain = matches!(
                node.op,
                Op::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div)
                    | Op::Unary(Unary::Neg | Unary::Reciprocal)
            );
            if plain && node.inputs.iter().any(|v| touched.contains(v)) {
                touched.extend(&node.outputs);
                let made = node.outputs.first().and_then(|v| self.norm(*v, &statistics, factor));
                found = made.map(|(op, inputs)| (n, op, inputs)).or(found);
            }
        }
        found
    }

    /// Mean and variance, from the value whose root is taken.
    fn statistics(&self, sum: ValueId) -> Option<Statistics> {
        let node = self.maker(sum).filter(|n| n.op == Op::Binary(Binary::Add))?;
        let [a, b] = node.inputs[..] else { return None };
        let (variance, epsilon) = match (self.draft.number(a), self.draft.number(b)) {
            (None, Some(epsilon)) => (a, epsilon),
            (Some(epsilon), None) => (b, epsilon),
            _ => return None,
        };
        let (squares, axis) = self.mean(variance)?;
        let node = self.maker(squares)?;
        let of = |x: ValueId, mean: Option<ValueId>| Statistics { x, mean, axis, epsilon };
        let is_mean = |m: ValueId, x: ValueId| self.mean(m) == Some((x, axis));
        match (&node.op, &node.inputs[..]) {
            (Op::Binary(Binary::SquaredDifference), [a, b]) if is_mean(*b, *a) => Some(of(*a, Some(*b))),
            (Op::Binary(Binary::SquaredDifference), [a, b]) if is_mean(*a, *b) => Some(of(*b, Some(*a))),
            (Op::Binary(Binary::Mul), [a, b]) if a != b => None,
            (Op::Unary(Unary::Square) | Op::Binary(Binary::Mul), [d, ..]) => {
                let difference = self.maker(*d).filter(|n| n.op == Op::Binary(Binary::Sub));
                match difference.map(|n| &n.inputs[..]) {
                    Some([x, mean]) if is_mean(*mean, *x) => Some(of(*x, Some(*mean))),
                    _ => Some(of(*d, None)),
                }
            }
            _ => None,
        }
    }

    /// What a value is the mean of, and over which axis; its axes are all kept.
    fn mean(&self, value: ValueId) -> Option<(ValueId, i64)> {
        let node = self.maker(value).filter(|n| n.op == Op::Reduce { kind: Reduce::Mean, keep: true })?;
        let [x, axes] = node.inputs[..] else { return None };
        match self.draft.integers(axes)? {
            [axis] => Some((x, *axis)),
            _ => None,
        }
    }

    /// The normalisation that a value is.
    fn norm(&self, value: ValueId, s: &Statistics, root: Factor) -> Option<(Op, Vec<ValueId>)> {
        let ends: Vec<ValueId> = [Some(s.x), s.mean, Some(root.0)].into_iter().flatten().collect();
        let terms = self.terms(value, &ends, MOST)?;
        let (scaled, rest): (Vec<Term>, Vec<Term>) = terms.into_iter().partition(|t| t.1.contains(&root));
        let parameter = |factors: &[Factor]| match factors {
            [] => Some(None),
            [(value, false)] if self.row(*value) => Some(Some(*value)),
            _ => None,
        };
        let (mut gammas, mut signs) = (Vec::new(), Vec::new());
        for Term(sign, factors) in &scaled {
            let of = |v: ValueId| factors.contains(&(v, false));
            let which = if of(s.x) { Some(s.x) } else { s.mean.filter(|m| of(*m)) }?;
            let left: Vec<Factor> =
                factors.iter().copied().filter(|f| *f != root && *f != (which, false)).collect();
            gammas.push(parameter(&left)?);
            signs.push((which, *sign));
            // A factor that comes twice is no parameter that comes once.
            if factors.len() != left.len() + 2 {
                return None;
            }
        }
        signs.sort_unstable_by_key(|(which, _)| *which == s.x);
        let right = match s.mean {
            Some(mean) => signs == [(mean, -1.0), (s.x, 1.0)],
            None => signs == [(s.x, 1.0)],
        };
        let gamma = *gammas.first()?;
        if !right || gammas.iter().any(|g| *g != gamma) {
            return None;
        }
        let beta = match &rest[..] {
            [] => None,
            [Term(1.0, factors)] => Some(parameter(factors)??),
            _ => return None,
        };
        let (centred, axis, epsilon) = (s.mean.is_some(), s.axis, s.epsilon);
        let norm = LayerNorm { axis, epsilon, centred, gamma: gamma.is_some(), beta: beta.is_some() };
        Some((Op::LayerNorm(norm), [Some(s.x), gamma, beta].into_iter().flatten().collect()))
    }

    /// Whether a value is a constant with one number for each place of a row.
    fn row(&self, value: ValueId) -> bool {
        let constant = self.draft.constant(value, Kind::F32);
        constant.is_some_and(|c| c.elem_count() > 1 && c.dims().last() == Some(&c.elem_count()))
    }

    /// A value as a sum of products, down to some values and to what is neither sum nor product.
    fn terms(&self, value: ValueId, ends: &[ValueId], depth: usize) -> Option<Vec<Term>> {
        let one = |value| Some(vec![Term(1.0, vec![(value, false)])]);
        let node = match self.maker(value) {
            Some(node) if !ends.contains(&value) => node,
            _ => return one(value),
        };
        let depth = depth.checked_sub(1)?;
        let of = |v: &ValueId| self.terms(*v, ends, depth);
        let terms = match (&node.op, &node.inputs[..]) {
            (Op::Binary(Binary::Add), [a, b]) => [of(a)?, of(b)?].concat(),
            (Op::Binary(Binary::Sub), [a, b]) => [of(a)?, times(&of(b)?, &[Term(-1.0, vec![])])].concat(),
            (Op::Binary(Binary::Mul), [a, b]) => times(&of(a)?, &of(b)?),
            (Op::Binary(Binary::Div), [a, b]) => times(&of(a)?, &[Term(1.0, vec![(*b, true)])]),
            (Op::Unary(Unary::Reciprocal), [a]) => vec![Term(1.0, vec![(*a, true)])],
            (Op::Unary(Unary::Neg), [a]) => times(&of(a)?, &[Term(-1.0, vec![])]),
            _ => return one(value),
        };
        (terms.len() <= MOST && terms.iter().all(|t| t.1.len() <= MOST)).then_some(terms)
    }
}

/// All products of a term of one and a term of the other.
fn times(a: &[Term], b: &[Term]) -> Vec<Term> {
    let product = |a: &Term, b: &Term| {
        let mut factors = [&a.1[..], &b.1[..]].concat();
        factors.sort_unstable();
        Term(a.0 * b.0, factors)
    };
    a.iter().flat_map(|a| b.iter().map(move |b| product(a, b))).collect()
}
