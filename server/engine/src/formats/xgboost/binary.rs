//! The binary file that XGBoost wrote by default before 2.1: C structures one after the other, little-endian.
//!
//! Sizes and offsets are those of `LearnerModelParamLegacy`, `GBTreeModelParam`, `TreeParam`, `RegTree::Node` and `RTreeNodeStat` in
//! XGBoost's sources; what is named reserved there is left out.

use super::document::{Booster, Document, Flag, Learner, Model, Objective, Parameters, Tree};
use crate::EngineError;

/// Before the file's own beginning, in old files.
const MAGIC: &[u8] = b"binf";
const LEARNER: usize = 136;
const TREES: usize = 160;
const LINEAR: usize = 136;
const TREE: usize = 148;
const NODE: usize = 20;
const STATISTICS: usize = 16;
/// The bit of a node's feature that says where missing values go.
const DEFAULT_LEFT: u32 = 1 << 31;
const MOST_FEATURES: u32 = 1 << 28;

/// Whether these can be the beginning of one: there is no magic number, so its own numbers have to be likely.
pub fn is_likely(head: &[u8]) -> bool {
    let head = head.strip_prefix(MAGIC).unwrap_or(head);
    let mut file = File { bytes: head, at: 0 };
    let Ok(parameters) = file.structure::<34>() else { return false };
    let name = file.text().ok();
    let plausible = parameters[1] < MOST_FEATURES && parameters[3] <= 1 && parameters[4] <= 1;
    plausible && name.is_some_and(|name| name.contains(':') && name.is_ascii() && name.len() < 64)
}

/// Reads one.
pub fn read(bytes: &[u8]) -> Result<Document, EngineError> {
    let mut file = File { bytes: bytes.strip_prefix(MAGIC).unwrap_or(bytes), at: 0 };
    let learner: [u32; LEARNER / 4] = file.structure()?;
    let [base, features, classes, has_attributes, _, major] =
        [learner[0], learner[1], learner[2], learner[3], learner[4], learner[5]];
    let objective = file.text()?.to_owned();
    let gradient_booster = booster(&mut file)?;
    let attributes = if has_attributes == 0 { Vec::new() } else { file.pairs()? };
    Ok(Document {
        learner: Learner {
            learner_model_param: Parameters {
                base_score: f32::from_bits(base).to_string(),
                num_class: classes.to_string(),
                num_feature: features.to_string(),
                num_target: String::new(),
            },
            objective: Objective { name: objective },
            gradient_booster,
            attributes: attributes.into_iter().collect(),
            base_is_margin: major == 0,
        },
    })
}

fn booster(file: &mut File<'_>) -> Result<Booster, EngineError> {
    let name = file.text()?.to_owned();
    match name.as_str() {
        "gbtree" => Ok(Booster { name, model: Some(trees(file)?), ..Booster::default() }),
        "dart" => {
            let model = trees(file)?;
            let weight_drop = if model.trees.is_empty() { Vec::new() } else { file.floats()? };
            let gbtree = Booster { name: "gbtree".to_owned(), model: Some(model), ..Booster::default() };
            Ok(Booster { name, gbtree: Some(Box::new(gbtree)), weight_drop, ..Booster::default() })
        }
        "gblinear" => {
            file.take(LINEAR)?;
            let model = Model { weights: file.floats()?, ..Model::default() };
            Ok(Booster { name, model: Some(model), ..Booster::default() })
        }
        _ => Err(EngineError::broken(format!("booster {name:?} is not known"))),
    }
}

fn trees(file: &mut File<'_>) -> Result<Model, EngineError> {
    let parameters: [u32; TREES / 4] = file.structure()?;
    let count = parameters[0] as usize;
    // Each takes that much at least.
    if count > file.left() / (TREE + NODE + STATISTICS) {
        return Err(EngineError::broken(format!("{count} trees in a file that is too short for them")));
    }
    let trees = (0..count).map(|_| tree(file)).collect::<Result<_, _>>()?;
    let tree_info = file.words(count)?.into_iter().map(|group| group as i32).collect();
    Ok(Model { trees, tree_info, ..Model::default() })
}

fn tree(file: &mut File<'_>) -> Result<Tree, EngineError> {
    let parameters: [u32; TREE / 4] = file.structure()?;
    let (count, leaf_vector) = (parameters[1] as usize, parameters[5]);
    if leaf_vector > 1 {
        return Err(EngineError::broken(
            "leaves with several answers are not a part of this format any more",
        ));
    }
    let nodes = file.words(count.saturating_mul(NODE / 4))?;
    file.take(count.saturating_mul(STATISTICS))?;
    let mut tree = Tree::default();
    for node in nodes.chunks_exact(NODE / 4) {
        tree.left_children.push(node[1] as i32);
        tree.right_children.push(node[2] as i32);
        tree.split_indices.push((node[3] & !DEFAULT_LEFT).into());
        tree.default_left.push(Flag(node[3] & DEFAULT_LEFT != 0));
        tree.split_conditions.push(f32::from_bits(node[4]));
    }
    Ok(tree)
}

struct File<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> File<'b> {
    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], EngineError> {
        let taken = self.bytes[self.at..].get(..count);
        let taken = taken.ok_or_else(|| EngineError::broken("the XGBoost model ends too early"))?;
        self.at += count;
        Ok(taken)
    }

    fn words(&mut self, count: usize) -> Result<Vec<u32>, EngineError> {
        let (words, _) = self.take(count.saturating_mul(4))?.as_chunks::<4>();
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    fn structure<const N: usize>(&mut self) -> Result<[u32; N], EngineError> {
        let words = self.words(N)?;
        words.try_into().map_err(|_| EngineError::broken("a structure is cut short"))
    }

    /// A length of 64 bits.
    fn length(&mut self) -> Result<usize, EngineError> {
        let [low, high] = self.structure()?;
        let length = usize::try_from(u64::from(high) << 32 | u64::from(low)).unwrap_or(usize::MAX);
        if length > self.left() {
            return Err(EngineError::broken(format!("{length} bytes in a file that is shorter")));
        }
        Ok(length)
    }

    fn text(&mut self) -> Result<&'b str, EngineError> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| EngineError::broken("a name is not UTF-8"))
    }

    fn floats(&mut self) -> Result<Vec<f32>, EngineError> {
        let count = self.length()?;
        Ok(self.words(count)?.into_iter().map(f32::from_bits).collect())
    }

    fn pairs(&mut self) -> Result<Vec<(String, String)>, EngineError> {
        let count = self.length()?;
        (0..count).map(|_| Ok((self.text()?.to_owned(), self.text()?.to_owned()))).collect()
    }
}
