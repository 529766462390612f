//! The machine that pickles are programs of: protocols 0 to 5, every opcode. It pushes, marks and remembers; it calls nothing.

mod objects;
mod values;

use super::Policy;
use super::cursor::Cursor;
use super::tree::{Builder, NodeId, Tree};
use crate::EngineError;

/// Arrays of objects are pickles in a pickle, which may hold such arrays.
const DEEPEST: usize = 16;
/// Numbers under which objects are remembered.
const MOST_MEMO: usize = 1 << 23;
/// Objects that wait on the stack, and marks between them.
const MOST_STACK: usize = 1 << 23;
const MOST_MARKS: usize = 1 << 20;
/// Stands for: nothing is remembered under this number.
const NOTHING: NodeId = NodeId::MAX;
/// A pickle of that many steps holds more than may be kept anyway.
const MOST_STEPS: usize = 1 << 27;

/// Reads a file.
pub fn read(bytes: Vec<u8>, policy: Policy) -> Result<Tree, EngineError> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(EngineError::broken("the pickle is larger than 4 GiB"));
    }
    let mut file =
        Reader { tree: Builder::new(bytes), cursor: Cursor::default(), policy, depth: 0, steps: 0 };
    let root = file.pickle()?;
    Ok(file.tree.finish(root))
}

/// A file on its way.
pub struct Reader {
    pub tree: Builder,
    pub cursor: Cursor,
    policy: Policy,
    depth: usize,
    steps: usize,
}

/// What one pickle's program works on.
#[derive(Default)]
struct Machine {
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: Vec<NodeId>,
}

impl Reader {
    /// One pickle, to its end.
    pub fn pickle(&mut self) -> Result<NodeId, EngineError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(EngineError::broken("the pickle holds pickles that hold pickles, too deep"));
        }
        let mut machine = Machine::default();
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err(EngineError::broken(format!("the pickle has more than {MOST_STEPS} steps")));
            }
            let at = self.cursor.at;
            let opcode = self.cursor.byte(self.tree.file())?;
            if opcode == b'.' {
                break;
            }
            if machine.stack.len() > MOST_STACK || machine.marks.len() > MOST_MARKS {
                return Err(EngineError::broken("the pickle's stack is too high"));
            }
            machine.step(self, opcode).map_err(|e| match e {
                EngineError::BrokenArtifact(what) if self.depth == 1 => {
                    EngineError::broken(format!("{what} (at byte {at} of the pickle)"))
                }
                other => other,
            })?;
        }
        self.depth -= 1;
        machine.pop()
    }
}

impl Machine {
    fn push(&mut self, node: NodeId) {
        self.stack.push(node);
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<NodeId, EngineError> {
        let there = self.stack.len() > self.floor();
        let top = if there { self.stack.pop() } else { None };
        top.ok_or_else(|| EngineError::broken("the pickle takes from an empty stack"))
    }

    fn top(&self) -> Result<NodeId, EngineError> {
        let there = self.stack.len() > self.floor();
        let top = if there { self.stack.last().copied() } else { None };
        top.ok_or_else(|| EngineError::broken("the pickle looks at an empty stack"))
    }

    /// All that lies above the last mark.
    fn marked(&mut self) -> Result<Vec<NodeId>, EngineError> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        let mark =
            mark.ok_or_else(|| EngineError::broken("the pickle looks for a mark that is not there"))?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, number: usize) -> Result<(), EngineError> {
        let top = self.top()?;
        if number >= MOST_MEMO {
            return Err(EngineError::broken(format!(
                "the pickle remembers an object under the number {number}"
            )));
        }
        if number >= self.memo.len() {
            self.memo.resize(number + 1, NOTHING);
        }
        self.memo[number] = top;
        Ok(())
    }

    fn recall(&mut self, number: usize) -> Result<(), EngineError> {
        let found = self.memo.get(number).copied().filter(|id| *id != NOTHING);
        let found = found.ok_or_else(|| {
            EngineError::broken(format!("the pickle remembers nothing under the number {number}"))
        })?;
        self.push(found);
        Ok(())
    }

    fn step(&mut self, file: &mut Reader, opcode: u8) -> Result<(), EngineError> {
        if let Some(node) = values::value(file, opcode)? {
            self.push(node);
            return Ok(());
        }
        match opcode {
            // Protocols and frames say nothing that matters here, but must be true.
            0x80 => {
                let protocol = file.cursor.byte(file.tree.file())?;
                if protocol > 5 {
                    return Err(EngineError::broken(format!(
                        "pickle protocol {protocol} is not known; protocols 0 to 5 are"
                    )));
                }
            }
            0x95 => {
                file.cursor.length(file.tree.file(), 8)?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                // A mark is what lies on top.
                if self.stack.len() > self.floor() || self.marks.pop().is_none() {
                    self.pop()?;
                }
            }
            b'1' => {
                self.marked()?;
            }
            b'2' => {
                let top = self.top()?;
                self.push(top);
            }
            b'p' => {
                let number = index(file.cursor.word(file.tree.file())?)?;
                self.remember(number)?;
            }
            b'q' => {
                let number = file.cursor.byte(file.tree.file())?.into();
                self.remember(number)?;
            }
            b'r' => {
                let number = u32::from_le_bytes(file.cursor.array(file.tree.file())?);
                self.remember(number as usize)?;
            }
            0x94 => self.remember(self.memo.len())?,
            b'g' => {
                let number = index(file.cursor.word(file.tree.file())?)?;
                self.recall(number)?;
            }
            b'h' => {
                let number = file.cursor.byte(file.tree.file())?.into();
                self.recall(number)?;
            }
            b'j' => {
                let number = u32::from_le_bytes(file.cursor.array(file.tree.file())?);
                self.recall(number as usize)?;
            }
            b'Q' if file.policy.outside.is_some() => self.outside(file)?,
            b'c' | 0x93 => self.name(file, opcode)?,
            b'R' | 0x81 | 0x92 | b'b' | b'i' | b'o' => self.object(file, opcode)?,
            b't' | 0x85..=0x87 | b'l' | b'd' | 0x90 | 0x91 | b'a' | b'e' | b's' | b'u' => {
                self.collect(file, opcode)?;
            }
            _ => return Err(refused(opcode)),
        }
        Ok(())
    }
}

fn index(word: &str) -> Result<usize, EngineError> {
    word.parse().map_err(|_| EngineError::broken(format!("{word:?} is no number of an object")))
}

/// Opcodes that ask somebody outside of the file, and those that are none.
fn refused(opcode: u8) -> EngineError {
    let what = match opcode {
        b'P' | b'Q' => "it refers to an object outside of it (a persistent id), as PyTorch's files do",
        0x82..=0x84 => {
            "it names a class by a number of a registry (EXT codes), which a file cannot bring along"
        }
        0x97 | 0x98 => "its buffers lie outside of it; save it without a buffer callback",
        _ => return EngineError::broken(format!("{opcode:#04x} is no opcode of a pickle")),
    };
    EngineError::broken(format!("the pickle cannot be read: {what}"))
}
