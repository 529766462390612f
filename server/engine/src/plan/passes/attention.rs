//! Attention, found again in what a model writes out: a product of queries and keys, a factor, a mask, a softmax, a product with the
//! values. The products are either plain or written as sums over letters, whose heads lie between each other.

use crate::EngineError;
use crate::graph::{Attention, Binary, Node, Op, Rare, ValueId};
use crate::plan::draft::Draft;
use std::collections::HashMap;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let (makers, readers) = (draft.makers(), draft.readers());
    let found: Vec<(usize, Attention, Vec<ValueId>)> = {
        let search = Search { draft, makers: &makers, readers: &readers };
        let nodes = draft.nodes.iter().enumerate();
        nodes.filter_map(|(n, node)| search.attention(node).map(|(a, inputs)| (n, a, inputs))).collect()
    };
    for (number, attention, inputs) in found {
        let node = &mut draft.nodes[number];
        node.op = Op::Attention(attention);
        node.inputs = inputs;
    }
    super::unused::run(draft)
}

struct Search<'d> {
    draft: &'d Draft,
    makers: &'d HashMap<ValueId, usize>,
    readers: &'d HashMap<ValueId, usize>,
}

/// A product: what is multiplied with what, and whether heads lie between each other.
type Pair = (ValueId, ValueId, bool);

impl Search<'_> {
    fn maker(&self, value: ValueId) -> Option<&Node> {
        self.makers.get(&value).map(|n| &self.draft.nodes[*n])
    }

    /// What makes a value that nobody else reads.
    fn only(&self, value: ValueId) -> Option<&Node> {
        self.maker(value).filter(|_| self.readers.get(&value) == Some(&1))
    }

    fn attention(&self, node: &Node) -> Option<(Attention, Vec<ValueId>)> {
        let (weights, values, interleaved) = self.weighted(node)?;
        let softmax = self.only(weights).filter(|n| n.op == Op::Softmax { log: false })?;
        let mut scores = *softmax.inputs.first()?;
        let (mut scale, mut mask) = (1.0, None);
        loop {
            let node = self.only(scores)?;
            if let Some((q, k, same)) = self.scores(node) {
                let inputs = [Some(q), Some(k), Some(values), mask].into_iter().flatten().collect();
                let attention = Attention { scale, mask: mask.is_some(), interleaved };
                return (same == interleaved).then_some((attention, inputs));
            }
            // The mask comes last, so it is met first.
            scores = match (&node.op, &node.inputs[..]) {
                (Op::Binary(Binary::Mul), [a, b]) => {
                    let (number, other) = self
                        .draft
                        .number(*a)
                        .map(|n| (n, *b))
                        .or_else(|| self.draft.number(*b).map(|n| (n, *a)))?;
                    scale *= number;
                    other
                }
                (Op::Binary(Binary::Div), [a, b]) => {
                    scale /= self.draft.number(*b)?;
                    *a
                }
                (Op::Binary(Binary::Add), [a, b]) if mask.is_none() && scale == 1.0 => {
                    let (from, added) = if self.leads_to_scores(*a) { (*a, *b) } else { (*b, *a) };
                    mask = Some(added);
                    from
                }
                _ => return None,
            };
        }
    }

    /// Whether a value is a product of queries and keys, or one times numbers.
    fn leads_to_scores(&self, mut value: ValueId) -> bool {
        while let Some(node) = self.only(value) {
            if self.scores(node).is_some() {
                return true;
            }
            value = match (&node.op, &node.inputs[..]) {
                (Op::Binary(Binary::Mul), [a, b]) if self.draft.number(*a).is_some() => *b,
                (Op::Binary(Binary::Mul | Binary::Div), [a, b]) if self.draft.number(*b).is_some() => *a,
                _ => return false,
            };
        }
        false
    }

    /// Queries and keys, if the node multiplies such.
    fn scores(&self, node: &Node) -> Option<Pair> {
        match (&node.op, &node.inputs[..]) {
            (Op::MatMul { transpose_a: false, transpose_b: true }, [q, k]) => Some((*q, *k, false)),
            (Op::Rare(rare), [a, b]) => {
                let Rare::Einsum(equation) = &**rare else { return None };
                let [first, second, out] = letters(equation)?;
                let [batch, heads, queries, keys] = out;
                let width = |of: [char; 4], places| (of[..3] == [batch, places, heads]).then_some(of[3]);
                let inner =
                    |q, k| width(q, queries).filter(|w| width(k, keys) == Some(*w) && !out.contains(w));
                if inner(first, second).is_some() {
                    Some((*a, *b, true))
                } else {
                    inner(second, first).map(|_| (*b, *a, true))
                }
            }
            _ => None,
        }
    }

    /// Weights and values, if the node multiplies such.
    fn weighted(&self, node: &Node) -> Option<Pair> {
        match (&node.op, &node.inputs[..]) {
            (Op::MatMul { transpose_a: false, transpose_b: false }, [p, v]) => Some((*p, *v, false)),
            (Op::Rare(rare), [a, b]) => {
                let Rare::Einsum(equation) = &**rare else { return None };
                let [first, second, [batch, queries, heads, width]] = letters(equation)?;
                let fits = |p: [char; 4], v: [char; 4]| {
                    let keys = p[3];
                    p[..3] == [batch, heads, queries]
                        && v == [batch, keys, heads, width]
                        && ![batch, queries, heads, width].contains(&keys)
                };
                if fits(first, second) {
                    Some((*a, *b, true))
                } else {
                    fits(second, first).then_some((*b, *a, true))
                }
            }
            _ => None,
        }
    }
}

/// The terms of an equation of two values and a result with four different letters each.
fn letters(equation: &str) -> Option<[[char; 4]; 3]> {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (terms, out) = text.split_once("->")?;
    let (first, second) = terms.split_once(',')?;
    let four = |term: &str| -> Option<[char; 4]> {
        let letters: Vec<char> = term.chars().collect();
        let plain = letters.iter().all(char::is_ascii_alphabetic);
        let distinct = (1..letters.len()).all(|n| !letters[..n].contains(&letters[n]));
        <[char; 4]>::try_from(letters).ok().filter(|_| plain && distinct)
    };
    Some([four(first)?, four(second)?, four(out)?])
}
