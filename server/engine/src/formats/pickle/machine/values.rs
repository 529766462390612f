//! Opcodes that push a plain value.

use super::super::numbers;
use super::super::tree::{Node, NodeId};
use super::Reader;
use crate::EngineError;

/// The value that an opcode pushes; none: it does something else.
pub fn value(file: &mut Reader, opcode: u8) -> Result<Option<NodeId>, EngineError> {
    let tree = &mut file.tree;
    let cursor = &mut file.cursor;
    let node = match opcode {
        b'N' => Node::None,
        0x88 => Node::Bool(true),
        0x89 => Node::Bool(false),
        b'I' | b'L' => numbers::decimal(cursor.word(tree.file())?)?,
        b'F' => numbers::float(cursor.word(tree.file())?)?,
        b'J' => Node::Int(i32::from_le_bytes(cursor.array(tree.file())?).into()),
        b'K' => Node::Int(cursor.byte(tree.file())?.into()),
        b'M' => Node::Int(u16::from_le_bytes(cursor.array(tree.file())?).into()),
        b'G' => Node::Float(f64::from_be_bytes(cursor.array(tree.file())?)),
        0x8a | 0x8b => {
            let width = if opcode == 0x8a { 1 } else { 4 };
            let length = cursor.length(tree.file(), width)?;
            numbers::whole(cursor.take(tree.file(), length)?)
        }
        b']' => return tree.list(&[], Node::List).map(Some),
        b'}' => return tree.list(&[], Node::Dict).map(Some),
        0x8f => return tree.list(&[], Node::Set).map(Some),
        b')' => return tree.tuple(&[]).map(Some),
        _ => return text(file, opcode),
    };
    tree.add(node).map(Some)
}

/// Texts and bytes stay where they lie.
fn text(file: &mut Reader, opcode: u8) -> Result<Option<NodeId>, EngineError> {
    let (tree, cursor) = (&mut file.tree, &mut file.cursor);
    let width = match opcode {
        b'V' => {
            let text = numbers::unescaped_text(cursor.line(tree.file())?)?;
            return tree.made_text(&text).map(Some);
        }
        // What Python 2 wrote as a string is text if it is ASCII.
        b'S' => {
            let bytes = numbers::unescaped_bytes(cursor.line(tree.file())?)?;
            return match std::str::from_utf8(&bytes) {
                Ok(text) => tree.made_text(text).map(Some),
                Err(_) => tree.made_bytes(&bytes).map(Some),
            };
        }
        0x8c | b'U' | b'C' => 1,
        b'X' | b'T' | b'B' => 4,
        0x8d | 0x8e | 0x96 => 8,
        _ => return Ok(None),
    };
    let length = cursor.length(tree.file(), width)?;
    let begin = cursor.skip(tree.file(), length)?;
    let is_text = match opcode {
        b'U' | b'T' => std::str::from_utf8(&tree.file()[begin..begin + length]).is_ok(),
        _ => matches!(opcode, 0x8c | b'X' | 0x8d),
    };
    if is_text { tree.text_at(begin, length).map(Some) } else { tree.bytes_at(begin, length).map(Some) }
}
