//! The state of the library's forest, version 3 and later: the points that are kept, where they begin, the cuts of each tree level by level,
//! and which points each tree has. Which leaf a point is in follows from the cuts.

use super::{arrays, some_trees};
use crate::EngineError;
use crate::graph::{Child, Cut, CutForest, Leaf};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    #[serde(default)]
    total_updates: i64,
    #[serde(default)]
    output_after: i64,
    dimensions: usize,
    point_store_state: Option<Points>,
    compact_sampler_states: Option<Vec<Sampler>>,
    compact_random_cut_tree_states: Option<Vec<Tree>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Points {
    dimensions: usize,
    shingle_size: usize,
    point_data: String,
    compressed: bool,
    ref_count: Vec<i32>,
    location_list: Vec<i32>,
    #[serde(default)]
    rotation_enabled: bool,
    #[serde(default)]
    precision: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sampler {
    size: usize,
    compressed: bool,
    point_index: Vec<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tree {
    node_store_state: Nodes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nodes {
    compressed: bool,
    canonical_and_not_a_leaf: bool,
    #[serde(default)]
    size: usize,
    cut_dimension: Option<Vec<i32>>,
    cut_value_data: Option<String>,
    left_index: Option<Vec<i32>>,
    right_index: Option<Vec<i32>>,
}

pub fn forest(state: &State) -> Result<CutForest, EngineError> {
    let (Some(points), Some(samplers)) = (&state.point_store_state, &state.compact_sampler_states) else {
        return Err(EngineError::broken("its points or samples were not saved"));
    };
    let Some(trees) = &state.compact_random_cut_tree_states else {
        // The library grows other trees each time it reads such a state.
        return Err(EngineError::broken(
            "its trees were not saved; set saveTreeStateEnabled of RandomCutForestMapper before toState",
        ));
    };
    if state.total_updates < state.output_after {
        return Err(EngineError::broken(format!(
            "it has seen {} points and gives no scores before {}",
            state.total_updates, state.output_after
        )));
    }
    if points.dimensions != state.dimensions || samplers.len() != trees.len() {
        return Err(EngineError::broken(format!("{} samples of {} trees", samplers.len(), trees.len())));
    }
    let (values, places) = stored(points)?;
    let mut forest = CutForest::new(points.dimensions, values)?;
    for (n, (tree, sampler)) in trees.iter().zip(samplers).enumerate() {
        let bad = |e: EngineError| match e {
            EngineError::BrokenArtifact(what) => EngineError::broken(format!("tree {n}: {what}")),
            other => other,
        };
        let mut cuts = cuts(&tree.node_store_state).map_err(bad)?;
        let leaves = leaves(&forest, &mut cuts, sampler, &places).map_err(bad)?;
        forest.add(cuts, leaves)?;
    }
    some_trees(forest)
}

/// The points that are kept, without gaps and overlaps, and the place of each number that the trees know a point by.
fn stored(points: &Points) -> Result<(Vec<f32>, Vec<Option<u32>>), EngineError> {
    if points.rotation_enabled {
        return Err(EngineError::broken(
            "its shingles are rotated; build the forest without internalRotationEnabled",
        ));
    }
    if points.precision.as_deref().is_some_and(|precision| precision != "FLOAT_32") {
        return Err(EngineError::broken("its points are not of FLOAT_32"));
    }
    let data = arrays::floats(&points.point_data)?;
    let step = points.dimensions.checked_div(points.shingle_size).filter(|step| *step > 0);
    let step = step.ok_or_else(|| EngineError::broken(format!("shingles of {}", points.shingle_size)))?;
    let counts = arrays::integers(&points.ref_count, points.compressed)?;
    let mut begins = arrays::integers(&points.location_list, points.compressed)?.into_iter();
    let (mut values, mut places) = (Vec::new(), Vec::new());
    for count in counts {
        let place = if count > 0 {
            let begin = begins.next().and_then(|begin| usize::try_from(begin).ok()?.checked_mul(step));
            let end = begin.and_then(|begin| begin.checked_add(points.dimensions));
            let point = begin.zip(end).and_then(|(begin, end)| data.get(begin..end));
            values.extend_from_slice(
                point.ok_or_else(|| EngineError::broken("a point lies outside of the others"))?,
            );
            Some((values.len() / points.dimensions - 1) as u32)
        } else {
            None
        };
        places.push(place);
    }
    Ok((values, places))
}

/// The cuts of a tree. Its arrays only say which children are cuts: these follow each other. Leaves are numbered as they come.
fn cuts(nodes: &Nodes) -> Result<Vec<Cut>, EngineError> {
    if !nodes.canonical_and_not_a_leaf {
        return Ok(Vec::new());
    }
    let integers =
        |of: &Option<Vec<i32>>| arrays::integers(of.as_deref().unwrap_or_default(), nodes.compressed);
    let dimensions = integers(&nodes.cut_dimension)?;
    let (left, right) = (integers(&nodes.left_index)?, integers(&nodes.right_index)?);
    let values = arrays::floats(nodes.cut_value_data.as_deref().unwrap_or_default())?;
    let lengths = [dimensions.len(), left.len(), right.len(), values.len()];
    if lengths.iter().any(|length| *length != nodes.size) {
        return Err(EngineError::broken(format!("{} cuts are described by {lengths:?} numbers", nodes.size)));
    }
    let (mut next, mut leaf) = (0u32, 0u32);
    let mut child = |is_cut: i32| {
        let number = if is_cut == 0 { &mut leaf } else { &mut next };
        *number += 1;
        if is_cut == 0 { Child::Leaf(*number - 1) } else { Child::Cut(*number) }
    };
    let all = dimensions.iter().zip(&values).zip(left.iter().zip(&right));
    let cut = |((dimension, value), (left, right)): ((&i32, &f32), (&i32, &i32))| {
        let dimension = u32::try_from(*dimension);
        let dimension = dimension.map_err(|_| EngineError::broken("a cut through no dimension"))?;
        Ok(Cut { dimension, value: *value, children: [child(*left), child(*right)] })
    };
    all.map(cut).collect()
}

/// Which point each leaf is, and how often. Children before their parents, or behind them in a ring, would make ways endless: children of
/// level by level arrays have larger numbers, which is checked.
fn leaves(
    forest: &CutForest,
    cuts: &mut [Cut],
    sampler: &Sampler,
    places: &[Option<u32>],
) -> Result<Vec<Leaf>, EngineError> {
    let points = arrays::integers(&sampler.point_index, sampler.compressed)?;
    if points.len() < sampler.size {
        return Err(EngineError::broken(format!("{} points of {} are sampled", points.len(), sampler.size)));
    }
    let below = |n: usize, child: &Child| matches!(child, Child::Cut(child) if (*child as usize) <= n || *child as usize >= cuts.len());
    if cuts.iter().enumerate().any(|(n, cut)| cut.children.iter().any(|child| below(n, child))) {
        return Err(EngineError::broken("a cut is not above those below it"));
    }
    let mut found: HashMap<u32, Leaf> = HashMap::new();
    for point in &points[..sampler.size] {
        let place = usize::try_from(*point).ok().and_then(|point| places.get(point).copied().flatten());
        let place = place.ok_or_else(|| EngineError::broken(format!("point {point} is not kept")))?;
        let leaf = leaf_of(cuts, forest.point(place))?;
        let entry = found.entry(leaf).or_insert(Leaf { point: place, mass: 0 });
        if forest.point(entry.point) != forest.point(place) {
            return Err(EngineError::broken("two points are in one leaf"));
        }
        entry.mass += 1;
    }
    let leaf = |n: usize| found.get(&(n as u32)).copied();
    let all = (0..=cuts.len()).map(leaf).collect::<Option<_>>();
    all.ok_or_else(|| EngineError::broken("a leaf has no point"))
}

fn leaf_of(cuts: &[Cut], point: &[f32]) -> Result<u32, EngineError> {
    let mut at = if cuts.is_empty() { Child::Leaf(0) } else { Child::Cut(0) };
    loop {
        match at {
            Child::Leaf(leaf) => return Ok(leaf),
            Child::Cut(n) => {
                let cut = &cuts[n as usize];
                let number = point.get(cut.dimension as usize);
                let number = number.ok_or_else(|| EngineError::broken("a cut through no dimension"))?;
                at = cut.children[usize::from(*number > cut.value)];
            }
        }
    }
}
