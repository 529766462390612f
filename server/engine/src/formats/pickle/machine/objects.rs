//! Opcodes that name classes, make objects and put things together.

use super::super::joblib;
use super::super::tree::Node;
use super::{Machine, Reader};
use crate::EngineError;
use crate::formats::pickle::NodeId;

impl Machine {
    /// A name: written, or of two texts on the stack.
    pub fn name(&mut self, file: &mut Reader, opcode: u8) -> Result<(), EngineError> {
        let (module, name) = if opcode == b'c' {
            let bytes = file.tree.file();
            (file.cursor.word(bytes)?.to_owned(), file.cursor.word(bytes)?.to_owned())
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            let text = |id| file.tree.tree().text(id).map(str::to_owned);
            text(module)
                .zip(text(name))
                .ok_or_else(|| EngineError::broken("a class is named by what is no text"))?
        };
        self.named(file, &module, &name)
    }

    fn named(&mut self, file: &mut Reader, module: &str, name: &str) -> Result<(), EngineError> {
        (file.policy.check)(module, name)?;
        let node = file.tree.global(module, name)?;
        self.push(node);
        Ok(())
    }

    /// What lies outside of the file is an object of a class of its own, made of what it is known by.
    pub fn outside(&mut self, file: &mut Reader) -> Result<(), EngineError> {
        let (module, name) = file.policy.outside.unwrap_or_default();
        let known_by = self.pop()?;
        let (class, arguments) = (file.tree.global(module, name)?, file.tree.tuple(&[known_by])?);
        let object = file.tree.object(class, arguments)?;
        self.push(object);
        Ok(())
    }

    /// What would be a call is an object: its class, its arguments, its state.
    pub fn object(&mut self, file: &mut Reader, opcode: u8) -> Result<(), EngineError> {
        let made = match opcode {
            b'R' | 0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                file.tree.object(class, arguments)?
            }
            0x92 => {
                let (keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                let both = file.tree.tuple(&[arguments, keywords])?;
                file.tree.object(class, both)?
            }
            b'i' => {
                let bytes = file.tree.file();
                let (module, name) =
                    (file.cursor.word(bytes)?.to_owned(), file.cursor.word(bytes)?.to_owned());
                let arguments = self.marked()?;
                self.named(file, &module, &name)?;
                let (class, arguments) = (self.pop()?, file.tree.tuple(&arguments)?);
                file.tree.object(class, arguments)?
            }
            b'o' => {
                let all = self.marked()?;
                let Some((class, arguments)) = all.split_first() else {
                    return Err(EngineError::broken("the pickle makes an object of no class"));
                };
                let arguments = file.tree.tuple(arguments)?;
                file.tree.object(*class, arguments)?
            }
            _ => {
                let state = self.pop()?;
                let of = self.top()?;
                file.tree.set_state(of, state)?;
                return joblib::array_behind(file, of);
            }
        };
        self.push(made);
        Ok(())
    }

    /// Tuples, lists, dicts and sets, and what is added to them.
    pub fn collect(&mut self, file: &mut Reader, opcode: u8) -> Result<(), EngineError> {
        let made = match opcode {
            b't' => {
                let items = self.marked()?;
                file.tree.tuple(&items)?
            }
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                items.reverse();
                file.tree.tuple(&items)?
            }
            b'l' => {
                let items = self.marked()?;
                file.tree.list(&items, Node::List)?
            }
            b'd' => {
                let items = even(self.marked()?)?;
                file.tree.list(&items, Node::Dict)?
            }
            0x91 => {
                let items = self.marked()?;
                file.tree.list(&items, Node::Set)?
            }
            b'a' => {
                let item = self.pop()?;
                return file.tree.extend(self.top()?, &[item]);
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                return file.tree.extend(self.top()?, &[key, value]);
            }
            b'u' => {
                let items = even(self.marked()?)?;
                return file.tree.extend(self.top()?, &items);
            }
            _ => {
                let items = self.marked()?;
                return file.tree.extend(self.top()?, &items);
            }
        };
        self.push(made);
        Ok(())
    }
}

fn even(items: Vec<NodeId>) -> Result<Vec<NodeId>, EngineError> {
    if items.len().is_multiple_of(2) {
        Ok(items)
    } else {
        Err(EngineError::broken("a dict has a key without a value"))
    }
}
