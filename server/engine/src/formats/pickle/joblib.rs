//! joblib's arrays: an object that says what the array is, and right behind it, in the middle of the pickle, the array's bytes.

use super::arrays;
use super::machine::Reader;
use super::tree::{Node, NodeId, Stored, Type};
use super::view::View;
use crate::EngineError;

/// Reads the array that lies behind what was just finished, if it is one of joblib's.
pub fn array_behind(file: &mut Reader, wrapper: NodeId) -> Result<(), EngineError> {
    let view = View::new(file.tree.tree(), wrapper);
    match view.class() {
        Some("NumpyArrayWrapper") => {}
        // What joblib before 0.10 wrote has its arrays in files of their own.
        Some("NDArrayWrapper" | "ZNDArrayWrapper") => {
            return Err(EngineError::broken(
                "it was written by joblib before 0.10, which keeps arrays in other files; dump it again with a newer joblib",
            ));
        }
        _ => return Ok(()),
    }
    let dtype = arrays::dtype(view.get("dtype")?)?;
    let shape = arrays::shape(view.get("shape")?)?;
    let fortran = view.get("order")?.text() == Some("F");
    // Before joblib 1.2 arrays were not aligned.
    let aligned = view.find("numpy_array_alignment_bytes").is_some_and(|n| n.int().is_ok());
    let contents = if dtype == Type::Object {
        let array = file.pickle()?;
        // The wrapper stands for what the pickle behind it made.
        return adopt(file, wrapper, array);
    } else {
        if aligned {
            let padding = file.cursor.byte(file.tree.file())?;
            file.cursor.skip(file.tree.file(), padding.into())?;
        }
        let bytes = shape.iter().try_fold(dtype.bytes(), |n, extent| n.checked_mul(*extent));
        let bytes = bytes.ok_or_else(|| EngineError::broken(format!("an array of shape {shape:?}")))?;
        let begin = file.cursor.skip(file.tree.file(), bytes)?;
        file.tree.bytes_at(begin, bytes)?
    };
    file.tree.array(Stored { dtype, shape, fortran, contents }, Some(wrapper))?;
    Ok(())
}

/// Puts what a nested pickle made where the wrapper is: an array, whose elements are a list.
fn adopt(file: &mut Reader, wrapper: NodeId, array: NodeId) -> Result<(), EngineError> {
    let view = View::new(file.tree.tree(), array);
    let (shape, fortran, contents) = arrays::objects(view)?;
    let shape = shape.unwrap_or_default();
    if !matches!(file.tree.tree().node(contents), Node::List(_)) {
        return Err(EngineError::broken("an array of objects without its objects"));
    }
    file.tree.array(Stored { dtype: Type::Object, shape, fortran, contents }, Some(wrapper))?;
    Ok(())
}
