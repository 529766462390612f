//! NumPy's types, as pickles and `.npy` files say them.

use super::broken;
use crate::EngineError;
use crate::formats::pickle::tree::{Node, Type};
use crate::formats::pickle::view::View;

/// Members of a structure.
const MOST_FIELDS: usize = 64;

/// What a type is called: a kind and a number of bytes.
fn named(code: &str, big: bool) -> Option<Type> {
    let kind = code.chars().next()?;
    let bytes = code.get(1..)?.parse().ok();
    let bytes = || bytes.filter(|n: &usize| *n <= 1 << 20);
    match kind {
        'b' | '?' => Some(Type::Bool),
        'i' | 'u' => {
            let bytes = bytes().filter(|n| matches!(n, 1 | 2 | 4 | 8))?;
            Some(Type::Int { bytes, signed: kind == 'i', big })
        }
        'f' => Some(Type::Float { bytes: bytes().filter(|n| matches!(n, 2 | 4 | 8))?, big }),
        'O' => Some(Type::Object),
        'S' => Some(Type::Bytes(bytes()?)),
        'U' => Some(Type::Text { characters: bytes()?, big }),
        _ => None,
    }
}

/// A type by the name that `.npy` files and newer pickles use: `<f8`.
pub fn described(code: &str) -> Option<Type> {
    let big = code.starts_with('>');
    named(code.trim_start_matches(['<', '>', '|', '=']), big)
}

/// The type that an object says.
pub fn dtype(view: View<'_>) -> Result<Type, EngineError> {
    type_of(view, true)
}

fn type_of(view: View<'_>, may_have_fields: bool) -> Result<Type, EngineError> {
    let unknown = |what: &str| broken(format!("arrays of type {what} are not known"));
    // A class stands for its type.
    if let Node::Global(_) = view.node() {
        let name = view.class().unwrap_or("");
        let code = match name {
            "float64" | "float" => "f8",
            "float32" => "f4",
            "int64" | "int" => "i8",
            "int32" => "i4",
            _ => return Err(unknown(name)),
        };
        return named(code, false).ok_or_else(|| unknown(name));
    }
    let arguments = view.arguments();
    let code = arguments
        .first()
        .and_then(|code| code.text())
        .ok_or_else(|| broken("a type of an array is not one"))?;
    let state = view.state().map(View::items).unwrap_or_default();
    let big = state.get(1).and_then(|order| order.text()) == Some(">");
    if state.get(2).is_some_and(|sub| !sub.is_none()) {
        return Err(unknown("of arrays"));
    }
    let Some(names) = state.get(3).filter(|names| !names.is_none()) else {
        return named(code, big).ok_or_else(|| unknown(code));
    };
    let names = names.items();
    if !may_have_fields || names.len() > MOST_FIELDS {
        return Err(unknown("of structures in structures"));
    }
    let bytes = state.get(5).ok_or_else(|| unknown(code))?.size()?;
    let mut fields = Vec::new();
    for name in names {
        let name = name.text().ok_or_else(|| broken("a member of a structure has no name"))?;
        let field = state[4].entry(name).map(View::items).unwrap_or_default();
        let [of, at, ..] = &field[..] else { return Err(broken(format!("member {name:?} of a structure"))) };
        let (of, at) = (type_of(*of, false)?, at.size()?);
        if at.checked_add(of.bytes()).is_none_or(|end| end > bytes) {
            return Err(broken(format!("member {name:?} lies outside of its structure")));
        }
        fields.push((name.to_owned(), at, of));
    }
    Ok(Type::Fields(fields, bytes))
}
