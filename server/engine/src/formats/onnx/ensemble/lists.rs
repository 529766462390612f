//! The attributes of an ensemble.

use super::super::proto::{Attribute, Node};
use super::super::tensors;
use super::broken;
use crate::EngineError;
use crate::graph::Literal;

/// The lists of a node.
pub struct Lists<'n>(pub &'n Node);

impl<'n> Lists<'n> {
    fn of(&self, name: &str) -> Option<&'n Attribute> {
        self.0.attribute.iter().find(|a| a.name == name)
    }

    pub fn ints(&self, name: &str) -> &'n [i64] {
        self.of(name).map_or(&[], |a| &a.ints)
    }

    /// Floats, which may be in a tensor of their own.
    pub fn floats(&self, name: &str) -> Result<Vec<f64>, EngineError> {
        let wide = |v: &[f32]| v.iter().map(|x| f64::from(*x)).collect();
        for name in [format!("{name}_as_tensor"), name.to_owned()] {
            let Some(attribute) = self.of(&name) else { continue };
            let Some(tensor) = &attribute.t else { return Ok(wide(&attribute.floats)) };
            return match tensors::literal(tensor)? {
                Literal::F32(v, _) => Ok(wide(&v)),
                Literal::F64(v, _) => Ok(v),
                _ => Err(broken(&format!("its {name} are no floats"))),
            };
        }
        Ok(Vec::new())
    }

    pub fn modes(&self) -> Result<Vec<i64>, EngineError> {
        let Some(attribute) = self.of("nodes_modes") else { return Ok(Vec::new()) };
        if let Some(tensor) = &attribute.t {
            return match tensors::literal(tensor)? {
                Literal::I64(v, _) => Ok(v),
                _ => Err(broken("its modes are no numbers")),
            };
        }
        let names: [&[u8]; 6] =
            [b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ"];
        let number = |name: &Vec<u8>| match names.iter().position(|n| n == name) {
            Some(n) => Ok(n as i64),
            None if name == b"LEAF" => Ok(-1),
            None => Err(broken(&format!("nodes of mode {:?}", String::from_utf8_lossy(name)))),
        };
        attribute.strings.iter().map(number).collect()
    }

    pub fn missing(&self, n: usize) -> bool {
        self.ints("nodes_missing_value_tracks_true").get(n).is_some_and(|m| *m != 0)
    }
}
