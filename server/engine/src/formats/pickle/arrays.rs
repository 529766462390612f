//! NumPy's arrays, scalars and types, in all the ways that pickles write them.

use super::tree::{Node, NodeId, Type};
use super::view::View;
use crate::EngineError;
use std::borrow::Cow;

/// Axes of an array, as NumPy has it.
const MOST_AXES: usize = 64;
/// Members of a structure.
const MOST_FIELDS: usize = 64;

/// An array. Its elements are given row by row, however they lie.
#[derive(Debug, Clone)]
pub struct Array<'t> {
    pub shape: Vec<usize>,
    pub dtype: Type,
    fortran: bool,
    contents: Contents<'t>,
}

#[derive(Debug, Clone)]
enum Contents<'t> {
    Bytes(Cow<'t, [u8]>),
    Objects(Vec<View<'t>>),
}

fn broken(what: impl Into<String>) -> EngineError {
    EngineError::broken(what)
}

/// The extents that a tuple says.
pub fn shape(view: View<'_>) -> Result<Vec<usize>, EngineError> {
    let items = if let Node::Int(_) = view.node() { vec![view] } else { view.items() };
    if items.len() > MOST_AXES {
        return Err(broken(format!("an array of {} axes", items.len())));
    }
    items.into_iter().map(View::size).collect()
}

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

/// The shape, order and elements of an array of objects as its pickle says them.
pub fn objects(view: View<'_>) -> Result<(Option<Vec<usize>>, bool, NodeId), EngineError> {
    let state = view.state().map(View::items).unwrap_or_default();
    let [_, extents, _, fortran, contents, ..] = &state[..] else {
        return Err(broken("an array without a state"));
    };
    Ok((Some(shape(*extents)?), fortran.bool()?, contents.id()))
}

/// What a node is as an array.
pub fn array(view: View<'_>) -> Result<Array<'_>, EngineError> {
    let plain = |shape, contents| Array { shape, dtype: Type::Object, fortran: false, contents };
    match view.node() {
        Node::Array(number) => {
            let stored = view.tree().array(number).ok_or_else(|| broken("an array is not there"))?;
            let contents = View::new(view.tree(), stored.contents);
            checked(stored.shape.clone(), stored.dtype.clone(), stored.fortran, contents)
        }
        Node::Tuple(_) | Node::List(_) => {
            let items = view.items();
            Ok(plain(vec![items.len()], Contents::Objects(items)))
        }
        Node::Object(_) => of_object(view),
        Node::Int(_) | Node::Float(_) | Node::Bool(_) | Node::Text(_) | Node::MadeText(_) => {
            Ok(plain(Vec::new(), Contents::Objects(vec![view])))
        }
        other => Err(broken(format!("expected an array, not {other:?}"))),
    }
}

fn of_object(view: View<'_>) -> Result<Array<'_>, EngineError> {
    let arguments = view.arguments();
    match (view.class(), &arguments[..]) {
        (Some("_reconstruct"), _) => {
            let state = view.state().map(View::items).unwrap_or_default();
            let [_, extents, of, fortran, contents, ..] = &state[..] else {
                return Err(broken("an array without a state"));
            };
            checked(shape(*extents)?, dtype(*of)?, fortran.bool()?, *contents)
        }
        (Some("scalar"), [of, contents, ..]) => match dtype(*of)? {
            Type::Object => array(*contents).map_err(|_| broken("a number is an object")),
            of => checked(Vec::new(), of, false, *contents),
        },
        (Some("_frombuffer"), [buffer, of, extents, order, ..]) => {
            // A buffer that is in the pickle is its bytes.
            let inner = if buffer.class() == Some("PickleBuffer") {
                buffer.arguments().first().copied()
            } else {
                None
            };
            checked(shape(*extents)?, dtype(*of)?, order.text() == Some("F"), inner.unwrap_or(*buffer))
        }
        (class, _) => Err(broken(format!("expected an array, not {}", class.unwrap_or("an object")))),
    }
}

/// As many elements as the shape says.
fn checked<'t>(
    shape: Vec<usize>,
    dtype: Type,
    fortran: bool,
    contents: View<'t>,
) -> Result<Array<'t>, EngineError> {
    let count = shape.iter().try_fold(1usize, |n, extent| n.checked_mul(*extent));
    let (held, contents) = if dtype == Type::Object {
        let items = contents.items();
        (Some(items.len()), Contents::Objects(items))
    } else {
        let bytes = contents.bytes().ok_or_else(|| broken("an array without its bytes"))?;
        let size = dtype.bytes();
        let held =
            if size == 0 { count } else { Some(bytes.len() / size).filter(|_| bytes.len() % size == 0) };
        (held, Contents::Bytes(bytes))
    };
    if count.is_none() || held != count {
        return Err(broken(format!("an array of shape {shape:?} has another number of elements")));
    }
    if count.is_some_and(|n| n > 1 << 30) {
        return Err(broken(format!("an array of shape {shape:?} is too large")));
    }
    Ok(Array { shape, dtype, fortran, contents })
}

impl<'t> Array<'t> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Where each element lies, row by row.
    fn places(&self) -> Vec<usize> {
        let count = self.len();
        if !self.fortran || self.shape.len() < 2 {
            return (0..count).collect();
        }
        let mut places = vec![0];
        let mut step = 1;
        for extent in &self.shape {
            places = places.iter().flat_map(|base| (0..*extent).map(move |n| base + n * step)).collect();
            step *= extent;
        }
        places
    }

    fn numbers<T>(
        &self,
        of: impl Fn(&Type, &[u8]) -> Option<T>,
        other: impl Fn(View<'t>) -> Result<T, EngineError>,
    ) -> Result<Vec<T>, EngineError> {
        match &self.contents {
            Contents::Objects(items) => self.places().into_iter().map(|n| other(items[n])).collect(),
            Contents::Bytes(bytes) => {
                let size = self.dtype.bytes();
                let read = |n: usize| of(&self.dtype, &bytes[n * size..(n + 1) * size]);
                let all: Option<Vec<T>> = self.places().into_iter().map(read).collect();
                all.ok_or_else(|| broken(format!("expected other elements than {:?}", self.dtype)))
            }
        }
    }

    /// The elements as floats.
    pub fn floats(&self) -> Result<Vec<f64>, EngineError> {
        self.numbers(float, |view| if view.is_none() { Ok(f64::NAN) } else { view.float() })
    }

    /// The elements as whole numbers.
    pub fn ints(&self) -> Result<Vec<i64>, EngineError> {
        self.numbers(|of, bytes| int(of, bytes), View::int)
    }

    /// The elements as texts.
    pub fn texts(&self) -> Result<Vec<String>, EngineError> {
        let of_view =
            |view: View<'t>| view.text().map(str::to_owned).ok_or_else(|| broken("expected a text"));
        self.numbers(text, of_view)
    }

    /// The objects that the elements are.
    pub fn objects(&self) -> Option<Vec<View<'t>>> {
        match &self.contents {
            Contents::Objects(items) => Some(self.places().into_iter().map(|n| items[n]).collect()),
            Contents::Bytes(_) => None,
        }
    }

    /// One member of each structure, as floats.
    pub fn field(&self, name: &str) -> Result<Vec<f64>, EngineError> {
        let (Type::Fields(fields, size), Contents::Bytes(bytes)) = (&self.dtype, &self.contents) else {
            return Err(broken("expected structures"));
        };
        let field = fields.iter().find(|(known, ..)| known == name);
        let (_, at, of) = field.ok_or_else(|| broken(format!("the structures have no {name:?}")))?;
        let read = |n: usize| float(of, &bytes[n * size + at..n * size + at + of.bytes()]);
        let all: Option<Vec<f64>> = (0..self.len()).map(read).collect();
        all.ok_or_else(|| broken(format!("member {name:?} is no number")))
    }

    /// Whether structures have a member.
    pub fn has_field(&self, name: &str) -> bool {
        matches!(&self.dtype, Type::Fields(fields, _) if fields.iter().any(|(known, ..)| known == name))
    }
}

fn eight<const N: usize>(bytes: &[u8], big: bool) -> Option<[u8; N]> {
    let mut all: [u8; N] = bytes.try_into().ok()?;
    if big {
        all.reverse();
    }
    Some(all)
}

fn int(of: &Type, bytes: &[u8]) -> Option<i64> {
    match of {
        Type::Bool => Some(i64::from(*bytes.first()? != 0)),
        Type::Int { bytes: 1, signed: true, .. } => Some(i64::from(*bytes.first()? as i8)),
        Type::Int { bytes: 1, .. } => Some(i64::from(*bytes.first()?)),
        Type::Int { bytes: 2, signed: true, big } => Some(i16::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { bytes: 2, big, .. } => Some(u16::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { bytes: 4, signed: true, big } => Some(i32::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { bytes: 4, big, .. } => Some(u32::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { big, .. } => Some(i64::from_le_bytes(eight(bytes, *big)?)),
        Type::Float { .. } => {
            float(of, bytes).filter(|x| x.fract() == 0.0 && x.abs() < 9e18).map(|x| x as i64)
        }
        _ => None,
    }
}

fn float(of: &Type, bytes: &[u8]) -> Option<f64> {
    match of {
        Type::Float { bytes: 8, big } => Some(f64::from_le_bytes(eight(bytes, *big)?)),
        Type::Float { bytes: 4, big } => Some(f32::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Float { big, .. } => Some(half::f16::from_le_bytes(eight(bytes, *big)?).to_f64()),
        Type::Int { signed: false, bytes: 8, big } => Some(u64::from_le_bytes(eight(bytes, *big)?) as f64),
        _ => int(of, bytes).map(|n| n as f64),
    }
}

fn text(of: &Type, bytes: &[u8]) -> Option<String> {
    match of {
        Type::Text { big, .. } => {
            let codes = bytes.as_chunks::<4>().0.iter().map(|four| {
                char::from_u32(if *big { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) })
            });
            let text: Option<String> = codes.collect();
            text.map(|text| text.trim_end_matches('\0').to_owned())
        }
        Type::Bytes(_) => std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches('\0').to_owned()),
        _ => None,
    }
}
