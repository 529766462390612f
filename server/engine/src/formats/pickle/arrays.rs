//! NumPy's arrays, scalars and types, in all the ways that pickles write them.

mod elements;
mod types;

pub use types::{described, dtype};

use super::tree::{Node, NodeId, Type};
use super::view::View;
use crate::EngineError;
use elements::{float, int, text};
use std::borrow::Cow;

/// Elements of an array.
const MOST_ELEMENTS: usize = 1 << 28;
/// Axes of an array, as NumPy has it.
const MOST_AXES: usize = 64;

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
    let unfit = || broken(format!("an array of shape {shape:?} has another number of elements"));
    // What is empty may not be long along its other axes: nothing would bound the loops over them.
    let long = shape.iter().try_fold(1usize, |n, extent| n.checked_mul((*extent).max(1)));
    if long.is_none_or(|n| n > MOST_ELEMENTS) {
        return Err(broken(format!("an array of shape {shape:?} is too large")));
    }
    let count = shape.iter().product::<usize>();
    let contents = if dtype == Type::Object {
        Contents::Objects(contents.items())
    } else {
        Contents::Bytes(contents.bytes().ok_or_else(|| broken("an array without its bytes"))?)
    };
    let fits = match &contents {
        Contents::Objects(items) => items.len() == count,
        // Elements of nothing would cost memory that no file has.
        Contents::Bytes(bytes) => dtype.bytes() > 0 && count.checked_mul(dtype.bytes()) == Some(bytes.len()),
    };
    if !(fits || count == 0 && dtype.bytes() == 0) {
        return Err(unfit());
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
        self.numbers(int, View::int)
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
