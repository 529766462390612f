//! The names that a pickle may name. None of them is ever called: they say what objects are.

use crate::EngineError;

/// Python itself; modules have to be these.
const PYTHON: &[(&str, &[&str])] = &[
    ("builtins", BUILTINS),
    ("__builtin__", BUILTINS),
    ("copyreg", &["_reconstructor", "__newobj__"]),
    ("copy_reg", &["_reconstructor", "__newobj__"]),
    ("collections", &["OrderedDict", "defaultdict"]),
    ("_codecs", &["encode"]),
    ("pickle", &["PickleBuffer"]),
    ("functools", &["partial"]),
];

const BUILTINS: &[&str] = &[
    "object",
    "set",
    "frozenset",
    "list",
    "tuple",
    "dict",
    "bytes",
    "bytearray",
    "slice",
    "range",
    "int",
    "float",
    "str",
    "bool",
    "complex",
];

/// Packages with all their modules, which move between versions.
const PACKAGES: &[(&str, &[&str])] = &[
    ("numpy", NUMPY),
    (
        "scipy",
        &["csr_matrix", "csc_matrix", "csr_array", "csc_array", "interp1d", "BSpline", "_BSpline", "asarray"],
    ),
    ("joblib", &["NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"]),
    ("pandas", &["_new_Index", "Index", "RangeIndex", "new_block", "_unpickle_block"]),
    (
        "xgboost",
        &[
            "Booster",
            "XGBModel",
            "XGBClassifier",
            "XGBRegressor",
            "XGBRanker",
            "XGBRFClassifier",
            "XGBRFRegressor",
        ],
    ),
    ("lightgbm", &["Booster", "LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker"]),
];

const NUMPY: &[&str] = &[
    "ndarray",
    "dtype",
    "_reconstruct",
    "scalar",
    "_frombuffer",
    "matrix",
    "bool_",
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "str_",
    "object_",
    "generic",
    "number",
    "integer",
    "signedinteger",
    "unsignedinteger",
    "floating",
    "_mareconstruct",
    "MaskedArray",
    "__randomstate_ctor",
    "__bit_generator_ctor",
    "__generator_ctor",
    "RandomState",
    "Generator",
    "MT19937",
    "PCG64",
    "SeedSequence",
    "__pyx_unpickle_SeedSequence",
    "_ufunc_reconstruct",
    "log1p",
    "expm1",
    "log",
    "exp",
    "sqrt",
    "square",
    "abs",
    "absolute",
    "log2",
    "log10",
    "sin",
    "cos",
];

/// Estimators, and what they keep.
const SKLEARN: &str = include_str!("names/sklearn.txt");

/// What somebody with a model of another library is to do.
fn advice(module: &str) -> &'static str {
    match module.split('.').next().unwrap_or("") {
        "torch" | "torchvision" => "; export the model with torch.export or torch.jit and serve that",
        "keras" | "tensorflow" | "tf_keras" => {
            "; export the model as a TensorFlow SavedModel (model.export) and serve that"
        }
        "catboost" => "; save the model as JSON (save_model with format=\"json\") and serve that",
        "__main__" => "; classes and functions of a program's own are not in the file",
        _ => "",
    }
}

/// Whether a name may be named.
pub fn check(module: &str, name: &str) -> Result<(), EngineError> {
    let is_one = |(known, names): &(&str, &[&str])| *known == module && names.contains(&name);
    let package = module.split('.').next().unwrap_or("");
    let in_one = |(known, names): &(&str, &[&str])| *known == package && names.contains(&name);
    let in_sklearn = || package == "sklearn" && SKLEARN.split_whitespace().any(|known| known == name);
    if PYTHON.iter().any(is_one) || PACKAGES.iter().any(in_one) || in_sklearn() {
        return Ok(());
    }
    let shown: String = format!("{module}.{name}").chars().take(200).collect();
    Err(EngineError::broken(format!(
        "the pickle names {shown:?}, which is not one of the classes that are read{}",
        advice(module)
    )))
}
