//! Products by points take in what makes their input: a scale and an offset of each channel with an activation behind them (a norm
//! before the layer, as in DenseNet and ResNet V2), a factor of each channel of each image (squeeze and excite), and values that are laid
//! side by side. A value that grows layer by layer, of which each layer reads all, is not copied by each of them then.

mod affine;

use crate::EngineError;
use crate::graph::{Node, Op, Product, Products, Prologue, ValueId};
use crate::plan::draft::Draft;
use std::collections::{HashMap, HashSet};

/// Values that lie side by side in one product.
const MOST_PARTS: usize = 128;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    take_in(draft)?;
    lay(draft);
    Ok(())
}

/// Whether each row of the result is made of one row of x.
fn by_points(node: &Node, draft: &Draft) -> bool {
    let (Op::Product(product), Some(weights)) = (&node.op, node.inputs.get(1)) else { return false };
    match &product.kind {
        Products::Dense => true,
        Products::Conv(conv) => draft.weights(*weights).is_some_and(|dims| conv.is_pointwise(dims)),
        Products::Depthwise(_) => false,
    }
}

/// What is done to the input of a product goes into it, if nobody else reads that.
fn take_in(draft: &mut Draft) -> Result<(), EngineError> {
    let (readers, makers) = (draft.readers(), draft.makers());
    let mut gone = HashSet::new();
    for number in 0..draft.nodes.len() {
        let node = &draft.nodes[number];
        if !by_points(node, draft) || readers.get(&node.inputs[0]) != Some(&1) {
            continue;
        }
        let (Some(maker), Some(weights)) = (makers.get(&node.inputs[0]), draft.weights(node.inputs[1]))
        else {
            continue;
        };
        let channels = weights.get(weights.len().wrapping_sub(2)).copied().unwrap_or(0);
        let Some(found) = affine::find(draft, &makers, *maker, channels)? else { continue };
        let prologue = Prologue {
            parts: 1,
            scale: found.scale.is_some(),
            shift: found.shift.is_some(),
            activation: found.activation,
        };
        gone.insert(*maker);
        let node = &mut draft.nodes[number];
        node.inputs[0] = found.x;
        node.inputs.extend(found.scale.into_iter().chain(found.shift));
        set(node, prologue);
    }
    draft.remove(&gone);
    Ok(())
}

fn set(node: &mut Node, prologue: Prologue) {
    if let Op::Product(Product { prologue: own, .. }) = &mut node.op {
        *own = Some(prologue);
    }
}

/// The parts of a concatenation that some product reads for itself, and the axis.
type Laid = (Vec<ValueId>, i64);

/// Products read the parts of what is laid side by side, where all who read the whole can do without it.
fn lay(draft: &mut Draft) {
    let able = able(draft);
    let mut laid: HashMap<ValueId, Laid> = HashMap::new();
    for number in 0..draft.nodes.len() {
        let points = by_points(&draft.nodes[number], draft);
        let own = concatenation(&draft.nodes[number], draft);
        let node = &mut draft.nodes[number];
        if let Some(axis) = own {
            let along = node.inputs.pop();
            let parts: Vec<ValueId> = (node.inputs.iter())
                .flat_map(|v| match laid.get(v) {
                    Some((parts, at)) if *at == axis => parts.clone(),
                    _ => vec![*v],
                })
                .collect();
            if parts.len() <= MOST_PARTS {
                node.inputs = parts;
            }
            if able.contains(&node.outputs[0]) && node.inputs.len() <= MOST_PARTS {
                laid.insert(node.outputs[0], (node.inputs.clone(), axis));
            }
            node.inputs.extend(along);
        } else if points
            && let Op::Product(product) = &node.op
            && let Some((parts, axis)) = laid.get(&node.inputs[0])
            && last(*axis, &product.kind)
        {
            let prologue = product.prologue.unwrap_or(Prologue::NONE);
            node.inputs[0] = parts[0];
            node.inputs.extend(&parts[1..]);
            set(node, Prologue { parts: parts.len(), ..prologue });
        }
    }
}

/// The axis of a concatenation.
fn concatenation(node: &Node, draft: &Draft) -> Option<i64> {
    match (&node.op, draft.integers(*node.inputs.last()?)) {
        (Op::Concat, Some([axis])) if node.inputs.len() > 1 => Some(*axis),
        _ => None,
    }
}

/// Whether an axis is the last one of what such a product reads.
fn last(axis: i64, kind: &Products) -> bool {
    axis == -1 || axis == 3 && matches!(kind, Products::Conv(_))
}

/// The concatenations that all readers can do without: products by points, and other concatenations along the same axis.
fn able(draft: &Draft) -> HashSet<ValueId> {
    let mut able: HashMap<ValueId, i64> = HashMap::new();
    for node in &draft.nodes {
        if let Some(axis) = concatenation(node, draft) {
            able.insert(node.outputs[0], axis);
        }
    }
    for node in &draft.nodes {
        let axis = concatenation(node, draft);
        let points = by_points(node, draft);
        for (place, value) in node.inputs.iter().enumerate() {
            let fits = able.get(value).is_some_and(|along| match &node.op {
                Op::Product(product) => points && place == 0 && last(*along, &product.kind),
                _ => axis == Some(*along),
            });
            if !fits {
                able.remove(value);
            }
        }
    }
    for output in &draft.outputs {
        able.remove(output);
    }
    able.into_keys().collect()
}
