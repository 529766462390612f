//! Trees of a booster, brought into the form of a forest.

use super::document::{Flag, Tree};
use crate::EngineError;
use crate::graph::{Branch, Missing};

/// A tree's nodes, its leaves times `weight`; with `outputs`, each leaf has that many answers.
pub fn branches(tree: &Tree, weight: f32, outputs: Option<usize>) -> Result<Vec<Branch<f32>>, EngineError> {
    let count = tree.left_children.len();
    let lengths = [
        tree.right_children.len(),
        tree.split_indices.len(),
        tree.split_conditions.len(),
        tree.default_left.len(),
    ];
    if lengths.iter().any(|length| *length != count)
        || (!tree.split_type.is_empty() && tree.split_type.len() != count)
    {
        return Err(EngineError::broken(format!(
            "a tree's arrays are of different lengths: {count}, {lengths:?}"
        )));
    }
    let categories = categories(tree)?;
    let mut leaves = 0;
    let nodes = (0..count).map(|node| {
        if tree.left_children[node] == -1 {
            leaves += 1;
            return leaf(tree, [node, leaves - 1], weight, outputs);
        }
        let child =
            |child: i32| usize::try_from(child).map_err(|_| EngineError::broken("a child below zero"));
        let children = [child(tree.left_children[node])?, child(tree.right_children[node])?];
        let feature = usize::try_from(tree.split_indices[node])
            .map_err(|_| EngineError::broken("a feature below zero"))?;
        let missing = if tree.default_left[node].0 { Missing::Left } else { Missing::Right };
        if tree.split_type.get(node) == Some(&Flag(true)) {
            let categories = categories.iter().find(|(of, _)| *of == node).map(|(_, set)| set.clone());
            let categories = categories.unwrap_or_default();
            return Ok(Branch::Among { feature, categories, missing, children });
        }
        Ok(Branch::Below { feature, threshold: tree.split_conditions[node], missing, children })
    });
    nodes.collect()
}

fn leaf(
    tree: &Tree,
    [node, leaf]: [usize; 2],
    weight: f32,
    outputs: Option<usize>,
) -> Result<Branch<f32>, EngineError> {
    let Some(outputs) = outputs else { return Ok(Branch::Leaf(tree.split_conditions[node] * weight)) };
    let (values, at) =
        if tree.leaf_weights.is_empty() { (&tree.base_weights, node) } else { (&tree.leaf_weights, leaf) };
    let values = values.get(at * outputs..(at + 1) * outputs);
    let values =
        values.ok_or_else(|| EngineError::broken(format!("leaf {node} lacks its {outputs} answers")))?;
    Ok(Branch::Leaves(values.iter().map(|value| value * weight).collect()))
}

/// The categories of each node that has some.
fn categories(tree: &Tree) -> Result<Vec<(usize, Vec<u32>)>, EngineError> {
    let broken = || EngineError::broken("a tree's categories do not fit its nodes");
    let number = |n: &i64| usize::try_from(*n).map_err(|_| broken());
    let (nodes, segments, sizes) =
        (&tree.categories_nodes, &tree.categories_segments, &tree.categories_sizes);
    if segments.len() != nodes.len() || sizes.len() != nodes.len() {
        return Err(broken());
    }
    let all = nodes.iter().zip(segments).zip(sizes).map(|((node, begin), size)| {
        let (begin, size) = (number(begin)?, number(size)?);
        let end = begin.checked_add(size).ok_or_else(broken)?;
        let set = tree.categories.get(begin..end).ok_or_else(broken)?;
        let set = set.iter().map(|c| u32::try_from(*c).map_err(|_| broken())).collect::<Result<_, _>>()?;
        Ok((number(node)?, set))
    });
    all.collect()
}
