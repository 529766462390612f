//! Tables: what the initialisers of the main graph, and of the functions that it calls, put into them.

use super::attributes::Attributes as _;
use super::bundle::Bundle;
use super::inline::{Library, Scope, split_input};
use super::proto::{MetaGraphDef, NodeDef};
use super::variables::{place, shared_name};
use super::{constants, layout};
use crate::EngineError;
use crate::graph::{Literal, Table};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Tables by their shared name.
pub type Tables = HashMap<String, Arc<Table>>;

/// Most steps from an initialiser back to what it initialises.
const LONGEST_WAY: usize = 16;
/// Functions in functions.
const DEEPEST: usize = 4;
/// Calls that are looked into.
const MOST_CALLS: usize = 1 << 14;
/// A vocabulary that is larger is none.
const LARGEST_FILE: u64 = 1 << 30;

/// Keys that are told by their number.
const LONGEST_RANGE: usize = 1 << 24;

fn is_float(dtype: crate::DType) -> bool {
    use crate::DType as D;
    matches!(dtype, D::F16 | D::BF16 | D::F32 | D::F64 | D::Bool | D::String)
}

/// A call on the way from the main graph: who calls, and with which node.
type Frames<'f, 'a> = Vec<(&'f Scope<'a>, &'a NodeDef)>;

/// Finds every table that an initialiser or the checkpoint fills, and those that nothing does.
pub fn find<'a>(
    meta: &MetaGraphDef,
    library: &Library<'a>,
    dir: &Path,
    bundle: &Bundle,
) -> Result<Tables, EngineError> {
    let mut search =
        Search { meta, library, dir, bundle, tables: Tables::new(), filled: HashSet::new(), calls: 0 };
    search.visit(&library.main, &mut Vec::new())?;
    for node in library.main.nodes().iter().filter(|n| n.op.starts_with("Mutable")) {
        let name = shared_name(node);
        let blank = |which| node.dtype(which).map(|d| constants::from_bytes(d, vec![0], &[]));
        let blank = |which| match node.dtype(which) {
            Some(crate::DType::String) => Some(Literal::Text(Vec::new(), vec![0])),
            _ => blank(which),
        };
        let table = blank("key_dtype").zip(blank("value_dtype")).and_then(|(k, v)| Table::new(&k, v));
        if let (Some(table), false) = (table, search.filled.contains(&name)) {
            search.tables.entry(name).or_insert_with(|| Arc::new(table));
        }
    }
    Ok(search.tables)
}

struct Search<'s, 'a> {
    meta: &'s MetaGraphDef,
    library: &'s Library<'a>,
    dir: &'s Path,
    bundle: &'s Bundle,
    tables: Tables,
    /// Tables that something fills, known or not.
    filled: HashSet<String>,
    calls: usize,
}

impl<'s, 'a> Search<'s, 'a> {
    fn visit(&mut self, scope: &'s Scope<'a>, frames: &mut Frames<'s, 'a>) -> Result<(), EngineError> {
        for node in scope.nodes() {
            match node.op.as_str() {
                "LookupTableImportV2" | "InitializeTableV2" | "InitializeTable" => {
                    let handle = node.input.first().and_then(|i| origin(scope, frames, i));
                    self.filled.extend(handle.map(|(_, handle, _)| shared_name(handle)));
                    let part = |n: usize| self.literal(scope, frames, node.input.get(n)?);
                    if let (Some(keys), Some(values)) = (part(1), part(2)) {
                        self.fill(scope, frames, node, &keys, values);
                    }
                }
                "InitializeTableFromTextFileV2" | "InitializeTableFromTextFile" => {
                    self.file(scope, frames, node)?;
                }
                "StatefulPartitionedCall" | "PartitionedCall" if frames.len() < DEEPEST => {
                    self.calls += 1;
                    let body = node.function("f").and_then(|f| self.library.function(f));
                    if let (Some(body), true) = (body, self.calls < MOST_CALLS) {
                        frames.push((scope, node));
                        self.visit(body, frames)?;
                        frames.pop();
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fill(
        &mut self,
        scope: &'s Scope<'a>,
        frames: &Frames<'s, 'a>,
        node: &NodeDef,
        keys: &Literal,
        values: Literal,
    ) {
        let handle = node.input.first().and_then(|i| origin(scope, frames, i));
        if let (Some((_, handle, _)), Some(table)) = (handle, Table::new(keys, values)) {
            self.tables.insert(shared_name(handle), Arc::new(table));
        }
    }

    fn literal(&self, scope: &'s Scope<'a>, frames: &Frames<'s, 'a>, input: &str) -> Option<Literal> {
        self.computed(scope, frames, input, LONGEST_WAY)
    }

    /// A constant, or numbers that are made of constants in so many steps.
    fn computed(
        &self,
        scope: &'s Scope<'a>,
        frames: &[(&'s Scope<'a>, &'a NodeDef)],
        input: &str,
        steps: usize,
    ) -> Option<Literal> {
        let steps = steps.checked_sub(1)?;
        let (scope, node, output) = origin(scope, frames, input)?;
        match node.op.as_str() {
            // Numbers of other types are the same numbers.
            "Cast" => match self.computed(scope, frames, node.input.first()?, steps)? {
                numbers @ Literal::I64(..) if !is_float(node.dtype("DstT")?) => Some(numbers),
                _ => None,
            },
            "Range" => {
                let number = |n: usize| match self.computed(scope, frames, node.input.get(n)?, steps)? {
                    Literal::I64(number, _) => number.first().copied(),
                    _ => None,
                };
                let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
                let all: Vec<i64> = match usize::try_from(step) {
                    Ok(step) if step > 0 => (start..limit).step_by(step).take(LONGEST_RANGE + 1).collect(),
                    _ => return None,
                };
                let count = all.len();
                (count <= LONGEST_RANGE).then_some(Literal::I64(all, vec![count]))
            }
            "RestoreV2" => self.stored(&place(scope, node, output)?.key),
            _ => constants::literal(node.tensor("value")?).ok()?,
        }
    }

    /// What a variable is first assigned, as paths of assets are.
    fn assigned(&self, read: &NodeDef) -> Option<&'a NodeDef> {
        if read.op != "ReadVariableOp" {
            return None;
        }
        let main = &self.library.main;
        let assign = main.node(&format!("{}/Assign", split_input(read.input.first()?).0))?;
        main.node(split_input(assign.input.get(1)?).0)
    }

    /// A tensor of the checkpoint, as a constant.
    fn stored(&self, key: &str) -> Option<Literal> {
        let entry = self.bundle.entry(key, None).ok()?;
        if entry.dtype == crate::DType::String {
            return Some(Literal::Text(self.bundle.texts(key).ok()?, entry.shape));
        }
        let mut bytes = vec![0; entry.elements.checked_mul(entry.dtype.width())?];
        self.bundle.read(key, None, &mut bytes).ok()?;
        Some(constants::from_bytes(entry.dtype, entry.shape, &bytes))
    }

    /// A table from the lines of a file: each a key, or the columns that the node names.
    fn file(
        &mut self,
        scope: &'s Scope<'a>,
        frames: &Frames<'s, 'a>,
        node: &'a NodeDef,
    ) -> Result<(), EngineError> {
        let Some((_, source, _)) = node.input.get(1).and_then(|i| origin(scope, frames, i)) else {
            return Ok(());
        };
        let source = self.assigned(source).unwrap_or(source);
        let asset = self
            .meta
            .asset_file_def
            .iter()
            .find(|a| a.tensor_info.as_ref().is_some_and(|t| split_input(&t.name).0 == source.name));
        let name = match asset {
            Some(asset) => asset.filename.clone(),
            None => {
                let Some(Literal::Text(path, _)) = self.literal(scope, frames, &node.input[1]) else {
                    return Ok(());
                };
                let path = path.first().map(|p| String::from_utf8_lossy(p).into_owned()).unwrap_or_default();
                path.rsplit('/').next().unwrap_or("").to_owned()
            }
        };
        if name.is_empty() || name.contains('/') || name == ".." {
            return Err(EngineError::broken(format!("an asset has the name {name:?}")));
        }
        let bytes = layout::read_file(&self.dir.join("assets"), &name, LARGEST_FILE)?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let lines: Vec<&[u8]> =
            text.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect();
        let delimiter = node.text("delimiter").and_then(|d| d.bytes().next()).unwrap_or(b'\t');
        let column = |which: &str, default: i64| -> Option<Literal> {
            let count = vec![lines.len()];
            Some(match node.int(which).unwrap_or(default) {
                -1 => Literal::I64((0..lines.len() as i64).collect(), count),
                -2 => Literal::Text(lines.iter().map(|l| l.to_vec()).collect(), count),
                n => {
                    let n = usize::try_from(n).ok()?;
                    let cell = |l: &&[u8]| l.split(|b| *b == delimiter).nth(n).map(<[u8]>::to_vec);
                    Literal::Text(lines.iter().map(cell).collect::<Option<Vec<_>>>()?, count)
                }
            })
        };
        let table = origin(scope, frames, &node.input[0]);
        let typed = |part: Option<Literal>, which: &str| {
            let wanted = table.and_then(|(_, t, _)| t.dtype(which));
            match (part?, wanted) {
                (Literal::Text(text, shape), Some(d)) if d != crate::DType::String => {
                    let parse = |t: &Vec<u8>| std::str::from_utf8(t).ok()?.trim().parse().ok();
                    Some(Literal::I64(text.iter().map(parse).collect::<Option<Vec<i64>>>()?, shape))
                }
                (part, _) => Some(part),
            }
        };
        let keys = typed(column("key_index", -2), "key_dtype");
        let values = typed(column("value_index", -1), "value_dtype");
        if let (Some(keys), Some(values)) = (keys, values) {
            self.fill(scope, frames, node, &keys, values);
        }
        Ok(())
    }
}

/// The node that an input comes from, with its scope and which of its outputs: through identities and out of functions.
fn origin<'f, 'a>(
    scope: &'f Scope<'a>,
    frames: &'f [(&'f Scope<'a>, &'a NodeDef)],
    input: &str,
) -> Option<(&'f Scope<'a>, &'a NodeDef, usize)> {
    let (mut scope, mut frames) = (scope, frames);
    let (mut name, mut output) = split_input(input);
    // Names of a caller's inputs live as long as its nodes.
    let mut held: &'a str;
    for _ in 0..LONGEST_WAY {
        match scope.node(name) {
            Some(node) if node.op == "Identity" => {
                held = node.input.first()?;
                (name, output) = split_input(held);
            }
            Some(node) => return Some((scope, node, output)),
            None => {
                let ((caller, call), rest) = frames.split_last()?;
                let place = scope.arguments().iter().position(|a| *a == name)?;
                held = call.input.get(place)?;
                (name, output) = split_input(held);
                (scope, frames) = (caller, rest);
            }
        }
    }
    None
}
