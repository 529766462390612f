"""Inferences that every client of the Open Inference Protocol makes, with their answers."""

import ml_dtypes
import numpy as np

WEIGHTS = np.array([[0.5, -1, 2], [1, 0.25, -2], [-0.5, 3, 1], [2, 1, 0.125]], np.float32)
ROW = np.array([[1, 2, 3, 4]], np.float32)


def equal(got, wanted, what):
    got, wanted = np.asarray(got), np.asarray(wanted)
    if wanted.dtype.kind == "O":
        # In JSON they are text.
        got = np.vectorize(lambda s: s if isinstance(s, bytes) else s.encode(), otypes=[object])(got)
    assert got.shape == wanted.shape, f"{what}: shape {got.shape} for {wanted.shape}"
    floats = wanted.dtype.kind == "f"
    assert np.array_equal(got, wanted, equal_nan=floats), f"{what}: {got} for {wanted}"


def floats(kind):
    return np.array([[0, -1.5, np.inf], [-np.inf, np.nan, 65504]], kind)


def integers(kind):
    ends = np.iinfo(kind)
    # Unsigned values of 64 bits go as far as signed ones.
    most = min(ends.max, 2**63 - 1)
    return np.array([[0, 1, most], [ends.min, 2, 100]], kind)


# Of each datatype: values, and whether JSON carries them.
VALUES = {
    "BOOL": (np.array([[True, False, True]]), True),
    "UINT8": (integers(np.uint8), True),
    "UINT16": (integers(np.uint16), True),
    "UINT32": (integers(np.uint32), True),
    "UINT64": (integers(np.uint64), True),
    "INT8": (integers(np.int8), True),
    "INT16": (integers(np.int16), True),
    "INT32": (integers(np.int32), True),
    "INT64": (integers(np.int64), True),
    "FP16": (floats(np.float16), False),
    "BF16": (np.array([[1, -2.5, 3.140625]], ml_dtypes.bfloat16), False),
    "FP32": (floats(np.float32), True),
    "FP64": (floats(np.float64), True),
    "BYTES": (np.array([["a", "", "ü 😀"], ["\n\"\\", "x" * 300, "0"]], object), True),
}


def encoded(datatype, values):
    """Byte strings, as answers have them."""
    return np.vectorize(lambda s: s.encode(), otypes=[object])(values) if datatype == "BYTES" else values


def cases():
    """Name, model, inputs, the outputs that are asked for, what they are, whether JSON carries it."""
    for datatype, (values, in_json) in VALUES.items():
        inputs = {"x": (datatype, values)}
        yield f"same {datatype}", f"same_{datatype}", inputs, ["y"], {"y": encoded(datatype, values)}, in_json
    empty = np.zeros((0, 4), np.float32)
    rows = np.arange(-12, 12, dtype=np.float32).reshape(6, 4)
    for name, x in [("one row", ROW), ("rows", rows), ("no rows", empty)]:
        yield name, "dense", {"x": ("FP32", x)}, ["y"], {"y": x @ WEIGHTS}, True
    yield "a name that is no ASCII", "modèle ü", {"x": ("FP32", ROW)}, ["y"], {"y": ROW @ WEIGHTS}, True
    yield "a name with a slash", "tenant-a/dense", {"x": ("FP32", ROW)}, ["y"], {"y": ROW @ WEIGHTS}, True
    a, b = np.array([[1, 2, 3]], np.float32), np.array([[10, 20, 30]], np.float32)
    both = {"b": ("FP32", b), "a": ("FP32", a)}
    yield "two inputs", "pair", both, ["sum", "difference"], {"sum": a + b, "difference": a - b}, True
    yield "one of two outputs", "pair", both, ["difference"], {"difference": a - b}, True
    yield "all outputs", "pair", both, [], {"sum": a + b, "difference": a - b}, True
    yield "a scalar", "total", {"x": ("INT64", np.array([[1, 2], [3, 4]]))}, ["y"], {"y": np.int64(10)}, True
